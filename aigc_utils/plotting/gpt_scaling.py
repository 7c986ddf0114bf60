"""How a language model's loss falls with its size, and what that foretells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .picture import COLORS, Picture, axes_grid, new_figure, styled


@styled
def scaling_law(
    runs: Sequence[Mapping[str, Any]], held_out: Mapping[str, Any], law: Mapping[str, float]
) -> Picture:
    """Returns the losses of models over their size, their law, and larger models beside it.

    Args:
        runs: each with "weights" and "losses", one a seed in nats a token, the smallest first.
        held_out: the same of a larger size that the law was not fitted to.
        law: its "floor", "scale" and "power": the loss is floor + scale * weights ** -power.

    Raises:
        ValueError: there are fewer than two runs, or the model held out is not the largest.
    """
    sizes = [run["weights"] for run in runs]
    last = held_out["weights"]
    if len(sizes) < 2 or last <= max(sizes):
        raise ValueError("scaling_law needs two runs at least, and a larger model held out.")

    def loss(weights: Any) -> Any:
        return law["floor"] + law["scale"] * np.asarray(weights, dtype=float) ** -law["power"]

    figure = new_figure(3.4)
    (axes,) = axes_grid(figure, 1, 1)
    seen, beyond = np.geomspace(sizes[0], sizes[-1], 60), np.geomspace(sizes[-1], last, 30)
    axes.plot(seen, loss(seen), color=COLORS["blue"], label="the law, fitted")
    axes.plot(beyond, loss(beyond), "--", color=COLORS["blue"], label="the law, foretelling")
    points = [(run["weights"], value) for run in runs for value in run["losses"]]
    axes.plot(
        *zip(*points, strict=True), "o", color=COLORS["green"], markersize=5, label="fitted to"
    )
    measured, foretold = float(np.mean(held_out["losses"])), float(loss(last))
    axes.plot([last], [measured], "D", color=COLORS["orange"], markersize=7, label="held out, mean")
    axes.set(xscale="log", xlabel="weights (logarithmic)", ylabel="loss (nats a character)")
    axes.set_title(f"{foretold:.3f} nats foretold, {measured:.3f} measured")
    axes.legend()
    return Picture(figure, _told(runs, last, measured, foretold))


def _told(runs: Sequence[Mapping[str, Any]], last: int, measured: float, foretold: float) -> str:
    """Returns what the figure shows, in words."""
    first, end = runs[0], runs[-1]
    beside = "above" if measured > foretold else "below"
    return (
        f"Losses over the number of weights, which is on a logarithmic axis. From "
        f"{first['weights']:,} weights to {end['weights']:,} the loss falls from "
        f"{np.mean(first['losses']):.3f} to {np.mean(end['losses']):.3f} nats a character, along a "
        f"curve that flattens. It goes on, dashed, to {foretold:.3f} nats at {last:,} weights; the "
        f"models of that size, which the curve was not fitted to, lie {beside} it, at "
        f"{measured:.3f} on average."
    )
