"""Answers to the exercises of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from . import Cases

CASES = Cases("01_cnn")


# --- sizes ------------------------------------------------------------------------------------


@CASES.right("sizes")
def by_formula(g):
    side = (g.size + 2 * g.padding - g.kernel_size) // g.stride + 1
    return {
        "side": side,
        "parameters": (g.in_channels * g.kernel_size**2 + 1) * g.out_channels,
    }


@CASES.right("sizes")
def by_building(g):
    conv = nn.Conv2d(g.in_channels, g.out_channels, g.kernel_size, g.stride, g.padding)
    side = conv(torch.zeros(1, g.in_channels, g.size, g.size)).shape[-1]
    return {"side": side, "parameters": sum(p.numel() for p in conv.parameters())}


@CASES.wrong("sizes", says="padding goes on both sides")
def padding_on_one_side(g):
    side = (g.size + g.padding - g.kernel_size) // g.stride + 1
    return by_formula(g) | {"side": side}


@CASES.wrong("sizes", says="does not give maps of")
def off_by_one(g):
    right = by_formula(g)
    return right | {"side": right["side"] - 1}


@CASES.wrong("sizes", says="bias too")
def no_bias(g):
    right = by_formula(g)
    return right | {"parameters": right["parameters"] - g.out_channels}


@CASES.wrong("sizes", says="reads all input channels")
def one_channel_only(g):
    return by_formula(g) | {"parameters": (g.kernel_size**2 + 1) * g.out_channels}


# --- cross_entropy ----------------------------------------------------------------------------


@CASES.right("cross_entropy")
def log_softmax(g):
    return lambda z, y: -z.log_softmax(1).gather(1, y[:, None]).mean()


@CASES.right("cross_entropy")
def log_sum_exp(g):
    return lambda z, y: (z.logsumexp(1) - z[torch.arange(len(y)), y]).mean()


@CASES.wrong("cross_entropy", says="softmax too many")
def softmax_first(g):
    return lambda z, y: F.cross_entropy(z.softmax(1), y)


@CASES.wrong("cross_entropy", says="the mean is asked for")
def summed(g):
    return lambda z, y: F.cross_entropy(z, y, reduction="sum")


@CASES.wrong("cross_entropy", says="sign is wrong")
def minus_forgotten(g):
    return lambda z, y: z.log_softmax(1).gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says="not finite")
def log_of_softmax(g):
    return lambda z, y: -z.softmax(1).log().gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says=r"is there a `return`")
def nothing_returned(g):
    return lambda z, y: None
