"""What holds of chapter 4's tokenizers, batches, attention, sampling and models for any input."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import pytest
import tokenizers as library
import torch
import transformers
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.data import split_text
from aigc_utils.gpt import (
    GPT,
    GREEDY,
    BPETokenizer,
    Cache,
    CharTokenizer,
    GPTConfig,
    Sampling,
    attend,
    attention_weights,
    bigram_nats,
    cached_features,
    choose,
    consecutive_batches,
    from_gpt2,
    from_llama,
    generate,
    keep_nucleus,
    keep_top_k,
    learn_merges,
    mean_nats,
    probabilities,
    rotary_angles,
    rotate,
    stream,
    token_batches,
    unigram_nats,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
# Few different letters, so that pairs come back.
repetitive = st.text("ab c'é春\n", min_size=40, max_size=120)
seeds = st.integers(0, 2**31)
few = settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=rng(seed))


def trained(text: str, most: int = 30) -> BPETokenizer:
    """Returns a tokenizer with as many merges as the text is good for."""
    size = 256
    while size < 256 + most:
        try:
            learn_merges(text, size + 1)
        except ValueError:
            break
        size += 1
    return BPETokenizer.train(text, size)


# --- tokenizers ---------------------------------------------------------------------------------


@given(text=texts, learned=repetitive)
def test_any_text_comes_back(text: str, learned: str) -> None:
    for tokenizer in (BPETokenizer(), trained(learned, 8), CharTokenizer(text)):
        ids = tokenizer.encode(text)
        assert all(0 <= i < tokenizer.vocab_size for i in ids)
        assert tokenizer.decode(ids) == text
        assert tokenizer.decode(torch.tensor(ids, dtype=torch.int64)) == text


@given(learned=repetitive, text=repetitive)
def test_bpe_has_the_librarys_ids(learned: str, text: str) -> None:
    ours = trained(learned)
    named = dict(zip(range(256), _names(), strict=True))
    names = ["".join(named[byte] for byte in token) for token in ours.tokens]
    merges = [tuple("".join(named[b] for b in part) for part in pair) for pair in ours.merges]
    vocabulary = {name: i for i, name in enumerate(names)}
    theirs = library.Tokenizer(library.models.BPE(vocab=vocabulary, merges=merges))
    theirs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert ours.encode(text) == theirs.encode(text).ids


def _names() -> list[str]:
    """Returns the printable character that GPT-2 writes for each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    return [chr(byte if byte in shown else next(hidden)) for byte in range(256)]


@given(text=texts, wrong=st.integers(-1000, 1000))
def test_ids_outside_are_refused(text: str, wrong: int) -> None:
    tokenizer = CharTokenizer(text)
    assume(not 0 <= wrong < tokenizer.vocab_size)
    with pytest.raises(ValueError, match=r"none\.$"):
        tokenizer.decode([wrong])


@given(text=st.text(max_size=20), share=st.floats())
def test_a_split_text_is_the_text_or_refused(text: str, share: float) -> None:
    try:
        first, rest = split_text(text, share)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017
        assert not 0 < share < 1 or int(len(text) * share) in (0, len(text))
    else:
        assert first + rest == text
        assert first
        assert rest


# --- batches ------------------------------------------------------------------------------------


@given(size=st.integers(2, 80), context=st.integers(1, 12), batch_size=st.integers(1, 7))
def test_each_target_stands_once_in_consecutive_batches(
    size: int, context: int, batch_size: int
) -> None:
    assume(size > context)
    ids = torch.arange(size)
    pairs = list(consecutive_batches(ids, context, batch_size))
    assert torch.cat([targets.flatten() for _, targets in pairs]).tolist() == list(range(1, size))
    assert all(torch.equal(inputs + 1, targets) for inputs, targets in pairs)


@given(
    size=st.integers(2, 80), context=st.integers(1, 12), batch_size=st.integers(1, 7), seed=seeds
)
def test_an_epoch_has_each_row_once(size: int, context: int, batch_size: int, seed: int) -> None:
    assume(size > context)
    drawn = token_batches(torch.arange(size), context, batch_size, rng(seed))
    rows = torch.cat([inputs for inputs, _ in islice(drawn, 90)])
    starts, epoch = rows[:, 0].tolist(), []
    for start in starts:  # rows of one epoch stand a whole number of contexts apart
        if start in epoch or (start - starts[0]) % context:
            break
        epoch.append(start)
    assert sorted(epoch) == list(range(starts[0] % context, size - context, context))


# --- baselines ----------------------------------------------------------------------------------


@given(seed=seeds, vocab_size=st.integers(1, 12), size=st.integers(2, 40))
def test_baselines_are_the_surprise_of_distributions(seed: int, vocab_size: int, size: int) -> None:
    train = torch.randint(vocab_size, (size,), generator=rng(seed))
    for measure in (unigram_nats, bigram_nats):
        for before in range(vocab_size):
            chances = [
                math.exp(-measure(train, torch.tensor([before, token]), vocab_size))
                for token in range(vocab_size)
            ]
            assert sum(chances) == pytest.approx(1)


