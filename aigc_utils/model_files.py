"""The course's models in files: the weights, and the arguments that make the network again.

A model's class has a property `configuration`: its constructor's arguments, by name. The file names
the class, so `load_model` needs nothing but the file; it makes no class but the course's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .data import (
    DAMAGE,
    Kept,
    course_class,
    course_name,
    damaged_file,
    decode_nested,
    encode_nested,
    load_tensors,
    save_tensors,
)

Model = TypeVar("Model", bound=nn.Module)

#: What the text of the first edition's files had: one class, and its two sizes.
FIRST_EDITION = frozenset(("network", "latent_dim", "width"))


def save_model(model: nn.Module, path: str | Path) -> Path:
    """Writes a model of the course as safetensors, all of it or nothing, and returns its path.

    The file has the weights, which of them are frozen, and what the network's sizes are.

    Raises:
        ValueError: the model is none of the course's, its layers are no longer those that its
            configuration says, or it lies on "meta" and has no weights.
        DataError: the file can't be written; one that was there before stays whole.
    """
    kind = type(model)
    try:
        name = course_name(kind)
        configuration: Any = model.configuration
    except (ValueError, AttributeError) as error:
        raise ValueError(
            f"save_model keeps the course's own models, and {kind.__name__} is none: keep another "
            "with training.save_run(path, model=model)."
        ) from error
    weights = _weights(model)
    if _shapes(weights) != _shapes(_weights(_new(kind, configuration, "meta"))):
        raise ValueError(
            f"This {kind.__name__} has other layers than its configuration says: keep it with "
            "training.save_run(path, model=model)."
        )
    frozen = [each for each, p in model.named_parameters() if not p.requires_grad]
    text = {
        "network": name,
        "configuration": json.dumps(encode_nested(configuration, {}, "configuration")),
        "frozen": json.dumps(frozen),
    }
    return save_tensors(path, weights, text)


def load_model(
    path: str | Path,
    kind: type[Model] = nn.Module,  # type: ignore[assignment]
    *,
    how: str = "save_model(model, path)",
) -> Model:
    """Returns a model that `save_model` wrote: on the CPU, in evaluation mode, bit for bit.

    No random number is drawn.

    Args:
        path: the file.
        kind: the class that the model should have; any of the course's by default.
        how: the call that writes such a file, for the message.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
    """
    what = "model" if kind is nn.Module else kind.__name__.lower()
    kept = load_tensors(path, what=f"{what} of this course", how=how, unchecked=FIRST_EDITION)
    try:
        model = _loaded(kept)
    except DAMAGE as error:
        raise damaged_file(path, f"{what} of this course", how) from error
    if not isinstance(model, kind):
        raise damaged_file(path, f"{what} of this course", how)
    return model.eval()


class NoInit(TorchFunctionMode):
    """Inside a `with`, leaves out `torch.nn.init`: for weights that come from elsewhere anyway.

    One call of it on "meta" would import 4 s worth of modules.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Returns the tensor as it is where `torch.nn.init` would fill it."""
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _loaded(kept: Kept) -> nn.Module:
    """Returns the model that a file describes; raises ValueError where its parts don't fit."""
    text = kept.text
    kind = course_class(text["network"])
    if kept.checked:
        configuration = decode_nested(json.loads(text["configuration"]), {})
    else:  # the first edition kept nothing but the GAN's generator
        configuration = {name: int(text[name]) for name in ("latent_dim", "width")}
    if not issubclass(kind, nn.Module) or not hasattr(kind, "configuration"):
        raise ValueError(f"{kind.__name__} is no model that is kept in files")
    # Laid out without memory first: a wrong size may be a huge one.
    if _shapes(kept.tensors) != _shapes(_weights(_new(kind, configuration, "meta"))):
        raise ValueError("these are other weights than the network's")
    model = _new(kind, configuration, "cpu")
    for name, place in _weights(model).items():
        new = kept.tensors[name]
        # As `model.half()` does it: the parameter stays the same, and so does what is tied to it.
        place.data = new if kept.checked else torch.empty_like(place).copy_(new)
    parameters = dict(model.named_parameters())
    for name in json.loads(text.get("frozen", "[]")):
        parameters[name].requires_grad_(False)
    return model


def _new(kind: type[nn.Module], configuration: Mapping[str, Any], place: str) -> nn.Module:
    """Returns a new network whose weights are yet to come; no random number is drawn."""
    with torch.random.fork_rng(devices=[]), torch.device(place), NoInit():
        return kind(**configuration)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    """Returns a model's weights and running statistics; a tied one under its first name alone."""
    found: dict[int, tuple[str, Tensor]] = {}
    for name, value in model.state_dict(keep_vars=True).items():
        found.setdefault(id(value), (name, value))
    return dict(found.values())


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, bool]]:
    return {name: (each.shape, each.is_floating_point()) for name, each in weights.items()}
