"""Chapter 4's encoder-decoder: who sees whom, what it is trained on, and that it learns it."""

from __future__ import annotations

import math
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.gpt import GPTConfig
from aigc_utils.gpt.seq2seq import (
    END,
    REVERSE,
    SIGNS,
    START,
    CrossAttention,
    EncoderDecoder,
    Seq2SeqRecipe,
    decode_words,
    encode_words,
    greedy_decode,
    reverse_batches,
    share_reversed,
    train_course,
)
from aigc_utils.training import Batch


def one_batch(batch_size: int = 4, length: int = 10, seed: int = 0) -> Batch:
    rng = torch.Generator().manual_seed(seed)
    return next(reverse_batches(rng, batch_size, length, length))


def new_model() -> EncoderDecoder:
    torch.manual_seed(0)
    return EncoderDecoder(REVERSE.config()).eval()


def changed(tokens: Tensor, place: int) -> Tensor:
    """Returns a copy with another letter at `place` of each row."""
    other = tokens.clone()
    other[:, place] = torch.where(other[:, place] == END + 1, END + 2, END + 1)
    return other


# --- the model ------------------------------------------------------------------------------


def test_cross_attention_equals_scaled_dot_product_attention() -> None:
    torch.manual_seed(0)
    cross = CrossAttention(GPTConfig(28, 13, 1, num_heads=4, width=32))
    x, source = torch.randn(3, 5, 32), torch.randn(3, 9, 32)
    q, k, v = (
        linear(text).unflatten(2, (4, 8)).transpose(1, 2)
        for linear, text in ((cross.query, x), (cross.key, source), (cross.value, source))
    )
    heads = F.scaled_dot_product_attention(q, k, v)  # (3, 4, 5, 8)
    expected = cross.project(heads.transpose(1, 2).reshape(3, 5, 32))
    torch.testing.assert_close(cross(x, source), expected)
    torch.testing.assert_close(cross.weights(x, source) @ v, heads)


def test_each_source_token_sees_all_others() -> None:
    model, (source, _, _) = new_model(), one_batch()
    before = model.encode(source)
    for place in (0, 9):
        moved = (model.encode(changed(source, place)) - before).abs().amax(-1)
        assert (moved > 1e-6).all()


def test_a_target_token_sees_none_after_it() -> None:
    model, (source, target, _) = new_model(), one_batch()
    before, after = model(source, target), model(source, changed(target, 6))
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert ((before - after)[:, 6:].abs().amax(-1) > 1e-6).all()


def test_each_target_token_sees_all_of_its_own_source() -> None:
    model, (source, target, _) = new_model(), one_batch()
    before = model(source, target)
    for place in (0, 9):
        assert ((model(changed(source, place), target) - before).abs().amax(-1) > 1e-6).all()
    others = torch.cat((source[:1], source[1:].flip(0)))
    torch.testing.assert_close(model(others, target)[0], before[0])


def test_cross_weights_are_those_that_the_logits_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (source, target, _) = new_model(), one_batch()
    weights = model.cross_weights(source, target)
    assert weights.shape == (4, REVERSE.num_heads, 11, 10)
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, REVERSE.num_heads, 11))
    monkeypatch.setattr("aigc_utils.gpt.cross_attention.attend", lambda q, k, v: weights @ v)
    given = model(source, target)
    monkeypatch.undo()
    torch.testing.assert_close(given, model(source, target))


def test_an_untrained_model_knows_nothing() -> None:
    # Logits that have a spread at the start cost about half their variance more than log(28).
    loss = new_model().loss(*one_batch(64)).item()
    assert loss == pytest.approx(math.log(SIGNS.vocab_size), abs=0.35)


def test_the_loss_is_the_mean_over_the_true_next_tokens() -> None:
    model, (source, target, following) = new_model(), one_batch()
    chances = model(source, target).softmax(-1).gather(2, following[:, :, None])
    torch.testing.assert_close(model.loss(source, target, following), -chances.log().mean())


