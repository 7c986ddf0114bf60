"""What the ladder's functions can't answer they refuse, in one sentence, and never guess."""

from __future__ import annotations

import lzma
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from aigc_utils import gpt

IDS = torch.arange(90) % 7
ROW = IDS[None, :9]
MODEL = gpt.RUNGS["positions"].build(7, context=12, width=16)


class Gives(nn.Module):
    """A model that gives the same, whatever it reads."""

    def __init__(self, logits: Any) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, tokens: Tensor) -> Any:
        return self.logits


def trained(**changed: Any) -> Any:
    how = {"rung": gpt.Rung(), "ids": IDS, "vocab_size": 7, "lr": 1e-3, "num_steps": 1} | changed
    return gpt.train_rung(**how, seed=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        # counting and compressing
        (lambda: gpt.backoff_surprise(IDS.float(), IDS, 2, 7), "train must be int64"),
        (lambda: gpt.backoff_surprise(IDS, IDS[None], 2, 7), "validation must be int64"),
        (lambda: gpt.backoff_surprise(IDS, IDS, 2, 6), "from 0 to 5"),
        (lambda: gpt.backoff_surprise(IDS, IDS[:1], 2, 7), "N at least 2"),
        (lambda: gpt.backoff_surprise(IDS, IDS, 2.0, 7), "order must be a whole"),
        (lambda: gpt.compressed_bits(None, "a", "b"), "compress must be a function"),
        (lambda: gpt.compressed_bits(lzma.compress, b"a", "b"), "must be a string"),
        (lambda: gpt.compressed_bits(lambda text: text.decode(), "a", "b"), "must give bytes"),
        (lambda: gpt.compressed_bits(lzma.compress, "a", "\ud800"), "surrogates"),
        # measuring
        (lambda: gpt.surprise(len, IDS, 8), "model must be a module"),
        (lambda: gpt.surprise(MODEL, IDS, 13), "room for 12 tokens"),
        (lambda: gpt.surprise(MODEL, IDS + 1, 8), "from 0 to 6"),
        (lambda: gpt.surprise(Gives(torch.zeros(1, 7, 8)), IDS[:9], 8), r"\(1, 8, vocab_size\)"),
        (lambda: gpt.surprise(Gives(None), IDS[:9], 8), "not a NoneType"),
        (lambda: gpt.surprise(Gives(torch.zeros(1, 8, 5)), IDS[:9], 8), "from 0 to 4"),
        (lambda: gpt.surprise(Gives(torch.full((1, 8, 7), math.nan)), IDS[:9], 8), "no numbers"),
        (lambda: gpt.mean_bits(torch.zeros(10, 60)), "shape"),
        (lambda: gpt.mean_bits(torch.zeros(60).long()), "not torch.int64"),
        (lambda: gpt.mean_bits([1.0] * 60), "not a list"),
        (lambda: gpt.mean_bits(torch.tensor([math.nan] * 60)), "finite numbers"),
        (lambda: gpt.mean_bits(torch.zeros(60), 2.5), "pieces must be a whole"),
        # rungs
        (lambda: MODEL(ROW[0]), "int64 ids of shape"),
        (lambda: MODEL(ROW.float()), "int64 ids of shape"),
        (lambda: MODEL(ROW + 1), "from 0 to 6"),
        (lambda: MODEL(IDS[None]), "room for 12 tokens"),
        (lambda: MODEL.loss(ROW, ROW[:, 1:]), "of tokens' shape"),
        (lambda: MODEL.loss(ROW, ROW.int()), "must be int64"),
        (lambda: MODEL.loss(ROW, ROW + 1), "Targets.* from 0 to 6"),
        (lambda: gpt.Rung(("MLP",)), "part must be a function"),
        (lambda: gpt.Rung(blocks=0), "blocks must be a whole"),
        (lambda: gpt.Rung((gpt.MLP,), num_heads=3).build(7), "multiple of num_heads"),
        (lambda: gpt.Rung(ngrams=(0,)).build(7), "table of ngrams must be"),
        (lambda: gpt.Rung().build(0), "vocab_size must be"),
        (lambda: gpt.Rung().build(7, context=0), "context must be"),
        (lambda: trained(rung="mean"), "rung must be a Rung"),
        (lambda: trained(lr=-1e-3), "lr must be"),
        (lambda: trained(lr=math.nan), "lr must be"),
        (lambda: trained(vocab_size=6), "from 0 to 5"),
        (lambda: trained(ids=IDS[:20]), "too few|at least|shorter"),
        (lambda: trained(num_steps=None), "num_steps|seconds"),
        (lambda: trained(batch_size=0), "batch_size must be"),
        # shares
        (lambda: gpt.masked_softmax(torch.zeros(3, 3), torch.ones(3, 3)), "must be bool"),
        (lambda: gpt.masked_softmax(torch.zeros(3, 3), torch.ones(2, 3).bool()), "must fit"),
        (lambda: gpt.masked_softmax(torch.zeros(3, 3), torch.ones(2, 3, 3).bool()), "must fit"),
    ],
)
def test_what_has_no_answer_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert ". " not in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("part", [gpt.Mean, gpt.Head, gpt.PlacedHead, gpt.Heads])
def test_a_part_makes_the_same_of_one_row_alone(part: Any) -> None:
    torch.manual_seed(0)
    config = gpt.GPTConfig(7, 12, num_heads=2, width=16)
    made, x = part(config), torch.randn(3, 5, 16)
    with torch.no_grad():
        assert torch.allclose(made(x)[1], made(x[1]), atol=1e-6)
