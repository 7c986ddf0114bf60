"""Chapter 1: figures of training runs, and of what each step of the ladder brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..history import History
from .common import LINES
from .picture import COLORS, Picture, Values, axes_grid, new_figure, styled
from .words import counted

#: The steps over which the losses of several seeds are averaged, so that they can be told apart.
WINDOW = 20


@styled
def seed_curves(runs: Mapping[str, Sequence[History]], floor: float) -> Picture:
    """Returns loss and accuracy of recipes under several seeds, a line for each seed.

    Args:
        runs: name of a recipe to its histories, each with the "loss" in nats, and as a metric the
            "accuracy" on images held back, in percent.
        floor: the smallest loss that there can be.

    Raises:
        KeyError: a history lacks one of the two.
    """
    ends = []
    figure = new_figure(3.3)
    left, right = axes_grid(figure, 1, 2)
    for (name, histories), color, dash in zip(runs.items(), COLORS.values(), LINES, strict=False):
        for i, history in enumerate(histories):
            style: Any = {"color": color, "linestyle": dash, "linewidth": 1.3}
            steps, losses = history.curve("loss", WINDOW)
            whole = min(WINDOW, len(steps)) - 1  # before that the mean has fewer steps
            left.plot(steps[whole:], losses[whole:], label="" if i else name, **style)
            right.plot(*history.curve("accuracy"), marker="o", markersize=3, **style)
        last = _range([history["accuracy"][-1] for history in histories])
        ends.append(f"{name}, {counted(len(histories), 'seed')}: {last} % at the end")
    left.annotate(f"floor {floor:.2f}", (steps[-1], floor), ha="right", va="top", fontsize=9)
    left.set(xlabel="step", ylabel=f"loss (nats, mean of {WINDOW} steps)", ylim=(0, None))
    right.set(xlabel="step", ylabel="accuracy on held-back images (%)")
    left.legend(fontsize=9)
    left.axhline(floor, color=COLORS["grey"], linewidth=1, linestyle=":")
    figure.suptitle("\n".join(ends))
    return Picture(
        figure,
        "Left, training losses over the steps, which stay above a dotted line at "
        f"{floor:.2f} nats. Right, accuracies on held-back images: "
        f"{'; '.join(ends).replace(' %', ' percent')}.",
    )


def _range(values: Values) -> str:
    """Returns the smallest and the largest value, with two decimals."""
    return f"{min(values):.2f} to {max(values):.2f}"


@styled
def generalisation(runs: Mapping[str, Sequence[History]], images: int) -> Picture:
    """Returns the loss on training images and on others, each seed pale and their mean strong.

    Args:
        runs: name to histories, one for each seed, with the metrics "train" and "held": losses in
            nats on the training images and on images held back.
        images: number of training images.

    Raises:
        KeyError: a history lacks one of the two.
    """
    told = []
    figure = new_figure(3.0)
    panels = axes_grid(figure, 1, len(runs), sharey=True)
    for axes, (name, histories) in zip(panels, runs.items(), strict=True):
        steps = histories[0].evaluated_at
        means = {}
        for metric, color, dash in (("train", "orange", "--"), ("held", "blue", "-")):
            values = np.array([history[metric] for history in histories])
            means[metric] = values.mean(0)
            axes.plot(steps, values.T, dash, color=COLORS[color], linewidth=0.8, alpha=0.5)
            axes.plot(steps, means[metric], dash, color=COLORS[color], label=metric)
        held = means["held"]
        axes.set(title=f"{name}:\n{held[-1]:.2f} held back at the end", xlabel="step")
        told.append(
            f"{name}, held back {held.min():.2f} at the lowest and {held[-1]:.2f} at the end, "
            f"training {means['train'][-1]:.3f} at the end"
        )
    panels[0].set(ylabel="loss (nats)", ylim=(0, None))
    panels[0].legend()
    return Picture(
        figure,
        f"The loss on {images} training images and on held-back images over the steps, in nats. "
        f"{'; '.join(told)}.",
    )


@styled
def ladder(rungs: Sequence[Mapping[str, Any]], margin: float) -> Picture:
    """Returns the way from the article's listing to the course's recipe: times and accuracies.

    Args:
        rungs: each with "name", "seconds" (the median), and for each seed its run with "seconds"
            and "accuracy" (percent), the slowest first.
        margin: how far an accuracy may lie from that on new images, in points.
    """
    figure = new_figure(0.27 * len(rungs) + 1.4)
    left, right = axes_grid(figure, 1, 2, sharey=True, width_ratios=[1.25, 1])
    seconds = [rung["seconds"] for rung in rungs]
    heights = range(len(rungs))
    left.plot(seconds, heights, "o", color=COLORS["blue"], markersize=6)
    for height, value in zip(heights, seconds, strict=True):
        left.annotate(
            f"{value:.3g}", (value, height), xytext=(7, 0), textcoords="offset points",
            va="center", fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip
    found = [[run["accuracy"] for run in rung["runs"]] for rung in rungs]
    right.errorbar(
        [np.mean(values) for values in found], heights, xerr=margin, fmt="none", capsize=2,
        ecolor=COLORS["grey"], linewidth=1,
    )  # fmt: skip
    for height, values in zip(heights, found, strict=True):
        right.plot(values, [height] * len(values), "o", color=COLORS["orange"], markersize=4)
    left.set(yticks=heights, yticklabels=[rung["name"] for rung in rungs], xscale="log")
    left.set(xlabel="training time (s, logarithmic)", xlim=(min(seconds) / 1.5, max(seconds) * 2.5))
    left.set_ylim(len(rungs) - 0.4, -0.6)
    left.xaxis.set_major_formatter("{x:g}")
    right.set(xlabel=f"held-back accuracy (%), ± {margin:.2f}")
    return Picture(figure, _ladder_told(figure, rungs, found, margin))


def _ladder_told(
    figure: Figure, rungs: Sequence[Mapping[str, Any]], found: Sequence[Values], margin: float
) -> str:
    """Gives the ladder its title, and returns its alternative text."""
    times = f"{rungs[0]['seconds'] / rungs[-1]['seconds']:.0f} times as fast as the first"
    means = [float(np.mean(values)) for values in found]
    span = f"{min(means):.2f} to {max(means):.2f}"
    figure.suptitle(f"The last rung is {times};\nmean accuracies are {span} %")
    listed = [
        f"{rung['name']} {rung['seconds']:.3g} s, {mean:.2f}"
        for rung, mean in zip(rungs, means, strict=True)
    ]
    return (
        "Left, dots of training time on a logarithmic axis; right, the accuracies of each seed on "
        f"held-back images, with a bar of {margin:.2f} points to both sides of their mean. The "
        f"last rung is {times}. From the top, with the mean accuracy in percent: "
        f"{'; '.join(listed)}."
    )
