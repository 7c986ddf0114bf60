"""The course's models in files: all come back equal, and no damaged file gives other numbers."""

from __future__ import annotations

import copy
import errno
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from sentences import assert_one_sentence
from torch import Tensor, nn

from aigc_utils import cnn, gan, gpt, vae
from aigc_utils.data import DataError, Kept, encode_nested, load_tensors, save_tensors
from aigc_utils.gpt import seq2seq
from aigc_utils.model_files import FIRST_EDITION, load_model, save_model

TINY = gpt.GPTConfig(11, 8, num_layers=2, num_heads=2, width=8)
IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
TOKENS = torch.arange(12).view(2, 6) % 11


def noise(width: int) -> Tensor:
    return torch.randn(3, width, generator=torch.Generator().manual_seed(0))


Case = tuple[Callable[[], nn.Module], Callable[[Any], Tensor]]

MODELS: dict[str, Case] = {
    "ArticleCNN": (cnn.ArticleCNN, lambda m: m(IMAGES)),
    "MLP": (lambda: cnn.MLP(7), lambda m: m(IMAGES)),
    "CourseCNN": (lambda: cnn.CourseCNN((4, 6, 8, 10), 0.3), lambda m: m(IMAGES)),
    "ArticleGenerator": (gan.ArticleGenerator, lambda m: m(noise(100))),
    "ArticleDiscriminator": (gan.ArticleDiscriminator, lambda m: m(IMAGES)),
    "Generator": (lambda: gan.Generator(5, 6), lambda m: m(noise(5), torch.arange(3))),
    "Discriminator": (
        lambda: gan.Discriminator((3, 5, 7)),
        lambda m: m(IMAGES, torch.arange(3)),
    ),
    "ArticleVAE": (vae.ArticleVAE, lambda m: m.decode(m.encode(IMAGES)[0])),
    "VAE": (
        lambda: vae.VAE(3, (9, 9, 5), mean_image=IMAGES.mean(0)),
        lambda m: m.decode(m.encode(IMAGES)[0]),
    ),
    "lean VAE": (
        lambda: vae.VAE(3, (9,), encoder_patches=False),
        lambda m: m.decode(m.encode(IMAGES)[0]),
    ),
    "plain VAE": (lambda: vae.VAE(2, [6], False), lambda m: m.decode(m.encode(IMAGES)[0])),
    "GPT": (lambda: gpt.GPT(TINY), lambda m: m(TOKENS)),
    "tied GPT": (
        lambda: gpt.GPT(replace(TINY, positions="learned", norm="layer", mlp="gelu", tied=True)),
        lambda m: m(TOKENS),
    ),
    "GPT with n-grams": (
        lambda: gpt.GPT(replace(TINY, ngrams=(13, 17), ngram_dropout=0.5, mlp="gated")),
        lambda m: m(TOKENS),
    ),
    "EncoderDecoder": (
        lambda: seq2seq.EncoderDecoder(replace(TINY, num_layers=1)),
        lambda m: m(TOKENS, TOKENS),
    ),
}


def trained(make: Callable[[], nn.Module], dtype: torch.dtype = torch.float32) -> nn.Module:
    """Returns a model whose weights and statistics are all random, in evaluation mode."""
    torch.manual_seed(1)
    model = make().to(dtype).eval()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.copy_(
                torch.rand(value.shape) / 3 + 0.1 if value.is_floating_point() else value + 3
            )
    return model


