"""Runs that stop, are kept in a file and go on: as if they had never stopped, bit for bit.

Called as a program, it goes on with a kept run in a process of its own, and is then killed while
it saves.
"""

from __future__ import annotations

import copy
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentences import assert_one_sentence
from torch import Tensor, nn

from aigc_utils import cnn, data, gan, gpt, schedules, vae
from aigc_utils.data import DataError
from aigc_utils.gpt import seq2seq
from aigc_utils.history import History
from aigc_utils.model_files import save_model
from aigc_utils.training import Step, evaluation_mode, fit, load_run, save_run, seed_everything

STEPS = 13
IMAGES = torch.randint(
    0, 256, (40, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
LABELS = torch.arange(40) % 10


@dataclass
class Run:
    """A run of a chapter: what is kept, what `fit` takes, and what the trained model gives."""

    parts: dict[str, Any]
    step: Step
    batches: Iterator[Any]
    schedule: schedules.Schedule
    network: nn.Module
    sample: Callable[[], Tensor]

    @property
    def history(self) -> History:
        history: History = self.parts["history"]
        return history


def cnn_run(seed: int) -> Run:
    """Three batches an epoch, of which one of seven examples is left out; dropout and shifts."""
    rng = seed_everything(seed)
    recipe = replace(cnn.MINUTE, widths=(3, 4, 5), batch_size=11)
    model = cnn.CourseCNN(recipe.widths, recipe.dropout)
    optimizers = cnn.course_optimizers(model, recipe)
    batches = data.batches((IMAGES, LABELS), recipe.batch_size, rng=rng)
    step = cnn.classifier_step(
        model, *optimizers, label_smoothing=0.1, augment=lambda x: cnn.random_shift(x, 1, rng)
    )

    def sample() -> Tensor:
        with evaluation_mode(model), torch.no_grad():
            return model(data.standardize(IMAGES))

    parts = {"model": model, "optimizers": optimizers, "batches": batches, "history": History()}
    return Run(parts, step, batches, schedules.one_cycle(*optimizers), model, sample)


def gan_run(seed: int, muon_lr: float = 0.02) -> Run:
    rng = seed_everything(seed)
    recipe = gan.GANRecipe(
        STEPS, batch_size=9, latent_dim=5, width=6, widths=(3, 4, 5), penalty_every=4,
        muon_lr=muon_lr,
    )  # fmt: skip
    game = gan.CourseGAN(recipe, rng)
    batches = data.batches((IMAGES, LABELS), recipe.batch_size, rng=rng)
    optimizers = (*game.generator_optimizers, *game.discriminator_optimizers)

    def sample() -> Tensor:
        return gan.sample(game.ema.network, torch.randn(4, 5), torch.arange(4)).float()

    parts = {"game": game, "batches": batches, "history": History()}
    schedule = schedules.hold_then_fall(*optimizers, warmup=0.2, fall=0.5)
    both = nn.ModuleList([game.generator, game.discriminator, game.ema.network])
    return Run(parts, game.step, batches, schedule, both, sample)


def adam_gan_run(seed: int) -> Run:
    """Adam's moments of filters, which do not lie in memory in the usual order."""
    return gan_run(seed, muon_lr=0.0)


def vae_run(seed: int) -> Run:
    rng = seed_everything(seed)
    model = vae.VAE(3, (16, 16), mean_image=data.to_float(IMAGES).mean(0))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3, betas=(0.9, 0.99), fused=True)
    batches = data.batches((IMAGES,), 16, rng=rng)
    step = vae.vae_step(model, optimizer, rng, binary=True)

    def sample() -> Tensor:
        return vae.sample(model, torch.randn(4, 3, generator=rng)).float()

    parts = {"model": model, "optimizer": optimizer, "batches": batches, "history": History()}
    return Run(parts, step, batches, schedules.one_cycle(optimizer), model, sample)


def gpt_run(seed: int) -> Run:
    """Seven rows an epoch, in batches of three, with dropout from torch's own generator."""
    rng = seed_everything(seed)
    recipe = gpt.GPTRecipe(
        STEPS, 3, context=8, num_layers=2, num_heads=2, width=16, ngrams=(31, 37),
        ngram_dropout=0.3,
    )  # fmt: skip
    model = gpt.GPT(recipe.config(11))
    optimizers = gpt.course_optimizers(model, recipe)
    ids = torch.randint(11, (64,), generator=torch.Generator().manual_seed(5))
    batches = gpt.token_batches(ids, 8, 3, rng)

    def sample() -> Tensor:
        with evaluation_mode(model):
            return torch.tensor(gpt.generate(model, [[1, 2]], 12, gpt.Sampling(), rng)).float()

    parts = {"model": model, "optimizers": optimizers, "batches": batches, "history": History()}
    step = gpt.gpt_step(model, *optimizers, bfloat16=gpt.has_bfloat16())
    return Run(parts, step, batches, schedules.hold_then_fall(*optimizers), model, sample)


def seq2seq_run(seed: int) -> Run:
    """Batches that are made of nothing but a generator, which is a part of its own here."""
    rng = seed_everything(seed)
    model = seq2seq.EncoderDecoder(replace(seq2seq.REVERSE, width=8, num_heads=2).config())
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    batches = seq2seq.reverse_batches(rng, 4)

    def sample() -> Tensor:
        return seq2seq.greedy_decode(model, next(batches)[0]).float()

    parts = {"model": model, "optimizer": optimizer, "rng": rng, "history": History()}
    step = seq2seq.seq2seq_step(model, optimizer)
    return Run(parts, step, batches, schedules.one_cycle(optimizer), model, sample)


RUNS = {
    "cnn": cnn_run,
    "gan": gan_run,
    "gan with adam alone": adam_gan_run,
    "vae": vae_run,
    "gpt": gpt_run,
    "seq2seq": seq2seq_run,
}


def go(run: Run, until: int = STEPS) -> History:
    """Trains up to a step, at which the run is interrupted, or to its end."""

    def step(batch: Any) -> dict[str, Tensor]:
        losses = run.step(batch)
        if 1 + len(done) + before == until < STEPS:
            os.kill(os.getpid(), signal.SIGINT)
        done.append(losses)
        return losses

    done: list[object] = []
    before = run.history.num_steps
    return fit(
        step, run.batches, num_steps=STEPS, schedule=run.schedule, history=run.history, resume=True,
        evaluate=lambda: {"seen": float(np.random.rand())}, evaluate_every=5,  # noqa: NPY002
    )  # fmt: skip


def result(run: Run) -> dict[str, Any]:
    """Returns all that two equal runs share."""
    weights = [value.clone() for value in run.network.state_dict().values()]
    sample = run.sample()
    return {
        "losses": run.history.losses,
        "metrics": run.history.metrics,
        "evaluated_at": run.history.evaluated_at,
        "weights": weights,
        "sample": sample,
        "next": [random.random(), float(np.random.rand()), float(torch.rand(()))],  # noqa: NPY002
    }


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name in ("losses", "metrics", "evaluated_at", "next"):
        assert one[name] == other[name], name
    assert torch.equal(one["sample"], other["sample"])
    for a, b in zip(one["weights"], other["weights"], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [1, 5, 9])
def test_a_run_goes_on_as_if_it_had_never_stopped(name: str, at: int, tmp_path: Path) -> None:
    make = RUNS[name]
    unbroken = make(0)
    go(unbroken)
    expected = result(unbroken)

    stopped = make(0)
    go(stopped, at)
    assert (stopped.history.num_steps, stopped.history.interrupted) == (at, True)
    path = save_run(tmp_path / "run.safetensors", **stopped.parts)
    go(stopped)  # what happens after the file was written does not change it

    again = make(7)  # another seed, so that nothing is equal by itself
    load_run(path, **again.parts)
    assert again.history.num_steps == at
    go(again)
    assert_same(result(again), expected)
    assert [each.name for each in tmp_path.iterdir()] == ["run.safetensors"]


def test_a_run_may_be_kept_again_and_again_while_it_trains(tmp_path: Path) -> None:
    def trained(run: Run, keep: bool) -> History:
        def evaluate() -> dict[str, float]:
            if keep:
                save_run(tmp_path / "run", **run.parts)
            return {"seen": float(torch.rand(()))}

        return fit(
            run.step, run.batches, num_steps=STEPS, schedule=run.schedule, history=run.history,
            resume=True, evaluate=evaluate, evaluate_every=3,
        )  # fmt: skip

    unbroken = cnn_run(0)
    trained(unbroken, keep=True)
    (tmp_path / "run").rename(tmp_path / "end")
    killed = cnn_run(0)

    def step(batch: Any) -> dict[str, Tensor]:
        if killed.history.num_steps >= 6 and len(killed.history.evaluated_at) == 2:
            raise SystemExit
        return killed.step(batch)

    with pytest.raises(SystemExit):
        trained(replace(killed, step=step), keep=True)
    again = cnn_run(3)
    load_run(tmp_path / "run", **again.parts)
    assert (again.history.num_steps, again.history.evaluated_at) == (6, [3])
    trained(again, keep=False)
    assert_same(result(again), result_after(unbroken, tmp_path / "end"))


def result_after(run: Run, path: Path) -> dict[str, Any]:
    """Returns the result of a run whose end is kept, with the generators as they stood there."""
    load_run(path, **{**run.parts, "history": History()})
    float(torch.rand(()))  # the last evaluation's
    return result(run)


# --- in another process -----------------------------------------------------------------------


def digest(found: dict[str, Any]) -> str:
    tensors = [*found["weights"], found["sample"]]
    text = repr([found[name] for name in ("losses", "metrics", "evaluated_at", "next")])
    code = hashlib.sha256(text.encode())
    for value in tensors:
        code.update(value.contiguous().numpy())
    return code.hexdigest()


def in_its_own_process(path: Path) -> None:
    run = gan_run(5)
    load_run(path, **run.parts)
    go(run)
    print(digest(result(run)), flush=True)
    os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, misc]
    save_run(path, **run.parts)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_another_process_goes_on_and_is_killed_while_it_saves(tmp_path: Path) -> None:
    unbroken = gan_run(0)
    go(unbroken)
    expected = digest(result(unbroken))
    stopped = gan_run(0)
    go(stopped, 6)
    path = save_run(tmp_path / "run", **stopped.parts)
    before = path.read_bytes()
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, __file__, str(path)],
        capture_output=True, text=True, check=False, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert expected in done.stdout.split(), done.stderr
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    load_run(path, **gan_run(2).parts)


