"""Answers to `half_right`, `times_floor` and `failures`, exercises of chapter 2."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from aigc_utils import evaluation

from .. import Cases

CASES = Cases("02_gan")


# --- half_right -----------------------------------------------------------------------------


def two_places(believed):
    """Returns a function that puts so many of the points on the side that is taken for real."""

    def points(D, real):
        far = 50 * D.weight / D.weight.norm()
        count = believed(int((D(real) > 0).sum()), len(real))
        real_side = (real.mean(0) + far).expand(count, 2)
        return torch.cat([real_side, (real.mean(0) - far).expand(len(real) - count, 2)])

    return points


@CASES.right("half_right")
def collapsed_on_two_places(g):
    return two_places(lambda right, count: right)


@CASES.right("half_right")
def moved_along_the_line(g):
    def points(D, real):
        a, b = D.weight[0]
        along = torch.stack([-b, a])
        return real + 30 * along / along.norm()

    return points


@CASES.wrong("half_right", says="50 % accuracy does not prove convergence")
def the_real_points_themselves(g):
    return lambda D, real: real


@CASES.wrong("half_right", says="50 % accuracy does not prove convergence")
def hardly_moved(g):
    return lambda D, real: real.flip(0) + 1e-6


@CASES.wrong("half_right", says="numbers are exchanged")
def counts_exchanged(g):
    return two_places(lambda right, count: count - right)


@CASES.wrong("half_right", says=r"right about \d+\.\d % of all points")
def all_on_one_side(g):
    return two_places(lambda right, count: 0)


@CASES.wrong("half_right", says=r"right about \d+\.\d % of all points")
def half_of_the_made_points(g):
    return two_places(lambda right, count: count // 2)


@CASES.wrong("half_right", says="at least 1 away")
def on_the_mean_of_the_data(g):
    return lambda D, real: real.mean(0).expand(len(real), 2)


@CASES.wrong("half_right", says="must have the shape")
def one_point(g):
    return lambda D, real: real[:1] + 100


# --- times_floor ----------------------------------------------------------------------------


def apart(a, b):
    return (a.mean(0) - b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum()


def measured(distance, share=lambda d, floor: d / floor):
    """Returns an answer with another distance, or another use of it and its floor."""

    def answer(f, made, real, other):
        return share(distance(f(made), f(real)), distance(f(other), f(real)))

    return answer


@CASES.right("times_floor")
def with_tensors(g):
    return measured(apart)


@CASES.right("times_floor")
def with_the_other_deviation(g):
    def biased(a, b):
        spreads = [x.double().var(0, correction=0).sqrt() for x in (a, b)]
        return F.mse_loss(a.mean(0), b.mean(0)).item() + F.mse_loss(*spreads).item()

    return measured(biased)


@CASES.wrong("times_floor", says="only with its floor")
def bare_distance(g):
    return measured(apart, lambda d, floor: d)


@CASES.wrong("times_floor", says="only with its floor")
def bare_distance_of_the_package(g):
    return measured(evaluation.frechet_distance, lambda d, floor: d)


@CASES.wrong("times_floor", says="only with its feature network")
def no_feature_map(g):
    return lambda f, made, real, other: apart(made, real) / apart(other, real)


@CASES.wrong("times_floor", says="leave the covariances out")
def with_covariances(g):
    return measured(evaluation.frechet_distance)


@CASES.wrong("times_floor", says="this is their difference")
def floor_subtracted(g):
    return measured(apart, lambda d, floor: d - floor)


@CASES.wrong("times_floor", says="upside down")
def floor_above(g):
    return measured(apart, lambda d, floor: floor / d)


@CASES.wrong("times_floor", says="take no root")
def roots_taken(g):
    return measured(lambda a, b: apart(a, b).sqrt())


@CASES.wrong("times_floor", says="compares the variances")
def variances(g):
    return measured(
        lambda a, b: (a.mean(0) - b.mean(0)).square().sum() + (a.var(0) - b.var(0)).square().sum()
    )


@CASES.wrong("times_floor", says="compares the means alone")
def means_alone(g):
    return measured(lambda a, b: (a.mean(0) - b.mean(0)).square().sum())


@CASES.wrong("times_floor", says="real features with real ones")
def floor_of_made_points(g):
    return lambda f, made, real, other: apart(f(made), f(real)) / apart(f(made), f(other))


@CASES.wrong("times_floor", says="by hand: squared differences")
def squares_forgotten(g):
    return measured(
        lambda a, b: (a.mean(0) - b.mean(0)).abs().sum() + (a.std(0) - b.std(0)).abs().sum()
    )


# --- failures -------------------------------------------------------------------------------


def naming(covers=None, copies=None):
    """Returns an answer with its own rule for one of the failures."""

    def covered(made, centres, spread):
        near = torch.cdist(made, centres) <= 3 * spread
        return bool((near.float().mean(0) >= 1 / (2 * len(centres))).all())

    def copied(made, training, held_out):
        gaps = [torch.cdist(x, training).min(1).values.median() for x in (made, held_out)]
        return bool(gaps[0] < gaps[1] / 2)

    def answer(made, training, held_out, centres, spread):
        found = set()
        if not (covers or covered)(made, centres, spread):
            found.add("collapse")
        if (copies or copied)(made, training, held_out):
            found.add("memorising")
        return found

    return answer


@CASES.right("failures")
def both_rules(g):
    return naming()


@CASES.right("failures")
def by_nearest_mode_and_sorting(g):
    def answer(made, training, held_out, centres, spread):
        def middle(points):
            gaps = [(training - p).square().sum(1).min().sqrt().item() for p in points]
            return sorted(gaps)[len(gaps) // 2]

        distance, nearest = torch.cdist(made, centres).min(1)
        hits = torch.bincount(nearest[distance <= 3 * spread], minlength=len(centres))
        found = ["collapse"] if 2 * len(centres) * hits.min() < len(made) else []
        return found + ["memorising"] * (middle(made) < 0.5 * middle(held_out))

    return answer


@CASES.wrong("failures", says="collapse is not memorising")
def collapse_is_memorising(g):
    def answer(*args):
        found = naming()(*args)
        return {"collapse", "memorising"} if "collapse" in found else found

    return answer


@CASES.wrong("failures", says="memorising is not collapse")
def memorising_is_collapse(g):
    def answer(*args):
        found = naming()(*args)
        return found | {"collapse"} if "memorising" in found else found

    return answer


@CASES.wrong("failures", says="are both failures")
def only_one_failure(g):
    def answer(*args):
        found = naming()(*args)
        return {"collapse"} if "collapse" in found else found

    return answer


@CASES.wrong("failures", says="none within 3 spreads")
def nearest_mode_counts(g):
    def covers(made, centres, spread):
        nearest = torch.cdist(made, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=len(centres))
        return bool((2 * len(centres) * counts >= len(made)).all())

    return naming(covers=covers)


@CASES.wrong("failures", says="only a third of an equal share")
def two_percent_cover(g):
    def covers(made, centres, spread):
        shares = (torch.cdist(made, centres) <= 3 * spread).float().mean(0)
        return bool((shares >= 0.02).all())

    return naming(covers=covers)


@CASES.wrong("failures", says="only a third of an equal share")
def one_point_covers(g):
    def covers(made, centres, spread):
        return bool((torch.cdist(made, centres) <= 3 * spread).any(0).all())

    return naming(covers=covers)


@CASES.wrong("failures", says="take the median")
def mean_distance(g):
    def copies(made, training, held_out):
        gaps = [torch.cdist(x, training).min(1).values.mean() for x in (made, held_out)]
        return bool(gaps[0] < gaps[1] / 2)

    return naming(copies=copies)


@CASES.wrong("failures", says="on all modes are named a failure")
def always_afraid(g):
    return lambda *args: {"memorising"}


@CASES.wrong("failures", says=r"is there a `return`")
def failures_not_returned(g):
    return lambda *args: None


@CASES.wrong("failures", says="must be a set such as")
def a_word_for_a_set(g):
    return lambda *args: "healthy"
