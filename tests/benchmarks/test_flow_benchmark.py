"""Chapter 5's benchmarks: what they store, how seeds are joined, and that they really train."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from aigc_utils import flow as course
from aigc_utils import gan as course_gan
from aigc_utils import gpt
from aigc_utils import vae as course_vae
from aigc_utils.data import MNIST, DataError, load_mnist
from aigc_utils.digits import Codebook, learn_codebook
from aigc_utils.evaluation import Judgement, judge_images, load_results
from aigc_utils.history import History
from benchmarks import __main__ as command
from benchmarks import digits, flow, flow_codes, flow_seconds, techniques
from benchmarks.flow import KEYS, NAMES, Drawn

PROMISED = {
    "train_seconds", "draw_seconds", "frechet", "frechet_floor", "precision", "recall", "density",
    "coverage", "class_kl", "steps", "parameters",
}  # fmt: skip


def fake(seed: int) -> dict[str, Drawn]:
    """Returns results whose Fréchet distances are 5, 9 and 3, and images as bright as the seed."""
    images = torch.full((10_000, 1, 28, 28), seed, dtype=torch.uint8)
    return {name: Drawn(images, 100.0 + seed, 2.0, 10, 20) for name in NAMES}


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow, "run_seed", fake)

    def numbers(self: Drawn) -> dict[str, float]:
        seed = int(self.samples.max())
        found = dict.fromkeys(KEYS, 0.5) | {"train_seconds": self.train_seconds}
        return found | {"frechet": (5.0, 9.0, 3.0)[seed]}

    monkeypatch.setattr(Drawn, "numbers", numbers)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "flow", *map(str, arguments)])
    command.main()


def test_json_and_samples_are_as_promised(
    faked: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, folder = tmp_path / "flow.json", tmp_path / "new" / "samples"
    run(monkeypatch, "--json", path, "--save", folder)
    results = json.loads(path.read_text())
    for name in ("flow_pixel", "flow_latent", "gan_course"):
        assert results[name].keys() >= PROMISED
        assert results[name]["frechet"] == 5.0
        assert results[name]["train_seconds"] == 101.0
        assert len(results["runs"][name]) == 3
        stored = load_file(folder / f"{name}.safetensors")
        assert list(stored) == ["samples"]
        assert stored["samples"].shape == (10_000, 1, 28, 28)
        assert stored["samples"].dtype == torch.uint8
        assert stored["samples"].unique().tolist() == [0], "not the run in the middle"


def test_seeds_that_ran_apart_are_joined(
    faked: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parts = [tmp_path / f"{seed}.json" for seed in range(3)]
    folder, path = tmp_path / "samples", tmp_path / "all.json"
    for seed, part in enumerate(parts):
        run(monkeypatch, "--only", seed, "--json", part, "--save", folder)
    run(monkeypatch, "--parts", *parts, "--json", path, "--save", folder)
    results = json.loads(path.read_text())
    assert results["seeds"] == [0, 1, 2]
    assert results["flow_latent"]["frechet"] == 5.0
    assert load_file(folder / "flow_latent.safetensors")["samples"].max() == 0
    with pytest.raises(DataError, match="same --save folder"):
        flow.benchmark(parts=parts, save=tmp_path)


@pytest.fixture(scope="module")
def few() -> tuple[MNIST, Judgement, Judgement]:
    """A few digits in place of the whole data set, judged."""
    whole = load_mnist()
    mnist = whole._replace(
        train_images=whole.train_images[:800],
        train_labels=whole.train_labels[:800],
        test_images=whole.test_images[:100],
        test_labels=whole.test_labels[:100],
    )
    return mnist, judge_images(mnist.test_images), judge_images(mnist.train_images[:40])


def test_a_tiny_run_of_each_really_trains(
    few: tuple[MNIST, Judgement, Judgement], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "real_images", lambda: few)
    monkeypatch.setattr(flow, "NUM_SAMPLES", 40)
    monkeypatch.setattr(flow, "every_digit", lambda: torch.arange(10).repeat(4))
    coding = course_vae.VAERecipe(1.0, latent_dim=4, hidden=(16, 16), perception=0.1)
    recipe = course.FlowRecipe(num_steps=2, batch_size=16)
    latent = flow.train_latent(0, coding, recipe, whiten=True)
    assert not torch.equal(latent.scale.turn, torch.eye(4))
    leap = dataclasses.replace(course.DISTILLED, num_steps=2, batch_size=16)
    leaping = flow.train_one_step(latent, 0, leap, pairs=20)
    assert leaping.seconds > latent.seconds > 0
    assert leaping.steps == latent.steps + 2
    drawn = [latent.drawn(0, course.DRAW_CODES), leaping.drawn(0, course.DRAW_AT_ONCE)]
    drawn.append(flow.run_pixel(0, recipe))
    small = course_gan.GANRecipe(2, batch_size=8, width=4, widths=(2, 4, 4))
    drawn.append(flow.run_gan(0, small))
    for each in drawn:
        assert each.samples.shape == (40, 1, 28, 28)
        assert each.samples.dtype == torch.uint8
        assert each.parameters > 0
    assert {*drawn[0].numbers()} == {*KEYS} == PROMISED


def test_each_row_but_the_first_changes_one_thing() -> None:
    first, *others = flow_codes.ROWS.values()
    assert first == {}
    for changed in others:
        assert len(changed) == 1
        ((field, value),) = changed.items()
        assert getattr(course_vae.CODER, field, False) != value


def no_floor(count: int) -> dict[str, float]:
    return {"count": count, "floor": 0.0}


def test_curves_begin_when_the_autoencoder_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    for _ in range(4):
        history.add_losses({"loss": 1.0})
    history.seconds = 8.0
    history.add_metrics({"frechet": 3.0})
    assert flow_seconds.curve(history, 40.0) == [(48.0, 3.0)]
    curves = dict.fromkeys(flow_seconds.NETWORKS, 9.0) | {"codes": 2.0}
    monkeypatch.setattr(flow_seconds, "run_pixels", lambda name, seed: [(1.0, curves[name])])
    monkeypatch.setattr(flow_seconds, "run_codes", lambda seed: [(50.0, curves["codes"])])
    monkeypatch.setattr(flow_seconds, "sample_floor", no_floor)
    found = flow_seconds.seconds(seeds=3)
    assert found["curves"]["codes"] == [[(50.0, 2.0)]] * 3
    assert found["seeds"] == [0, 1, 2]


@pytest.mark.parametrize("name", techniques.TECHNIQUES)
def test_each_technique_of_chapter_6_trains_and_draws(
    name: str, few: tuple[MNIST, Judgement, Judgement], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (digits, techniques):
        monkeypatch.setattr(module, "real_images", lambda: few)
    small = course_gan.GANRecipe(2, batch_size=8, width=4, widths=(2, 4, 4))
    monkeypatch.setattr(course_gan, "COURSE", small)
    monkeypatch.setattr(digits, "COUNT", 20)
    monkeypatch.setattr(digits, "COMPARED", 5)
    monkeypatch.setattr(techniques, "learn_codebook", quick_codebook)
    found = digits.run(name, seed=0, steps=2)
    assert len(found["seconds"]) == len(found["distances"]) == 2
    assert found["distances"][-1] == pytest.approx(found["frechet"], rel=0.5)
    assert (found["obeys"] is None) == (name == "VAE")
    assert (found["own_floor"] is None) == (name == "GAN")
    assert (found["nearest_rebuilt"] is None) == (name == "GAN")


def test_chapter_6_trains_the_gpt_of_its_benchmark() -> None:
    chapter = Path(__file__).resolve().parents[2] / "notebooks" / "06_digits.py"
    (given,) = (
        node.value.keywords
        for node in ast.walk(ast.parse(chapter.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        and ast.unparse(node.targets[0]) == "small"
    )  # fmt: skip
    settings = {k.arg: ast.literal_eval(k.value) for k in given if k.arg != "num_steps"}
    assert gpt.GPTRecipe(techniques.WRITER.num_steps, **settings) == techniques.WRITER
    assert len(load_mnist().train_images) == digits.IMAGES


def test_the_stored_side_by_side_is_of_this_benchmark() -> None:
    stored = load_results("digits")
    assert stored["images"] == digits.IMAGES
    assert stored["seeds"] == [0, 1, 2]
    for name, (_, batch_size) in techniques.TECHNIQUES.items():
        equal, minute = (stored["runs"][f"equal_{what}"][name] for what in ("images", "seconds"))
        assert all(digits.IMAGES - batch_size < run["images"] <= digits.IMAGES for run in equal)
        assert len({run["parameters"] for run in equal + minute}) == 1
        assert len(equal) == len(minute) == 3
        assert all(abs(run["seconds"][-1] - digits.SECONDS) < 1 for run in minute)


def test_the_stored_flows_keep_to_their_two_minutes_and_their_bars() -> None:
    stored = load_results("flow")
    assert stored["seeds"] == [0, 1, 2]
    for name in ("flow_pixel", "flow_latent"):
        assert len(stored["runs"][name]) == 3
        assert all(run["train_seconds"] <= 120 for run in stored["runs"][name])
    bars = {"flow_pixel": (5.0, 60.0), "flow_latent": (0.5, 10.0), "flow_one_step": (3.0, 10.0)}
    for name, (distance, seconds) in bars.items():
        assert stored[name]["frechet"] < distance
        assert stored[name]["draw_seconds"] < seconds
    assert stored["flow_latent"]["coverage"] > 0.8
    assert stored["flow_latent"]["recall"] > 0.76


def quick_codebook(images: Tensor, size: int, rng: torch.Generator) -> Codebook:
    return learn_codebook(images[:100], size, rng)


def test_the_steps_fill_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(
        seed: int, steps: int, watch: techniques.Watch, seconds: float | None = None
    ) -> techniques.Trained:
        history = History()
        history.seconds = 0.5 * steps
        return techniques.Trained(history, lambda asked: asked, 5.0 + steps, 1, fixed=5.0)

    assert digits.steps_for(train, 0, 65.0) == 40
    monkeypatch.setattr(digits, "_one", lambda budget, name, seed: {"frechet": float(seed)})
    monkeypatch.setattr(digits, "sample_floor", no_floor)
    found = digits.digits(seeds=3)
    assert found["seeds"] == [0, 1, 2]
    assert [r["frechet"] for r in found["runs"]["equal_images"]["GPT"]] == [0.0, 1.0, 2.0]