# --- what does not fit ------------------------------------------------------------------------


def state(run: Run) -> dict[str, Any]:
    return copy.deepcopy(
        {"weights": list(run.network.state_dict().values()), "history": run.history.state_dict(),
         "torch": torch.get_rng_state(), "batches": run.parts["batches"].state_dict()}
    )  # fmt: skip


def assert_unchanged(run: Run, before: dict[str, Any]) -> None:
    after = state(run)
    assert after["history"] == before["history"]
    for a, b in zip(after["weights"], before["weights"], strict=True):
        assert torch.equal(a, b)
    assert torch.equal(after["torch"], before["torch"])
    assert torch.equal(after["batches"]["rng"], before["batches"]["rng"])
    assert torch.equal(after["batches"]["waiting"], before["batches"]["waiting"])


def other_optimizers() -> tuple[torch.optim.Optimizer, ...]:
    model = cnn.CourseCNN((3, 4, 6))
    return cnn.course_optimizers(model, cnn.MINUTE)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"more": History()}, "has the parts"),
        ({"model": cnn.MLP(3)}, "model was kept as CourseCNN and can't become MLP"),
        ({"model": cnn.CourseCNN((3, 4, 6))}, "model is of other sizes"),
        ({"model": cnn.CourseCNN((3, 4, 5)).double()}, "model is of other sizes"),
        ({"optimizers": []}, "optimizers is of other sizes"),
        ({"optimizers": History()}, "optimizers was kept as list"),
        ({"optimizers": other_optimizers()}, "optimizers[0] is of other sizes"),
        (
            {"optimizers": other_optimizers()[::-1]},
            "optimizers[0] was kept as Muon and can't become Adam",
        ),
        (
            {"batches": data.batches((IMAGES, LABELS), 12, rng=torch.Generator())},
            "Batches of 12 of 40 examples can't go on where batches of 11 of 40",
        ),
        (
            {"batches": data.batches((IMAGES[1:],), 11, rng=torch.Generator())},
            "Batches of 11 of 39 examples can't go on where batches of 11 of 40",
        ),
        ({"history": torch.Generator()}, "history was kept as History and can't become Generator"),
    ],
)
def test_parts_that_do_not_fit_leave_all_as_it_is(
    parts: dict[str, Any], said: str, tmp_path: Path
) -> None:
    run = cnn_run(0)
    go(run, 4)
    path = save_run(tmp_path / "run", **run.parts)
    again = cnn_run(1)
    go(again, 2)
    before = state(again)
    with pytest.raises(ValueError, match=re.escape(said)) as error:
        load_run(path, **{**again.parts, **parts})
    assert_one_sentence(error)
    assert_unchanged(again, before)
    with pytest.raises(ValueError, match="has the parts"):
        load_run(path, model=again.parts["model"])


