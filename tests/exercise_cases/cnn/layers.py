"""Answers to `sizes`, `correlate` and `cross_entropy`, exercises of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .. import Cases

CASES = Cases("01_cnn")


# --- sizes ----------------------------------------------------------------------------------


@CASES.right("sizes")
def by_formula(g):
    side = (g.size + 2 * g.padding - g.kernel_size) // g.stride + 1
    return {
        "side": side,
        "parameters": (g.in_channels * g.kernel_size**2 + 1) * g.out_channels,
        "field": g.kernel_size + 2 * g.stride,
    }


@CASES.right("sizes")
def by_building(g):
    conv = nn.Conv2d(g.in_channels, g.out_channels, g.kernel_size, g.stride, g.padding)
    side = conv(torch.zeros(1, g.in_channels, g.size, g.size)).shape[-1]
    # The gradient reaches as many rows as one value behind two layers can see.
    first = nn.Conv2d(1, 1, g.kernel_size, g.stride, bias=False)
    second = nn.Conv2d(1, 1, 3, bias=False)
    nn.init.ones_(first.weight)
    nn.init.ones_(second.weight)
    image = torch.zeros(1, 1, 30, 30, requires_grad=True)
    second(first(image))[0, 0, 0, 0].backward()
    return {
        "side": side,
        "parameters": sum(p.numel() for p in conv.parameters()),
        "field": int((image.grad[0, 0].sum(1) > 0).sum()),
    }


@CASES.wrong("sizes", says="padding goes on both sides")
def padding_on_one_side(g):
    side = (g.size + g.padding - g.kernel_size) // g.stride + 1
    return by_formula(g) | {"side": side}


@CASES.wrong("sizes", says="one more, and only whole ones")
def off_by_one(g):
    right = by_formula(g)
    return right | {"side": right["side"] - 1}


@CASES.wrong("sizes", says="does not give maps of")
def stride_forgotten(g):
    return by_formula(g) | {"side": g.size + 2 * g.padding - g.kernel_size + 1}


@CASES.wrong("sizes", says="bias too")
def no_bias(g):
    right = by_formula(g)
    return right | {"parameters": right["parameters"] - g.out_channels}


@CASES.wrong("sizes", says="reads all input channels")
def one_channel_only(g):
    return by_formula(g) | {"parameters": (g.kernel_size**2 + 1) * g.out_channels}


@CASES.wrong("sizes", says="as wide as the first layer's stride")
def steps_of_one_pixel(g):
    return by_formula(g) | {"field": g.kernel_size + 2}


@CASES.wrong("sizes", says="adds two steps to the field, not three")
def three_steps(g):
    return by_formula(g) | {"field": g.kernel_size + 3 * g.stride}


@CASES.wrong("sizes", says="does not see")
def fields_added(g):
    return by_formula(g) | {"field": 5 * g.kernel_size}


# --- correlate ------------------------------------------------------------------------------


def slide(image, kernel, padding, stride):
    return F.conv2d(image[None], kernel[None], stride=stride, padding=padding)[0, 0]


@CASES.right("correlate")
def by_torch(g):
    return slide


@CASES.right("correlate")
def by_unfolding(g):
    def answer(image, kernel, padding, stride):
        size = kernel.shape[-1]
        channels, height, width = image.shape
        padded = torch.zeros(channels, height + 2 * padding, width + 2 * padding)
        padded[:, padding : padding + height, padding : padding + width] = image
        windows = padded.unfold(1, size, stride).unfold(2, size, stride)
        return torch.einsum("chwij,cij->hw", windows, kernel)

    return answer


@CASES.wrong("correlate", says="turns the kernel by 180 degrees")
def flipped(g):
    return lambda x, k, p, s: slide(x, k.flip(1, 2), p, s)


@CASES.wrong("correlate", says="Rows and columns of the kernel")
def transposed(g):
    return lambda x, k, p, s: slide(x, k.transpose(1, 2), p, s)


@CASES.wrong("correlate", says="Only the first channel counts")
def first_channel(g):
    return lambda x, k, p, s: slide(x[:1], k[:1], p, s)


@CASES.wrong("correlate", says="add up the products over all of them")
def mean_over_channels(g):
    return lambda x, k, p, s: slide(x, k, p, s) / len(x)


@CASES.wrong("correlate", says="Padding goes on all four sides")
def padded_above_and_left(g):
    return lambda x, k, p, s: slide(F.pad(x, (p, 0, p, 0)), k, 0, s)


@CASES.wrong("correlate", says="Padding goes on all four sides")
def half_the_padding(g):
    return lambda x, k, p, s: slide(x, k, p // 2, s)


@CASES.wrong("correlate", says="padding is left out")
def no_padding(g):
    return lambda x, k, p, s: slide(x, k, 0, s)


@CASES.wrong("correlate", says="made of zeros")
def edge_repeated(g):
    return lambda x, k, p, s: slide(F.pad(x[None], (p,) * 4, mode="replicate")[0], k, 0, s)


@CASES.wrong("correlate", says="moves by one pixel")
def windows_do_not_skip(g):
    def answer(image, kernel, padding, stride):
        height, width = slide(image, kernel, padding, stride).shape
        return slide(image, kernel, padding, 1)[:height, :width]

    return answer


@CASES.wrong("correlate", says="moves by one pixel")
def stride_left_out(g):
    return lambda x, k, p, s: slide(x, k, p, 1)


@CASES.wrong("correlate", says=r"must have the shape \(")
def map_with_a_channel(g):
    return lambda x, k, p, s: slide(x, k, p, s)[None]


@CASES.wrong("correlate", says=r"is there a `return`")
def map_not_returned(g):
    return lambda x, k, p, s: None


# --- cross_entropy --------------------------------------------------------------------------


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


@CASES.wrong("cross_entropy", says="all classes: only the true class")
def all_classes(g):
    return lambda z, y: -z.log_softmax(1).mean()


@CASES.wrong("cross_entropy", says="This is in bits")
def log_to_the_base_two(g):
    return lambda z, y: F.cross_entropy(z, y) / torch.tensor(2.0).log()


@CASES.wrong("cross_entropy", says="runs over the rows")
def softmax_over_rows(g):
    return lambda z, y: -z.log_softmax(0).gather(1, y[:, None]).mean()


@CASES.wrong("cross_entropy", says=r"must have the shape \(\)")
def one_loss_for_each(g):
    return lambda z, y: F.cross_entropy(z, y, reduction="none")


@CASES.wrong("cross_entropy", says="logarithm is missing")
def no_logarithm(g):
    return lambda z, y: -z.softmax(1).gather(1, y[:, None]).mean()