def assert_equal(one: nn.Module, other: nn.Module) -> None:
    assert type(one) is type(other)
    assert one.state_dict().keys() == other.state_dict().keys()
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert (a.dtype, a.shape, a.stride()) == (b.dtype, b.shape, b.stride()), name
        assert torch.equal(a, b), name
    for (name, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
        assert p.requires_grad == q.requires_grad, name


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_refused(path: Path | str, *parts: object) -> None:
    with pytest.raises(DataError) as error:
        load_model(path)
    assert_one_sentence(error, path, *parts)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    make, run = MODELS[name]
    model = trained(make)
    path = save_model(model, tmp_path / "new" / "m.safetensors")
    before = torch.get_rng_state()
    loaded = load_model(path)
    assert torch.equal(torch.get_rng_state(), before)
    assert_equal(loaded, model)
    assert not any(module.training for module in loaded.modules())
    assert all(not p.is_meta for p in loaded.parameters())
    with torch.no_grad():
        assert torch.equal(run(loaded), run(model))
    assert repr(loaded) == repr(model)
    assert loaded.configuration == model.configuration
    assert names(path.parent) == ["m.safetensors"]


@pytest.mark.parametrize("name", ["CourseCNN", "Generator", "VAE", "tied GPT", "EncoderDecoder"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_models_type_comes_back(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model = trained(MODELS[name][0], dtype)
    loaded = load_model(save_model(model, tmp_path / "m"))
    assert_equal(loaded, model)
    assert next(loaded.parameters()).dtype == dtype


def test_tied_weights_stay_tied_and_are_kept_once(tmp_path: Path) -> None:
    model = trained(MODELS["tied GPT"][0])
    path = save_model(model, tmp_path / "m")
    loaded = load_model(path, gpt.GPT)
    assert loaded.head.weight is loaded.embedding.tokens.weight
    assert "head.weight" not in load_tensors(path, what="", how="").tensors
    assert loaded.config == model.config


def test_weights_come_back_as_they_lie_in_memory(tmp_path: Path) -> None:
    model = trained(MODELS["tied GPT"][0])
    fast = gpt.with_weights(model.config, model.state_dict())  # stored for fast reading
    assert not fast.blocks[0].mlp.expand.weight.is_contiguous()
    assert_equal(load_model(save_model(fast, tmp_path / "m")), fast)
    article = trained(cnn.ArticleCNN).to(memory_format=torch.channels_last)
    assert_equal(load_model(save_model(article, tmp_path / "m")), article)
    course = trained(cnn.CourseCNN).to(memory_format=torch.contiguous_format)
    assert_equal(load_model(save_model(course, tmp_path / "m")), course)


def test_frozen_weights_come_back_frozen(tmp_path: Path) -> None:
    model = trained(MODELS["CourseCNN"][0])
    model.features.requires_grad_(False)
    loaded = load_model(save_model(model, tmp_path / "m"))
    assert_equal(loaded, model)
    assert loaded.classifier.weight.requires_grad
    average = gan.EMA(gan.Generator(5, 6), 0.9)
    assert_equal(load_model(save_model(average.network, tmp_path / "m")), average.network)


def test_a_model_stays_as_it_is_and_may_lie_anywhere(tmp_path: Path) -> None:
    model = trained(MODELS["CourseCNN"][0]).train()
    before = copy.deepcopy(model)
    loaded = load_model(save_model(model, tmp_path / "m"))
    assert_equal(model, before)
    assert all(module.training for module in model.modules())
    with torch.no_grad():
        next(loaded.parameters()).zero_()
    assert_equal(model, before)
    assert_equal(load_model(tmp_path / "m"), before.eval())


def test_a_loaded_model_goes_on_learning(tmp_path: Path) -> None:
    model = load_model(save_model(trained(MODELS["tied GPT"][0]), tmp_path / "m"), gpt.GPT)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    gpt.gpt_step(model, optimizer)((TOKENS, TOKENS))
    assert all(not torch.equal(before[name], value) for name, value in model.state_dict().items())


# --- what is not kept -------------------------------------------------------------------------


class Own(cnn.MLP):
    """A student's own class."""


def changed() -> nn.Module:
    model = cnn.CourseCNN((4, 6, 8))
    model.classifier = nn.Linear(72, 26)
    return model


def deeper() -> nn.Module:
    model = gpt.GPT(TINY)
    model.blocks.append(gpt.Block(TINY))
    return model


def tied() -> nn.Module:
    model = gpt.GPT(TINY)
    model.head.weight = model.embedding.tokens.weight
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Own(3), "Own is none"),
        (lambda: nn.Linear(2, 2), "Linear is none"),
        (lambda: gpt.Block(TINY), "Block is none"),
        (changed, "CourseCNN has other layers"),
        (deeper, "GPT has other layers"),
        (tied, "GPT has other layers"),
        (lambda: cnn.MLP(2).to("meta"), 'lies on "meta" and has no numbers'),
        (lambda: "model", "str is none"),
    ],
)
def test_what_could_not_come_back_is_not_kept(
    make: Callable[[], Any], said: str, tmp_path: Path
) -> None:
    (tmp_path / "m").write_text("mine")
    with pytest.raises(ValueError, match=said) as error:
        save_model(make(), tmp_path / "m")
    assert_one_sentence(error)
    assert (tmp_path / "m").read_text() == "mine"


def test_a_generator_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="save_generator keeps the course's Generator") as error:
        gan.save_generator(cnn.MLP(2), tmp_path / "m")  # type: ignore[arg-type]
    assert_one_sentence(error)
    path = save_model(cnn.MLP(2), tmp_path / "m")
    with pytest.raises(DataError, match="holds no generator of this course") as error:
        gan.load_generator(path)
    assert_one_sentence(error, path)
    with pytest.raises(DataError, match="holds no vae of this course"):
        load_model(path, vae.VAE)


