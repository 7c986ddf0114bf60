"""Where tensors lie and models compute: the processor, or a graphics card where there is one.

Recipes, the judge and the measures compute on `device()`, and hand back what they make to where
the tensors lie that they were given. What is drawn is drawn where its generator lies, which is the
CPU for all of the course's recipes: a seed means the same weights, order and noise on every
device, though sums there round otherwise. Two things are drawn by the device's own generator,
which `training.seed_everything` seeds too: what dropout hides, and the noise of the article's VAE.

A card works through a queue. Whoever reads a number from it waits until the queue is empty, so no
step reads one: checks that look at values in a step are left out there, as the recipes have looked
at all the data before. PyTorch's default device (`torch.set_default_device`) changes nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn

Arguments = ParamSpec("Arguments")
Model = TypeVar("Model", bound=nn.Module)


def device(prefer: str | torch.device | None = None) -> torch.device:
    """Returns the device to compute on: CUDA, else Apple's MPS, else the CPU.

    Args:
        prefer: a device, also by name, such as "cpu". Without it, AIGC_DEVICE in the environment
            may name one.

    Raises:
        ValueError: torch knows no device of that name, or this machine has none.
    """
    named = prefer or os.environ.get("AIGC_DEVICE")
    return _named_device(str(named)) if named else card() or torch.device("cpu")


def card() -> torch.device | None:
    """Returns this machine's graphics card, whatever AIGC_DEVICE says, or None."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps") if torch.backends.mps.is_available() else None


def _named_device(name: str) -> torch.device:
    try:
        found = torch.device(name)
    except (RuntimeError, TypeError):
        found = None
    known = {
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if found is None or (found.index or 0) >= known.get(found.type, math.inf):
        raise ValueError(
            f'There is no device {name!r} here: name one that this machine has, such as "cpu", '
            "in the call or in AIGC_DEVICE."
        )
    return found


def exact(place: torch.device) -> torch.device:
    """Returns a device, or the CPU in place of MPS, which has no float64."""
    return torch.device("cpu") if place.type == "mps" else place


def device_name(place: torch.device) -> str:
    """Returns what a reader calls a device: "the CPU", or the card's name."""
    if place.type == "cuda":
        return torch.cuda.get_device_name(place)
    return {"cpu": "the CPU", "mps": "Apple's GPU (MPS)"}.get(place.type, str(place))


def place_of(model: object, otherwise: torch.device) -> torch.device:
    """Returns where a model's weights lie; `otherwise` for what has none."""
    weights = model.parameters() if isinstance(model, nn.Module) else iter(())
    return next((weight.device for weight in weights), otherwise)


def build(
    place: torch.device,
    make: Callable[Arguments, Model],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Model:
    """Returns a new model on a device, with weights that were drawn on the CPU."""
    with torch.device("cpu"):
        model = make(*args, **kwargs)
    return model.to(place)


def send(values: Tensor, place: torch.device) -> Tensor:
    """Returns values on a device, without a wait for what a CUDA card has still to do."""
    return values.to(place, non_blocking=place.type == "cuda")


def normal(shape: Sequence[int], rng: torch.Generator | None, place: torch.device) -> Tensor:
    """Returns standard normal numbers on a device, drawn where `rng` lies, or on the CPU."""
    source = torch.device("cpu") if rng is None else rng.device
    return send(torch.randn(shape, generator=rng, device=source), place)
