"""Counting with back-off, a text's surprise and its error, and the rungs from one part to a GPT."""

from __future__ import annotations

import dataclasses
import itertools
import lzma
import math

import pytest
import torch
from torch import Tensor

from aigc_utils import gpt


def some_ids(count: int, vocab_size: int = 7, seed: int = 0) -> Tensor:
    """Returns ids in which the next depends on the last two."""
    rng = torch.Generator().manual_seed(seed)
    ids = torch.randint(vocab_size, (count,), generator=rng)
    for i in range(2, count, 3):
        ids[i] = (ids[i - 1] + ids[i - 2]) % vocab_size
    return ids


# --- counting -------------------------------------------------------------------------------


def share(token: int, context: tuple[int, ...], train: list[int], vocab_size: int) -> float:
    """Returns the probability of a token after a context, from the definition."""
    if not context:
        return (train.count(token) + 1) / (len(train) + vocab_size)
    length = len(context)
    places = range(length, len(train))
    after = [train[i] for i in places if tuple(train[i - length : i]) == context]
    shorter = share(token, context[1:], train, vocab_size)
    if not after:
        return shorter
    kinds = len(set(after))
    return (after.count(token) + kinds * shorter) / (len(after) + kinds)


def test_backoff_equals_its_definition() -> None:
    train, held_back = some_ids(120), some_ids(40, seed=1)
    found = gpt.backoff_surprise(train, held_back, 4, 7)
    assert found.shape == (4, 39)
    for order, t in itertools.product(range(1, 5), range(1, 40)):
        context = tuple(held_back[max(0, t - order + 1) : t].tolist())
        wanted = -math.log(share(int(held_back[t]), context, train.tolist(), 7))
        assert found[order - 1, t - 1].item() == pytest.approx(wanted, abs=1e-9)


def test_backoff_probabilities_sum_to_one() -> None:
    train = some_ids(200)
    for a, b in ((0, 1), (3, 3), (6, 2)):
        rows = [torch.tensor([a, b, c]) for c in range(8)]
        shares = [(-gpt.backoff_surprise(train, row, 3, 8)[2, 1]).exp() for row in rows]
        assert sum(shares).item() == pytest.approx(1, abs=1e-9)


def test_the_first_two_orders_are_unigram_and_bigram() -> None:
    train, held_back = some_ids(300), some_ids(90, seed=2)
    one, two = gpt.backoff_surprise(train, held_back, 2, 7).mean(dim=1).tolist()
    assert one == pytest.approx(gpt.unigram_nats(train, held_back, 7))
    assert two == pytest.approx(gpt.bigram_nats(train, held_back, 7))


def test_a_text_shorter_than_the_order_is_counted_too() -> None:
    found = gpt.backoff_surprise(some_ids(3), some_ids(2, seed=1), 5, 7)
    assert found.shape == (5, 1)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("order", [0, -1, 40])
def test_an_order_out_of_range_is_refused(order: int) -> None:
    with pytest.raises(ValueError, match="order must be"):
        gpt.backoff_surprise(some_ids(9), some_ids(9), order, 7)


def test_a_compressor_that_has_read_the_text_needs_little() -> None:
    text = "".join(chr(97 + i) for i in some_ids(4000, 26).tolist())
    known = gpt.compressed_bits(lzma.compress, text, text[:1000])
    unknown = gpt.compressed_bits(lzma.compress, text[2000:], text[:1000])
    assert known < 0.5 < 2 < unknown < 8
    with pytest.raises(ValueError, match="no bits per character"):
        gpt.compressed_bits(lzma.compress, text, "")


# --- measuring ------------------------------------------------------------------------------


def small_gpt() -> gpt.GPT:
    """Returns a model whose blocks do something."""
    torch.manual_seed(0)
    return gpt.GPT(gpt.GPTConfig(7, 16, 1, num_heads=2, width=16, zero_init=False)).train()


def test_surprise_has_the_mean_of_mean_nats() -> None:
    model, ids = small_gpt(), some_ids(97)
    nats = gpt.surprise(model, ids, 16, stride=16, batch_size=3)
    assert nats.shape == (96,)
    assert nats.mean().item() == pytest.approx(gpt.mean_nats(model, ids), abs=1e-5)
    assert model.training


