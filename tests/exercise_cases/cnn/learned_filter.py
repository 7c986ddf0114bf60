"""Answers to `learn_filter`, an exercise of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .. import Cases

CASES = Cases("01_cnn")


def gradient(images, off):
    columns, rows = images.transpose(0, 1), off.transpose(0, 1)
    return 2 / off.numel() * F.conv2d(columns, rows)


def descended(images, maps, steps=40, rate=0.2, forget=True):
    kernel, slope = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    for _ in range(steps):
        off = F.conv2d(images, kernel) - maps
        slope = gradient(images, off) + (0 if forget else slope)
        kernel = kernel - rate * slope
    return kernel[0, 0]


@CASES.right("learn_filter")
def by_descent(g):
    return descended


@CASES.right("learn_filter")
def weight_by_weight(g):
    def answer(images, maps):
        kernel, (high, wide) = torch.zeros(1, 1, 3, 3), maps.shape[2:]
        for _ in range(30):
            off = F.conv2d(images, kernel) - maps
            for i in range(3):
                for j in range(3):
                    seen = images[:, :, i : i + high, j : j + wide]
                    kernel[0, 0, i, j] -= 0.2 * 2 * (off * seen).mean()
        return kernel[0, 0]

    return answer


@CASES.right("learn_filter")
def with_an_optimizer(g):
    def answer(images, maps):
        kernel = torch.zeros(1, 1, 3, 3, requires_grad=True)
        optimizer = torch.optim.SGD([kernel], lr=0.2)
        for _ in range(30):
            kernel.grad = gradient(images, F.conv2d(images, kernel) - maps)
            optimizer.step()
        return kernel[0, 0]

    return answer


@CASES.wrong("learn_filter", says="`backward` is switched off: compute the gradient yourself")
def by_autograd(g):
    def answer(images, maps):
        layer = nn.Conv2d(1, 1, 3, bias=False)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.2)
        for _ in range(30):
            optimizer.zero_grad()
            F.mse_loss(layer(images), maps).backward()
            optimizer.step()
        return layer.weight[0, 0]

    return answer


@CASES.right("learn_filter")
def by_least_squares(g):
    def answer(images, maps):
        patches = F.unfold(images, 3).transpose(1, 2).reshape(-1, 9)
        return torch.linalg.lstsq(patches, maps.reshape(-1, 1)).solution.view(3, 3)

    return answer


@CASES.wrong("learn_filter", says="designed by hand. Filters are learned")
def sobel(g):
    designed = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    return lambda images, maps: designed


@CASES.wrong("learn_filter", says="turned by 180 degrees")
def turned(g):
    return lambda images, maps: descended(images, maps).flip(0, 1)


@CASES.wrong("learn_filter", says="Rows and columns of the kernel are exchanged")
def exchanged(g):
    return lambda images, maps: descended(images, maps).T


@CASES.wrong("learn_filter", says="All signs are wrong")
def difference_from_minus(g):
    return lambda images, maps: descended(images, -maps)


@CASES.wrong("learn_filter", says="Take more steps, or larger ones")
def few_steps(g):
    return lambda images, maps: descended(images, maps, steps=5, rate=0.05)


@CASES.wrong("learn_filter", says="no better than zeros do")
def gradients_pile_up(g):
    return lambda images, maps: descended(images, maps, steps=41, rate=2.5, forget=False)


@CASES.wrong("learn_filter", says="no better than zeros do")
def uphill(g):
    return lambda images, maps: descended(images, maps, steps=5, rate=-0.1)


@CASES.wrong("learn_filter", says="try a smaller learning rate")
def far_too_fast(g):
    return lambda images, maps: descended(images, maps, steps=100, rate=20.0)


@CASES.wrong("learn_filter", says=r"must have the shape \(3, 3\)")
def with_two_more_axes(g):
    return lambda images, maps: descended(images, maps)[None, None]


@CASES.wrong("learn_filter", says=r"is there a `return`")
def kernel_not_returned(g):
    return lambda images, maps: None
