"""The exercises of chapter 2 about measures: accuracy, Fréchet distance, and two failures."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from ...evaluation import frechet_distance
from ..answers import a_choice, a_number, a_tensor, close
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

# --- half_right -----------------------------------------------------------------------------


def _line_and_points(draw: Draw) -> tuple[nn.Linear, Tensor]:
    """Returns real points, and a straight line that takes most of them for real."""
    line = nn.Linear(2, 1).requires_grad_(False)
    line.weight.copy_(draw.normal(1, 2) + torch.tensor([[draw.choice((-2.0, 2.0)), 0.5]]))
    real = draw.normal(draw.integer(40, 60), 2) * 1.2 + draw.normal(2)
    scores = (real @ line.weight[0]).sort().values
    # Cut in the widest gap, where rounding puts no point on the other side.
    low = len(real) // 10
    gaps = scores[low + 1 : 3 * low + 1] - scores[low : 3 * low]
    cut = low + int(gaps.argmax())
    line.bias.fill_(-(scores[cut] + scores[cut + 1]) / 2)
    return line, real


@exercise(
    "Half right and all wrong",
    kind="write",
    objective="what accuracy says of the two players",
    misconceptions=("50 % accuracy proves convergence",),
    points=3,
    hints=(
        "Say the line is right about k of the N real points. About how many of the N generated "
        "points must it be right, so that it is right N times in all?",
        "About N - k, so k generated points must lie on the side that it takes for real. Or move "
        "the real points along the line: that changes no answer.",
        "`along = torch.stack([-D.weight[0, 1], D.weight[0, 0]])`, and "
        "`real + 100 * along / along.norm()`.",
    ),
)
def half_right(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(D, real)` is a set of generated points, (N, 2), that a line is half right about."""
    D, real = _line_and_points(draw)
    points = answer(copy.deepcopy(D), real.clone())
    made = a_tensor(points, "The generated points", real.shape).float()
    with torch.no_grad():
        kept, missed = int((D(real) > 0).sum()), int((D(made) <= 0).sum())
    nearest = torch.cdist(made, real).min().item()
    right = kept + missed
    expect(
        not (right == len(real) and nearest < 1),
        "The line is right half of the time, but here the generated points lie among the real "
        "ones. 50 % accuracy does not prove convergence: find 50 % with points that are all wrong.",
    )
    expect(nearest >= 1, "A generated point must be at least 1 away from each real point.")
    expect(
        missed != kept or right == len(real),
        "The two numbers are exchanged: the line is right about as many generated points as real "
        "ones.",
    )
    share = 100 * right / (2 * len(real))
    expect(
        right == len(real),
        f"The line is right about {share:.1f} % of all points, real and made; 50 % are asked for.",
    )


# --- times_floor ----------------------------------------------------------------------------


def _apart(a: Tensor, b: Tensor, power: int = 1) -> float:
    """Returns the distance of uncorrelated Gaussians; with power 2, one of a usual mistake."""
    a, b = a.double(), b.double()
    spreads = a.std(0) ** power - b.std(0) ** power
    return float((a.mean(0) - b.mean(0)).square().sum() + spreads.square().sum())


def _a_feature_map(draw: Draw, width: int) -> Callable[[Tensor], Tensor]:
    weights, shift, scale = draw.normal(width, 5), draw.normal(5), draw.number(2, 9)
    return lambda x: scale * (x @ weights + shift).relu()