# --- attention ----------------------------------------------------------------------------------


@given(
    seed=seeds, batch=st.integers(1, 3), queries=st.integers(1, 6), keys=st.integers(1, 6),
    head_dim=st.integers(1, 9), scale=st.floats(0.01, 30), hidden=st.floats(0, 1),
)  # fmt: skip
def test_attention_is_pytorchs_for_any_mask(
    seed: int, batch: int, queries: int, keys: int, head_dim: int, scale: float, hidden: float
) -> None:
    q, k = scale * normal(seed, batch, queries, head_dim), normal(seed + 1, batch, keys, head_dim)
    v = normal(seed + 2, batch, keys, head_dim)
    mask = torch.rand(batch, queries, keys, generator=rng(seed)) >= hidden
    q.requires_grad_()
    ours = attend(q, k, v, mask)
    theirs = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    sums = attention_weights(q, k, mask).sum(-1)
    torch.testing.assert_close(sums, mask.any(-1).float())
    ours.sum().backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()


@given(seed=seeds, half=st.integers(1, 8), context=st.integers(1, 20), base=st.floats(1, 1e6))
def test_rotation_keeps_lengths(seed: int, half: int, context: int, base: float) -> None:
    x = normal(seed, 2, context, 2 * half)
    turned = rotate(x, rotary_angles(context, 2 * half, base))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


# --- sampling -----------------------------------------------------------------------------------

samplings = st.builds(
    Sampling,
    temperature=st.one_of(st.just(0.0), st.floats(0, 1e300), st.floats(0.1, 3)),
    top_k=st.none() | st.integers(1, 40),
    top_p=st.none() | st.floats(0, 1, exclude_min=True),
    repetition_penalty=st.floats(0.1, 10),
)


@given(sampling=samplings, seed=seeds, size=st.integers(1, 30), scale=st.floats(0, 1e4))
def test_probabilities_are_probabilities(
    sampling: Sampling, seed: int, size: int, scale: float
) -> None:
    logits = scale * normal(seed, 3, size)
    seen = torch.randint(size, (3, 2), generator=rng(seed))
    shares = probabilities(logits, sampling, seen)
    assert (shares >= 0).all()
    torch.testing.assert_close(shares.sum(-1), torch.ones(3))
    if sampling.top_k is not None:
        assert ((shares > 0).sum(-1) <= sampling.top_k).all()
    token = choose(logits, sampling, rng(seed), seen)
    assert (shares.gather(-1, token) > 0).all()


@given(seed=seeds, size=st.integers(1, 20), k=st.integers(1, 25), levels=st.integers(1, 20))
def test_top_k_keeps_k_also_of_equals(seed: int, size: int, k: int, levels: int) -> None:
    logits = torch.randint(levels, (4, size), generator=rng(seed)).float()
    kept = keep_top_k(logits, k)
    inside = kept.isfinite()
    assert (inside.sum(-1) == min(k, size)).all()
    assert torch.equal(kept[inside], logits[inside])
    lowest = kept.masked_fill(~inside, math.inf).amin(-1, keepdim=True)
    assert (logits.masked_fill(inside, -math.inf) <= lowest).all()


@given(seed=seeds, size=st.integers(1, 20), p=st.floats(0.001, 1), scale=st.floats(0, 10))
def test_the_nucleus_is_enough_and_minimal(seed: int, size: int, p: float, scale: float) -> None:
    logits = (scale * normal(seed, 4, size)).double()
    kept = keep_nucleus(logits, p).isfinite()
    shares = logits.softmax(-1)
    inside = shares.masked_fill(~kept, 0).sum(-1)
    smallest = shares.masked_fill(~kept, math.inf).amin(-1)
    assert (inside >= p - 1e-5).all()
    assert (inside - smallest < p + 1e-5).all()
    assert (shares.masked_fill(kept, 0).amax(-1) <= smallest).all()


@given(seed=seeds, size=st.integers(1, 20), exponent=st.floats(-300, -4))
def test_a_temperature_near_zero_is_greedy(seed: int, size: int, exponent: float) -> None:
    logits = torch.randperm(size, generator=rng(seed))[None].float()
    cold = probabilities(logits, Sampling(10**exponent))
    assert torch.equal(cold, probabilities(logits, GREEDY))


# --- models -------------------------------------------------------------------------------------


@st.composite
def configs(draw: st.DrawFn, context: int = 8) -> GPTConfig:
    heads, kv_heads = draw(st.sampled_from([(1, 1), (2, 1), (4, 2), (2, 2)]))
    return GPTConfig(
        vocab_size=draw(st.integers(2, 9)),
        context=context,
        num_layers=draw(st.integers(1, 2)),
        num_heads=heads,
        width=8,
        kv_heads=kv_heads,
        positions=draw(st.sampled_from(["rotary", "learned"])),
        norm=draw(st.sampled_from(["rms", "layer"])),
        mlp=draw(st.sampled_from(["squared_relu", "gelu", "gated"])),
        qk_norm=draw(st.booleans()),
        bias=draw(st.booleans()),
        tied=draw(st.booleans()),
        zero_init=False,
        ngrams=draw(st.sampled_from([(), (11,), (7, 13)])),
        ngram_dropout=draw(st.sampled_from([0.0, 0.5])),
    )


