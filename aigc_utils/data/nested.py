"""Nested values as JSON and named tensors: what a file without pickle can keep.

The state of a model, an optimizer or a whole run is dictionaries, lists and tuples of tensors,
numbers and words. They come back as they were: tuples as tuples, whole keys as whole numbers, and
every number bit for bit.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_PACKAGE = __name__.partition(".")[0]


def encode_nested(value: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """Returns a value as JSON can have it, and adds its tensors, under names, to `tensors`.

    Args:
        value: None, a number, a word, a tensor, a torch type, a dataclass of the course, or a
            dictionary, list or tuple of these.
        tensors: gets what JSON does not have.
        name: of the value, for the tensors' names and the message.

    Raises:
        ValueError: something in it is of another kind.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return encode_nested(value.item(), tensors, name)
    if isinstance(value, Tensor):
        place = name if name not in tensors else f"{name} {len(tensors)}"
        tensors[place] = value
        return {"tensor": place}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encode_nested(each, tensors, f"{name}/{i}") for i, each in enumerate(value)]}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
        return {"dataclass": [course_name(type(value)), encode_nested(parts, tensors, name)]}
    if isinstance(value, Mapping):
        items = ((k, encode_nested(v, tensors, f"{name}/{k}")) for k, v in value.items())
        return {"dict": [[encode_nested(k, tensors, name), v] for k, v in items]}
    raise ValueError(f"{name} is a {type(value).__name__}, which can't be kept in a file.")


def decode_nested(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Returns the value that `encode_nested` was given.

    Raises:
        ValueError: it is nothing that `encode_nested` returns.
        KeyError: a tensor is missing.
    """
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return tensors[inside]
    if kind == "dtype" and isinstance(getattr(torch, inside), torch.dtype):
        return getattr(torch, inside)
    if kind in ("tuple", "list"):
        return (tuple if kind == "tuple" else list)(decode_nested(each, tensors) for each in inside)
    if kind == "dict":
        return {decode_nested(k, tensors): decode_nested(v, tensors) for k, v in inside}
    if kind == "dataclass" and is_dataclass(found := course_class(inside[0])):
        return found(**decode_nested(inside[1], tensors))
    raise ValueError(f"{kind!r} is nothing that a file of the course has.")


def course_name(kind: type) -> str:
    """Returns the shortest name under which the course offers a class of its own.

    Raises:
        ValueError: it is none of the course's.
    """
    rooms = kind.__module__.split(".")
    for count in range(2, len(rooms) + 1) if rooms[0] == _PACKAGE else ():
        room = ".".join(rooms[:count])
        if getattr(importlib.import_module(room), kind.__qualname__, None) is kind:
            return f"{room}.{kind.__qualname__}"
    raise ValueError(f"{kind.__qualname__} is no class of the course.")


def course_class(name: str) -> type:
    """Returns the course's class that `course_name` gave this name; no other code is imported.

    Raises:
        ValueError: the course has no such class.
    """
    found = None
    if re.fullmatch(rf"{_PACKAGE}(\.[a-z]\w*)+\.[A-Z]\w*", name, re.ASCII):
        room, _, last = name.rpartition(".")
        try:
            found = getattr(importlib.import_module(room), last, None)
        except ImportError:
            found = None
    if not isinstance(found, type) or found.__module__.partition(".")[0] != _PACKAGE:
        raise ValueError(f"The course has no class {name}.")
    return found
