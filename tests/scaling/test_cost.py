"""The sums of the page about many processes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bookmaking.runs import cards
from scaling import cost

ROOT = Path(__file__).resolve().parents[2]


def test_a_ring_sends_each_part_twice_but_for_one() -> None:
    link = cost.Link(bandwidth=1e9, latency=1e-3)
    assert cost.ring(1, 1e9, link) == 0
    assert cost.ring(2, 1e9, link) == pytest.approx(2 * (0.5 + 1e-3))
    assert cost.ring(4, 1e9, link) == pytest.approx(6 * (0.25 + 1e-3))


def test_a_ring_through_servers_waits_longer_where_it_leaves_one() -> None:
    cluster = cost.Cluster(1.0, cost.Link(1e9, 1e-6), cost.Link(5e8, 1e-3), cards=4)
    assert cost.exchange(cluster, 4, 1e6) == cost.ring(4, 1e6, cluster.inside)
    sent = 2 * 7 / 8 * 1e6 / 5e8
    waited = 14 * (3 / 4 * 1e-6 + 1 / 4 * 1e-3)
    assert cost.exchange(cluster, 8, 1e6) == pytest.approx(sent + waited)


def test_more_cards_pay_less_and_less_for_one_batch() -> None:
    steps = [cost.step(cost.H100, cards, 1.5e9, 2**19) for cards in (8, 64, 512)]
    assert [step.compute for step in steps] == sorted((s.compute for s in steps), reverse=True)
    assert steps[0].busy > 0.98
    assert steps[0].busy > steps[1].busy > 0.9
    assert 0.4 < steps[2].busy < 0.6, "the page says that half the step is lost"
    assert steps[2].exchange > steps[1].exchange > steps[0].exchange
    larger = cost.step(cost.H100, 512, 1.5e9, 2**19 * 64)
    assert larger.compute == pytest.approx(steps[0].compute)
    assert larger.busy > 0.95
    assert cost.memory(1.5e9, 8, sharded=False) == 8 * cost.memory(1.5e9, 8, sharded=True) == 24e9


def test_the_page_has_the_table_of_cards() -> None:
    page = (ROOT / "book" / "scaling.md").read_text(encoding="utf-8")
    assert re.findall(r"\{\{ (\w+) \}\}", page) == ["table_cards"]
    assert "| 8 | 0.5 million |" in cards.cards()
