"""One token through a finished model: NumPy's result is PyTorch's, and only where it may be."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from test_decoding import slow_greedy, watch_reading
from test_gpt import kinds, new_model, normal, some_tokens
from torch import nn

from aigc_utils.gpt import (
    GPT,
    Attention,
    Cache,
    Sampling,
    cached_features,
    decoding,
    generate,
    numpy_decoding,
    sampling,
)
from aigc_utils.gpt.numpy_decoding import numpy_threads, store_for_decoding


@pytest.fixture(autouse=True)
def openblas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any NumPy has the right results, though it may not be the faster one."""
    monkeypatch.setattr(numpy_decoding, "NUMPY_HAS_THREADS", True)


def finished(kind: str, **changes: Any) -> GPT:
    return new_model(kind, **changes).requires_grad_(False)


@kinds
@pytest.mark.parametrize("stored", [False, True])
def test_one_token_has_the_models_logits(kind: str, stored: bool) -> None:
    model, tokens = finished(kind), some_tokens(1, 24)
    expected = model(tokens)[0]
    if stored:
        store_for_decoding([layer for layer in model.modules() if isinstance(layer, nn.Linear)])
    ours, theirs = Cache(model.config, 1, 24), Cache(model.config, 1, 24)
    read_one = numpy_decoding.numpy_decoder(model, ours)
    assert read_one is not None
    cached_features(model, tokens[:, :9], ours)
    cached_features(model, tokens, theirs)
    for place in range(9, 24):
        logits = read_one(tokens[:, place : place + 1])
        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits[0], expected[place])
    assert ours.length == 24
    for our, their in zip(ours.memories, theirs.memories, strict=True):
        torch.testing.assert_close((our.keys, our.values), (their.keys, their.values))
    with pytest.raises(ValueError, match=r"^There is room for 24 tokens, not 25: "):
        read_one(tokens[:, :1])


@pytest.mark.parametrize("kind", ["gpt2", "smollm2"])
def test_large_activations_stay_finite(kind: str) -> None:
    mlp = finished(kind).blocks[0].mlp
    mlp.expand.weight.mul_(1e3)
    x = 10 * normal(32)
    with np.errstate(all="raise", under="ignore"):
        ours = numpy_decoding._mlp(mlp)(x.numpy())
    torch.testing.assert_close(torch.from_numpy(ours), mlp(x), rtol=1e-4, atol=1e-2)


def test_large_scores_stay_finite() -> None:
    model, x = finished("gpt2"), normal(32)
    cache, layer = Cache(model.config, 1, 2), model.blocks[0].attention
    layer.qkv.weight.mul_(1e2)
    with np.errstate(all="raise", under="ignore"):
        ours = numpy_decoding._attention(layer, cache.memories[0])(x.numpy(), None)
    torch.testing.assert_close(
        torch.from_numpy(ours), layer(x[None, None])[0, 0], rtol=1e-4, atol=1e-4
    )


@kinds
def test_generation_reads_the_prompt_by_the_model_and_then_one_by_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, prompt, sizes = finished(kind), some_tokens(5).tolist(), []
    expected = slow_greedy(model, prompt, 19)
    watch_reading(monkeypatch, lambda new: sizes.append(new.size(1)))
    assert generate(model, [prompt], 19) == [expected]
    assert sizes == [5]
    # Beyond the context of 24 tokens, the newest 12 are read anew.
    text = generate(model, [prompt], 40)[0]
    assert text == generate(new_model(kind), [prompt], 40)[0]
    assert sizes[1:3] == [5, 12]
    sampling = Sampling(1.5, top_k=20, repetition_penalty=1.2)
    drawn, same = (
        generate(each, [prompt], 18, sampling, torch.Generator().manual_seed(1))
        for each in (model, new_model(kind))
    )
    assert drawn == same


def test_pytorch_does_everything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    model = finished("course")
    cache = Cache(model.config, 1, 24)
    assert numpy_decoding.numpy_decoder(model, cache)
    assert not numpy_decoding.numpy_decoder(model, Cache(model.config, 2, 24))
    assert not numpy_decoding.numpy_decoder(
        model, Cache(model.config, 1, 24, padding=torch.tensor([2]))
    )
    for change in (
        lambda model: model.double(),
        lambda model: model.to("meta"),
        lambda model: model.train(),
        lambda model: model.head.requires_grad_(True),
    ):
        changed = copy.deepcopy(model)
        change(changed)
        assert not numpy_decoding.numpy_decoder(changed, cache)
    monkeypatch.setattr(numpy_decoding, "NUMPY_HAS_THREADS", False)
    assert not numpy_decoding.numpy_decoder(model, cache)


def test_a_students_own_module_is_used() -> None:
    class Blind(Attention):
        def forward(self, *inputs: Any) -> torch.Tensor:
            return 0 * super().forward(*inputs)

    model = finished("course")
    seeing = generate(model, [[1, 2]], 12)
    for block in model.blocks:
        block.attention.__class__ = Blind
    blind = generate(model, [[1, 2]], 12)
    assert blind == [slow_greedy(model, [1, 2], 12)]
    assert blind != seeing


def test_matrices_are_stored_along_their_longer_side_in_one_array() -> None:
    layers = [
        nn.Linear(columns, rows).requires_grad_(False)
        for rows, columns in [(24, 8), (8, 24), (8, 8)]
    ]
    before = copy.deepcopy([layer.state_dict() for layer in layers])
    store_for_decoding(layers)
    torch.testing.assert_close([layer.state_dict() for layer in layers], before, rtol=0, atol=0)
    tall, wide, square = (layer.weight for layer in layers)
    assert tall.T.is_contiguous()
    assert wide.is_contiguous()
    assert square.is_contiguous()
    assert not tall.requires_grad
    starts = [weight.data_ptr() for weight in (tall, wide, square)]
    assert [start - starts[0] for start in starts] == [0, 24 * 8 * 4, 2 * 24 * 8 * 4]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    for wanted in (True, False):
        with numpy_threads(wanted):
            assert torch.get_num_threads() == (1 if wanted else before)
        assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="wrong"), numpy_threads(True):
        raise ValueError("wrong")
    assert torch.get_num_threads() == before
    seen = []
    choose = sampling.choose
    monkeypatch.setattr(
        decoding, "choose", lambda *a: (seen.append(torch.get_num_threads()), choose(*a))[1]
    )
    for _ in decoding.stream(finished("course"), [1, 2], 3):
        assert torch.get_num_threads() == before
    assert seen == [before, 1, 1]


def test_openblas_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "show_config", lambda mode: None)
    assert not numpy_decoding.numpy_has_threads()
    monkeypatch.setattr(
        np, "show_config",
        lambda mode: {"Build Dependencies": {"blas": {"name": "scipy-openblas"}}},
    )  # fmt: skip
    assert numpy_decoding.numpy_has_threads()
