"""Chapter 4's generation: the cache, what each way of choosing keeps, batches, and streaming."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from test_gpt import VOCAB, kinds, new_model, normal, some_tokens
from torch import Tensor

from aigc_utils.gpt import (
    GPT,
    GREEDY,
    Cache,
    Memory,
    Sampling,
    cached_features,
    causal_mask,
    decode,
    decoding,
    generate,
    sampling,
    stream,
    words,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def logits_by_parts(model: GPT, parts: Sequence[Tensor], cache: Cache) -> Tensor:
    """Returns the logits of all parts of a text, read one after the other."""
    return torch.cat([model.head(cached_features(model, part, cache)) for part in parts], dim=1)


def watch_reading(monkeypatch: pytest.MonkeyPatch, note: Callable[[Tensor], None]) -> None:
    """Hands the new tokens of each reading with a cache to `note` as well."""

    def noting(model: GPT, tokens: Tensor, cache: Cache) -> Tensor:
        note(tokens)
        return cached_features(model, tokens, cache)

    monkeypatch.setattr(decoding, "cached_features", noting)


# --- the cache ------------------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("chunks", [(12,), (1,) * 12, (5, 1, 4, 2), (1, 11), (11, 1)])
def test_cached_logits_equal_uncached_ones(kind: str, chunks: tuple[int, ...]) -> None:
    model, tokens = new_model(kind), some_tokens(2, 12)
    cache = Cache(model.config, batch_size=2, size=12)
    logits = logits_by_parts(model, tokens.split(chunks, dim=1), cache)
    assert cache.length == 12
    torch.testing.assert_close(logits, model(tokens))


@kinds
@pytest.mark.parametrize("chunks", [(9,), (6, 1, 1, 1), (2, 4, 3)])
def test_padded_rows_have_the_logits_of_rows_alone(kind: str, chunks: tuple[int, ...]) -> None:
    model, tokens, gaps = new_model(kind), some_tokens(3, 9), (0, 3, 5)
    cache = Cache(model.config, 3, 9, padding=torch.tensor(gaps))
    logits = logits_by_parts(model, tokens.split(chunks, dim=1), cache)
    assert logits.isfinite().all()
    for row, gap in enumerate(gaps):
        alone = model(tokens[row : row + 1, gap:])[0]
        torch.testing.assert_close(logits[row, gap:], alone)


def test_mask_hides_padding_and_leaves_every_token_something_to_see() -> None:
    model = new_model("course")
    cache = Cache(model.config, 2, 6, padding=torch.tensor([0, 2]))
    mask = cache.mask(4)
    assert mask is not None
    assert mask.shape == (2, 1, 4, 4)
    assert mask.any(-1).all()
    assert torch.equal(mask[0, 0], causal_mask(4))
    assert mask[1, 0, 2:].int().tolist() == [[0, 0, 1, 0], [0, 0, 1, 1]]
    cached_features(model, some_tokens(2, 4), cache)
    mask = cache.mask(1)
    assert mask is not None
    assert mask[:, 0, 0].int().tolist() == [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]]
    whole = Cache(model.config, 2, 6)
    assert whole.mask(4) is None
    cached_features(model, some_tokens(2, 3), whole)
    assert whole.mask(1) is None
    chunk = whole.mask(2)
    assert chunk is not None
    assert torch.equal(chunk[0, 0], causal_mask(2, 5))


def test_cache_stores_as_few_heads_as_the_model_has() -> None:
    cache = Cache(new_model("smollm2").config, 3, 10)
    assert len(cache.memories) == 2
    assert cache.memories[0].keys.shape == cache.memories[1].values.shape == (3, 2, 10, 8)


def test_cache_refuses_more_than_it_has_room_for() -> None:
    model = new_model("course")
    with pytest.raises(ValueError, match=r"^The model's context is 24 tokens, so not 25\.$"):
        Cache(model.config, 1, 25)
    cache = Cache(model.config, 1, 6)
    cached_features(model, some_tokens(1, 5), cache)
    with pytest.raises(ValueError, match=r"^There is room for 6 tokens, not 7: [^.]+\.$"):
        cached_features(model, some_tokens(1, 2), cache)
    assert cache.length == 5


def test_a_full_memory_loses_nothing_silently() -> None:
    memory, token = Memory((1, 2, 3, 4), torch.empty(0)), torch.ones(1, 2, 1, 4)
    memory.append(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4))
    with pytest.raises(ValueError, match=r"^There is room for 3 tokens, not 4: "):
        memory.append(token, token)
    assert memory.length == 3


# --- choosing the next token ----------------------------------------------------------------


def nucleus(shares: list[float], p: float) -> set[int]:
    """Returns the nucleus by its definition: tries all sets, smallest first."""
    for size in range(1, len(shares) + 1):
        sets = itertools.combinations(range(len(shares)), size)
        likeliest = max(sets, key=lambda members: sum(shares[i] for i in members))
        if sum(shares[i] for i in likeliest) >= p:
            return set(likeliest)
    return set(range(len(shares)))


@pytest.mark.parametrize("p", [0.01, 0.3, 0.62, 0.9, 0.99])
def test_top_p_keeps_exactly_the_nucleus(p: float) -> None:
    logits = 2 * normal(20, 8)
    kept = sampling.keep_nucleus(logits, p)
    for row in range(20):
        shares = logits[row].double().softmax(-1).tolist()
        assert set(kept[row].isfinite().nonzero()[:, 0].tolist()) == nucleus(shares, p)
        inside = kept[row].isfinite()
        assert torch.equal(kept[row][inside], logits[row][inside])


def test_top_p_stops_at_the_token_that_reaches_p() -> None:
    logits = torch.tensor([[0.125, 0.5, 0.125, 0.25]]).log()
    for p, size in ((0.4, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (0.99, 4), (1.0, 4)):
        assert int(sampling.keep_nucleus(logits, p).isfinite().sum()) == size


def test_top_p_of_one_keeps_everything_however_unlikely() -> None:
    logits = torch.linspace(0, -60, 1000)[None]
    assert sampling.keep_nucleus(logits, 1.0).isfinite().all()


@pytest.mark.parametrize("k", [1, 3, 8, 100])
def test_top_k_keeps_the_k_highest(k: int) -> None:
    logits = normal(20, 8)
    kept = sampling.keep_top_k(logits, k)
    for row in range(20):
        highest = sorted(range(8), key=lambda i: -float(logits[row, i]))[:k]
        assert set(kept[row].isfinite().nonzero()[:, 0].tolist()) == set(highest)
    assert torch.equal(kept[kept.isfinite()], logits[kept.isfinite()])


def test_top_k_keeps_k_of_equals() -> None:
    assert int(sampling.keep_top_k(torch.zeros(1, 9), 4).isfinite().sum()) == 4


def test_temperature_divides_the_logits() -> None:
    logits = normal(4, 8)
    for temperature in (0.5, 1.0, 3.0):
        shares = sampling.probabilities(logits, Sampling(temperature))
        torch.testing.assert_close(shares, (logits / temperature).softmax(-1))
    coldest = sampling.probabilities(logits, Sampling(1e-3))
    torch.testing.assert_close(coldest, sampling.probabilities(logits, GREEDY))
    assert torch.equal(coldest.argmax(-1), logits.argmax(-1))


def test_top_k_comes_before_top_p_and_both_after_temperature() -> None:
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    shares = sampling.probabilities(logits, Sampling(1.0, top_k=2, top_p=0.55))
    # Of the two likeliest, 0.4 and 0.3, the first has 0.57 of their sum: more than p.
    torch.testing.assert_close(shares, torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    warm = sampling.probabilities(logits, Sampling(100.0, top_p=0.45))
    assert int((warm > 0).sum()) == 2  # nearly even, so one alone has a quarter


def test_repetition_penalty_makes_what_was_seen_less_likely() -> None:
    logits = torch.tensor([[2.0, 1.0, -1.0, -2.0], [2.0, 1.0, -1.0, -2.0]])
    seen = torch.tensor([[0, 2, 0], [1, 1, 1]])
    penalized = sampling.penalize_repetition(logits, seen, 2.0)
    assert penalized.tolist() == [[1.0, 1.0, -2.0, -2.0], [2.0, 0.5, -1.0, -2.0]]
    greedy = Sampling(0, repetition_penalty=3.0)
    assert sampling.choose(logits, greedy, seen=seen).tolist() == [[1], [0]]
    assert sampling.choose(logits, GREEDY, seen=seen).tolist() == [[0], [0]]


def test_choose_draws_with_the_probabilities() -> None:
    how = Sampling(0.7, top_k=5, top_p=0.9)
    logits = normal(1, 8)
    drawn = sampling.choose(logits.expand(20_000, 8), how, seeded())
    shares = torch.bincount(drawn[:, 0], minlength=8) / len(drawn)
    expected = sampling.probabilities(logits, how)[0]
    torch.testing.assert_close(shares, expected, atol=0.015, rtol=0)
    assert (shares[expected == 0] == 0).all()


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0, "),
        ({"repetition_penalty": 0.0}, "repetition_penalty above 0"),
        ({"top_k": 0}, "top_k must be a whole number of at least 1, not 0"),
        ({"top_k": 2.5}, "top_k must be a whole number of at least 1, not 2.5"),
        ({"top_k": True}, "top_k must be a whole number"),
        ({"top_p": math.nan}, "top_p must be above 0 and at most 1, not nan"),
        ({"temperature": math.nan}, "temperature must be at least 0, "),
        ({"temperature": math.inf}, "both finite"),
        ({"repetition_penalty": math.nan}, "repetition_penalty above 0"),
        ({"repetition_penalty": math.inf}, "both finite"),
        ({"top_p": 0.0}, "top_p must be above 0 and at most 1, not 0.0"),
        ({"top_p": 1.1}, "top_p must be above 0 and at most 1, not 1.1"),
    ],
)
def test_sampling_refuses_values_out_of_range(wrong: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as error:
        Sampling(**wrong)
    assert str(error.value).endswith(".")


# --- texts ----------------------------------------------------------------------------------


def slow_greedy(model: GPT, prompt: list[int], num_tokens: int) -> list[int]:
    """Returns what greedy decoding adds, read anew from the start for every token."""
    tokens = list(prompt)
    for _ in range(num_tokens):
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


@kinds
def test_greedy_text_is_that_of_the_uncached_model(kind: str) -> None:
    model, prompt = new_model(kind), some_tokens(5).tolist()
    text = generate(model, [prompt], 19)
    assert text == [slow_greedy(model, prompt, 19)]
    assert len(set(text[0])) > 1


@kinds
def test_batched_text_equals_single_text(kind: str) -> None:
    model = new_model(kind)
    prompts = [some_tokens(n, seed=n).tolist() for n in (6, 1, 4, 6)]
    for how in (GREEDY, Sampling(0, repetition_penalty=1.5)):
        together = generate(model, prompts, 15, how)
        assert together == [generate(model, [prompt], 15, how)[0] for prompt in prompts]


@kinds
def test_the_same_seed_gives_the_same_text(kind: str) -> None:
    model, prompts = new_model(kind), [[1, 2, 3], [4]]
    sampling = Sampling(1.5, top_k=20, top_p=0.95)
    first = generate(model, prompts, 18, sampling, seeded(1))
    assert generate(model, prompts, 18, sampling, seeded(1)) == first
    assert generate(model, prompts, 18, sampling, seeded(2)) != first
    assert generate(model, prompts, 18, Sampling(1.5, top_k=1), seeded(3)) == generate(
        model, prompts, 18
    )


@kinds
def test_rows_stop_each_at_its_own_stop_token(kind: str) -> None:
    model, prompts = new_model(kind), [[1, 2], [3], [5, 6, 7]]
    sampling = Sampling(2.0)
    whole = generate(model, prompts, 20, sampling, seeded())
    stop = {whole[0][4], whole[1][7]}
    cut = generate(model, prompts, 20, sampling, seeded(), stop)
    for text, full in zip(cut, whole, strict=True):
        ends = [i for i, token in enumerate(full) if token in stop]
        assert text == full[: ends[0] if ends else 20]
    assert len(cut[0]) < 5


def test_generation_ends_when_all_rows_have_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    model, prompt = new_model("course"), [1, 2, 3]
    first = generate(model, [prompt], 1)[0]
    calls = []
    watch_reading(monkeypatch, lambda new: calls.append(1))
    assert generate(model, [prompt], 20, stop=first) == [[]]
    assert len(calls) == 1


@kinds
def test_each_token_is_read_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = new_model(kind), []
    watch_reading(monkeypatch, lambda new: sizes.append(new.size(1)))
    generate(model, [[1, 2, 3, 4]], 6)
    assert sizes == [4, 1, 1, 1, 1, 1]


def slow_beyond(model: GPT, prompt: list[int], num_tokens: int, penalty: float = 1) -> list[int]:
    """Returns what greedy decoding adds to one prompt, the newest half anew where all is full."""
    text, context = list(prompt), model.config.context
    start = max(0, len(text) - context)
    for _ in range(num_tokens):
        if len(text) - start > context:
            start = len(text) - context // 2
        logits = model(torch.tensor([text[start:]]))[:, -1]
        how = Sampling(0, repetition_penalty=penalty)
        text.append(int(sampling.choose(logits, how, seen=torch.tensor([text]))))
    return text[len(prompt) :]


@kinds
@pytest.mark.parametrize("lengths", [(20, 18, 5), (1, 5), (30, 24, 23, 2), (40, 39, 40)])
@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_text_goes_on_beyond_the_context_as_if_alone(
    kind: str, lengths: tuple[int, ...], penalty: float
) -> None:
    model = new_model(kind)
    prompts = [some_tokens(length, seed=length).tolist() for length in lengths]
    added = generate(model, prompts, 60, Sampling(0, repetition_penalty=penalty))
    assert added == [slow_beyond(model, prompt, 60, penalty) for prompt in prompts]


def test_a_longer_neighbour_changes_nothing() -> None:
    model = new_model("course", context=8)
    alone = generate(model, [[1]], 12)
    assert generate(model, [[1], [2] * 5], 12)[:1] == alone
    stop = set(alone[0][7:8])
    assert generate(model, [[1], [2] * 5], 12, stop=stop)[:1] == generate(
        model, [[1]], 12, stop=stop
    )


def test_rows_are_read_together_as_long_as_all_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    model, shapes = new_model("course"), []
    watch_reading(monkeypatch, lambda new: shapes.append(new.shape))
    generate(model, [[1] * 20, [2] * 18], 12)
    sizes = [tuple(shape) for shape in shapes]
    # Of 24 the first row is full after 4 more, the second after 6; both are read anew each time.
    assert sizes == [
        *((2, 20), (2, 1), (2, 1), (2, 1), (2, 1)),
        *((2, 23), (2, 1)),
        *((2, 14), *((2, 1),) * 4),
    ]


def test_each_token_is_chosen_knowing_the_text_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[list[int]]] = []
    choose = sampling.choose

    def watched(logits: Tensor, sampling: Sampling, random: Any, history: Tensor) -> Tensor:
        seen.append(history.tolist())
        return choose(logits, sampling, random, history)

    monkeypatch.setattr(decoding, "choose", watched)
    first, second = generate(new_model("course"), [[5, 6, 7], [8]], 30)
    for step, rows in enumerate(seen):
        assert rows == [[5, 6, 7, *first[:step]], [8, 8, 8, *second[:step]]]
    assert len(seen) == 30


def test_prompts_beyond_the_context_are_read_from_their_end() -> None:
    model, prompt = new_model("course"), some_tokens(40).tolist()
    assert generate(model, [prompt], 5) == generate(model, [prompt[-24:]], 5)


def test_generation_leaves_the_model_trainable() -> None:
    model = new_model("course").train()
    generate(model, [[1, 2]], 3)
    model.loss(some_tokens(2, 5), some_tokens(2, 5, seed=1)).backward()
    assert model.training


def test_greedy_text_of_a_model_in_training_is_that_in_use() -> None:
    model = new_model("ngrams", ngram_dropout=0.5)
    text = generate(model, [[1, 2, 3]], 30)
    model.train()
    state = torch.get_rng_state()
    for _ in range(3):
        assert generate(model, [[1, 2, 3]], 30) == text
        assert list(stream(model, [1, 2, 3], 30)) == text[0]
    steps = decode(model, torch.tensor([[1, 2, 3]]), 30)
    assert int(next(steps)) == text[0][0]
    assert model.training, "between two tokens it may be trained"
    assert model.embedding.ngrams.training
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "prompts",
    [
        [torch.tensor([5, 6, 7]), torch.tensor([8])],
        [[5, 6, 7], (8,)],
        [np.array([5, 6, 7]), [np.int64(8)]],
        [[torch.tensor(5), torch.tensor(6), 7], range(8, 9)],
    ],
    ids=["tensors", "tuples", "arrays", "numbers"],
)
def test_prompts_of_any_kind(prompts: Any) -> None:
    model = new_model("course")
    expected = generate(model, [[5, 6, 7], [8]], 6)
    assert generate(model, prompts, 6) == expected
    assert [list(stream(model, prompt, 6)) for prompt in prompts] == expected
    assert generate(model, torch.tensor([[5, 6, 7]]), 6) == expected[:1]
    assert generate(model, [[5, 6, 7]], 6, stop=torch.tensor([30])) == generate(
        model, [[5, 6, 7]], 6, stop=[30]
    )


WRONG_IDS = ([VOCAB], [1, -1], [1.5], [True], ["a"], "abc", 5, torch.tensor([1.0]), [[1]], {1: 2})


@pytest.mark.parametrize("wrong", WRONG_IDS, ids=str)
def test_ids_outside_the_vocabulary_are_refused_at_the_call(wrong: Any) -> None:
    model = new_model("course")
    for ask in (
        lambda: generate(model, [wrong], 3),
        lambda: generate(model, [[1], wrong], 3),
        lambda: stream(model, wrong, 3),
        lambda: generate(model, [[1]], 3, stop=wrong),
        lambda: stream(model, [1], 3, stop=wrong),
    ):
        with pytest.raises(ValueError, match=r"^Ids (are|stand) .*none\.$") as error:
            ask()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("stop", ["", "end", 5])
def test_a_stop_that_is_no_list_is_refused(stop: Any) -> None:
    with pytest.raises(ValueError, match=r"^Ids stand in a list"):
        generate(new_model("course"), [[1]], 3, stop=stop)


@pytest.mark.parametrize("number", [-1, 1.5, "3", True])
def test_a_number_of_tokens_that_is_none_is_refused_at_the_call(number: Any) -> None:
    model = new_model("course")
    for ask in (generate, stream, decode):
        given = torch.tensor([[1]]) if ask is decode else [1] if ask is stream else [[1]]
        with pytest.raises(ValueError, match=r"^num_tokens must be a whole number of at least 0"):
            ask(model, given, number)
    assert generate(model, [[1]], 0) == [[]]


@pytest.mark.parametrize(
    "tokens",
    [
        torch.tensor([1]),
        torch.zeros(1, 0, dtype=torch.int64),
        torch.tensor([[1.0]]),
        torch.tensor([[VOCAB]]),
        torch.tensor([[-1]]),
        [[1]],
    ],
    ids=str,
)
def test_decode_refuses_other_tokens_at_the_call(tokens: Any) -> None:
    with pytest.raises(ValueError, match=r"^tokens must "):
        decode(new_model("course"), tokens, 3)


@pytest.mark.parametrize("padding", [[2, 0], [-1, 0], [0], [0.0, 1.0], [[0, 0]]])
def test_padding_that_does_not_fit_is_refused(padding: Any) -> None:
    model, tokens = new_model("course"), torch.tensor([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"^padding must be 2 int64 numbers from 0 to 1, "):
        decode(model, tokens, 3, padding=torch.tensor(padding))
    with pytest.raises(ValueError, match=r"^padding must be 2 int64 numbers from 0 to 1, "):
        Cache(model.config, 2, 2, padding=torch.tensor(padding))


def test_a_cache_refuses_sizes_rows_and_models_that_do_not_fit() -> None:
    model = new_model("course")
    for batch_size, size in ((0, 4), (1, 0), (-1, 4), (1, 2.0)):
        with pytest.raises(ValueError, match=r"^(batch_size|size) must be a whole number of at "):
            Cache(model.config, batch_size, size)
    cache = Cache(model.config, 2, 8)
    for wrong in (some_tokens(1, 3), some_tokens(3, 3), some_tokens(2, 3)[0], some_tokens(2, 0)):
        with pytest.raises(ValueError, match=r"^A cache of 2 rows reads tokens of shape \(2, T\)"):
            cached_features(model, wrong, cache)
    other = new_model("course", qk_norm=False)
    with pytest.raises(ValueError, match=r"^The cache is another model's"):
        cached_features(other, some_tokens(2, 3), cache)
    assert cache.length == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_logits_without_a_highest_number_are_refused(bad: float, dtype: torch.dtype) -> None:
    logits = normal(2, 5).to(dtype)
    if bad == -math.inf:
        logits[1] = bad
    else:
        logits[1, 3] = bad
    for how in (GREEDY, Sampling(), Sampling(0, repetition_penalty=2.0), Sampling(top_k=2)):
        for ask in (
            lambda how=how: sampling.probabilities(logits, how, torch.zeros(2, 1).long()),
            lambda how=how: sampling.choose(logits, how, seeded(), torch.zeros(2, 1).long()),
        ):
            with pytest.raises(ValueError, match=r"^Each row of logits needs a finite highest"):
                ask()
    logits[1] = torch.tensor([-math.inf, 0, -math.inf, -math.inf, -math.inf])
    assert int(sampling.choose(logits, GREEDY)[1]) == 1
    assert sampling.probabilities(logits, Sampling())[1].tolist() == [0, 1, 0, 0, 0]


@pytest.mark.parametrize("temperature", [1e-3, 1e-10, 1e-40, 1e-60, 5e-324])
def test_a_temperature_near_zero_is_nearly_greedy(temperature: float) -> None:
    logits = torch.tensor([[3.0, 5.0, 4.5, -1e30], [-5.0, -3.0, -7.0, -math.inf]])
    shares = sampling.probabilities(logits, Sampling(temperature))
    assert torch.equal(shares, sampling.probabilities(logits, GREEDY))
    equal = sampling.probabilities(torch.tensor([[2.0, 2.0, 1.0]]), Sampling(temperature))
    assert equal.tolist() == [[0.5, 0.5, 0.0]]


def test_functions_of_sampling_refuse_what_sampling_refuses() -> None:
    logits = normal(2, 8)
    for k in (0, -1, 1.5):
        with pytest.raises(ValueError, match=r"^k must be a whole number of at least 1"):
            sampling.keep_top_k(logits, k)
    for p in (0, -0.5, 1.01, math.nan):
        with pytest.raises(ValueError, match=r"^p must be above 0 and at most 1"):
            sampling.keep_nucleus(logits, p)
    seen = torch.tensor([[1], [2]])
    for penalty in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=r"^penalty must be a finite number above 0"):
            sampling.penalize_repetition(logits, seen, penalty)
    for wrong in (torch.tensor([[8], [0]]), torch.tensor([[-1], [0]]), seen[0], seen[:1]):
        with pytest.raises(ValueError, match=r"^seen must "):
            sampling.penalize_repetition(logits, wrong, 2.0)
    assert torch.equal(sampling.penalize_repetition(logits, seen[:, :0], 2.0), logits)


@pytest.mark.parametrize("prompts", [[], [[]], [[1], []]])
def test_generate_refuses_empty_prompts(prompts: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"^Each prompt needs at least one token, [^.]+\.$"):
        generate(new_model("course"), prompts, 3)
    with pytest.raises(ValueError, match=r"^The prompt needs at least one token, [^.]+\.$"):
        stream(new_model("course"), [], 3)


# --- streaming ------------------------------------------------------------------------------


@kinds
def test_stream_gives_the_tokens_of_generate(kind: str) -> None:
    model, sampling = new_model(kind), Sampling(1.5, top_p=0.9)
    text = generate(model, [[1, 2, 3]], 18, sampling, seeded())[0]
    assert list(stream(model, [1, 2, 3], 18, sampling, seeded())) == text
    stop = {text[9]}
    expected = text[: text.index(text[9])]
    assert list(stream(model, [1, 2, 3], 18, sampling, seeded(), stop)) == expected


def test_stream_chooses_no_token_before_it_is_asked_for() -> None:
    model, random = new_model("course"), seeded()
    before = random.get_state()
    tokens = stream(model, [1], 10, Sampling(), random)
    assert torch.equal(random.get_state(), before)
    next(tokens)
    once = random.get_state()
    assert not torch.equal(once, before)
    next(tokens)
    assert not torch.equal(random.get_state(), once)


def by_bytes(tokens: list[int]) -> str:
    return bytes(tokens).decode(errors="replace")


def by_character(tokens: list[int]) -> str:
    return "".join(map(chr, tokens))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("To be, or not", ["To", " be,", " or", " not"]),
        (" a  b\n\nc ", [" a", "  b", "\n\nc", " "]),
        ("床前明月光。", ["床", "前", "明", "月", "光", "。"]),
        ("naïve café 😀 é", ["naïve", " café", " 😀", " é"]),
        ("", []),
        ("word", ["word"]),
    ],
)
@pytest.mark.parametrize("text_of", [by_bytes, by_character])
def test_words_come_whole(
    text: str, pieces: list[str], text_of: Callable[[list[int]], str]
) -> None:
    tokens = list(text.encode()) if text_of is by_bytes else list(map(ord, text))
    assert list(words(tokens, text_of)) == pieces


def test_words_come_as_soon_as_the_next_begins() -> None:
    tokens = iter(b"To be or")
    pieces = words(tokens, by_bytes)
    assert next(pieces) == "To"
    assert next(tokens) == ord("b")  # no more than the space was asked for
    assert next(words(iter(b" be or"), by_bytes)) == " be"


def test_words_keep_a_character_that_never_becomes_whole() -> None:
    cut = list("ab é".encode())[:-1]
    assert "".join(words(cut, by_bytes)) == "ab \ufffd"


def test_vocabulary_of_the_small_models_is_used() -> None:
    text = generate(new_model("course"), [[0]], 200, Sampling(5.0), seeded())[0]
    assert min(text) >= 0
    assert max(text) < VOCAB
    assert len(set(text)) > VOCAB // 2