def test_a_game_with_other_players_is_refused(tmp_path: Path) -> None:
    run = gan_run(0)
    path = save_run(tmp_path / "run", **run.parts)
    other = gan.CourseGAN(gan.GANRecipe(3, latent_dim=5, width=7), torch.Generator())
    for wrong in (other, adam_gan_run(0).parts["game"]):
        with pytest.raises(ValueError, match="The game's generator") as error:
            load_run(path, **{**run.parts, "game": wrong})
        assert_one_sentence(error)


@pytest.mark.parametrize("parts", [{}, {"step": len}, {"number": 3}, {"all": [History(), 3]}])
def test_what_has_no_state_is_named(parts: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"A run has parts|has no state") as error:
        save_run(tmp_path / "run", **parts)
    assert_one_sentence(error)
    assert not list(tmp_path.iterdir())


def test_a_damaged_run_is_told(tmp_path: Path) -> None:
    run = vae_run(0)
    go(run, 3)
    path = save_run(tmp_path / "run", **run.parts)
    content = path.read_bytes()
    other = cnn.MLP(1)
    before = state(run)
    for bit in range(0, 8 * len(content), 9973):
        wrong = bytearray(content)
        wrong[bit // 8] ^= 1 << bit % 8
        path.write_bytes(wrong)
        with pytest.raises(DataError, match="is damaged or holds no run of this course") as error:
            load_run(path, **run.parts)
    assert_one_sentence(error)
    save_model(other, path)
    with pytest.raises(DataError, match="is damaged or holds no run of this course"):
        load_run(path, **run.parts)
    with pytest.raises(DataError, match=r"There is no file .*training\.save_run"):
        load_run(tmp_path / "none", **run.parts)
    assert_unchanged(run, before)


# --- batches ----------------------------------------------------------------------------------


def drawn(batches: Iterator[Any], count: int) -> list[list[int]]:
    return [batch[0].flatten().tolist() for batch in islice(batches, count)]


@pytest.mark.parametrize("kind", ["examples", "tokens"])
@pytest.mark.parametrize("at", range(9))
def test_batches_go_on_within_an_epoch(kind: str, at: int) -> None:
    def make(seed: int) -> Any:
        rng = torch.Generator().manual_seed(seed)
        if kind == "examples":
            return data.batches((torch.arange(10),), 3, rng=rng)
        return gpt.token_batches(torch.arange(40), 4, 3, rng)

    one = make(0)
    drawn(one, at)
    kept = copy.deepcopy(one.state_dict())
    rest = drawn(one, 20)
    other = make(1)
    other.load_state_dict(kept)
    assert drawn(other, 20) == rest
    other.load_state_dict(kept)  # and once more: what was loaded is a copy
    assert drawn(other, 20) == rest


def test_batches_end_after_their_epochs_also_when_loaded() -> None:
    def make() -> Any:
        return data.batches((torch.arange(6),), 2, rng=torch.Generator().manual_seed(0), epochs=2)

    one, other = make(), make()
    drawn(one, 4)
    other.load_state_dict(one.state_dict())
    assert len(drawn(other, 9)) == 2
    assert next(other, None) is None
    third = make()
    third.load_state_dict(other.state_dict())
    assert next(third, None) is None


def test_token_batches_are_copies_of_one_another_too() -> None:
    ids = torch.arange(40)
    for batches in (
        gpt.token_batches(ids, 4, 1, torch.Generator()),
        gpt.consecutive_batches(ids, 4, 3),
    ):
        inputs, targets = next(batches)
        expected = targets.clone()
        inputs.fill_(-1)
        assert torch.equal(targets, expected)
        targets.fill_(-1)
        assert torch.equal(ids, torch.arange(40))


if __name__ == "__main__":
    in_its_own_process(Path(sys.argv[1]))
