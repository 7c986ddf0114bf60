"""Chapter 5: figures of how noise flows to data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .common import LINES
from .picture import COLORS, INK, Picture, axes_grid, check_few, new_figure, show_image, styled
from .words import number

#: Ways that are drawn at most: more hide each other.
WAYS = 60


@styled
def density_with_ways(density: Tensor, places: Tensor, ways: Tensor) -> Picture:
    """Returns a density on a line over time, and in it the ways of single points.

    Args:
        density: shape (T, X), from time 0 to 1, evenly spaced.
        places: shape (X,), where it stands, rising.
        ways: shape (S, N), N points at S times from 0 to 1, evenly spaced.

    Raises:
        ValueError: shapes don't fit, or there are more than 60 ways.
    """
    if density.ndim != 2 or density.shape[1:] != places.shape or ways.ndim != 2:
        raise ValueError("density must have shape (T, X), places (X,), and ways (S, N).")
    check_few(ways[0], WAYS, "ways")
    figure = new_figure(3.6)
    (axes,) = axes_grid(figure, 1, 1)
    # Each time's density in units of its highest: at the end the hills are high and narrow.
    shown = (density / density.amax(1, keepdim=True)).T.numpy()
    low, high = places[0].item(), places[-1].item()
    axes.imshow(
        shown, aspect="auto", origin="lower", extent=(0, 1, low, high), cmap="Blues", alpha=0.75
    )
    times = np.linspace(0, 1, len(ways))
    axes.plot(times, ways.numpy(), color=INK, linewidth=0.9)
    axes.plot(0 * ways[0].numpy(), ways[0].numpy(), "o", color=COLORS["orange"], clip_on=False)
    axes.grid(False)
    axes.set(xlabel="time t: noise at 0, data at 1", ylabel="x", ylim=(low, high))
    order = ways.sort(dim=1).indices
    crossed = bool((order != order[:1]).any())
    axes.set_title(
        "Ways cross" if crossed else "Points flow where the density goes, and never cross"
    )
    hills = _hills(density[-1])
    return Picture(
        figure,
        f"A density over time, dark where it is high: from one hill at time 0 to {hills} at time "
        f"1. In it {ways.size(1)} lines, from {number(ways[0].min().item())} to "
        f"{number(ways[0].max().item())} at the left; they "
        f"{'cross' if crossed else 'bend towards the hills and do not cross'}.",
    )


def _hills(density: Tensor) -> int:
    """Returns how many places are higher than both neighbours."""
    rising = density.diff().sign()
    return int(((rising[:-1] > 0) & (rising[1:] < 0)).sum())


@styled
def error_over_steps(
    steps: Sequence[int], errors: Mapping[str, Sequence[float]], asks: Mapping[str, int]
) -> Picture:
    """Returns how samplers' errors fall, over how often they ask the model, with their orders.

    Args:
        steps: numbers of steps, rising.
        errors: name of a sampler to its error with each number, above 0.
        asks: name of a sampler to how often it asks the model in a step.

    Raises:
        ValueError: there are not 1 to 4 samplers.
    """
    check_few(errors, len(LINES), "samplers")
    figure = new_figure(3.2)
    (axes,) = axes_grid(figure, 1, 1)
    parts, orders = [], {}
    looks = zip(COLORS.values(), "osD^", LINES, strict=False)
    for (name, values), (color, mark, line) in zip(errors.items(), looks, strict=False):
        calls = [asks[name] * count for count in steps]
        axes.plot(calls, values, mark + line, color=color, label=name)
        orders[name] = order_of(steps, values)
        axes.annotate(
            f"order {orders[name]:.1f}", (calls[-1], values[-1]), xytext=(8, 0), va="center",
            textcoords="offset points", color=color, fontweight="bold",
        )  # fmt: skip
        parts.append(
            f"{name} from {number(values[0])} to {number(values[-1])}, order {orders[name]:.1f}"
        )
    axes.set(xscale="log", yscale="log")
    axes.margins(x=0.2)
    axes.set(xlabel="questions to the model (logarithmic)", ylabel="mean error (logarithmic)")
    steepest = max(orders, key=lambda name: orders[name])
    axes.set_title(f"{steepest}'s error falls faster" if len(orders) > 1 else "The error falls")
    axes.legend()
    return Picture(
        figure,
        f"Mean error over the number of questions to the model, both logarithmic, with {steps[0]} "
        f"to {steps[-1]} steps: {'; '.join(parts)}.",
    )


def order_of(steps: Sequence[int], errors: Sequence[float]) -> float:
    """Returns with which power of the number of steps errors fall, from the last half of them.

    Raises:
        ValueError: there are fewer than two errors, or not one for each number.
    """
    if len(steps) != len(errors) or len(steps) < 2:
        raise ValueError("order_of needs one error for each number of steps, at least two.")
    half = min(len(steps) // 2, len(steps) - 2)
    slope = np.polyfit(np.log(steps[half:]), np.log(errors[half:]), 1)[0]
    return float(-slope)


@styled
def ways_in_the_plane(panels: Mapping[str, tuple[Tensor, float]], centres: Tensor) -> Picture:
    """Returns the ways of points in the plane, a panel for each flow, side by side.

    Args:
        panels: name of a flow to its points at all times, (S, N, 2), and how bent its ways are.
        centres: where the data lie, (K, 2).

    Raises:
        ValueError: there are not 1 to 3 flows.
    """
    check_few(panels, 3, "flows")
    figure = new_figure(0.7 + 7.0 / len(panels))
    grid = axes_grid(figure, 1, len(panels), sharex=True, sharey=True)
    parts = []
    for axes, (name, (ways, bent)) in zip(grid, panels.items(), strict=True):
        _ways(axes, ways, centres)
        axes.set_title(f"{name}: bend {bent:.2g}")
        parts.append(f"{name}, {bent:.2g}")
    _label_plane(grid)
    figure.suptitle(f"Straightest: {min(panels, key=lambda name: panels[name][1])}")
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Picture(
        figure,
        f"Lines from {ways.size(1)} points of noise around the middle to {len(centres)} islands on "
        f"a ring, a panel for each flow. How far they are from straight: {'; '.join(parts)}.",
    )


def _ways(axes: Axes, ways: Tensor, centres: Tensor) -> None:
    x, y = ways.unbind(2)
    axes.plot(x.numpy(), y.numpy(), color=COLORS["grey"], linewidth=0.7)
    axes.plot(x[0].numpy(), y[0].numpy(), "o", color=COLORS["orange"], markersize=3, label="noise")
    axes.plot(x[-1].numpy(), y[-1].numpy(), "s", color=COLORS["blue"], markersize=3, label="ends")
    axes.plot(*centres.T.numpy(), "+", color=INK, markersize=12, label="islands")
    axes.set(aspect="equal")


def _label_plane(grid: Sequence[Axes]) -> None:
    for axes in grid:
        axes.set_xlabel("$x_1$")
    grid[0].set_ylabel("$x_2$")


@styled
def velocity_field(x: Tensor, velocities: Mapping[str, Tensor], centres: Tensor) -> Picture:
    """Returns arrows of velocities in the plane, a panel for each time.

    Args:
        x: where they stand, (N, 2).
        velocities: name of a time to velocities, (N, 2).
        centres: where the data lie, (K, 2).

    Raises:
        ValueError: there are not 1 to 4 times.
    """
    check_few(velocities, 4, "times")
    figure = new_figure(1.0 + 7.0 / len(velocities))
    grid = axes_grid(figure, 1, len(velocities), sharex=True, sharey=True)
    longest = max(each.norm(dim=1).quantile(0.95).item() for each in velocities.values())
    shares = {name: ((each * x).sum(1) > 0).float().mean() for name, each in velocities.items()}
    parts = [f"{100 * share:.0f} % at {name}" for name, share in shares.items()]
    figure.suptitle(f"Arrows that point outward: {', '.join(parts)}")
    for axes, (name, each) in zip(grid, velocities.items(), strict=True):
        axes.quiver(
            *x.T.numpy(), *each.T.numpy(), color=COLORS["blue"], angles="xy", scale_units="xy",
            scale=3 * longest,
        )  # fmt: skip
        axes.plot(*centres.T.numpy(), "+", color=COLORS["orange"], markersize=12)
        axes.set(aspect="equal", title=name)
    _label_plane(grid)
    return Picture(
        figure,
        f"Arrows of the velocity in the plane, a panel for each of {len(velocities)} times, with "
        f"crosses at the {len(centres)} islands. Arrows that point outward: {', '.join(parts)}.",
    )


@styled
def four_ways(times: Sequence[float], rows: Mapping[str, Tensor]) -> Picture:
    """Returns one image at several times, and below it what a model says of it, a row each.

    Args:
        times: T times.
        rows: name to images, (T, 28, 28); the first row and "clean" are grey images, the others
            have a sign.

    Raises:
        ValueError: a row has another number of images than there are times.
    """
    if any(len(images) != len(times) for images in rows.values()):
        raise ValueError(f"each row needs {len(times)} images, one for each time.")
    figure = new_figure(0.4 + 1.15 * len(rows))
    grid = axes_grid(figure, len(rows), len(times))
    for row, (name, images) in enumerate(rows.items()):
        reach = images.abs().max().item()
        for column, image in enumerate(images):
            axes = grid[row * len(times) + column]
            if row == 0 or name == "clean":
                show_image(axes, image.clamp(-1, 1), vmin=-1, vmax=1)
            else:
                show_image(axes, image, cmap="PuOr_r", vmin=-reach, vmax=reach)
            if row == 0:
                axes.set_title(f"t = {times[column]:g}")
        grid[row * len(times)].set_ylabel(name, rotation=0, ha="right", va="center")
    sharp = [torch.as_tensor(rows["clean"][at]).abs().mean().item() for at in (0, -1)]
    clears = "clears" if sharp[0] < sharp[1] else "does not clear"
    figure.suptitle(f"The clean image {clears}: mean size {sharp[0]:.2f}, then {sharp[1]:.2f}")
    return Picture(
        figure,
        f"A digit at {len(times)} times, from t = {times[0]:g}, nearly noise, to {times[-1]:g}, "
        f"nearly clean, and below it what the network says of it in {len(rows) - 1} rows: "
        f"{', '.join(list(rows)[1:])}. The clean image {clears}: its mean size is "
        f"{sharp[0]:.2f} at first and {sharp[1]:.2f} at the end.",
    )


@styled
def guidance_curve(
    strengths: Sequence[float], precision: Sequence[float], recall: Sequence[float], chosen: float
) -> Picture:
    """Returns precision against recall while the guidance grows, a point for each strength.

    Args:
        strengths: of the guidance, rising.
        precision: with each of them, from 0 to 1.
        recall: likewise.
        chosen: the strength that is marked.

    Raises:
        ValueError: the chosen one is none of the strengths.
    """
    if chosen not in strengths:
        raise ValueError(f"the chosen strength must be one of {list(strengths)}, not {chosen}.")
    figure = new_figure(3.6)
    (axes,) = axes_grid(figure, 1, 1)
    axes.plot(recall, precision, "-o", color=COLORS["blue"])
    at = list(strengths).index(chosen)
    axes.plot(recall[at], precision[at], "D", color=COLORS["orange"], markersize=10)
    for i, (strength, x, y) in enumerate(zip(strengths, recall, precision, strict=True)):
        axes.annotate(
            f"{strength:g}", (x, y), xytext=(7, 5), textcoords="offset points",
            color=COLORS["orange"] if i == at else INK,
        )  # fmt: skip
    axes.margins(0.12)
    axes.set(xlabel="recall: how much of the data is reached", ylabel="precision")
    pays = precision[-1] > precision[0] and recall[-1] < recall[0]
    axes.set_title("Guidance buys precision with recall" if pays else "Precision over recall")
    listed = "; ".join(
        f"{s:g}: {p:.2f} and {r:.2f}" for s, p, r in zip(strengths, precision, recall, strict=True)
    )
    return Picture(
        figure,
        f"Precision over recall, a point for each strength of guidance; precision and recall with "
        f"each: {listed}. The point of {chosen:g} is marked.",
    )
