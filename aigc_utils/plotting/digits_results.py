"""Figures of chapter 6: the generative models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from .picture import COLORS, INK, Picture, axes_grid, check_few, new_figure, styled

if TYPE_CHECKING:
    from ..evaluation import SampleScores

#: What each panel shows: its label, the field, whether the axis is logarithmic.
PANELS = (
    ("Fréchet distance", "frechet", True),
    ("precision", "precision", False),
    ("recall", "recall", False),
    ("coverage", "coverage", False),
)
#: Colour, hatch and marker of each generator, so that they differ without colour too; the colours
#: in the order in which `curves` takes them.
LOOKS = (
    ("blue", "////", "o"), ("orange", "xx", "s"),
    ("green", "....", "D"), ("purple", "\\\\\\\\", "^"),
)  # fmt: skip


@styled
def side_by_side(scores: Mapping[str, SampleScores], floor: SampleScores) -> Picture:
    """Returns the scores of several generators, with those of real images as lines.

    Scores from 0 to 1 are bars. Distances are dots, since a logarithmic axis has no zero for a bar.

    Args:
        scores: name of a generator to what its samples scored.
        floor: what other real images scored against the same ones.

    Raises:
        ValueError: there is no generator, or more than there are looks.
    """
    check_few(scores, len(LOOKS), "generators")
    figure = new_figure(5.4)
    panels = axes_grid(figure, 2, len(PANELS) // 2)
    for axes, (label, field, log) in zip(panels, PANELS, strict=True):
        values = {name: getattr(score, field) for name, score in scores.items()}
        _panel(axes, label, values, getattr(floor, field), log=log)
    panels[0].annotate(
        "real images", (0, floor.frechet), xycoords=("axes fraction", "data"), xytext=(3, 3),
        textcoords="offset points", fontsize=9,
    )  # fmt: skip
    best = min(scores, key=lambda name: scores[name].frechet)
    figure.suptitle(f"Nearest to the real images: {best}")
    parts = [
        f"{name}: distance {s.frechet:.1f}, precision {s.precision:.2f}, recall {s.recall:.2f}, "
        f"coverage {s.coverage:.2f}"
        for name, s in scores.items()
    ]
    return Picture(
        figure,
        "Four panels with a dashed line for real images: dots of the Fréchet distance, and bars of "
        f"precision, recall and coverage. {'; '.join(parts)}.",
    )


def _panel(axes: Axes, label: str, values: Mapping[str, float], floor: float, *, log: bool) -> None:
    """Draws one score of each generator: dots on a logarithmic axis, or bars from 0 to 1."""
    for place, (value, look) in enumerate(zip(values.values(), LOOKS, strict=False)):
        color, hatch, marker = look
        if log:
            axes.plot(place, value, marker, color=COLORS[color], markersize=9)
        else:
            axes.bar(
                place, value, 0.75, hatch=hatch,
                facecolor=COLORS[color] + "66", edgecolor=COLORS[color],
            )  # fmt: skip
    axes.axhline(floor, color=INK, linewidth=1.2, linestyle="--")
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set(xlim=(-0.6, len(values) - 0.4), ylim=(floor / 1.5, 1.5 * max(values.values())))
    else:
        axes.set_ylim(0, 1)
    axes.set_title("lower is better" if log else "higher is better", fontsize=10)
    axes.set(xlabel="model", ylabel=f"{label} (logarithmic)" if log else label)
    form = "{}\n{:.1f}" if log else "{}\n{:.2f}"
    axes.set_xticks(range(len(values)), [form.format(*item) for item in values.items()])
    axes.grid(axis="x", visible=False)
