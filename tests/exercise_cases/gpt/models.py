"""Answers to `echo` and `beat`, exercises of chapter 4."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .. import Cases

CASES = Cases("04_gpt")


# --- echo -----------------------------------------------------------------------------------


def _one_hot(g, tokens):
    return 9 * F.one_hot(tokens, g.vocab_size).float()


@CASES.right("echo")
def by_looking_back(g):
    def model(tokens):
        return _one_hot(g, tokens.roll(g.length - 1, 1)) * (
            torch.arange(tokens.size(1)) >= g.length - 1
        ).view(-1, 1)

    return model


class _Head(nn.Module):
    def __init__(self, size, length, width=32):
        super().__init__()
        self.tokens, self.places = nn.Embedding(size, width), nn.Embedding(length, width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.head = nn.Linear(width, size)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places.weight[: tokens.size(1)]
        q, k, v = self.query(x)[:, None], self.key(x)[:, None], self.value(x)[:, None]
        return self.head(x + F.scaled_dot_product_attention(q, k, v, is_causal=True)[:, 0])


@CASES.right("echo")
def by_training(g):
    torch.manual_seed(0)
    model = _Head(g.vocab_size, 2 * g.length)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(400):
        rows = g.rows[128 * (step % 15) :][:128]
        loss = F.cross_entropy(model(rows[:, :-1]).mT, rows[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@CASES.wrong("echo", says="a guess costs")
def untrained(g):
    torch.manual_seed(0)
    return _Head(g.vocab_size, 2 * g.length)


@CASES.wrong("echo", says="tokens that come later")
def without_a_mask(g):
    return lambda tokens: _one_hot(g, tokens.roll(-1, 1))


@CASES.wrong("echo", says="Does it know where they stand")
def counts_alone(g):
    def model(tokens):
        seen = F.one_hot(tokens, g.vocab_size).cumsum(1).float()
        return (seen + 0.2).log()

    return model


@CASES.wrong("echo", says="Train longer")
def nearly_trained(g):
    right = by_looking_back(g)
    scale = math.log((g.vocab_size - 1) / 0.65) / 9  # a loss of half a nat
    return lambda tokens: right(tokens) * scale


@CASES.wrong("echo", says="must have the shape")
def the_last_token_alone(g):
    return lambda tokens: _one_hot(g, tokens)[:, -1]


@CASES.wrong("echo", says="can be called")
def rows_of_logits(g):
    return torch.zeros(100, 2 * g.length - 1, g.vocab_size)


# --- beat -----------------------------------------------------------------------------------


def _shares(g):
    size = g.vocab_size
    a, b, c = g.train[:-2], g.train[1:-1], g.train[2:]
    two, three = torch.zeros(size, size), torch.zeros(size, size, size)
    two.index_put_((b, c), torch.ones(len(b)), accumulate=True)
    three.index_put_((a, b, c), torch.ones(len(a)), accumulate=True)
    one = (g.train.bincount(minlength=size) + 1).float()
    found = [one / one.sum()]
    for counts in (two, three):
        kinds = (counts > 0).sum(-1, keepdim=True).clamp_min(1)
        found.append((counts + kinds * found[-1]) / (counts.sum(-1, keepdim=True) + kinds))
    return found


def _before(tokens):
    return torch.cat((tokens[:, :1], tokens[:, :-1]), dim=1)


@CASES.right("beat")
def by_a_trigram(g):
    _, _, third = _shares(g)
    return lambda tokens: third[_before(tokens), tokens].log()


@CASES.right("beat")
def by_a_mean_of_two(g):
    _, second, third = _shares(g)
    return lambda tokens: (0.9 * third[_before(tokens), tokens] + 0.1 * second[tokens]).log()


@CASES.wrong("beat", says="behind the rung|by less than")
def the_rung_itself(g):
    second = _shares(g)[1]
    return lambda tokens: second[tokens].log()


@CASES.wrong("beat", says="behind the rung")
def one_letter_at_a_time(g):
    first = _shares(g)[0]
    return lambda tokens: first.log().expand(*tokens.shape, -1)


@CASES.wrong("beat", says="not probabilities")
def probabilities(g):
    _, _, third = _shares(g)
    return lambda tokens: third[_before(tokens), tokens]


@CASES.wrong("beat", says="tokens that come later")
def copies_the_answer(g):
    return lambda tokens: 9 * F.one_hot(tokens.roll(-1, 1), g.vocab_size).float()


@CASES.wrong("beat", says="must have the shape")
def one_row_alone(g):
    second = _shares(g)[1]
    return lambda tokens: second[tokens[0]].log()
