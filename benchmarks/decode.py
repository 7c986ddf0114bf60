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

import torch

from aigc_utils.generation import generate
from aigc_utils.gpt import GPT
from aigc_utils.pretrained import from_gpt2

from .report import machine, table

NUM_TOKENS = 256
PROMPT = 8  # tokens; reading them is part of the time
TRIES = 5  # readings of each kind, of which the best counts


@dataclass(frozen=True)
class Run:
    """One run: tokens a second of both, and the best GB/s right before and after."""

    transformers: float
    course: float
    bandwidth: float


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
    sizes = {name: weight.nbytes for name, weight in model.named_parameters()}
    return sum(sizes.values()) - sizes.get("positions.weight", 0)


def read_bandwidth(num_bytes: int, tries: int = TRIES) -> float:
    """Returns the GB/s at which torch's threads read float32 numbers, by the fastest way.

    Each way goes once through an array of `num_bytes`, the weights' own size, so that a cache
    helps as much as it helps a model.
    """
    halves = torch.ones(2, num_bytes // 8)
    wide, tall = halves.view(-1)[: num_bytes // 4 // 1024 * 1024].view(-1, 1024), torch.ones(1024)
    ways: tuple[Callable[[], Any], ...] = (
        halves.sum,
        lambda: torch.dot(halves[0], halves[1]),
        lambda: torch.mv(wide, tall),
        lambda: torch.mv(wide.view(1024, -1).T, tall),
    )
    return max(halves.nbytes / seconds(way)[0] for way in ways for _ in range(tries)) / 1e9


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns how long a function takes, and what it returns."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def run(model: Any, course: GPT, seed: int, num_tokens: int = NUM_TOKENS) -> Run:
    """Returns one run of both on the same prompt.

    Raises:
        RuntimeError: the texts differ.
    """
    generator = torch.Generator().manual_seed(seed)
    prompt = torch.randint(course.config.vocab_size, (PROMPT,), generator=generator).tolist()
    before = read_bandwidth(weight_bytes(course))
    their_seconds, their_text = seconds(lambda: theirs(model, prompt, num_tokens))
    our_seconds, (our_text,) = seconds(lambda: generate(course, [prompt], num_tokens))
    if our_text != their_text:
        raise RuntimeError("The course's GPT and transformers write different tokens.")
    bandwidth = max(before, read_bandwidth(weight_bytes(course)))
    return Run(num_tokens / their_seconds, num_tokens / our_seconds, bandwidth)


def benchmark(seeds: int = 3, num_tokens: int = NUM_TOKENS, **sizes: Any) -> dict[str, Any]:
    """Returns, and prints, the comparison with transformers and with the memory's ceiling.

    The bandwidth is the best of all runs: it can only be measured too low.

    Args:
        seeds: runs, each with a prompt of its own; both models' medians count.
        num_tokens: how many to write.
        sizes: of transformers' `GPT2Config`, where they are to be others than GPT-2's.

    Raises:
        RuntimeError: the texts differ.
    """
    model = random_gpt2(**sizes)
    course = from_gpt2(model)
    run(model, course, seed=seeds, num_tokens=2)  # what only a first run does, for both
    runs = [run(model, course, seed, num_tokens) for seed in range(seeds)]
    reference = statistics.median(each.transformers for each in runs)
    ours = statistics.median(each.course for each in runs)
    bandwidth = max(each.bandwidth for each in runs)
    ceiling = bandwidth * 1e9 / weight_bytes(course)
    shown = [("transformers", reference), ("course", ours), ("memory's ceiling", ceiling)]
    rows = [(what, f"{rate:.1f}", f"{rate / ceiling:.2f}") for what, rate in shown]
    print(table(("what", "tokens a second", "of the ceiling"), rows))
    print(f"{ours / reference:.2f} times transformers; {bandwidth:.1f} GB/s; medians of {seeds}")
    return {
        "transformers_tokens_per_s": reference,
        "course_tokens_per_s": ours,
        "ratio": ours / reference,
        "ceiling_tokens_per_s": ceiling,
        "ceiling_fraction": ours / ceiling,
        "bandwidth_gb_per_s": bandwidth,
        "runs": [dataclasses.asdict(each) for each in runs],
        **machine(),
    }