@pytest.mark.parametrize("length", [17, 18, 24, 25, 26, 61])
@pytest.mark.parametrize("stride", [1, 3, 8, 16])
def test_each_token_is_measured_once_with_enough_before_it(length: int, stride: int) -> None:
    model, ids = small_gpt(), some_ids(length)
    nats = gpt.surprise(model, ids, 16, stride=stride, batch_size=2)
    assert nats.shape == (length - 1,)
    for place in range(1, length):
        choices = []
        for before in range(min(place, 17 - stride), min(place, 16) + 1):
            row = ids[place - before : place + 1]
            with torch.no_grad():
                logits = model.eval()(row[None, :-1])[0, -1]
            choices.append(-logits.log_softmax(-1)[row[-1]].item())
        assert min(abs(nats[place - 1].item() - each) for each in choices) < 1e-5


def test_rows_overlap_by_half_unless_told_otherwise() -> None:
    model, ids = small_gpt(), some_ids(90)
    for context, half in ((16, 8), (7, 4), (1, 1)):
        assert torch.equal(
            gpt.surprise(model, ids, context), gpt.surprise(model, ids, context, stride=half)
        )


@pytest.mark.parametrize(
    ("ids", "sizes", "problem"),
    [
        (torch.arange(5), {}, "at least 17"),
        (torch.arange(20).float(), {}, "int64"),
        (torch.arange(20) - 1, {}, "at least 0"),
        (torch.arange(20), {"stride": 17}, "stride must be a whole number from 1 to 16"),
        (torch.arange(20), {"batch_size": 0}, "batch_size"),
    ],
)
def test_what_can_not_be_measured_is_refused(
    ids: Tensor, sizes: dict[str, int], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        gpt.surprise(small_gpt(), ids, 16, **sizes)


def test_mean_bits_knows_its_error() -> None:
    rng = torch.Generator().manual_seed(0)
    nats = torch.randn(100, 5000, generator=rng) + 2
    found = [gpt.mean_bits(row) for row in nats]
    bits, errors = (torch.tensor(each) for each in zip(*found, strict=True))
    assert bits.mean().item() == pytest.approx(2 / math.log(2), abs=0.01)
    assert errors.mean().item() == pytest.approx(bits.std().item(), rel=0.2)


def test_neighbours_that_agree_make_the_error_larger() -> None:
    rng = torch.Generator().manual_seed(0)
    scenes = torch.randn(50, generator=rng).repeat_interleave(100)
    shuffled = scenes[torch.randperm(5000, generator=rng)]
    assert gpt.mean_bits(scenes)[1] > 5 * gpt.mean_bits(shuffled)[1]


@pytest.mark.parametrize("pieces", [1, 11])
def test_too_few_or_too_many_pieces_are_refused(pieces: int) -> None:
    with pytest.raises(ValueError, match="can't be cut into"):
        gpt.mean_bits(torch.ones(10), pieces)


# --- rungs ----------------------------------------------------------------------------------

SMALL = {"context": 12, "width": 16}
names = pytest.mark.parametrize("name", gpt.RUNGS)


def stirred(name: str) -> gpt.ResidualModel:
    """Returns a rung's model with weights that all matter."""
    torch.manual_seed(0)
    model = gpt.RUNGS[name].build(7, **SMALL)
    for weight in model.parameters():
        weight.data = 0.5 * torch.randn_like(weight)
    return model.eval()


@names
def test_no_rung_sees_the_future(name: str) -> None:
    model, tokens = stirred(name), some_ids(12)[None]
    changed = tokens.clone()
    changed[0, 7:] = (changed[0, 7:] + 3) % 7
    before, after = model(tokens), model(changed)
    assert before.shape == (1, 12, 7)
    assert torch.allclose(before[:, :7], after[:, :7], atol=1e-5)
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def sees(name: str) -> tuple[bool, bool]:
    """Returns whether the last logits depend on the tokens before, and on their order."""
    model, tokens = stirred(name), torch.tensor([[1, 2, 3, 4, 5]])
    others, swapped = torch.tensor([[6, 2, 3, 4, 5]]), torch.tensor([[2, 1, 3, 4, 5]])
    last = model(tokens)[0, -1]
    moved = [not torch.allclose(last, model(x)[0, -1], atol=1e-5) for x in (others, swapped)]
    return moved[0], moved[1]


def test_each_rung_sees_what_its_parts_let_it_see() -> None:
    assert sees("last character") == (False, False)
    assert sees("mean") == sees("one head") == (True, False)
    assert all(sees(name) == (True, True) for name in list(gpt.RUNGS)[3:])


@names
def test_a_rung_begins_as_the_last_character_alone(name: str) -> None:
    torch.manual_seed(0)
    model = gpt.RUNGS[name].build(7, **SMALL)
    tokens = torch.tensor([[1, 2, 3, 4], [6, 5, 3, 4]])
    with torch.no_grad():
        first, second = model(tokens)
    assert torch.equal(first[2:], second[2:])


def test_ids_outside_of_the_vocabulary_are_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 6"):
        gpt.train_rung(gpt.RUNGS["mean"], some_ids(90) + 1, 7, seed=0, num_steps=1, lr=1e-3)


def test_heads_cost_no_weights() -> None:
    one, four = (
        sum(p.numel() for p in gpt.RUNGS[name].build(7).parameters())
        for name in ("positions", "four heads")
    )
    assert one == four


def test_each_rung_changes_one_thing() -> None:
    fields = [field.name for field in dataclasses.fields(gpt.Rung)]
    for below, above in itertools.pairwise(gpt.RUNGS.values()):
        changed = [name for name in fields if getattr(below, name) != getattr(above, name)]
        assert changed in (["parts"], ["parts", "num_heads"], ["normed"], ["blocks"], ["ngrams"])


def joined(model: gpt.ResidualModel) -> dict[str, Tensor]:
    """Returns the weights of a model with tables under the names that `GPT` has for them."""
    weights = model.state_dict()
    found = {
        "embedding.tokens.weight": weights["embedding.weight"],
        "head.weight": weights["head.part.weight"],
        "norm.weight": weights["head.norm.weight"],
        "norm.bias": weights["head.norm.bias"],
    }
    tables = {name: w for name, w in weights.items() if name.startswith("embedding.ngrams")}
    for block in range(len(model.parts) // 2):
        for i, kind in ((2 * block, "attention"), (2 * block + 1, "mlp")):
            for name in ("weight", "bias"):
                found[f"blocks.{block}.{kind}_norm.{name}"] = weights[f"parts.{i}.norm.{name}"]
        heads = [f"parts.{2 * block}.part.heads.{i}" for i in range(4)]
        rows = [weights[f"{h}.{kind}.weight"] for kind in ("query", "key", "value") for h in heads]
        found[f"blocks.{block}.attention.qkv.weight"] = torch.cat(rows)
        columns = [weights[f"{h}.project.weight"] for h in heads]
        found[f"blocks.{block}.attention.project.weight"] = torch.cat(columns, dim=1)
        for name in ("expand", "project"):
            key = f"blocks.{block}.mlp.{name}.weight"
            found[key] = weights[f"parts.{2 * block + 1}.part.{name}.weight"]
    return found | tables


def test_the_last_rung_is_a_gpt() -> None:
    model = stirred("tables")
    config = gpt.GPTConfig(
        7, 12, num_layers=2, num_heads=4, width=16, norm="layer", qk_norm=False,
        ngrams=gpt.RUNGS["tables"].ngrams,
    )  # fmt: skip
    whole = gpt.GPT(config).eval()
    whole.load_state_dict(joined(model))
    tokens = torch.stack([some_ids(12), some_ids(12, seed=1)])
    with torch.no_grad():
        assert torch.allclose(model(tokens), whole(tokens), rtol=1e-4, atol=1e-4)


def test_a_rung_learns_what_it_can_see() -> None:
    ids = torch.tensor([0, 1, 2, 1] * 300)  # after 1 comes what stood two before
    how = {"seed": 0, "num_steps": 100, "lr": 1e-2, "batch_size": 8}
    blind, _ = gpt.train_rung(gpt.RUNGS["last character"], ids, 3, **how)
    seeing, run = gpt.train_rung(gpt.RUNGS["four heads"], ids, 3, **how)
    losses = [gpt.surprise(model, ids, 64).mean().item() for model in (blind, seeing)]
    assert losses[0] > 0.3
    assert losses[1] < 0.1
    assert run.num_steps == 100
    again, _ = gpt.train_rung(gpt.RUNGS["four heads"], ids, 3, **how)
    pairs = zip(seeing.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
