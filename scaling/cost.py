"""What a step costs when many cards share it: arithmetic, bytes over the links, and waiting.

Each card works on its share of the batch, and then all add up their gradients in a ring: in
2 (n - 1) hops a card sends as many n-th parts of the gradient (Patarasuk and Yuan, 2009). Nothing
here overlaps, so a program that sends while it computes is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Bytes a weight in training with 16-bit arithmetic: two for the weight, two for its gradient,
#: twelve for AdamW's copy and moments of 32 bits (Rajbhandari et al., ZeRO, 2020, section 3.1).
TRAINING_BYTES = 16
GRADIENT_BYTES = 2
#: Operations a weight and token, forward and backward (Kaplan et al., 2020, section 2.1).
OPERATIONS = 6


@dataclass(frozen=True)
class Link:
    """A connection between two cards: bytes a second in one direction, and seconds a hop."""

    bandwidth: float
    latency: float


@dataclass(frozen=True)
class Step:
    """A step's seconds: of arithmetic, and of exchanging gradients."""

    compute: float
    exchange: float

    @property
    def seconds(self) -> float:
        """The whole step's."""
        return self.compute + self.exchange

    @property
    def busy(self) -> float:
        """The share of the step in which a card computes."""
        return self.compute / self.seconds


def ring(processes: int, num_bytes: float, link: Link) -> float:
    """Returns the seconds in which so many processes add up so many bytes, the slowest link's."""
    hops = 2 * (processes - 1)
    return hops * (num_bytes / processes / link.bandwidth + link.latency)


def line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Returns the start and the slope of the line through points (x, y), by least squares.

    Raises:
        ValueError: all points stand above one x.
    """
    middle = sum(x for x, _ in points) / len(points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    if not spread:
        raise ValueError("A line needs points at two places at least.")
    height = sum(y for _, y in points) / len(points)
    slope = sum((x - middle) * (y - height) for x, y in points) / spread
    return height - slope * middle, slope


def measured_link(times: Sequence[tuple[float, float]], processes: int) -> Link:
    """Returns the link that explains measured exchanges: (bytes, seconds) of rings."""
    start, slope = line(times)
    hops = 2 * (processes - 1)
    return Link(bandwidth=hops / processes / slope, latency=max(start, 0.0) / hops)


@dataclass(frozen=True)
class Cluster:
    """Servers full of cards: what a card does, and the links from card to card."""

    operations: float  # a second, that a card really does, not that it could
    inside: Link  # within a server
    between: Link  # of one server to the next, with all its ports
    cards: int = 8  # a server


#: NVIDIA's H100 (NVIDIA, 2022): 989e12 operations of 16 bits a second, of which a well-made program
#: reaches 40 % (Grattafiori et al., 2024, table 4: 38 to 43 %); NVLink with 450 GB/s a direction;
#: between servers 400 Gb/s for each of eight cards. Seconds a hop are those by which NCCL chooses.
H100 = Cluster(0.4 * 989e12, Link(450e9, 3.4e-6), Link(8 * 50e9, 14e-6))


def exchange(cluster: Cluster, cards: int, num_bytes: float) -> float:
    """Returns the seconds of a ring through all cards, server by server.

    There are as many rings at once as a server has ports, each with its share of the bytes; so a
    server's ports count together, and a ring leaves a server once in as many hops as it has cards.
    """
    if cards <= cluster.cards:
        return ring(cards, num_bytes, cluster.inside)
    crossing = 2 * (cards - 1) / cluster.cards
    more = crossing * (cluster.between.latency - cluster.inside.latency)
    slowest = min(cluster.inside.bandwidth, cluster.between.bandwidth)
    return ring(cards, num_bytes, Link(slowest, cluster.inside.latency)) + more


def step(cluster: Cluster, cards: int, weights: float, tokens: float) -> Step:
    """Returns what a step costs of a model of so many weights on so many tokens in all."""
    compute = OPERATIONS * weights * tokens / cards / cluster.operations
    return Step(compute, exchange(cluster, cards, GRADIENT_BYTES * weights))


def memory(weights: float, cards: int, *, sharded: bool) -> float:
    """Returns the bytes a card of weights, gradients and moments, activations left out."""
    return TRAINING_BYTES * weights / (cards if sharded else 1)
