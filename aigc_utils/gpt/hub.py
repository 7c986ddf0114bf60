"""Chapter 4: GPT-2's files from the Hugging Face hub, in a time that is told before, or not at all.

A hub that sends little by little would keep a reader waiting without end. So a few seconds of the
download are measured first, and the download itself runs in a process that can be stopped. The
hub's own library writes the files: a file that is not whole keeps a name of its own, and is gone on
with next time.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from typing import NamedTuple

from safetensors import SafetensorError, safe_open

#: The name of the file of weights, and the bytes of it where the hub doesn't tell them.
WEIGHTS, WEIGHTS_SIZE = "model.safetensors", 548_105_171
#: What transformers reads; a hub may lack all but the first two.
FILES = (
    "config.json",
    WEIGHTS,
    "generation_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
)
#: The bytes that are enough to measure the rate.
ENOUGH = 4_000_000
#: A download may take this many seconds, and three times as long as the measurement promised.
PATIENCE = 60.0

_FETCH = """
import sys
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
for name in sys.argv[2:]:
    try:
        hf_hub_download("gpt2", name, force_download=sys.argv[1] == "anew")
    except EntryNotFoundError:
        pass
"""


class Offer(NamedTuple):
    """What a hub sends: a size in bytes, and how many of them a second."""

    size: int
    rate: float

    @property
    def seconds(self) -> float:
        """The time that all of it takes."""
        return self.size / self.rate if self.rate else math.inf


def fetch(seconds: float, max_minutes: float) -> None:
    """Brings GPT-2's files from the hub into its library's folder; prints their size and rate.

    Args:
        seconds: how long to wait for the hub's answer, and then to measure.
        max_minutes: the longest time that the download may take.

    Raises:
        OSError: the hub does not answer, is too slow, stops, or lacks a file.
        ImportError: huggingface_hub is missing.
    """
    offer = measure(seconds)
    if offer is None:
        raise OSError(f"The Hugging Face hub sent nothing of GPT-2 within {seconds:g} seconds.")
    print(_told(offer), end="")
    if offer.seconds > 60 * max_minutes:
        print(f", which is more than {max_minutes:g}: no download.")
        raise OSError(f"The Hugging Face hub is too slow for GPT-2 in {max_minutes:g} minutes.")
    print(".", flush=True)
    limit = min(60 * max_minutes, PATIENCE + 3 * offer.seconds)
    how = "anew" if _is_damaged() else "missing"
    try:
        subprocess.run(
            [sys.executable, "-c", _FETCH, how, *FILES],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=True,
        )  # fmt: skip
    except subprocess.SubprocessError as error:
        raise OSError("The Hugging Face hub did not send all of GPT-2 in time.") from error


def measure(seconds: float) -> Offer | None:
    """Returns what the hub offers of GPT-2's weights; None where it sends nothing in that time.

    A thread asks, as looking up a name in a network that swallows everything takes far longer
    than any timeout. It reads until `ENOUGH` bytes are there, or `seconds` after the first.
    """
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:  # the reader's own setting
        return None
    asking = _Asking(seconds)
    asking.start()
    asking.join(seconds)
    if asking.came:
        asking.join(max(0.0, asking.came[0][0] + seconds - time.monotonic()))
    asking.enough.set()
    return asking.offer()


class _Asking(threading.Thread):
    """Reads the beginning of the weights, and notes when how many bytes were there."""

    def __init__(self, seconds: float) -> None:
        super().__init__(daemon=True)
        self.timeout, self.size, self.whole = seconds, WEIGHTS_SIZE, False
        self.came: list[tuple[float, int]] = []
        self.enough = threading.Event()

    def run(self) -> None:
        hub = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        url = f"{hub}/gpt2/resolve/main/{WEIGHTS}"
        total = 0
        with (
            suppress(OSError, ValueError),
            urllib.request.urlopen(url, timeout=self.timeout) as got,
        ):
            self.size = int(got.headers.get("Content-Length") or WEIGHTS_SIZE)
            while not self.enough.is_set() and total < min(ENOUGH, self.size):
                part = got.read1(1 << 16)
                if not part:
                    break
                total += len(part)
                self.came.append((time.monotonic(), total))
            self.whole = total >= min(ENOUGH, self.size)

    def offer(self) -> Offer | None:
        """Returns what came; None for nothing, or where the hub broke off."""
        came = list(self.came)
        if not came or not (self.whole or self.is_alive()):
            return None
        (start, first), (end, last) = came[0], came[-1]
        passed = (end if self.whole else time.monotonic()) - start
        return Offer(self.size, (last - first) / passed if passed > 0 else math.inf)


def _is_damaged() -> bool:
    """Returns whether the library's folder has weights that can't be opened."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache("gpt2", WEIGHTS)
    if not isinstance(path, str):
        return False
    try:
        with safe_open(path, framework="pt"):
            return False
    except (SafetensorError, OSError):
        return True


def _told(offer: Offer) -> str:
    size, minutes = f"{offer.size / 1e6:,.0f} MB", offer.seconds / 60
    if not offer.rate:
        return (
            f"GPT-2 has {size}, and the Hugging Face hub stopped sending: it takes endless minutes"
        )
    rate = f"{offer.rate / 1e6:,.1f} MB" if offer.rate >= 1e5 else f"{offer.rate / 1e3:,.0f} kB"
    needed = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} minutes"
    return f"GPT-2 has {size}, and the Hugging Face hub sends {rate} a second: it takes {needed}"
