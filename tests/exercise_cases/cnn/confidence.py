"""Answers to `calibration_error`, an exercise of chapter 1."""

from __future__ import annotations

import torch

from aigc_utils.evaluation import calibration

from .. import Cases

CASES = Cases("01_cnn")


def gaps(p, y, groups):
    sure, guess = p.max(1)
    order = sure.argsort()
    return (sure - (guess == y).float())[order].view(groups, -1).mean(1)


@CASES.right("calibration_error")
def by_view(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().mean()


@CASES.right("calibration_error")
def by_loop(g):
    def answer(p, y, groups):
        rows = sorted(
            ((max(row), int(row.index(max(row)) == label)))
            for row, label in zip(p.tolist(), y.tolist(), strict=True)
        )
        size, total = len(rows) // groups, 0.0
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            total += abs(sum(sure for sure, _ in part) - sum(right for _, right in part)) / size
        return total / groups

    return answer


@CASES.wrong("calibration_error", says="softmax output for confidence that has been earned")
def doubt_alone(g):
    return lambda p, y, groups: 1 - p.max(1).values.mean()


@CASES.wrong("calibration_error", says="softmax output for confidence that has been earned")
def confidence_alone(g):
    return lambda p, y, groups: p.max(1).values.sort().values.view(groups, -1).mean(1).mean()


@CASES.wrong("calibration_error", says="take the absolute value in each group")
def signs_kept(g):
    return lambda p, y, groups: gaps(p, y, groups).mean()


@CASES.wrong("calibration_error", says="Gaps of opposite signs cancel")
def one_group(g):
    return lambda p, y, groups: gaps(p, y, 1).abs().mean()


@CASES.wrong("calibration_error", says="in percent; a share")
def error_in_percent(g):
    return lambda p, y, groups: 100 * gaps(p, y, groups).abs().mean()


@CASES.wrong("calibration_error", says="This is the largest gap")
def largest_gap(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().max()


@CASES.wrong("calibration_error", says="This is the sum of the gaps")
def sum_of_gaps(g):
    return lambda p, y, groups: gaps(p, y, groups).abs().sum()


@CASES.wrong("calibration_error", says="equally wide")
def bins_of_the_package(g):
    return lambda p, y, groups: calibration(p.log(), y, groups).error


@CASES.wrong("calibration_error", says="not sorted by confidence")
def unsorted(g):
    def answer(p, y, groups):
        sure, guess = p.max(1)
        return (sure - (guess == y).float()).view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="right answers stay where they were")
def half_sorted(g):
    def answer(p, y, groups):
        sure, guess = p.max(1)
        gap = sure.sort().values - (guess == y).float()
        return gap.view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="not that of the true class")
def true_class(g):
    def answer(p, y, groups):
        sure, order = p[torch.arange(len(y)), y].sort()
        right = (p.argmax(1) == y).float()[order]
        return (sure - right).view(groups, -1).mean(1).abs().mean()

    return answer


@CASES.wrong("calibration_error", says="error of random probabilities is not right")
def squared(g):
    return lambda p, y, groups: gaps(p, y, groups).square().mean().sqrt()


@CASES.wrong("calibration_error", says="must be a number")
def gaps_not_averaged(g):
    return lambda p, y, groups: gaps(p, y, groups).abs()
