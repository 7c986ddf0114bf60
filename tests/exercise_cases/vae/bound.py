"""Answers to `iw_bound`, an exercise of chapter 3."""

from __future__ import annotations

import math

from .. import Cases

CASES = Cases("03_vae")


@CASES.right("iw_bound")
def by_logsumexp(g):
    return lambda joint, q: ((joint - q).logsumexp(0) - math.log(len(q))).mean()


@CASES.right("iw_bound")
def by_the_largest(g):
    def bound(joint, q):
        weights = joint - q
        largest = weights.max(0).values
        return (largest + (weights - largest).exp().mean(0).log()).mean()

    return bound


@CASES.wrong("iw_bound", says="ELBO is not the log-likelihood: here it lies [0-9.]+ nats below")
def elbo(g):
    return lambda joint, q: (joint - q).mean()


@CASES.wrong("iw_bound", says="subtract log k")
def log_k_forgotten(g):
    return lambda joint, q: (joint - q).logsumexp(0).mean()


@CASES.wrong("iw_bound", says="outside the logarithm")
def all_in_one(g):
    return lambda joint, q: (joint - q).flatten().logsumexp(0) - math.log(q.numel())


@CASES.wrong("iw_bound", says="along dimension 0")
def wrong_dimension(g):
    return lambda joint, q: ((joint - q).logsumexp(1) - math.log(q.shape[1])).mean()


@CASES.wrong("iw_bound", says="sign is wrong")
def minus_bound(g):
    return lambda joint, q: -((joint - q).logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="logarithm of q is subtracted")
def q_added(g):
    return lambda joint, q: ((joint + q).logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="q is missing")
def q_forgotten(g):
    return lambda joint, q: (joint.logsumexp(0) - math.log(len(q))).mean()


@CASES.wrong("iw_bound", says="largest weight alone")
def the_best_sample(g):
    return lambda joint, q: (joint - q).max(0).values.mean()


@CASES.wrong("iw_bound", says="bound for each image")
def for_each_image(g):
    return lambda joint, q: (joint - q).logsumexp(0) - math.log(len(q))


@CASES.wrong("iw_bound", says="`logsumexp` stays finite")
def log_of_mean_of_exp(g):
    return lambda joint, q: (joint - q).exp().mean(0).log().mean()
