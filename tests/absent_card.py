"""A graphics card that isn't there: tensors of the processor that say that they lie on "cuda:0".

Under `with AbsentCard() as card:` a tensor that is moved to "cuda" is computed with on the
processor, so its numbers are real, and its operations are allowed what CUDA allows: no second
device but for a single number of the processor or its indices, no generator of another device,
no NumPy. `card.reads` counts how often a number was read from the card, for which a real one would
have to be waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

CUDA = torch.device("cuda:0")
CPU = torch.device("cpu")
READS = {"item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero", "equal"}
MOVES = {"to", "cpu", "cuda"}
#: What looks at two tensors, or carries numbers from one to the other, wherever they lie.
ACROSS = {"copy_", "_has_compatible_shallow_copy_type"}


def lies_on_card(tensor: Tensor) -> bool:
    return bool(getattr(tensor, "_on_absent_card", False))


def tensors_of(value: Any) -> Iterator[Tensor]:
    """Yields the tensors in arguments or results, also in lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors_of(each)
    elif isinstance(value, dict):
        yield from tensors_of(list(value.values()))


def is_device(value: Any) -> bool:
    return isinstance(value, torch.device | str)


def _copy(weight: Any, memo: Any, original: Any = nn.Parameter.__deepcopy__) -> Any:
    """Copies a parameter, as its own method does, to where it lies."""
    copied = original(weight, memo)
    copied._on_absent_card = lies_on_card(weight)
    return copied


class AbsentCard(TorchFunctionMode):
    """The mode in which the card seems to be there."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self._copies = mock.patch.object(nn.Parameter, "__deepcopy__", _copy)

    def __enter__(self) -> AbsentCard:
        self._copies.start()
        super().__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._copies.stop()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = func.__name__
        attribute = name in ("__get__", "__set__")
        if attribute:
            return self._attribute(func, func.__self__.__name__, args)
        if name in MOVES and args and isinstance(args[0], Tensor):
            return self._moved(func, name, args, kwargs)
        given = [*tensors_of(args), *tensors_of(kwargs)]
        card = self._checked(name, given, args)
        if card and name == "numpy":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        self.reads += card and name in READS
        wanted = kwargs.pop("device", None)
        if wanted is not None:
            card = torch.device(wanted).type == "cuda"
            kwargs["device"] = CPU if card else wanted
        self._check_generator(kwargs.get("generator"), card)
        return self._tagged(func(*args, **kwargs), card)

    def _checked(self, name: str, given: list[Tensor], args: tuple[Any, ...]) -> bool:
        """Returns whether an operation runs on the card; raises as CUDA where devices mix."""
        card = any(lies_on_card(each) for each in given)
        strangers = [each for each in given if not lies_on_card(each) and each.dim() > 0]
        indexed = name in ("__getitem__", "__setitem__") and lies_on_card(args[0])
        if card and strangers and not indexed and name not in ACROSS:
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"cuda:0 and cpu, in {name}"
            )
        return card

    def _check_generator(self, rng: torch.Generator | None, card: bool) -> None:
        if card and rng is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")

    def _attribute(self, func: Any, name: str, args: tuple[Any, ...]) -> Any:
        tensor = args[0]
        on_card = lies_on_card(tensor)
        if func.__name__ == "__set__":
            result = func(*args)
            if name == "data":
                tensor._on_absent_card = lies_on_card(args[1])
            return result
        if name in ("device", "is_cpu", "is_cuda") and on_card:
            return {"device": CUDA, "is_cpu": False, "is_cuda": True}[name]
        return self._tagged(func(*args), on_card)

    def _moved(self, func: Any, name: str, args: tuple[Any, ...], kwargs: Any) -> Any:
        tensor, *rest = args
        was = lies_on_card(tensor)
        named = [*(each for each in rest if is_device(each)), kwargs.pop("device", None)]
        target = {"cpu": CPU, "cuda": CUDA}.get(name) or next(filter(None, named), None)
        card = was if target is None else torch.device(target).type == "cuda"
        result = tensor
        if name == "to":
            result = func(tensor, *(None if is_device(each) else each for each in rest), **kwargs)
        self.reads += was and not card
        if result is tensor and card != was:
            result = tensor.clone()
        return self._tagged(result, card)

    def _tagged(self, result: Any, card: bool) -> Any:
        for each in tensors_of(result):
            each._on_absent_card = card  # type: ignore[attr-defined]
        return result
