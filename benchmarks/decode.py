"""Chapter 4: tokens a second with a cache: the course's GPT, transformers, and what memory allows.

To write one token a model must read all its weights once, so the memory's bandwidth sets a ceiling.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aigc_utils.gpt import GPT, from_gpt2, generate

from .report import machine, table, timed

# What `python -m benchmarks` takes from here: the function, and what it compares.
BENCHMARKS = {
    "decode": (
        "benchmark",
        "speed of writing with a cache: the course's GPT, that of `transformers` and the memory's "
        "limit",
    ),
}

NUM_TOKENS = 256
PROMPT = 8  # tokens; reading them is part of the time
TRIES = 7  # readings of each kind, of which the median counts
REST = 0.1  # seconds; threads that wait for more work keep a core busy for up to 25 ms


@dataclass(frozen=True)
class Run:
    """One run: tokens a second of both, and the GB/s right before and after the course's."""

    transformers: float
    course: float
    bandwidth: float  # the mean of both readings
    ceiling: float  # tokens a second, were nothing to be done but to read the weights so fast


def random_gpt2(seed: int = 0, **sizes: Any) -> Any:
    """Returns transformers' GPT-2 with random weights, by default of 124 million.

    They are three times as large as before a training, so that the text isn't one word repeated.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    config = GPT2Config(initializer_range=0.06, bos_token_id=None, eos_token_id=None, **sizes)
    return GPT2LMHeadModel(config).eval()


def theirs(model: Any, prompt: list[int], num_tokens: int) -> list[int]:
    """Returns what transformers' greedy `generate` adds to a prompt, with its cache."""
    tokens = torch.tensor([prompt])
    with torch.inference_mode():
        text = model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=num_tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )
    added: list[int] = text[0, len(prompt) :].tolist()
    return added


def weight_bytes(model: GPT) -> int:
    """Returns how many bytes of weights one token needs; of the positions it needs one row."""
    positions = model.embedding.positions
    unread = 0 if positions is None else positions.weight.nbytes
    return sum(weight.nbytes for weight in model.parameters()) - unread


def read_bandwidth(num_bytes: int, tries: int = TRIES) -> float:
    """Returns the GB/s at which all cores together read float32 numbers, by the fastest way.

    Each way goes again and again through an array of `num_bytes`, the weights' own size, so that
    a cache helps as much as it helps a model. Of each way's readings the median counts, as a
    model needs a bandwidth that lasts. NumPy's products are among the ways, and the array is
    NumPy's, as the course's weights are: its large pages are read faster.
    """
    halves = torch.from_numpy(np.ones((2, num_bytes // 8), np.float32))
    wide, tall = halves.view(-1)[: num_bytes // 4 // 1024 * 1024].view(-1, 1024), torch.ones(1024)
    rows, vector = wide.numpy(), tall.numpy()
    ways: tuple[Callable[[], Any], ...] = (
        halves.sum,
        lambda: torch.dot(halves[0], halves[1]),
        lambda: torch.mv(wide, tall),
        lambda: torch.mv(wide.view(1024, -1).T, tall),
        lambda: np.dot(rows, vector),
        lambda: np.dot(rows.reshape(1024, -1).T, vector),
    )
    medians = []
    for way in ways:
        time.sleep(REST)
        medians.append(statistics.median(timed(way)[0] for _ in range(tries)))
    return halves.nbytes / min(medians) / 1e9


def run(model: Any, course: GPT, seed: int, num_tokens: int = NUM_TOKENS) -> Run:
    """Returns one run of both on the same prompt.

    Raises:
        RuntimeError: the texts differ.
    """
    rng = torch.Generator().manual_seed(seed)
    prompt = torch.randint(course.config.vocab_size, (PROMPT,), generator=rng).tolist()
    num_bytes = weight_bytes(course)
    time.sleep(REST)
    their_seconds, their_text = timed(lambda: theirs(model, prompt, num_tokens))
    before = read_bandwidth(num_bytes)
    time.sleep(REST)
    our_seconds, (our_text,) = timed(lambda: generate(course, [prompt], num_tokens))
    if our_text != their_text:
        raise RuntimeError("The course's GPT and transformers write different tokens.")
    bandwidth = (before + read_bandwidth(num_bytes)) / 2
    ceiling = bandwidth * 1e9 / num_bytes
    return Run(num_tokens / their_seconds, num_tokens / our_seconds, bandwidth, ceiling)


def benchmark(seeds: int = 3, num_tokens: int = NUM_TOKENS, **sizes: Any) -> dict[str, Any]:
    """Returns, and prints, the comparison with transformers and with the memory's ceiling.

    On a machine that is shared with others the memory's bandwidth may double or halve within
    seconds (30 to 64 GB/s were measured on one), so each text is held against the readings right
    beside it.

    Args:
        seeds: runs, each with a prompt of its own; the medians count.
        num_tokens: how many to write.
        sizes: of transformers' `GPT2Config`, where they are to be others than GPT-2's.

    Raises:
        RuntimeError: the texts differ.
    """
    model = random_gpt2(**sizes)
    course = from_gpt2(model)
    run(model, course, seed=seeds, num_tokens=2)  # what only a first run does, for both
    runs = [run(model, course, seed, num_tokens) for seed in range(seeds)]
    names = ("transformers", "course", "ceiling", "bandwidth")
    reference, ours, ceiling, bandwidth = (
        statistics.median(getattr(each, name) for each in runs) for name in names
    )
    fractions = [
        statistics.median(getattr(each, name) / each.ceiling for each in runs) for name in names[:3]
    ]
    rows = [
        (what, f"{rate:.1f}", f"{fraction:.2f}")
        for what, rate, fraction in zip(
            ("transformers", "course", "memory's ceiling"),
            (reference, ours, ceiling),
            fractions,
            strict=True,
        )
    ]
    print(table(("what", "tokens a second", "of the ceiling"), rows))
    print(f"{ours / reference:.2f} times transformers; {bandwidth:.1f} GB/s; medians of {seeds}")
    return {
        "transformers_tokens_per_s": reference, "course_tokens_per_s": ours,
        "ratio": ours / reference, "ceiling_tokens_per_s": ceiling,
        "ceiling_fraction": fractions[1], "bandwidth_gb_per_s": bandwidth, "seeds": seeds,
        "runs": [dataclasses.asdict(each) for each in runs], **machine(),
    }  # fmt: skip
