"""Chapter 1: a picture of one's own digit, and what a network says of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..data import ImageSteps
from .picture import COLORS, Picture, axes_grid, new_figure, show_image, styled


@styled
def own_digit(steps: ImageSteps, probabilities: Tensor) -> Picture:
    """Returns a picture on its way into MNIST's form, and what a network says of it.

    Args:
        steps: as `data.image_steps` gives them.
        probabilities: shape (10,), the network's, for the digits 0 to 9.

    Raises:
        ValueError: these are no probabilities that add up to 1.
    """
    if probabilities.ndim != 1 or not _is_distribution(probabilities):
        raise ValueError(
            "own_digit expects the probabilities of one image: use logits.softmax(1)[0]."
        )
    figure = new_figure(2.5)
    *panels, bars = axes_grid(figure, 1, 4)
    photo, ink, digit = steps.photo, steps.ink, steps.digit[0, 0]
    scales: list[tuple[str, Tensor, dict[str, Any]]] = [
        (f"the photo\n{_size(photo)} pixels", photo, {"cmap": "gray", "vmin": 0, "vmax": 1}),
        (f"its ink\n{100 * (ink > 0).double().mean():.0f} % of the pixels", ink, {}),
        (f"as in MNIST\n{_size(digit)} pixels", digit, {}),
    ]
    for axes, (title, image, scale) in zip(panels, scales, strict=True):
        show_image(axes, image, **scale)
        axes.set_title(title, fontsize=10)
    classes, best = range(len(probabilities)), int(probabilities.argmax())
    bars.barh(classes, probabilities.tolist(), color=COLORS["orange"])
    bars.set(yticks=classes, xlim=(0, 1), xlabel="probability", ylabel="digit")
    sure = f"{probabilities[best]:.2f}"
    figure.suptitle(f"Read as {best}, with probability {sure}")
    light = [100 * float(corner) for corner in _corners(photo)]
    inked = digit[digit.amax(1) > 0][:, digit.amax(0) > 0]
    return Picture(
        figure,
        f"A photo of a digit, with corners of {min(light):.0f} to {max(light):.0f} percent of "
        f"white; its ink alone, on even ground; the same ink in {_size(digit)} pixels, where it "
        f"fills {_size(inked)}; and a bar for each digit, the longest that of {best}, with "
        f"probability {sure}.",
    )


def _size(image: Tensor) -> str:
    return f"{image.size(0)} × {image.size(1)}"


def _corners(image: Tensor) -> list[Tensor]:
    """Returns the mean brightness of the four corners, each an eighth of the picture's sides."""
    rows, columns = (max(1, size // 8) for size in image.shape)
    sides = [image[:rows], image[-rows:]]
    return [part.mean() for side in sides for part in (side[:, :columns], side[:, -columns:])]


def _is_distribution(values: Tensor) -> bool:
    return bool((values >= 0).all()) and abs(float(values.sum()) - 1) < 1e-3
