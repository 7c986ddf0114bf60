"""Figures of chapter 5: the generative models beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .picture import COLORS, INK, Picture, axes_grid, new_figure, styled

if TYPE_CHECKING:
    from ..evaluation import SampleScores

#: What each panel shows: its label, the field, whether the axis is logarithmic.
PANELS = (
    ("Fréchet distance", "frechet", True),
    ("precision", "precision", False),
    ("recall", "recall", False),
    ("coverage", "coverage", False),
)
#: Colour, hatch and marker of each generator, so that they differ without colour too.
LOOKS = (
    ("orange", "////", "o"), ("green", "xx", "s"),
    ("purple", "....", "D"), ("blue", "\\\\\\\\", "^"),
)  # fmt: skip


@styled
def side_by_side(scores: Mapping[str, SampleScores], floor: SampleScores) -> Picture:
    """Returns the scores of several generators, with those of real images as lines.

    Scores from 0 to 1 are bars. Distances are dots, since a logarithmic axis has no zero for a bar.

    Args:
        scores: name of a generator to what its samples scored.
        floor: what other real images scored against the same ones.
    """
    figure = new_figure(2.7)
    panels = axes_grid(figure, 1, len(PANELS))
    for axes, (label, field, log) in zip(panels, PANELS, strict=True):
        for place, (score, look) in enumerate(zip(scores.values(), LOOKS, strict=False)):
            value, (color, hatch, marker) = getattr(score, field), look
            if log:
                axes.plot(place, value, marker, color=COLORS[color], markersize=9)
            else:
                axes.bar(
                    place, value, 0.75, hatch=hatch,
                    facecolor=COLORS[color] + "66", edgecolor=COLORS[color],
                )  # fmt: skip
        axes.axhline(getattr(floor, field), color=INK, linewidth=1.2, linestyle="--")
        if log:
            axes.set_yscale("log")
            axes.set_xlim(-0.6, len(scores) - 0.4)
            axes.yaxis.set_major_formatter("{x:g}")
            worst = max(getattr(score, field) for score in scores.values())
            axes.set_ylim(getattr(floor, field) / 1.5, 1.5 * worst)
        else:
            axes.set_ylim(0, 1)
        axes.set_title("lower is better" if log else "higher is better", fontsize=10)
        axes.set(xlabel="model", ylabel=f"{label} (logarithmic)" if log else label)
        form = "{}\n{:.1f}" if log else "{}\n{:.2f}"
        names = [form.format(name, getattr(score, field)) for name, score in scores.items()]
        axes.set_xticks(range(len(scores)), names)
        axes.grid(axis="x", visible=False)
    panels[0].annotate(
        "real images", (0, floor.frechet), xycoords=("axes fraction", "data"), xytext=(3, 3),
        textcoords="offset points", fontsize=9,
    )  # fmt: skip
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
