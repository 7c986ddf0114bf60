"""Answers to `train_cnn` and `beat_rung`, exercises of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from aigc_utils.data import standardize
from aigc_utils.evaluation import judge_images

from .. import Cases

CASES = Cases("01_cnn")


# --- train_cnn ------------------------------------------------------------------------------


def layers(norm=nn.BatchNorm2d, bias=False, pool=2):
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, bias=bias), norm(16), nn.GELU(),
        nn.Conv2d(16, 32, 3, bias=bias), nn.MaxPool2d(pool), norm(32), nn.GELU(),
        nn.Conv2d(32, 96, 3, bias=bias), norm(96), nn.GELU(),
        nn.Flatten(), nn.Linear(96 * 3 * 3, 10),
    )  # fmt: skip


def trained(g, bias=False):
    torch.manual_seed(1)
    network = layers(bias=bias)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for part in torch.arange(2000).split(40):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(standardize(g.images[part])), g.labels[part])
        loss.backward()
        optimizer.step()
    return network.eval()


@CASES.right("train_cnn")
def as_the_chapter(g):
    return trained(g)


@CASES.right("train_cnn")
def with_biases(g):
    return trained(g, bias=True)


@CASES.wrong("train_cnn", says="90 % are asked for: train longer")
def untrained(g):
    torch.manual_seed(2)
    return layers().eval()


@CASES.wrong("train_cnn", says="This is the forgotten `eval")
def in_training_mode(g):
    torch.manual_seed(2)
    return layers().train()


@CASES.wrong("train_cnn", says="one softmax too many")
def softmax_at_the_end(g):
    return nn.Sequential(layers(), nn.Softmax(1)).eval()


@CASES.wrong("train_cnn", says="batch norms are missing")
def without_norms(g):
    return layers(norm=nn.Identity).eval()


@CASES.wrong("train_cnn", says=r"parameters, and the chapter's 41,594")
def fully_connected(g):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()


@CASES.wrong("train_cnn", says=r"must have the shape \(500, 10\)")
def without_the_last_layer(g):
    return layers()[:-1].eval()


# --- beat_rung ------------------------------------------------------------------------------


@CASES.right("beat_rung")
def by_the_judge(g):
    return lambda images: judge_images(images).logits.argmax(1)


@CASES.right("beat_rung")
def by_the_judge_in_parts(g):
    return lambda images: torch.cat([by_the_judge(g)(part) for part in images.split(300)])


@CASES.wrong("beat_rung", says="% of 2,000 new digits are classified correctly. The rung is")
def nearest_neighbour(g):
    def answer(images):
        distances = torch.cdist(images.flatten(1).float(), g.images.flatten(1).float())
        return g.labels[distances.argmin(1)]

    return answer


@CASES.wrong("beat_rung", says="taken for the same digit")
def always_one(g):
    return lambda images: torch.ones(len(images), dtype=torch.long)


@CASES.wrong("beat_rung", says=r"must have the shape \(2000,\)")
def logits_in_place_of_digits(g):
    return lambda images: judge_images(images).logits


@CASES.wrong("beat_rung", says=r"is there a `return`")
def nothing_returned(g):
    return lambda images: None