@exercise(
    "How many floors up",
    kind="write",
    objective="Fréchet distance, and its floor",
    misconceptions=("a Fréchet distance means something without its feature network and floor",),
    points=4,
    hints=(
        "Write the distance of two sets of features first, as a function of its own. It needs "
        "`mean(0)` and `std(0)`.",
        "`(a.mean(0) - b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum()` is the "
        "distance. All three sets go through the feature map first.",
        "With that function as `apart` and `f = feature_map`: "
        "`apart(f(made), f(real)) / apart(f(other_real), f(real))`.",
    ),
)
def times_floor(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(feature_map, made, real, other_real)` is a distance in units of its floor."""
    width, count = draw.integer(4, 9), draw.integer(60, 90)
    real, other = draw.normal(2 * count, width), draw.normal(count, width)
    made = (0.5 + draw.uniform(width)) * draw.normal(count, width) + 0.3 * draw.normal(width)
    for _ in range(2):
        feature_map = _a_feature_map(draw, width)
        found = a_number(
            answer(feature_map, made.clone(), real.clone(), other.clone()), "times_floor(...)"
        )
        features = [feature_map(data) for data in (made, real, other)]
        if close(found, _biased(*features), 1e-3):
            continue  # both usual standard deviations are right; they differ by half a per cent
        mistakes = {
            "These are the data themselves. A Fréchet distance means something only with its "
            "feature network: send all three sets through `feature_map`.": (
                _in_floors(made, real, other)
            ),
            **_usual_slips(*features),
        }
        otherwise = (
            "Compare the two parts of each distance by hand: squared differences of the means, "
            "and of the standard deviations, each summed over the features."
        )
        expect_close(found, _in_floors(*features), mistakes, otherwise, 1e-3)


def _in_floors(made: Tensor, real: Tensor, other: Tensor) -> float:
    return _apart(made, real) / _apart(other, real)


def _usual_slips(made: Tensor, real: Tensor, other: Tensor) -> dict[str, Any]:
    """Returns what is said of a wrong answer, with the value of each mistake."""
    distance, floor = _apart(made, real), _apart(other, real)
    return {
        "This is the bare distance. A Fréchet distance means something only with its floor: "
        "ten times larger features make it a hundred times larger.": [
            distance,
            distance**0.5,
            frechet_distance(made, real),
        ],
        "Divide the distance by its floor; this is their difference.": distance - floor,
        "The fraction is upside down: the floor goes below.": floor / distance,
        "The distance is a squared one: take no root.": (distance / floor) ** 0.5,
        "The floor compares real features with real ones.": distance / _apart(made, other),
        "This compares the variances; the standard deviations are asked for.": (
            _apart(made, real, 2) / _apart(other, real, 2)
        ),
        "The features count as uncorrelated here: leave the covariances out.": (
            frechet_distance(made, real) / frechet_distance(other, real)
        ),
        "The spreads are missing: this compares the means alone.": (
            float((made.mean(0) - real.mean(0)).square().sum())
            / float((other.mean(0) - real.mean(0)).square().sum())
        ),
    }


def _biased(made: Tensor, real: Tensor, other: Tensor) -> float:
    """Returns `_in_floors` with the standard deviations that divide by N."""
    shrunk = []
    for features in (made, real, other):
        mean, share = features.mean(0), (1 - 1 / len(features)) ** 0.5
        shrunk.append(mean + share * (features - mean))
    return _in_floors(*shrunk)


# --- failures -------------------------------------------------------------------------------

SPREAD, COUNT = 0.05, 200
KINDS = ("collapse", "memorising")


class _Islands:
    """Modes on a circle in the plane, with training and held-out points around them."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.modes = draw, draw.integer(5, 9)
        angle = (torch.arange(self.modes) + draw.number(0, 1)) * 2 * torch.pi / self.modes
        self.centres = draw.number(1.5, 3) * torch.stack([angle.cos(), angle.sin()], 1)
        self.training, self.held_out = self.fresh(self.modes), self.fresh(self.modes)

    def fresh(self, modes: int, count: int = COUNT) -> Tensor:
        """Returns new points on so many of the modes, equally many on each."""
        chosen = self.centres[torch.arange(count) % modes]
        return chosen + SPREAD * self.draw.normal(count, 2)

    def copies(self, modes: int) -> Tensor:
        """Returns training points of so many of the modes, hardly moved."""
        nearest = torch.cdist(self.training, self.centres).argmin(1)
        own = self.training[nearest < modes]
        return own[torch.arange(COUNT) % len(own)] + 1e-4 * self.draw.normal(COUNT, 2)

    def ring(self) -> Tensor:
        """Returns points spread evenly over the circle of the modes, islands or not."""
        angle = 2 * torch.pi * (torch.arange(COUNT) + self.draw.number(0, 1)) / COUNT
        around = self.centres[0].norm() * torch.stack([angle.cos(), angle.sin()], 1)
        points: Tensor = around + SPREAD / 5 * self.draw.normal(COUNT, 2)
        return points

    def with_strays(self, points: Tensor, share: float, where: Tensor) -> Tensor:
        """Returns the points, some of which lie elsewhere."""
        points = points.clone()
        count = int(share * len(points))
        points[:count] = where + SPREAD * self.draw.normal(count, 2)
        return points


def _cases(islands: _Islands) -> Iterator[tuple[Tensor, set[str], str]]:
    """Yields generated points, their failures, and what to say where others are named."""
    modes, few = islands.modes, islands.draw.integer(1, 3)
    last, all_but_one = islands.centres[-1], islands.fresh(modes - 1)
    collapse, memorising = {"collapse"}, {"memorising"}
    yield islands.fresh(modes), set(), "New points on all modes are named a failure."
    told = f"New points on {few} of {modes} modes: collapse is not memorising."
    yield islands.fresh(few), collapse, told
    told = "Copies of training points on all modes: memorising is not collapse."
    yield islands.copies(modes), memorising, told
    told = f"Copies on {few} of {modes} modes are both failures."
    yield islands.copies(few), collapse | memorising, told
    told = "One mode has points near it, but none within 3 spreads: it is not covered."
    yield islands.with_strays(all_but_one, 0.15, 1.2 * last), collapse, told
    told = "One mode has only a third of an equal share: it is not covered."
    yield islands.with_strays(all_but_one, 1 / (3 * modes), last), collapse, told
    yield islands.ring(), collapse, "Points all over the circle cover no mode."
    told = "A few far points hide many copies: take the median of the distances."
    yield islands.with_strays(islands.copies(modes), 0.1, 20 * last), memorising, told


@exercise(
    "Name the failure",
    kind="write",
    objective="mode collapse; coverage; nearest training neighbours",
    misconceptions=("collapse = memorising",),
    points=4,
    hints=(
        "`torch.cdist(a, b)` has a row for each point of a. Its `min(1)` gives each one's smallest "
        "distance and the index where that is.",
        "Count the generated points per mode, but only those within `3 * spread` of it. For the "
        "copies compare the two medians `torch.cdist(made, training).min(1).values.median()` and "
        "the same of `held_out`.",
        "`hits = (torch.cdist(made, centres) <= 3 * spread).float().mean(0)`; collapse if any of "
        "`hits` is below `1 / (2 * len(centres))`; memorising if the first median is below half of "
        "the second.",
    ),
)
def failures(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(made, training, held_out, centres, spread)` is a set of names of failures."""
    islands = _Islands(draw)
    for made, wanted, message in _cases(islands):
        tensors = (made, islands.training, islands.held_out, islands.centres)
        found = answer(*(tensor.clone() for tensor in tensors), SPREAD)
        expect(found is not None, "`failures(...)` is None: is there a `return`?")
        expect(a_choice(found, "failures(...)", KINDS) == wanted, message)
