"""Chapter 4: text from a trained GPT: the cache, how the next token is chosen, and streaming."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .attention import causal_mask
from .gpt import GPT
from .one_token import numpy_threads, token_reader


class Memory:
    """One block's keys and values of all tokens read so far, (B, kv_heads, size, head_dim) each.

    Room for all is taken at once: growing token by token would copy everything each time.
    """

    def __init__(self, shape: tuple[int, ...], like: Tensor) -> None:
        self.keys, self.values, self.length = like.new_zeros(shape), like.new_zeros(shape), 0

    def append(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Stores T new keys and values, and returns all there are, (B, kv_heads, S, head_dim)."""
        start, self.length = self.length, self.length + k.size(2)
        self.keys[:, :, start : self.length] = k
        self.values[:, :, start : self.length] = v
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]


class Cache:
    """What a model remembers of the tokens it has read, so that it reads each only once.

    Args:
        model: the model that will read.
        batch_size: rows.
        size: tokens that there is to be room for, at most the model's context.
        padding: empty slots at the left of each row, int64, (B,), where the rows' lengths differ.

    Raises:
        ValueError: the size is beyond the context.
    """

    def __init__(
        self, model: GPT, batch_size: int, size: int, padding: Tensor | None = None
    ) -> None:
        config, self.size, self.padding = model.config, size, padding
        if size > config.context:
            raise ValueError(f"The model's context is {config.context} tokens, so not {size}.")
        shape = (batch_size, config.num_kv_heads, size, config.head_dim)
        self.memories = [Memory(shape, model.embedding.weight) for _ in model.blocks]
        self.recent: Tensor | None = None  # the last tokens, where the model looks n-grams up

    @property
    def length(self) -> int:
        """The slots in use, padding included."""
        return self.memories[0].length

    def mask(self, new: int) -> Tensor | None:
        """Returns which slots each of `new` tokens may see, bool, (B or 1, 1, new, length + new).

        None stands for causal attention among the new tokens, or one token that may see all.
        """
        if self.padding is None and (new == 1 or self.length == 0):
            return None
        mask = causal_mask(new, self.length + new)[None]
        if self.padding is not None:
            real = torch.arange(self.length + new) >= self.padding.cpu()[:, None]
            # Nobody looks at an empty slot, but its own softmax needs something to see.
            mask = mask & (real[:, None, :] | ~real[:, -new:, None])
        return mask[:, None].to(self.memories[0].keys.device)


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen from the logits; the default draws from the model as it is.

    Raises:
        ValueError: a temperature below 0, a penalty of 0 or less, a `top_k` below 1, or a `top_p`
            that is not above 0 and at most 1.
    """

    temperature: float = 1.0  # 0 is greedy: always the likeliest
    top_k: int | None = None  # only the k likeliest
    top_p: float | None = None  # only the nucleus: the likeliest that together reach p
    repetition_penalty: float = 1.0  # above 1: tokens that were there before become less likely

    def __post_init__(self) -> None:
        if self.temperature < 0 or self.repetition_penalty <= 0:
            raise ValueError("temperature must be at least 0, and repetition_penalty above 0.")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be None or at least 1, not {self.top_k}.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be None or above 0 and at most 1, not {self.top_p}.")


# Always the likeliest token, so nothing is drawn.
GREEDY = Sampling(temperature=0)


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Returns logits, (B, vocab_size), with all but each row's k highest at minus infinity.

    Source: Fan, Lewis and Dauphin, Hierarchical Neural Story Generation, 2018.
    """
    values, tokens = logits.topk(min(k, logits.size(-1)), dim=-1)
    return torch.full_like(logits, float("-inf")).scatter(-1, tokens, values)