def model_of(config: GPTConfig, seed: int) -> GPT:
    """Returns a model with weights so large that every part of it has a say."""
    torch.manual_seed(seed)
    model = GPT(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return model


@given(config=configs(), seed=seeds, data=st.data(), training=st.booleans())
def test_each_row_is_written_as_if_alone(
    config: GPTConfig, seed: int, data: st.DataObject, training: bool
) -> None:
    model = model_of(config, seed).train(training)
    token = st.integers(0, config.vocab_size - 1)
    prompts = data.draw(st.lists(st.lists(token, min_size=1, max_size=12), min_size=1, max_size=3))
    stop = data.draw(st.sets(token, max_size=1))
    how = Sampling(0, repetition_penalty=data.draw(st.sampled_from([1.0, 1.5])))
    together = generate(model, prompts, 14, how, stop=stop)
    for prompt, text in zip(prompts, together, strict=True):
        assert generate(model, [prompt], 14, how, stop=stop) == [text]
        assert list(stream(model, prompt, 14, how, stop=stop)) == text
    assert model.training == training


@given(config=configs(context=12), seed=seeds, cuts=st.lists(st.integers(1, 4), max_size=6))
def test_the_cache_changes_nothing(config: GPTConfig, seed: int, cuts: list[int]) -> None:
    model = model_of(config, seed)
    tokens = torch.randint(config.vocab_size, (2, 12), generator=rng(seed))
    cache, sizes = Cache(config, 2, 12), cuts
    while sum(sizes) >= 12:
        sizes = sizes[:-1]
    sizes = [*sizes, 12 - sum(sizes)]
    with torch.no_grad():
        parts = [cached_features(model, part, cache) for part in tokens.split(sizes, dim=1)]
        torch.testing.assert_close(
            torch.cat(parts, 1), model.features(tokens), atol=1e-4, rtol=1e-4
        )


@given(config=configs(), seed=seeds, size=st.integers(9, 40), batch_size=st.integers(1, 5))
def test_mean_nats_does_not_depend_on_the_batches(
    config: GPTConfig, seed: int, size: int, batch_size: int
) -> None:
    model = model_of(config, seed)
    ids = torch.randint(config.vocab_size, (size,), generator=rng(seed))
    nats = mean_nats(model, ids, batch_size=batch_size)
    assert nats == pytest.approx(mean_nats(model, ids), rel=1e-4)


# --- converters ---------------------------------------------------------------------------------


def assert_same_logits(ours: GPT, theirs: Any, seed: int) -> None:
    tokens = torch.randint(ours.config.vocab_size, (2, 12), generator=rng(seed))
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, atol=1e-4, rtol=0)


def randomized(model: Any) -> Any:
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.1)
    return model.eval()


@few
@given(
    seed=seeds, heads=st.sampled_from([(1, 1), (2, 1), (4, 2), (4, 4)]), layers=st.integers(1, 2),
    half=st.integers(1, 4), hidden=st.integers(1, 40), tied=st.booleans(),
    theta=st.floats(10, 1e6), eps=st.floats(1e-6, 0.1),
)  # fmt: skip
def test_any_small_llama_has_its_logits(
    seed: int, heads: tuple[int, int], layers: int, half: int, hidden: int, tied: bool,
    theta: float, eps: float,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=23, hidden_size=2 * half * heads[0], intermediate_size=hidden,
        num_hidden_layers=layers, num_attention_heads=heads[0], num_key_value_heads=heads[1],
        max_position_embeddings=16, rms_norm_eps=eps, tie_word_embeddings=tied,
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    theirs = randomized(transformers.LlamaForCausalLM(config))
    assert_same_logits(from_llama(theirs), theirs, seed)


@few
@given(
    seed=seeds, heads=st.integers(1, 4), layers=st.integers(1, 2), head_dim=st.integers(1, 6),
    hidden=st.none() | st.integers(1, 40), tied=st.booleans(), eps=st.floats(1e-6, 0.1),
)  # fmt: skip
def test_any_small_gpt2_has_its_logits(
    seed: int, heads: int, layers: int, head_dim: int, hidden: int | None, tied: bool, eps: float
) -> None:
    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        vocab_size=23, n_positions=16, n_embd=heads * head_dim, n_layer=layers, n_head=heads,
        n_inner=hidden, layer_norm_epsilon=eps, tie_word_embeddings=tied,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    theirs = randomized(transformers.GPT2LMHeadModel(config))
    assert_same_logits(from_gpt2(theirs), theirs, seed)
