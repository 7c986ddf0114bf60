"""Chapter 4: text from a trained GPT: reading with a cache, and streaming."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from .cache import Cache
from .model import GPT
from .numpy_decoding import numpy_decoder, numpy_threads
from .sampling import GREEDY, Sampling, choose


def read(model: GPT, tokens: Tensor, cache: Cache) -> Tensor:
    """Returns what the head reads, (B, T, width), of tokens that follow those in the cache.

    They are added to the cache. The result is that of `model.features` on all tokens, for the
    last T: keys and values of a token never change, as it sees only what stands before it.

    Args:
        model: the GPT.
        tokens: int64, (B, T).
        cache: of the model's configuration.

    Raises:
        ValueError: more tokens than the cache has room for.
        TypeError: the model is of a kind with `features` or `forward` of its own.
    """
    if type(model).features is not GPT.features or type(model).forward is not GPT.forward:
        raise TypeError("A model with features or forward of its own can't be read with a cache.")
    cache.store(tokens)
    new, before = tokens.size(1), cache.before(len(model.config.ngrams))
    x, angles = model.embedding(tokens, cache.places(new), before)
    mask = cache.mask(new)
    for block, memory in zip(model.blocks, cache.memories, strict=True):
        x = block(x, angles, mask, memory)
    result: Tensor = model.norm(x)
    return result


@torch.inference_mode()
def decode(
    model: GPT,
    tokens: Tensor,
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    padding: Tensor | None = None,
) -> Iterator[Tensor]:
    """Yields `num_tokens` times the next token of each row, int64, (B, 1).

    The prompt is read at once, then each new token alone. When the context is full, the older
    half is forgotten and the newer half is read anew.

    Args:
        model: the model, on any device.
        tokens: prompts, int64, (B, T), T at least 1.
        num_tokens: how many tokens to add.
        sampling: how each is chosen.
        rng: draws them; on the model's device.
        padding: tokens at the left of each row that don't count, int64, (B,).
    """
    context = model.config.context
    history = torch.cat((tokens, tokens.new_zeros(len(tokens), num_tokens)), dim=1)
    start, end, cache = max(0, tokens.size(1) - context), tokens.size(1), None
    for step in range(num_tokens):
        if cache is not None and cache.length == context:
            start, cache = end - max(1, context // 2), None
        if cache is None:
            empty = None if padding is None else (padding - start).clamp(min=0)
            size = min(context, end - start + num_tokens - step)
            cache = Cache(model.config, len(tokens), size, empty, like=model.head.weight)
            unread, read_one = history[:, start:end], numpy_decoder(model, cache)
        alone = read_one if unread.numel() == 1 else None
        with numpy_threads(alone is not None):
            logits = alone(unread) if alone else model.head(read(model, unread, cache)[:, -1])
            unread = choose(logits, sampling, rng, history[:, :end])
        history[:, end : end + 1] = unread
        end += 1
        yield unread


def generate(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    stop: Collection[int] = (),
) -> list[list[int]]:
    """Returns what the model adds to each prompt: at most `num_tokens`, without the stop token.

    Args:
        model: the model, on any device.
        prompts: token numbers; their lengths may differ, and none is empty.
        num_tokens: the most to add.
        sampling: how each token is chosen.
        rng: draws them; on the model's device.
        stop: a row ends at the first of these.

    Raises:
        ValueError: no prompt or an empty one.
    """
    if not prompts or not all(prompts):
        raise ValueError("Each prompt needs at least one token, such as the end of a text.")
    tokens, padding = _pad(prompts, model.head.weight.device)
    texts: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))
    for new in decode(model, tokens, num_tokens, sampling, rng, padding):
        for row, token in enumerate(new[:, 0].tolist()):
            if row in running and token in stop:
                running.remove(row)
            elif row in running:
                texts[row].append(token)
        if not running:
            break
    return texts


def stream(
    model: GPT,
    prompt: Sequence[int],
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    stop: Collection[int] = (),
) -> Iterator[int]:
    """Returns an iterator of what `generate` adds to one prompt, each token as it is chosen.

    Raises:
        ValueError: the prompt is empty.
    """
    if not prompt:
        raise ValueError("The prompt needs at least one token, such as the end of a text.")
    tokens = torch.tensor([prompt], device=model.head.weight.device)
    new = (int(token) for token in decode(model, tokens, num_tokens, sampling, rng))
    return itertools.takewhile(lambda token: token not in stop, new)


# A word may begin before white space that follows none, and after each Chinese character.
_BORDER = re.compile(r"(?<=\S)(?=\s)|(?<=[\u3000-\u9fff\uff00-\uffef])")


def words(tokens: Iterable[int], text_of: Callable[[list[int]], str]) -> Iterator[str]:
    """Yields the text of tokens word by word, with the white space that stands before each.

    A token may be a part of a word, or of a character; a word is held back until it is whole.

    Args:
        tokens: such as `stream` gives.
        text_of: turns tokens into text, as a tokenizer does.
    """
    read: list[int] = []
    shown = 0
    for token in tokens:
        read.append(token)
        text = text_of(read)
        ends = [border.end() for border in _BORDER.finditer(text, shown)]
        if ends and ends[-1] > shown:
            yield text[shown : ends[-1]]
            shown = ends[-1]
    rest = text_of(read)[shown:]
    if rest:
        yield rest


def _pad(prompts: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Returns prompts as one tensor, filled on the left, and how much of each row is filling."""
    longest = max(map(len, prompts))
    empty = [longest - len(prompt) for prompt in prompts]
    # The row's own first token, so that the repetition penalty sees nothing new.
    rows = [[prompt[0]] * gap + list(prompt) for prompt, gap in zip(prompts, empty, strict=True)]
    padding = torch.tensor(empty, device=device) if any(empty) else None
    return torch.tensor(rows, device=device), padding
