"""Tensors and nested values in files: bit for bit, as they lie in memory, or refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aigc_utils import data
from aigc_utils.data import DataError, decode_nested, encode_nested, load_tensors, save_tensors
from aigc_utils.gpt import GPTConfig

SOME = {
    "f32": torch.tensor([1.0, -0.0, math.nan, math.inf, 1e-45]),
    "f64": torch.tensor([[1e300], [5e-324]], dtype=torch.float64),
    "bf16": torch.tensor([1.5], dtype=torch.bfloat16),
    "f16": torch.tensor(2.5, dtype=torch.float16),
    "i64": torch.tensor([-(2**63), 2**63 - 1]),
    "u8": torch.arange(256, dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "none": torch.zeros(0, 3),
    "channels last": torch.arange(120.0).view(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "turned": torch.arange(6).view(2, 3).T,
    "one of each": torch.ones(2, 1, 1, 3).to(memory_format=torch.channels_last),
    "repeated": torch.ones(1, 3).expand(4, 3),
    "every other": torch.arange(8)[::2],
}


def same(a: Tensor, b: Tensor) -> bool:
    bytes_of = [x.contiguous().view(-1).view(torch.uint8) for x in (a, b)]
    return (a.dtype, a.shape) == (b.dtype, b.shape) and torch.equal(*bytes_of)


def read(path: Path) -> data.Kept:
    return load_tensors(path, what="thing", how="save")


def test_tensors_come_back_bit_for_bit(tmp_path: Path) -> None:
    kept = read(save_tensors(tmp_path / "t", SOME, {"note": "Zoë\n"}))
    assert kept.checked
    assert kept.text == {"note": "Zoë\n"}
    assert kept.tensors.keys() == SOME.keys()
    for name, value in SOME.items():
        assert same(kept.tensors[name], value), name
        if name not in ("repeated", "every other"):
            assert kept.tensors[name].stride() == value.stride(), name


def test_what_is_read_can_be_written_to(tmp_path: Path) -> None:
    path = save_tensors(tmp_path / "t", SOME, {})
    before = path.read_bytes()
    for value in read(path).tensors.values():
        value.zero_()
    assert path.read_bytes() == before


def test_no_flipped_bit_passes(tmp_path: Path) -> None:
    small = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([[1, 2], [3, 4]]).T}
    path = save_tensors(tmp_path / "t", small, {"note": "x"})
    content = path.read_bytes()
    for bit in range(8 * len(content)):
        wrong = bytearray(content)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with pytest.raises(DataError, match=r"is damaged or holds no thing: save it again with s"):
            read(path)
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(DataError, match="is damaged or holds no thing"):
            read(path)


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2, device="meta"),
        torch.ones(2, 2).to_sparse(),
        torch.ones(2, dtype=torch.complex128),
    ],
)
def test_tensors_that_no_file_takes(value: Tensor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^[^.]+(\.\w+)*[^.]*\.$"):
        save_tensors(tmp_path / "t", {"a": value}, {})
    assert not (tmp_path / "t").exists()


VALUES: list[Any] = [
    None,
    True,
    3,
    2**70,
    -0.0,
    1e-320,
    math.inf,
    "a \ud7ff \U0001f600",
    (1, (2.0, [None, ("x",)])),
    {0: {"lr": 0.1, "betas": (0.9, 0.99)}, "a/b": 1, "a": {"b": 2}, None: [], True: ()},
    {"tensor": "a", "dict": [], "dtype": "float32"},
    torch.bfloat16,
    GPTConfig(3, 4, width=8, num_heads=2, ngrams=(5, 7)),
    {"config": GPTConfig(3, 4)},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_nested_values_come_back_as_they_were(value: Any) -> None:
    tensors: dict[str, Tensor] = {}
    text = json.dumps(encode_nested(value, tensors, "value"))
    back = decode_nested(json.loads(text), tensors)
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)


def test_nested_tensors_have_names_of_their_own() -> None:
    tensors: dict[str, Tensor] = {}
    value = {"a/b": torch.tensor(1), "a": {"b": torch.tensor(2)}, "c": [torch.tensor(3)]}
    back = decode_nested(encode_nested(value, tensors, "run"), tensors)
    assert (back["a/b"], back["a"]["b"], back["c"][0]) == (1, 2, 3)
    assert len(tensors) == 3


@dataclass
class Own:
    size: int


@pytest.mark.parametrize("value", [{1, 2}, object(), b"x", 1j, Own(3), nn.ReLU(), [lambda: 0]])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^[^.]+\.$"):
        encode_nested(value, {}, "value")


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"tuple": 1, "list": 2},
        {"dtype": "Tensor"},
        {"none": 1},
        {"dataclass": ["aigc_utils.cnn.MLP", {"dict": []}]},
        {"dataclass": ["os.stat_result", {"dict": []}]},
    ],
)
def test_other_texts_are_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"unpack|nothing that|no class"):
        decode_nested(text, {})


def test_a_class_of_the_course_is_found_under_its_shortest_name() -> None:
    assert data.course_name(GPTConfig) == "aigc_utils.gpt.GPTConfig"
    assert data.course_class("aigc_utils.gpt.GPTConfig") is GPTConfig
    assert data.course_class("aigc_utils.gpt.config.GPTConfig") is GPTConfig
    with pytest.raises(ValueError, match="Own is no class of the course"):
        data.course_name(Own)
    for name in ("os.PathLike", "aigc_utils.gpt.None", "aigc_utils.data.files.Path", "GPTConfig"):
        with pytest.raises(ValueError, match="The course has no class"):
            data.course_class(name)
