"""Where things are computed: proved for a graphics card without one.

Three stand-ins, each blind where another sees. PyTorch's fake tensors lie on "cuda", have no
numbers, and know PyTorch's own rules of what may meet whom: under them every step runs, and none
may ask for a number. `AbsentCard` has numbers, so whole recipes, samplers and measures run on it,
and their numbers are compared with the processor's. And with "meta" as the default device, on
which a tensor has no numbers, all run on the processor as if there were no default.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from absent_card import AbsentCard, lies_on_card, tensors_of
from device_cases import (
    CASES,
    CLIPPED,
    GPT,
    RECIPES,
    STEPS,
    ids,
    images,
    labels,
    new_gpt,
    run,
    two_steps,
)
from sentences import assert_one_sentence
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from aigc_utils import (
    cnn,
    devices,
    evaluation,
    flow,
    gan,
    gpt,
    history,
    latent,
    training,
    vae,
)
from aigc_utils.gpt import seq2seq
from bookmaking import chapters
from bookmaking.runs import running

ROOT = Path(__file__).resolve().parents[1]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def flat(result: Any) -> list[Any]:
    """Returns the numbers and tensors of a result, one after the other."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        result = list(vars(result).values())
    if isinstance(result, list | tuple):
        return [part for each in result for part in flat(each)]
    return [] if result is None else [result]


def same(a: Any, b: Any, **tolerance: float) -> None:
    """Asserts that two results are the same, number by number."""
    left, right = flat(a), flat(b)
    assert len(left) == len(right) > 0
    for one, other in zip(left, right, strict=True):
        one, other = torch.as_tensor(one, device="cpu"), torch.as_tensor(other, device="cpu")
        torch.testing.assert_close(one, other, **tolerance, equal_nan=True)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[AbsentCard]:
    """A card that recipes and measures choose by themselves."""
    monkeypatch.setattr(devices, "_named_device", torch.device)
    monkeypatch.setenv("AIGC_DEVICE", "cuda")
    with AbsentCard() as mode:
        yield mode


# --- every case is here -------------------------------------------------------------------------

ROOMS: dict[str, ModuleType] = {
    chapter.short: import_module(f"aigc_utils.{chapter.short}")
    for chapter in chapters.chapters(ROOT)
} | {"seq2seq": seq2seq, "evaluation": evaluation}
#: Public functions that touch no tensor of a device, and those which other cases call.
NOT_COMPUTED = {
    "course_optimizers", "has_bfloat16", "load_model", "save_model", "load_generator",
    "save_generator", "load_gpt2", "load_gpt2_or_standin", "load_standin", "from_gpt2",
    "from_llama", "with_weights", "learn_merges", "tokens_per_character", "encode_tensor",
    "bits_per_character", "compressed_bits", "merge", "words", "causal_mask", "rotary_angles",
    "attention_weights", "block", "dense_layers", "decode_words", "encode_words",
    "reverse_batches", "load_judge", "load_results", "margin", "record", "share_error",
    "flow_optimizer", "draw_times", "ring_of_islands", "steered",
}  # fmt: skip


def public_functions() -> set[str]:
    return {
        f"{room}.{name}"
        for room, module in ROOMS.items()
        for name in module.__all__
        if inspect.isfunction(getattr(module, name)) and name not in NOT_COMPUTED
    }


def test_every_public_function_that_computes_has_a_case() -> None:
    cases = {*CASES, *RECIPES, *STEPS}
    again = {"gan.interpolate", "vae.interpolate"}  # both are latent's
    assert gan.interpolate is vae.interpolate is latent.interpolate
    assert public_functions() - cases - again == set(), "give it a case in device_cases.py"


#: Networks that take the step of another, and what is never trained.
UNTRAINED = {cnn.ArticleCNN, cnn.MLP, evaluation.Judge, flow.Scale}


def test_every_public_network_takes_a_step() -> None:
    taken: set[type] = set()

    def move(each: Any) -> Any:
        taken.update(map(type, each.modules()) if isinstance(each, nn.Module) else ())
        return each

    for make in (STEPS | CLIPPED).values():
        make(move)
    public = (getattr(module, name) for module in ROOMS.values() for name in module.__all__)
    networks = {each for each in public if isinstance(each, type) and issubclass(each, nn.Module)}
    assert networks - taken - UNTRAINED == set(), "give it a step in device_cases.py"


# --- fake tensors: PyTorch's own rules, and no number is asked for -------------------------------


def onto_fake_card(mode: FakeTensorMode, weights: list[nn.Parameter]) -> Callable[[Any], Any]:
    """Returns a function that replaces a model's weights, or a tensor, by fake ones on "cuda".

    It adds the weights to a list.
    """

    def fake(value: Tensor) -> Tensor:
        with mode:
            how = {"dtype": value.dtype, "device": CUDA}
            return torch.empty_strided(value.size(), value.stride(), **how)

    def move(each: Any) -> Any:
        if isinstance(each, Tensor):
            return fake(each)
        for module in each.modules():
            for name, weight in module._parameters.items():
                if weight is not None:
                    module._parameters[name] = nn.Parameter(fake(weight))
                    weights.append(module._parameters[name])
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = fake(buffer)
        return each

    return move


