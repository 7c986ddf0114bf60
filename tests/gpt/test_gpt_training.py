"""Chapter 4's training: steps, recipes, optimizers, and the loss of a whole text."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from aigc_utils.gpt import (
    EQUAL_TIME,
    GPT,
    SPRINT,
    GPTConfig,
    GPTRecipe,
    course_optimizers,
    gpt_step,
    mean_nats,
    train_course,
    training,
)
from aigc_utils.optimizers import Muon

VOCAB = 11
TINY = GPTRecipe(
    num_steps=12, batch_size=4, context=8, num_layers=2, num_heads=2, width=16, ngrams=(31, 37)
)


def some_ids(length: int = 200, seed: int = 0) -> Tensor:
    return torch.randint(VOCAB, (length,), generator=torch.Generator().manual_seed(seed))


def new_model(**changes: Any) -> GPT:
    """Returns a small model with random weights everywhere, so that its loss is not the same."""
    torch.manual_seed(0)
    model = GPT(dataclasses.replace(TINY, **changes).config(VOCAB))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return model


def weights(model: GPT) -> list[Tensor]:
    return [weight.detach().clone() for weight in model.parameters()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


# --- one step ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_batch_is_overfitted(bfloat16: bool) -> None:
    torch.manual_seed(0)
    model = GPT(TINY.config(VOCAB))
    step = gpt_step(model, *course_optimizers(model, TINY), bfloat16=bfloat16)
    text = some_ids(36).view(4, 9)
    losses = [step((text[:, :-1], text[:, 1:]))["loss"].item() for _ in range(160)]
    assert losses[0] == pytest.approx(math.log(VOCAB), abs=0.1)
    # Three of the four rows begin alike, so three of the 32 targets stay a choice among three.
    assert losses[-1] < 3 * math.log(3) / 32 + 0.05


def test_the_step_returns_the_loss_before_its_update() -> None:
    model = new_model()
    text = some_ids(36).view(4, 9)
    before = model.loss(text[:, :-1], text[:, 1:]).item()
    step = gpt_step(model.eval(), torch.optim.SGD(model.parameters(), 0.1))
    assert step((text[:, :-1], text[:, 1:]))["loss"].item() == pytest.approx(before, rel=1e-4)
    assert model.training
    assert model.loss(text[:, :-1], text[:, 1:]).item() < before


def test_gradients_do_not_add_up_and_are_clipped_on_demand() -> None:
    text = some_ids(36).view(4, 9)
    moved = []
    for clip in (0.0, 1e-3):
        model = new_model()
        step = gpt_step(model, torch.optim.SGD(model.parameters(), 0.0), clip=clip)
        for _ in range(3):
            step((text[:, :-1], text[:, 1:]))
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        moved.append(torch.stack([g.norm() for g in grads]).norm().item())
    model = new_model()
    model.loss(text[:, :-1], text[:, 1:]).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    once = torch.stack([g.norm() for g in grads]).norm().item()
    assert moved[0] == pytest.approx(once, rel=1e-4)
    assert moved[1] == pytest.approx(1e-3, rel=1e-2)


# --- recipes ----------------------------------------------------------------------------------


def test_a_recipe_decides_the_models_shape() -> None:
    config = TINY.config(VOCAB)
    assert isinstance(config, GPTConfig)
    assert (config.vocab_size, config.context, config.num_layers) == (VOCAB, 8, 2)
    assert (config.num_heads, config.width, config.ngrams) == (2, 16, (31, 37))
    hidden = dataclasses.replace(TINY, ngram_dropout=0.3)
    assert (config.ngram_dropout, hidden.config(VOCAB).ngram_dropout) == (0.0, 0.3)


def test_the_recipes_are_no_larger_than_the_usual_one() -> None:
    for recipe, *sizes in ((SPRINT, 2, 4, 128), (EQUAL_TIME, 3, 3, 96)):
        assert [recipe.num_layers, recipe.num_heads, recipe.width] == sizes


def test_every_parameter_has_exactly_one_optimizer() -> None:
    model = GPT(TINY.config(VOCAB))
    optimizers = course_optimizers(model, TINY)
    held = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in model.parameters())
    muon, adam = optimizers
    assert isinstance(muon, Muon)
    assert not muon.param_groups[0]["normalize"]
    inside = {id(p) for p in model.blocks.parameters() if p.ndim == 2}
    assert {id(p) for p in muon.param_groups[0]["params"]} == inside
    assert [o.param_groups[0]["lr"] for o in (muon, adam)] == [TINY.muon_lr, TINY.adam_lr]


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True, "avx512_bf16": False}, True),
        ({"avx512_bf16": False, "avx2": True}, False),
        ({}, False),
        (None, False),
    ],
)
def test_bfloat16_is_used_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool] | None, expected: bool
) -> None:
    if capabilities is None:  # an older torch
        monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert training.has_bfloat16() == expected
    model = GPT(TINY.config(VOCAB))
    chosen = torch.bfloat16 if expected else None
    assert course_optimizers(model, TINY)[0].param_groups[0]["dtype"] == chosen
    exact = dataclasses.replace(TINY, bfloat16=False)
    assert course_optimizers(model, exact)[0].param_groups[0]["dtype"] is None


# --- whole runs -------------------------------------------------------------------------------


def test_a_seed_gives_the_same_run() -> None:
    runs = [train_course(TINY, some_ids(), VOCAB, seed=seed) for seed in (1, 1, 2)]
    (first, one), (second, two), (third, _) = runs
    assert one.losses == two.losses
    assert one.num_steps == TINY.num_steps
    assert same(weights(first), weights(second))
    assert not same(weights(first), weights(third))
    assert not first.training


def test_the_rate_rises_and_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    make_step = training.gpt_step

    def spy(model: GPT, *optimizers: torch.optim.Optimizer, **options: Any) -> Any:
        step = make_step(model, *optimizers, **options)

        def noted(batch: Any) -> Any:
            rates.append(optimizers[0].param_groups[0]["lr"])
            return step(batch)

        return noted

    monkeypatch.setattr(training, "gpt_step", spy)
    train_course(TINY, some_ids(), VOCAB, seed=0)
    assert rates[0] < 0.1 * TINY.muon_lr
    assert max(rates) == pytest.approx(TINY.muon_lr)
    assert rates[-1] < 0.2 * TINY.muon_lr


def test_fine_tuning_goes_on_from_the_given_model() -> None:
    text = torch.arange(400) % 3  # 0 1 2 0 1 2 ...
    recipe = dataclasses.replace(TINY, num_steps=60)
    model, history = train_course(recipe, text, VOCAB, seed=0)
    tuned, more = train_course(recipe, text, VOCAB, seed=1, model=model)
    assert tuned is model
    assert history["loss"][0] > 2
    assert more["loss"][0] == pytest.approx(history["loss"][-1], abs=0.1)


@pytest.mark.usefixtures("ticking")
def test_a_time_budget_ends_the_run() -> None:
    endless = dataclasses.replace(TINY, num_steps=10_000_000)
    _, history = train_course(endless, some_ids(), VOCAB, seed=0, max_seconds=0.295)
    assert history.num_steps == 15
    assert history.seconds == pytest.approx(0.3, abs=0.015)


def test_a_run_is_evaluated_at_intervals() -> None:
    model, history = train_course(
        TINY, some_ids(), VOCAB, seed=0, evaluate_every=5,
        evaluate=lambda model: {"validation": mean_nats(model, some_ids(90, seed=1))},
    )  # fmt: skip
    assert history.evaluated_at == [5, 10, 12]
    assert history["validation"][-1] == mean_nats(model, some_ids(90, seed=1))


# --- the loss of a text -----------------------------------------------------------------------


@pytest.mark.parametrize("context", [None, 8, 5])
def test_mean_nats_is_the_mean_over_every_token(context: int | None) -> None:
    model, ids = new_model().eval(), some_ids(87)
    total, size = 0.0, context or 8
    for start in range(0, len(ids) - 1, size):
        row = ids[start : start + size + 1]
        with torch.no_grad():
            logits = model(row[None, :-1])[0]
        total += F.cross_entropy(logits, row[1:], reduction="sum").item()
    for batch_size in (1, 3, 64):
        nats = mean_nats(model, ids, context, batch_size=batch_size)
        assert nats == pytest.approx(total / (len(ids) - 1), rel=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_mean_nats_leaves_the_model_as_it_was(training: bool) -> None:
    model = new_model().train(training)
    modes: list[bool] = []
    model.register_forward_pre_hook(lambda *_: modes.append(model.training))
    before = weights(model)
    mean_nats(model, some_ids(40))
    assert model.training == training
    assert modes
    assert not any(modes)
    assert same(before, weights(model))
    with pytest.raises(ValueError, match="context"):
        mean_nats(model, some_ids(40), context=0)
    assert model.training == training


def test_mean_nats_refuses_what_the_model_does_not_know() -> None:
    model = new_model()
    for wrong in (some_ids(40) - 1, some_ids(40) + 1, torch.tensor([1] * 20 + [-100] + [1] * 20)):
        with pytest.raises(ValueError, match=r"^ids must be from 0 to 10, so not"):
            mean_nats(model, wrong)
    for wrong in (some_ids(40).float(), some_ids(40)[None], []):
        with pytest.raises(ValueError, match=r"^ids must be int64 ids of shape \(N,\)"):
            mean_nats(model, wrong)
    with pytest.raises(ValueError, match=r"^context must be at most the model's 8, not 9\.$"):
        mean_nats(model, some_ids(40), context=9)


def test_wrong_ids_and_models_are_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "fit", lambda *a, **b: pytest.fail("It trained."))
    for wrong in (some_ids() + 1, some_ids() - 1):
        with pytest.raises(ValueError, match=r"^ids must be from 0 to 10, so not"):
            train_course(TINY, wrong, VOCAB, seed=0)
    with pytest.raises(ValueError, match=r"^ids must be from 0 to 6, so not 10\.$"):
        train_course(TINY, some_ids(), 7, seed=0)
    with pytest.raises(ValueError, match=r"^The model has 11 different tokens, not 12\.$"):
        train_course(TINY, some_ids(), 12, seed=0, model=new_model())
    with pytest.raises(ValueError, match=r"^context must be at most the model's 4, not 8\.$"):
        train_course(TINY, some_ids(), VOCAB, seed=0, model=new_model(context=4))


def test_a_step_that_would_move_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^A step needs an optimizer"):
        gpt_step(new_model())