@pytest.mark.parametrize("module", [cnn, gan, vae, gpt])
def test_each_chapter_hands_both_on(module: Any) -> None:
    assert module.save_model is save_model
    assert module.load_model is load_model


# --- damage -----------------------------------------------------------------------------------


def equal_or_refused(path: Path, content: bytes, model: nn.Module) -> bool:
    """Returns whether a file is refused; one that is read must have equal weights."""
    path.write_bytes(content)
    try:
        loaded = load_model(path)
    except DataError as error:
        said = str(error)
    else:
        assert_equal(loaded, model)
        return False
    return said == (
        f"{path} is damaged or holds no model of this course: save it again with "
        "save_model(model, path)."
    )


def test_no_flipped_bit_gives_another_model(tmp_path: Path) -> None:
    model = trained(lambda: cnn.MLP(1))
    path = save_model(model, tmp_path / "m")
    content = path.read_bytes()
    header = 8 * (8 + int.from_bytes(content[:8], "little"))
    for bit in [*range(0, header, 3), *range(header, 8 * len(content), 31)]:
        wrong = bytearray(content)
        wrong[bit // 8] ^= 1 << bit % 8
        assert equal_or_refused(path, bytes(wrong), model), bit


def test_no_cut_gives_another_model(tmp_path: Path) -> None:
    model = trained(lambda: cnn.MLP(1))
    path = save_model(model, tmp_path / "m")
    content = path.read_bytes()
    for end in [*range(1000), *range(1000, len(content), 97), len(content) - 1]:
        assert equal_or_refused(path, content[:end], model), end
    for more in (b"\0", b"0", b"\n", content):
        assert equal_or_refused(path, content + more, model)


def test_other_files_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "m"
    model = trained(lambda: cnn.MLP(1))
    huge = b'{"a":{"dtype":"F32","shape":[4000000000000],"data_offsets":[0,16000000000000]}}'
    others = [
        b"", b"{", b"A letter.", b"\x80\x04\x95", b"PK\x03\x04" + bytes(30), bytes(10_000),
        (2**63).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"{}",
        len(huge).to_bytes(8, "little") + huge, b"\xff" * 100, save({"a": torch.ones(3)}),
        save({"a": torch.ones(3)}, metadata={"network": "aigc_utils.cnn.MLP"}),
    ]  # fmt: skip
    for other in others:
        assert equal_or_refused(path, other, model)
    torch.save(model.state_dict(), path)
    assert equal_or_refused(path, path.read_bytes(), model)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("m.safetensors", "weights")
    assert equal_or_refused(path, path.read_bytes(), model)
    assert_refused(tmp_path, "is damaged or holds no model")
    assert_refused(tmp_path / "none", "There is no file")
    if Path("/dev/zero").exists():
        assert_refused("/dev/zero", "is damaged or holds no model")


def forged(path: Path, **text: Any) -> Path:
    """Writes a file whose checksum is right and whose text is not."""
    model = trained(lambda: cnn.MLP(1))
    kept = load_tensors(save_model(model, path), what="", how="")
    return save_tensors(path, kept.tensors, {**kept.text, **text})


@pytest.mark.parametrize(
    "text",
    [
        {"network": "os.path"},
        {"network": "aigc_utils.cnn.SPRINT"},
        {"network": "aigc_utils.gpt.GPTConfig"},
        {"network": "aigc_utils.none.Model"},
        {"network": "aigc_utils.cnn.CNNRecipe"},
        {"network": "aigc_utils.cnn.ArticleCNN", "configuration": '{"dict": []}'},
        {"network": "torch.nn.Linear"},
        {"configuration": json.dumps(encode_nested({"hidden": 10**12}, {}, ""))},
        {"configuration": json.dumps(encode_nested({"hidden": 10**30}, {}, ""))},
        {"configuration": json.dumps(encode_nested({"hidden": -1}, {}, ""))},
        {"configuration": json.dumps(encode_nested({"widths": 1}, {}, ""))},
        {"configuration": "{}"},
        {"configuration": '{"dataclass": ["os.path", 1]}'},
        {"configuration": "no JSON"},
        {"frozen": '["none"]'},
        {"frozen": "7"},
    ],
)
def test_a_file_can_ask_for_nothing_but_the_courses_models(
    text: dict[str, Any], tmp_path: Path
) -> None:
    assert_refused(forged(tmp_path / "m", **text), "is damaged or holds no model of this course")


def first_edition(path: Path, generator: gan.Generator, **text: str) -> Path:
    sizes = {"latent_dim": str(generator.latent_dim), "width": str(generator.width)}
    state = {name: value.contiguous() for name, value in generator.state_dict().items()}
    path.write_bytes(save(state, metadata={"network": "aigc_utils.gan.Generator", **sizes, **text}))
    return path


def test_a_file_of_the_first_edition_loads(tmp_path: Path) -> None:
    generator = trained(lambda: gan.Generator(5, 6))
    assert isinstance(generator, gan.Generator)
    path = first_edition(tmp_path / "g", generator)
    assert_equal(gan.load_generator(path), generator)
    assert_equal(load_model(path), generator)
    for text in (
        {"width": "7"},
        {"width": "six"},
        {"width": "-6"},
        {"width": str(10**12)},
        {"network": "aigc_utils.gan.ArticleGenerator"},
        {"more": "text"},
    ):
        assert_refused(first_edition(path, generator, **text), "is damaged or holds no model")


def test_a_new_file_without_its_checksum_is_not_taken_for_an_old_one(tmp_path: Path) -> None:
    kept = load_tensors(save_model(gan.Generator(5, 6), tmp_path / "g"), what="", how="")
    assert isinstance(kept, Kept)
    assert not kept.text.keys() & {"sha256", "strides"}
    state = {name: value.contiguous() for name, value in kept.tensors.items()}
    (tmp_path / "g").write_bytes(save(state, metadata=kept.text))
    assert_refused(tmp_path / "g", "is damaged or holds no model")
    assert kept.text.keys() != FIRST_EDITION


# --- writing ----------------------------------------------------------------------------------


def test_the_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for keep, load in ((save_model, load_model), (gan.save_generator, gan.load_generator)):
        path = keep(gan.Generator(2, 3), "~/kept/g.safetensors")
        assert path == tmp_path / "home" / "kept" / "g.safetensors"
        assert path.is_file()
        assert load("~/kept/g.safetensors").configuration == {"latent_dim": 2, "width": 3}
    assert names(tmp_path) == ["home"]


def test_a_name_may_be_as_long_as_the_system_takes(tmp_path: Path) -> None:
    name = "数" * 85  # 255 bytes
    assert load_model(save_model(cnn.MLP(1), tmp_path / name))


def failing(code: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("owner", "step", "code"),
    [
        (Path, "write_bytes", errno.ENOSPC),
        (os, "fsync", errno.EIO),
        (Path, "replace", errno.EACCES),
        (Path, "mkdir", errno.EROFS),
    ],
)
def test_a_failed_write_leaves_the_earlier_file_whole(
    owner: Any, step: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_model(trained(lambda: cnn.MLP(1)), tmp_path / "m")
    before = path.read_bytes()
    monkeypatch.setattr(owner, step, failing(code))
    with pytest.raises(DataError) as error:
        save_model(cnn.MLP(2), path)
    assert_one_sentence(error, path, "can't be written", os.strerror(code))
    assert path.read_bytes() == before
    assert names(tmp_path) == ["m"]


def test_places_that_take_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    for place in ("file/m", "folder", "nul\0"):
        with pytest.raises(DataError) as error:
            save_model(cnn.MLP(1), tmp_path / place)
        assert_one_sentence(error, "can't be written")
    assert names(tmp_path) == ["file", "folder"]
    assert not names(tmp_path / "folder")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = save_model(cnn.MLP(1), tmp_path / "m")
    path.chmod(0)
    assert_refused(path, "can't be read")