def fake_steps(name: str) -> list[Tensor]:
    """Returns the losses of two steps on the fake card.

    PyTorch's engine of gradients asks CUDA itself, so other gradients stand in for its own; those
    of `AbsentCard` are real.
    """
    weights: list[Any] = []
    mode = FakeTensorMode(allow_non_fake_inputs=True)
    move = onto_fake_card(mode, weights)
    step, batch = (STEPS | CLIPPED)[name](move)
    batch = tuple(map(move, batch))

    def backward(loss: Tensor) -> None:
        assert loss.device.type == "cuda"
        for weight in weights:
            weight.grad = torch.zeros_like(weight)

    with mode, pytest.MonkeyPatch.context() as at:
        at.setattr(Tensor, "backward", backward)
        at.setattr(torch.autograd, "grad", lambda loss, x, **_: (torch.zeros_like(x) + loss,))
        return [loss for _ in range(2) for loss in step(batch).values()]


@pytest.mark.parametrize("name", STEPS | CLIPPED)
def test_a_step_stays_on_the_card_and_reads_no_number(name: str) -> None:
    losses = fake_steps(name)
    assert len(losses) > 1
    assert {loss.device.type for loss in losses} == {"cuda"}


def test_a_step_that_mixes_devices_or_reads_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(devices, "send", lambda values, place: values)
        with pytest.raises(RuntimeError, match="cuda"):
            fake_steps("cnn.classifier_step")
    smooth = cnn.training.check_labels
    monkeypatch.setattr(
        cnn.training, "check_labels", lambda labels, count, wait: smooth(labels, count)
    )
    with pytest.raises(DataDependentOutputException):
        fake_steps("cnn.classifier_step")


# --- the absent card: real numbers, whole recipes -----------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_a_step_gives_the_same_losses_on_the_card(name: str) -> None:
    wanted = two_steps(STEPS[name], CPU)
    with AbsentCard() as card:
        found = two_steps(STEPS[name], CUDA)
    assert all(map(lies_on_card, found))
    assert card.reads == 0
    same(found, wanted, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_trains_on_the_card_and_hands_back(name: str, card: AbsentCard) -> None:
    with pytest.MonkeyPatch.context() as at:
        at.setenv("AIGC_DEVICE", "cpu")
        wanted = RECIPES[name](None)
    found = RECIPES[name](None)
    assert card.reads > 0
    same(run(found), run(wanted), rtol=1e-3, atol=1e-5)
    for model in found[:-1]:
        networks = model.modules() if isinstance(model, nn.Module) else [model.ema.network]
        weights = [weight for each in networks for weight in each.parameters()]
        assert weights
        assert not any(map(lies_on_card, weights))


#: What gives its results to a reader, who is never on a card, or where its generator lies.
FOR_A_READER = {"evaluation.predict", "evaluation.confusion_matrix", "flow.draw_pairs"}


@pytest.mark.parametrize("name", CASES)
def test_samplers_and_measures_give_the_same_on_the_card(name: str, card: AbsentCard) -> None:
    with pytest.MonkeyPatch.context() as at:
        at.setenv("AIGC_DEVICE", "cpu")
        wanted = CASES[name](CPU)
    found = CASES[name](CUDA)
    places = {lies_on_card(each) for each in tensors_of(flat(found))}
    assert places <= {name not in FOR_A_READER}  # where the inputs lie
    same(found, wanted, rtol=1e-3, atol=1e-5)


def test_inputs_of_the_processor_are_sent_to_a_model_on_the_card(card: AbsentCard) -> None:
    model = new_gpt().to(CUDA)
    tokens = gpt.generate(model, [[1, 2]], 3)
    assert not lies_on_card(gpt.surprise(model, ids(), 8))
    assert [new.item() for new in gpt.decode(model, torch.tensor([[1, 2]]), 3)] == tokens[0]
    network = cnn.CourseCNN((2, 3, 4)).to(CUDA)
    assert not lies_on_card(evaluation.predict(network, images()))
    generator = gan.Generator(4, 4).to(CUDA)
    assert not lies_on_card(gan.sample(generator, torch.zeros(3, 4), labels(3)))


def test_a_game_goes_on_where_it_is_moved() -> None:
    with AbsentCard():
        step, batch = STEPS["gan.CourseGAN.step"](lambda each: each)
        game: Any = step.__self__  # type: ignore[attr-defined]
        step(batch)
        game.to(CUDA)
        losses = step(tuple(each.to(CUDA) for each in batch))
        assert all(map(lies_on_card, losses.values()))
        game.generator.to(CPU)  # players may lie apart
        assert not any(map(lies_on_card, game.to(CPU).step(batch).values()))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda a, b: a + b,
        lambda a, b: torch.cat([a, b]),
        lambda a, b: a.index_select(0, torch.zeros(2, dtype=torch.int64)),
        lambda a, b: b[torch.zeros(2, dtype=torch.int64).to("cuda")],
        lambda a, b: torch.randn(3, generator=torch.Generator(), device="cuda"),
        lambda a, b: torch.multinomial(a, 1, generator=torch.Generator()),
    ],
)
def test_the_absent_card_refuses_what_a_card_refuses(mixed: Callable[..., Any]) -> None:
    with AbsentCard(), pytest.raises(RuntimeError, match="device"):
        mixed(torch.ones(3).to("cuda"), torch.ones(3))