# --- words ----------------------------------------------------------------------------------


def test_batches_hold_words_and_the_same_words_backwards() -> None:
    lengths = set()
    batches = reverse_batches(torch.Generator().manual_seed(0), 6, shortest=2, longest=4)
    for source, target, following in islice(batches, 40):
        lengths.add(source.size(1))
        words = [SIGNS.decode(row) for row in source]
        assert all(word.isalpha() for word in words)
        assert [SIGNS.decode(row) for row in target] == ["<" + word[::-1] for word in words]
        assert [SIGNS.decode(row) for row in following] == [word[::-1] + ">" for word in words]
    assert lengths == {2, 3, 4}


def test_all_letters_are_drawn() -> None:
    assert len(set("".join(decode_words(one_batch(200)[0])))) == 26


def test_the_generator_decides_the_words_and_their_lengths() -> None:
    def drawn(seed: int) -> list[str]:
        batches = reverse_batches(torch.Generator().manual_seed(seed), 1, 2, 20)
        return [decode_words(source)[0] for source, _, _ in islice(batches, 10)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_words_become_tokens_and_come_back() -> None:
    assert (START, END) == (0, 1)
    assert decode_words(encode_words("abcz", "word")) == ["abcz", "word"]
    after_the_end = torch.cat((encode_words("ab"), torch.tensor([[END]]), encode_words("c")), 1)
    assert decode_words(after_the_end) == ["ab"]


# --- writing --------------------------------------------------------------------------------


def uneven_model() -> EncoderDecoder:
    """Returns a model that writes something else for each word, and ends at different places."""
    model = new_model()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.5)
    return model


def test_writing_takes_the_likeliest_token_step_by_step() -> None:
    model = uneven_model()
    sources = one_batch(60)[0]
    written = greedy_decode(model, sources)
    lengths = set()
    for i in range(len(sources)):
        source, target = sources[i : i + 1], torch.tensor([[START]])
        while target[0, -1] != END and target.size(1) <= model.config.context:
            target = torch.cat((target, model(source, target)[:, -1:].argmax(-1)), 1)
        alone = target[0, 1:]
        lengths.add(len(alone))
        assert torch.equal(written[i, : len(alone)], alone)
        assert (written[i, len(alone) :] == END).all()
    assert len(lengths) > 2  # else the test has not seen a row end before another


def test_writing_stops_when_all_rows_have_ended_or_the_context_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, source = new_model(), one_batch()[0]
    for token, length in ((END, 1), (START, REVERSE.longest + 1)):
        favourite = F.one_hot(torch.tensor(token), SIGNS.vocab_size).float()
        monkeypatch.setattr(
            model, "decode", lambda target, _, only=favourite: only.expand(*target.shape, -1)
        )
        assert torch.equal(greedy_decode(model, source), torch.full((4, length), token))


def test_the_share_of_words_reversed_counts_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    written = torch.cat((encode_words("cba", "cbb", "fed", "abc"), torch.full((4, 1), END)), 1)
    monkeypatch.setattr("aigc_utils.gpt.seq2seq.greedy_decode", lambda model, source: written)
    assert share_reversed(new_model(), encode_words("abc", "abc", "def", "abc")) == 0.5


# --- training -------------------------------------------------------------------------------


def test_the_recipe_learns_to_write_backwards_and_looks_at_the_right_letter() -> None:
    model, history = train_course(REVERSE, seed=1)
    assert history.num_steps == REVERSE.num_steps
    assert not model.training
    shares, right = [], []
    for length in range(REVERSE.shortest, REVERSE.longest + 1):
        source, target, _ = one_batch(200, length, seed=7)
        right.append(share_reversed(model, source))
        weights = model.cross_weights(source, target).mean(1)[:, :-1]  # without the end's row
        shares.append(weights.flip(-1).diagonal(dim1=1, dim2=2).mean().item())
    assert sum(right) / len(right) >= 0.99
    assert sum(shares) / len(shares) >= 0.7
    assert decode_words(greedy_decode(model, encode_words("textbook"))) == ["koobtxet"]


