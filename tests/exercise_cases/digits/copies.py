"""Answers to `suspicion`, an exercise of chapter 6."""

from __future__ import annotations

import torch

from aigc_utils import evaluation

from .. import Cases

CASES = Cases("06_digits")


def near(images, train):
    """Returns the distance of each image to the nearest training image."""
    return torch.cdist(images.flatten(1).double(), train.flatten(1).double()).min(1).values


def median_near(images, train):
    return near(images, train).median()


@CASES.right("suspicion")
def by_cdist(g):
    return lambda drawn, passed, train: median_near(drawn, train) / median_near(passed, train)


@CASES.right("suspicion")
def by_the_course(g):
    def ratio(drawn, passed, train):
        ours, theirs = (evaluation.nearest_neighbours(x, train)[0] for x in (drawn, passed))
        return (ours.median() / theirs.median()).item()

    return ratio


@CASES.wrong("suspicion", says="upside down")
def upside_down(g):
    return lambda drawn, passed, train: median_near(passed, train) / median_near(drawn, train)


@CASES.wrong("suspicion", says="wrap around")
def in_eight_bits(g):
    def nearest(images, train):
        off = (images[:, None] - train).flatten(2)
        return off.double().square().sum(2).sqrt().min(1).values.median()

    return lambda drawn, passed, train: nearest(drawn, train) / nearest(passed, train)


@CASES.wrong("suspicion", says="near to one of them")
def to_all(g):
    def apart(images, train):
        return torch.cdist(images.flatten(1).double(), train.flatten(1).double()).mean()

    return lambda drawn, passed, train: apart(drawn, train) / apart(passed, train)


@CASES.wrong("suspicion", says="the median is asked for")
def means(g):
    return lambda drawn, passed, train: near(drawn, train).mean() / near(passed, train).mean()


@CASES.wrong("suspicion", says="take the root")
def squared(g):
    return lambda drawn, passed, train: by_cdist(g)(drawn, passed, train) ** 2


@CASES.wrong("suspicion", says="took the same way")
def alone(g):
    return lambda drawn, passed, train: median_near(drawn, train)
