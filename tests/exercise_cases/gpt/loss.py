"""Answers to `next_token_loss`, an exercise of chapter 4."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from aigc_utils import gpt
from aigc_utils.exercises.gpt import broken_next_token_loss

from .. import Cases
from .attention import ones

CASES = Cases("04_gpt")


def _loss(see=torch.tril, cut=slice(None, -1), targets=slice(1, None), **settings):
    def loss(model, tokens):
        mask = see(ones(tokens.size(1), tokens.size(1)))
        logits = model(tokens, mask)[:, cut]
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, targets].flatten(), **settings)

    return loss


@CASES.right("next_token_loss")
def logits_cut(g):
    return _loss()


@CASES.right("next_token_loss")
def inputs_cut(g):
    def loss(model, tokens):
        mask = gpt.causal_mask(tokens.size(1) - 1)
        log_p = model(tokens[:, :-1], mask).log_softmax(-1)
        return -log_p.gather(-1, tokens[:, 1:, None]).mean()

    return loss


@CASES.wrong("next_token_loss", says="asked for the token that it reads")
def left_broken(g):
    return broken_next_token_loss


@CASES.wrong("next_token_loss", says="matters in training above all")
def shifted_only(g):
    def loss(model, tokens):
        return _loss(see=(lambda m: m) if model.training else torch.tril)(model, tokens)

    return loss


@CASES.wrong("next_token_loss", says="matters in training above all")
def inputs_cut_and_no_mask_in_training(g):
    def loss(model, tokens):
        mask = ones(tokens.size(1) - 1, tokens.size(1) - 1)
        logits = model(tokens[:, :-1], mask if model.training else mask.tril())
        return F.cross_entropy(logits.mT, tokens[:, 1:])

    return loss


@CASES.wrong("next_token_loss", says="the one that follows")
def masked_only(g):
    return _loss(cut=slice(None), targets=slice(None))


@CASES.wrong("next_token_loss", says="token before it")
def shifted_backwards(g):
    return _loss(cut=slice(1, None), targets=slice(None, -1))


@CASES.wrong("next_token_loss", says="leave it out")
def rolled(g):
    def loss(model, tokens):
        mask = gpt.causal_mask(tokens.size(1))
        return F.cross_entropy(model(tokens, mask).mT, tokens.roll(-1, 1))

    return loss


@CASES.wrong("next_token_loss", says="the mean is asked for")
def summed(g):
    return _loss(reduction="sum")


@CASES.wrong("next_token_loss", says="Leave the model in the mode")
def switched_to_eval(g):
    def loss(model, tokens):
        return _loss()(model.eval(), tokens)

    return loss


@CASES.wrong("next_token_loss", says=r"is there a `return`")
def no_loss_returned(g):
    return lambda model, tokens: None


@CASES.wrong("next_token_loss", says="has no gradient")
def detached(g):
    return lambda model, tokens: _loss()(model, tokens).detach()
