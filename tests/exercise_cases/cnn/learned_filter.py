"""Answers to `learn_filter`, an exercise of chapter 1."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .. import Cases

CASES = Cases("01_cnn")


def descended(images, maps, steps=40, rate=0.2, forget=True, start=None):
    kernel = (torch.zeros(1, 1, 3, 3) if start is None else start).requires_grad_()
    for _ in range(steps):
        if forget:
            kernel.grad = None
        F.mse_loss(F.conv2d(images, kernel), maps).backward()
        with torch.no_grad():
            kernel -= rate * kernel.grad
    return kernel.detach()[0, 0]


@CASES.right("learn_filter")
def by_descent(g):
    return descended


@CASES.right("learn_filter")
def by_lbfgs(g):
    def answer(images, maps):
        layer = nn.Conv2d(1, 1, 3, bias=False)
        optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=20)

        def closure():
            optimizer.zero_grad()
            loss = F.mse_loss(layer(images), maps)
            loss.backward()
            return loss

        optimizer.step(closure)
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
