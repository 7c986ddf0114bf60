"""Chapter 4: text from a trained GPT: reading with a cache, and streaming."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ..limits import whole
from ..training import evaluation_mode
from .cache import Cache
from .checks import Ids, check_ids, check_padding, whole_ids
from .model import GPT
from .numpy_decoding import numpy_decoder, numpy_threads
from .sampling import GREEDY, Sampling, choose


def cached_features(model: GPT, tokens: Tensor, cache: Cache) -> Tensor:
    """Returns what the head reads, (B, T, width), of tokens that follow those in the cache.

    They are added to the cache. The result is that of `model.features` on all tokens, for the
    last T: keys and values of a token never change, as it sees only what stands before it.

    Args:
        model: the GPT.
        tokens: int64, (B, T).
        cache: of the model's configuration.

    Raises:
        ValueError: more tokens than the cache has room for, or it is of another configuration.
        TypeError: the model is of a kind with `features` or `forward` of its own.
    """
    if type(model).features is not GPT.features or type(model).forward is not GPT.forward:
        raise TypeError("A model with features or forward of its own can't be read with a cache.")
    if cache.config != model.config:
        raise ValueError("The cache is another model's: make one with Cache(model.config, ...).")
    cache.store(tokens)
    new, before = tokens.size(1), cache.before(len(model.config.ngrams))
    x, angles = model.embedding(tokens, cache.places(new), before)
    mask = cache.mask(new)
    for block, memory in zip(model.blocks, cache.memories, strict=True):
        x = block(x, angles, mask, memory)
    result: Tensor = model.norm(x)
    return result


def decode(
    model: GPT,
    tokens: Tensor,
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    padding: Tensor | None = None,
) -> Iterator[Tensor]:
    """Returns an iterator of `num_tokens` times the next token of each row, int64, (B, 1).

    The prompt is read at once, then each new token alone. When a row's context is full, its older
    half is forgotten and its newer half is read anew: each row as if it were alone. The model
    works in evaluation mode and is given back in the mode that it came in.

    Args:
        model: the model, on any device.
        tokens: prompts, int64, (B, T), T at least 1; what is returned lies where they lie.
        num_tokens: how many tokens to add.
        sampling: how each is chosen.
        rng: draws them, where it lies; without it the model's device does.
        padding: tokens at the left of each row that don't count, int64, (B,), fewer than T.

    Raises:
        ValueError: `num_tokens` is below 0, tokens are of another shape or type or outside the
            vocabulary, or the padding doesn't fit.
    """
    whole("num_tokens", num_tokens, 0)
    check_ids("tokens", tokens, model.config.vocab_size, ndim=2)
    if padding is not None:
        check_padding(padding, *tokens.shape)
    gaps = [0] * len(tokens) if padding is None else padding.tolist()
    here, place = tokens.to(model.head.weight.device), tokens.device
    return (new.to(place) for new in _decoded(model, here, num_tokens, sampling, rng, gaps))


@torch.inference_mode()
def _decoded(
    model: GPT,
    tokens: Tensor,
    num_tokens: int,
    sampling: Sampling,
    rng: torch.Generator | None,
    gaps: list[int],
) -> Iterator[Tensor]:
    context, end = model.config.context, tokens.size(1)
    history = torch.cat((tokens, tokens.new_zeros(len(tokens), num_tokens)), dim=1)
    starts = [max(gap, end - context) for gap in gaps]  # what each row may look at
    cache = None
    for left in range(num_tokens, 0, -1):
        if cache is None or cache.length == context:
            if cache is not None:
                starts = _forget(starts, end - max(1, context // 2))
            first = min(starts)
            padding = tokens.new_tensor([start - first for start in starts])
            cache = Cache(
                model.config,
                len(tokens),
                min(context, end - first + left),
                padding if max(starts) > first else None,
                like=model.head.weight,
            )
            unread, read_one = history[:, first:end], numpy_decoder(model, cache)
        alone = read_one if unread.numel() == 1 else None
        with _in_use(model), numpy_threads(alone is not None):
            logits = (
                alone(unread) if alone else model.head(cached_features(model, unread, cache)[:, -1])
            )
            unread = choose(logits, sampling, rng, history[:, :end])
        history[:, end : end + 1] = unread
        end += 1
        yield unread


def generate(
    model: GPT,
    prompts: Iterable[Ids],
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    stop: Ids = (),
) -> list[list[int]]:
    """Returns what the model adds to each prompt: at most `num_tokens`, without the stop token.

    Greedy text is that of each prompt alone. Where tokens are drawn, `rng` draws for all rows, so
    what a row gets depends on how many there are.

    Args:
        model: the model, on any device.
        prompts: token numbers, lists or tensors of shape (N,); their lengths may differ, and none
            is empty.
        num_tokens: the most to add.
        sampling: how each token is chosen.
        rng: draws them, where it lies; without it the model's device does.
        stop: a row ends at the first of these.

    Raises:
        ValueError: no prompt or an empty one, ids outside the vocabulary, or `num_tokens` is below
            0.
    """
    vocab_size = model.config.vocab_size
    rows, ends = [whole_ids(each, vocab_size) for each in prompts], whole_ids(stop, vocab_size)
    if not rows or not all(rows):
        raise ValueError("Each prompt needs at least one token, such as the end of a text.")
    tokens, padding = _pad(rows, model.head.weight.device)
    texts: list[list[int]] = [[] for _ in rows]
    running = set(range(len(rows)))
    for new in decode(model, tokens, num_tokens, sampling, rng, padding):
        for row, token in enumerate(new[:, 0].tolist()):
            if row in running and token in ends:
                running.remove(row)
            elif row in running:
                texts[row].append(token)
        if not running:
            break
    return texts


def stream(
    model: GPT,
    prompt: Ids,
    num_tokens: int,
    sampling: Sampling = GREEDY,
    rng: torch.Generator | None = None,
    stop: Ids = (),
) -> Iterator[int]:
    """Returns an iterator of what `generate` adds to one prompt, each token as it is chosen.

    Raises:
        ValueError: the prompt is empty, ids are outside the vocabulary, or `num_tokens` is below 0.
    """
    vocab_size = model.config.vocab_size
    row, ends = whole_ids(prompt, vocab_size), whole_ids(stop, vocab_size)
    if not row:
        raise ValueError("The prompt needs at least one token, such as the end of a text.")
    tokens = torch.tensor([row], device=model.head.weight.device)
    new = map(int, decode(model, tokens, num_tokens, sampling, rng))
    return itertools.takewhile(lambda token: token not in ends, new)


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


def _forget(starts: list[int], new: int) -> list[int]:
    """Returns where each row's context begins once the full ones, the longest, have lost half."""
    return [new if start == min(starts) else start for start in starts]


def _in_use(model: GPT) -> AbstractContextManager[None]:
    """Returns evaluation mode, which costs time in a large model, where it has to be set."""
    return evaluation_mode(model) if model.training else nullcontext()


def _pad(prompts: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Returns prompts as one tensor, filled on the left, and how much of each row is filling."""
    longest = max(map(len, prompts))
    empty = [longest - len(prompt) for prompt in prompts]
    # The row's own first token, so that the repetition penalty sees nothing new.
    rows = [[prompt[0]] * gap + prompt for prompt, gap in zip(prompts, empty, strict=True)]
    padding = torch.tensor(empty, device=device) if any(empty) else None
    return torch.tensor(rows, device=device), padding
