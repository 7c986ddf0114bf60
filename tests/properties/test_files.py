"""Files of tensors: any small state comes back equal, and any damage is told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from aigc_utils.data import DataError, decode_nested, encode_nested, load_tensors, save_tensors

TYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
    torch.uint8, torch.bool,
)  # fmt: skip


@st.composite
def tensors(draw: Any) -> Tensor:
    """Returns a tensor of any bits, any type and up to four axes, which lie in any order."""
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    dtype = draw(st.sampled_from(TYPES))
    order = draw(st.permutations(range(len(shape))))
    count = int(np.prod(shape, dtype=int)) * dtype.itemsize
    low = 1 if dtype == torch.bool else 255
    numbers = draw(st.lists(st.integers(0, low), min_size=count, max_size=count))
    raw = torch.tensor(numbers, dtype=torch.uint8)
    flat = raw.view(dtype) if count else torch.empty(0, dtype=dtype)
    return flat.view([shape[i] for i in order]).permute([order.index(i) for i in range(len(shape))])


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from(TYPES),
)  # fmt: skip
STATES = st.recursive(
    st.one_of(SCALARS, tensors()),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3),
        st.lists(inside, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.integers(), st.text(max_size=3)), inside, max_size=3),
    ),
    max_leaves=6,
)


def same(a: Any, b: Any) -> bool:
    """Whether two states are equal in types, order and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        bits = [x.contiguous().reshape(-1).view(torch.uint8) for x in (a, b)]
        return (a.dtype, a.shape, a.stride()) == (b.dtype, b.shape, b.stride()) and torch.equal(
            *bits
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return repr(a) == repr(b)


def write(path: Path, state: Any) -> Path:
    found: dict[str, Tensor] = {}
    text = json.dumps(encode_nested(state, found, "state"))
    return save_tensors(path, found, {"state": text})


def read(path: Path) -> Any:
    kept = load_tensors(path, what="state", how="write")
    return decode_nested(json.loads(kept.text["state"]), kept.tensors)


@given(STATES)
def test_any_state_comes_back_equal(state: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert same(read(write(Path(folder) / "state", state)), state)


@given(STATES, st.data())
def test_any_damage_is_told(state: Any, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "state", state)
        content = path.read_bytes()
        place = data.draw(st.integers(0, len(content) - 1))
        damage = data.draw(st.sampled_from(["flip", "cut", "drop", "add", "swap"]))
        wrong = bytearray(content)
        if damage == "flip":
            wrong[place] ^= 1 << data.draw(st.integers(0, 7))
        elif damage == "cut":
            del wrong[place:]
        elif damage == "drop":
            del wrong[place]
        elif damage == "add":
            wrong.insert(place, data.draw(st.integers(0, 255)))
        else:
            wrong[place], wrong[-1] = wrong[-1], wrong[place]
        path.write_bytes(wrong)
        try:
            found = read(path)
        except DataError as error:
            said = str(error)
        else:
            said = ""
            assert wrong == content or same(found, state)
        assert said in ("", f"{path} is damaged or holds no state: save it again with write.")
