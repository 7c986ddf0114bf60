"""Named tensors and what belongs to them in one file: safetensors with a checksum, no pickle.

Reading such a file runs no code. Its SHA-256 is over the names, types, shapes and bytes of the
tensors and all text, so a file with one wrong bit is refused and never gives other numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from .files import DataError, write_file

#: Where a file's text has its checksum.
CHECKSUM = "sha256"
#: Where a file's text has how tensors lie in memory, but for the usual order.
STRIDES = "strides"
#: The most bytes of the part of a file that says what the rest is, as safetensors has it.
LARGEST_HEADER = 100_000_000

#: What a damaged file may raise on the way from its bytes to tensors and text.
DAMAGE = (
    SafetensorError, KeyError, ValueError, RuntimeError, TypeError, AttributeError, OverflowError,
    AssertionError, ImportError,
)  # fmt: skip


class Kept(NamedTuple):
    """What a file holds."""

    tensors: dict[str, Tensor]
    text: dict[str, str]
    checked: bool  # False: the file is of an edition that wrote no checksum


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], text: Mapping[str, str]) -> Path:
    """Writes tensors with some text, all of it or nothing, and returns the path.

    The tensors come back with their types and shapes, in the order in which their numbers lie in
    memory, and on the CPU.

    Raises:
        ValueError: a tensor holds no numbers, or is of a kind that no file takes, or a name is one
            of the file's own.
        DataError: the file can't be written; one that was there before stays whole.
    """
    for name, value in tensors.items():
        if value.is_meta or value.layout != torch.strided:
            why = 'lies on "meta" and has no numbers' if value.is_meta else f"is {value.layout}"
            raise ValueError(f"{name} {why}, so it can't be kept in a file.")
    if taken := {"__metadata__"} & tensors.keys() | {CHECKSUM, STRIDES} & text.keys():
        raise ValueError(f"{taken.pop()} is a name of the file's own: take another.")
    strides = {name: _strides(value) for name, value in tensors.items()}
    kept = {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    text = {**text, STRIDES: json.dumps({k: v for k, v in strides.items() if v is not None})}
    try:
        content = save(kept, metadata={**text, CHECKSUM: _sha256(kept, text)})
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise ValueError(f"These tensors are of a kind that no file takes: {error}.") from error
    return write_file(path, content)


def load_tensors(
    path: str | Path, *, what: str, how: str, unchecked: frozenset[str] = frozenset()
) -> Kept:
    """Returns what `save_tensors` wrote.

    Args:
        path: the file; "~" is the reader's home.
        what: what the file should hold, for the message.
        how: the call that writes such a file, for the message.
        unchecked: the keys of the text in files of an edition that wrote no checksum; they are
            read too.

    Raises:
        DataError: there is no such file, or it is damaged, or holds something else.
    """
    content = _read(path, what, how)
    try:
        return _parsed(content, unchecked)
    except DAMAGE as error:
        raise damaged_file(path, what, how) from error


def damaged_file(path: str | Path, what: str, how: str) -> DataError:
    """Returns the error that says that a file holds no `what`, which `how` writes."""
    return DataError(f"{path} is damaged or holds no {what}: save it again with {how}.")


def _read(path: str | Path, what: str, how: str) -> bytes:
    try:
        found = Path(path).expanduser()
        if found.exists() and not found.is_file():
            raise damaged_file(path, what, how)
        with found.open("rb") as file:
            start = file.read(9)
            size = int.from_bytes(start[:8], "little")
            # Nothing else than such a file is read to its end: it may be larger than the memory.
            if len(start) < 9 or start[8:] != b"{" or size > LARGEST_HEADER:
                raise damaged_file(path, what, how)
            return start + file.read()
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}: write one with {how}.") from error
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise DataError(f"{path} can't be read ({reason}): write one with {how}.") from error


def _parsed(content: bytes, unchecked: frozenset[str]) -> Kept:
    """Returns what a file's bytes hold; raises one of `DAMAGE` where they are not as written."""
    tensors = load(content)
    size = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + size])["__metadata__"]
    checksum = text.pop(CHECKSUM, None)
    if checksum is None and text.keys() != unchecked:
        raise ValueError("there is no checksum")
    if checksum is not None and checksum != _sha256(tensors, text):
        raise ValueError("the checksum is another")
    strides = json.loads(text.pop(STRIDES, "{}"))
    # Copies, as torch begins a tensor's memory where its operations are fastest.
    laid_out = {name: _laid_out(value, strides.get(name)) for name, value in tensors.items()}
    return Kept(laid_out, text, checksum is not None)


def _sha256(tensors: Mapping[str, Tensor], text: Mapping[str, str]) -> str:
    """Returns the checksum of tensors, contiguous and on the CPU, and text, in 64 digits."""
    found = hashlib.sha256(json.dumps(sorted(text.items())).encode())
    for name, value in sorted(tensors.items()):
        found.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _strides(value: Tensor) -> list[int] | None:
    """Returns how a tensor lies in memory, where that is not the usual order of its numbers."""
    strides = list(value.stride())
    usual = torch.empty(value.shape, device="meta").stride()
    return strides if tuple(strides) != usual and _is_dense(value.shape, strides) else None


def _is_dense(shape: torch.Size, strides: list[int]) -> bool:
    """Whether each number has one place in memory, and no place between them is left out."""
    room = 1
    for stride, size in sorted((s, n) for n, s in zip(shape, strides, strict=True) if n != 1):
        if stride != room:
            return False
        room *= size
    return room > 0


def _laid_out(value: Tensor, strides: Any) -> Tensor:
    """Returns a copy that lies in memory as the strides say, or in the usual order."""
    if strides is None:
        return value.clone(memory_format=torch.contiguous_format)
    if not _is_dense(value.shape, strides) or min(strides) < 0:
        raise ValueError("these strides are no order of the tensor's numbers")
    return torch.empty_strided(value.shape, strides, dtype=value.dtype, device="cpu").copy_(value)
