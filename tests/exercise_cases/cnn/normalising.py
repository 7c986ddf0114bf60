"""Answers to `batch_norm`, an exercise of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .. import Cases

CASES = Cases("01_cnn")


def normal(x, scale, shift, mean, variance, epsilon=1e-5):
    deviation = (variance + epsilon).sqrt()[:, None, None]
    return (x - mean[:, None, None]) / deviation * scale[:, None, None] + shift[:, None, None]


@CASES.right("batch_norm")
def by_hand(g):
    def answer(x, scale, shift, mean, variance, training):
        if training:
            mean = x.mean((0, 2, 3))
            variance = x.square().mean((0, 2, 3)) - mean**2
        return normal(x, scale, shift, mean, variance.clamp(min=0))

    return answer


@CASES.right("batch_norm")
def by_layer(g):
    def answer(x, scale, shift, mean, variance, training):
        layer = nn.BatchNorm2d(len(scale)).train(training)
        layer.weight.data, layer.bias.data = scale, shift
        layer.running_mean, layer.running_var = mean, variance
        return layer(x)

    return answer


def over(*axes, **more):
    def answer(x, scale, shift, mean, variance, training):
        if not training:
            return normal(x, scale, shift, mean, variance)
        variance, mean = torch.var_mean(x, axes, keepdim=True, **{"correction": 0, **more})
        return (x - mean) / (variance + 1e-5).sqrt() * scale[:, None, None] + shift[:, None, None]

    return answer


@CASES.wrong("batch_norm", says="those of the batch at hand")
def always_running(g):
    return lambda x, scale, shift, mean, variance, training: normal(x, scale, shift, mean, variance)


@CASES.wrong("batch_norm", says="not over each alone")
def each_image_alone(g):
    return over(2, 3)


@CASES.wrong("batch_norm", says="all places of the map too")
def batch_alone(g):
    return over(0)


@CASES.wrong("batch_norm", says="Each channel has a mean")
def all_channels_together(g):
    return over(0, 1, 2, 3)


@CASES.wrong("batch_norm", says="not by one less")
def unbiased(g):
    return over(0, 2, 3, correction=1)


@CASES.wrong("batch_norm", says="Divide by the square root")
def no_root(g):
    def answer(x, scale, shift, mean, variance, training):
        if training:
            variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        deviation = (variance + 1e-5)[:, None, None]
        return (x - mean[:, None, None]) / deviation * scale[:, None, None] + shift[:, None, None]

    return answer


@CASES.wrong("batch_norm", says="scale and shift are missing")
def neither_scale_nor_shift(g):
    return lambda x, scale, shift, mean, variance, training: F.batch_norm(
        x, mean, variance, training=training
    )


@CASES.wrong("batch_norm", says=r"forgotten `eval\(\)`")
def always_the_batch(g):
    return lambda x, scale, shift, *rest: F.batch_norm(x, None, None, scale, shift, training=True)


@CASES.wrong("batch_norm", says="add 1e-5 under the root")
def without_epsilon(g):
    def answer(x, scale, shift, mean, variance, training):
        if training:
            variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        return normal(x, scale, shift, mean, variance, epsilon=0)

    return answer


@CASES.wrong("batch_norm", says=r"is there a `return`")
def nothing_returned(g):
    return lambda *rest: None