def test_the_seed_decides_the_run() -> None:
    brief = Seq2SeqRecipe(num_steps=3, batch_size=4)
    runs = [train_course(brief, seed=seed)[1]["loss"] for seed in (0, 0, 1)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


# --- input that does not fit ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(10,), (1, 0), (1, 13), (1, 2, 3)])
def test_a_source_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    source = torch.full(shape, START)
    with pytest.raises(ValueError, match=r"The source has one row a word and 1 to 12 tokens"):
        greedy_decode(new_model(), source)


@pytest.mark.parametrize("shape", [(4,), (4, 0), (4, 14)])
def test_a_target_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"The target has one row a word and 1 to 13 tokens"):
        new_model()(one_batch()[0], torch.full(shape, START))


def test_sources_without_a_target_are_refused() -> None:
    source, target, _ = one_batch()
    for look in (new_model(), new_model().cross_weights):
        with pytest.raises(ValueError, match="Each source needs one target: 4 and 1 differ"):
            look(source, target[:1])


def test_more_than_one_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="one layer each, not 4"):
        EncoderDecoder(GPTConfig(28, 13))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (torch.tensor([[2.0]]), torch.tensor([[START]])),
        (torch.tensor([[28]]), torch.tensor([[START]])),
        (torch.tensor([[-1]]), torch.tensor([[START]])),
        (torch.zeros(0, 3, dtype=torch.int64), torch.zeros(0, 1, dtype=torch.int64)),
        (torch.tensor([[2]]), torch.tensor([[28]])),
        (torch.tensor([[2]]), torch.tensor([[START]], dtype=torch.int32)),
    ],
    ids=str,
)
def test_tokens_that_are_none_are_refused(source: Tensor, target: Tensor) -> None:
    for look in (new_model(), new_model().cross_weights):
        with pytest.raises(ValueError, match=r"^The (source|target)"):
            look(source, target)


def test_what_follows_must_be_what_follows_the_target() -> None:
    source, target, following = one_batch()
    for wrong in (following.T, following[:2], following.float(), following - 5, following + 9):
        with pytest.raises(ValueError, match=r"^What follows must be "):
            new_model().loss(source, target, wrong)


def test_words_with_signs_are_not_scored() -> None:
    source = torch.cat((encode_words("ab"), torch.tensor([[END]]), encode_words("c")), 1)
    with pytest.raises(ValueError, match=r"^Words have letters alone"):
        share_reversed(new_model(), source)


@pytest.mark.parametrize(("shortest", "longest"), [(0, 3), (5, 4), (-1, 3), (2.0, 3), (1, 2.5)])
def test_lengths_that_are_none_are_refused_at_the_call(shortest: int, longest: int) -> None:
    with pytest.raises(ValueError, match=r"^(shortest|longest) must be a whole number of at least"):
        reverse_batches(torch.Generator(), 3, shortest, longest)
    with pytest.raises(ValueError, match=r"^(shortest|longest) must be a whole number of at least"):
        Seq2SeqRecipe(shortest=shortest, longest=longest)
    with pytest.raises(ValueError, match=r"^batch_size must be a whole number of at least 1"):
        reverse_batches(torch.Generator(), 0)


@pytest.mark.parametrize("settings", [{"ngrams": (7,)}, {"tied": True}])
def test_settings_that_would_be_ignored_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^An encoder-decoder has no n-grams"):
        EncoderDecoder(GPTConfig(28, 13, 1, **settings))


@pytest.mark.parametrize("words", [("word", "longer"), ("Word",), ("a b",), ("<ab>",), (), ("",)])
def test_words_that_cannot_be_spelled_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="Words need equal lengths and the letters a to z alone"):
        encode_words(*words)
