"""Answers to `by_surprise`, an exercise of chapter 6."""

from __future__ import annotations

import torch

from .. import Cases

CASES = Cases("06_digits")


@CASES.right("by_surprise")
def by_softmax(g):
    return lambda nats, prior: (prior.log() - nats).softmax(1)


@CASES.right("by_surprise")
def from_the_least(g):
    def read(nats, prior):
        likely = (nats.min(1, keepdim=True).values - nats).exp() * prior
        return likely / likely.sum(1, keepdim=True)

    return read


@CASES.wrong("by_surprise", says="before one looks")
def without_the_prior(g):
    return lambda nats, prior: (-nats).softmax(1)


@CASES.wrong("by_surprise", says="the sign is turned")
def turned(g):
    return lambda nats, prior: (prior.log() + nats).softmax(1)


@CASES.wrong("by_surprise", says="logarithm of the prior")
def plain_prior(g):
    return lambda nats, prior: (prior - nats).softmax(1)


@CASES.wrong("by_surprise", says="not over the images")
def over_the_images(g):
    return lambda nats, prior: (prior.log() - nats).softmax(0)


@CASES.wrong("by_surprise", says="not finite")
def without_logarithms(g):
    def read(nats, prior):
        likely = (-nats).exp() * prior
        return likely / likely.sum(1, keepdim=True)

    return read


@CASES.wrong("by_surprise", says="each row must sum to one")
def normalised_too_early(g):
    return lambda nats, prior: (-nats).softmax(1) * prior


@CASES.wrong("by_surprise", says="likeliest digit")
def one_name(g):
    return lambda nats, prior: torch.nn.functional.one_hot(
        (prior.log() - nats).argmax(1), 10
    ).float()