def test_the_absent_card_counts_what_is_read() -> None:
    with AbsentCard() as card:
        x = torch.ones(3).to("cuda")
        assert lies_on_card(x.sum() + 1)
        assert (card.reads, x.sum().item(), card.reads) == (0, 3.0, 1)
        assert bool(x.sum() > 1)
        assert card.reads == 2
        with pytest.raises(TypeError, match="numpy"):
            x.numpy()


# --- a default device ---------------------------------------------------------------------------


#: Adam that is not fused counts its steps on the default device, where "meta" has no numbers.
COUNTS = {"vae.train_article"}


@pytest.mark.parametrize("name", [*CASES, *STEPS, *RECIPES])
def test_a_default_device_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_DEVICE", "cpu")

    def result() -> Any:
        if name in STEPS:
            return two_steps(STEPS[name], CPU)
        return run(RECIPES[name](None)) if name in RECIPES else CASES[name](CPU)

    wanted = result()
    with torch.device("cpu" if name in COUNTS else "meta"):
        found = result()
    same(found, wanted, rtol=0.0, atol=0.0)


def test_what_relies_on_the_default_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent, "normal", lambda shape, rng, place: torch.randn(shape).to(place))
    with torch.device("meta"), pytest.raises(NotImplementedError, match="meta"):
        CASES["vae.reparameterize"](CPU)


# --- reading, and the rest ----------------------------------------------------------------------


def test_losses_of_several_steps_are_read_once_a_name() -> None:
    with AbsentCard() as card:
        steps = [
            {"loss": torch.tensor(float(i)).to("cuda"), "other": torch.tensor([i]), "plain": 0.5}
            for i in range(20)
        ]
        found = history.numbers(steps)
    assert card.reads == 1
    assert found == [{"loss": float(i), "other": float(i), "plain": 0.5} for i in range(20)]


def test_the_wait_for_the_losses_counts_as_training(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def read(steps: list[Any]) -> list[dict[str, float]]:
        now[0] += 100 * len(steps)
        return [{"loss": 1.0} for _ in steps]

    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(training, "numbers", read)
    assert training.fit(lambda batch: {"loss": 1.0}, [0], num_steps=1).seconds == 100.0


def test_devices_have_names_for_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda place: f"Card {place.index}")
    assert devices.device_name(CPU) == "the CPU"
    assert devices.device_name(torch.device("mps")) == "Apple's GPU (MPS)"
    assert devices.device_name(torch.device("cuda:1")) == "Card 1"
    assert devices.exact(torch.device("mps")) == CPU
    assert devices.exact(torch.device("cuda:1")) == torch.device("cuda:1")


def test_the_book_is_run_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Client:
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def execute(self, env: dict[str, str]) -> None:
            seen.append(env["AIGC_DEVICE"])

    monkeypatch.setenv("AIGC_DEVICE", "cuda")
    monkeypatch.delenv("AIGC_DEVICE")  # and back afterwards
    monkeypatch.setattr(running, "NotebookClient", Client)
    monkeypatch.setattr(running.collect, "machine", dict)
    running.execute(ROOT / "notebooks" / "06_digits.py")
    monkeypatch.setenv("AIGC_DEVICE", "mps")
    running.execute(ROOT / "notebooks" / "06_digits.py")
    assert seen == ["cpu", "mps"]


def test_a_recipe_names_a_device_that_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for train in RECIPES.values():
        with pytest.raises(ValueError, match="no device 'cuda' here") as error:
            train(CUDA)
        assert_one_sentence(error, "AIGC_DEVICE")


def test_a_card_multiplies_in_32_bits_until_16_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpt.training, "has_bfloat16", lambda: True)
    recipe = dataclasses.replace(GPT, bfloat16=True)
    model = gpt.GPT(GPT.config(11))
    assert gpt.course_optimizers(model, recipe)[0].param_groups[0]["dtype"] is torch.bfloat16
    with AbsentCard():
        model.to(CUDA)
        assert gpt.course_optimizers(model, recipe)[0].param_groups[0]["dtype"] is None