def keep_nucleus(logits: Tensor, p: float) -> Tensor:
    """Returns logits, (B, vocab_size), with all outside the nucleus at minus infinity.

    The nucleus is the smallest set of tokens whose probabilities sum to at least p.

    Source: Holtzman et al., The Curious Case of Neural Text Degeneration, 2020.
    """
    ordered, tokens = logits.sort(dim=-1, descending=True, stable=True)
    together = ordered.float().softmax(dim=-1).cumsum(dim=-1)
    before = F.pad(together[..., :-1], (1, 0))  # what the likelier ones have together
    outside = before >= (p if p < 1 else 2)  # by rounding a sum may reach 1 too early
    return logits.masked_fill(outside.scatter(-1, tokens, outside), float("-inf"))


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Returns logits, (B, vocab_size), with those of the tokens seen, (B, S), made smaller.

    Positive logits are divided by the penalty, negative ones multiplied, since a division would
    raise them.

    Source: Keskar et al., CTRL, 2019, who divide all.
    """
    old = logits.gather(-1, seen)
    return logits.scatter(-1, seen, torch.where(old > 0, old / penalty, old * penalty))


def probabilities(logits: Tensor, sampling: Sampling, seen: Tensor | None = None) -> Tensor:
    """Returns the probabilities, (B, vocab_size), from which `sampling` draws the next token.

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose; at temperature 0 all is on the likeliest token.
        seen: tokens so far, int64, (B, S), for the repetition penalty.
    """
    if seen is not None and sampling.repetition_penalty != 1:
        logits = penalize_repetition(logits, seen, sampling.repetition_penalty)
    if sampling.temperature == 0:
        likeliest = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, likeliest, 1.0)
    logits = logits.float() / sampling.temperature
    if sampling.top_k is not None:
        logits = keep_top_k(logits, sampling.top_k)
    if sampling.top_p is not None:
        logits = keep_nucleus(logits, sampling.top_p)
    shares: Tensor = logits.softmax(dim=-1)
    return shares


def choose(
    logits: Tensor,
    sampling: Sampling = GREEDY,
    generator: torch.Generator | None = None,
    seen: Tensor | None = None,
) -> Tensor:
    """Returns the next tokens, int64, (B, 1), of logits, (B, vocab_size).

    Args:
        logits: of the next token, (B, vocab_size).
        sampling: how to choose.
        generator: draws the tokens; on the logits' device.
        seen: tokens so far, int64, (B, S), for the repetition penalty.
    """
    if sampling.temperature == 0 and sampling.repetition_penalty == 1:
        if logits.is_cpu and logits.dtype == torch.float32:  # NumPy's is faster by 0.1 ms
            return torch.from_numpy(logits.detach().numpy().argmax(-1, keepdims=True))
        return logits.argmax(dim=-1, keepdim=True)
    shares = probabilities(logits, sampling, seen)
    if sampling.temperature == 0:
        return shares.argmax(dim=-1, keepdim=True)
    return torch.multinomial(shares, 1, generator=generator)


@torch.inference_mode()
def decode(
    model: GPT,
    tokens: Tensor,
    num_tokens: int,
    sampling: Sampling = GREEDY,
    generator: torch.Generator | None = None,
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
        generator: draws them; on the model's device.
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
            cache, unread = Cache(model, len(tokens), size, empty), history[:, start:end]
            read_one = token_reader(model, cache)
        read = read_one if unread.numel() == 1 else None
        with numpy_threads(read is not None):
            logits = read(unread) if read else model.head(model.features(unread, cache)[:, -1])
            unread = choose(logits, sampling, generator, history[:, :end])
        history[:, end : end + 1] = unread
        end += 1
        yield unread


def generate(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    num_tokens: int,
    sampling: Sampling = GREEDY,
    generator: torch.Generator | None = None,
    stop: Collection[int] = (),
) -> list[list[int]]:
    """Returns what the model adds to each prompt: at most `num_tokens`, without the stop token.

    Args:
        model: the model, on any device.
        prompts: token numbers; their lengths may differ, and none is empty.
        num_tokens: the most to add.
        sampling: how each token is chosen.
        generator: draws them; on the model's device.
        stop: a row ends at the first of these.

    Raises:
        ValueError: no prompt or an empty one.
    """
    if not prompts or not all(prompts):
        raise ValueError("Each prompt needs at least one token, such as the end of a text.")
    tokens, padding = _pad(prompts, model.embedding.weight.device)
    texts: list[list[int]] = [[] for _ in prompts]
    running = set(range(len(prompts)))
    for new in decode(model, tokens, num_tokens, sampling, generator, padding):
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
    generator: torch.Generator | None = None,
    stop: Collection[int] = (),
) -> Iterator[int]:
    """Returns an iterator of what `generate` adds to one prompt, each token as it is chosen.

    Raises:
        ValueError: the prompt is empty.
    """
    if not prompt:
        raise ValueError("The prompt needs at least one token, such as the end of a text.")
    tokens = torch.tensor([prompt], device=model.embedding.weight.device)
    new = (int(token) for token in decode(model, tokens, num_tokens, sampling, generator))
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
