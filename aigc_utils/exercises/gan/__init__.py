"""The exercises of chapter 2, in the order of its notebook."""

from __future__ import annotations

from ..chapter import Chapter
from . import game, line, measures, open_tasks, training
from .training import broken_step

__all__ = ["CHAPTER", "broken_step"]

CHAPTER = Chapter(
    "02_gan",
    game.best_guess,
    game.generator_loss,
    line.two_runs,
    training.update_average,
    measures.half_right,
    training.mended_step,
    measures.times_floor,
    measures.failures,
    open_tasks.own_gan,
    open_tasks.beat_rung,
    misconceptions=(
        "falling generator loss = better images",
        "the discriminator should win",
        "50 % accuracy proves convergence",
        "collapse = memorising",
        "the generator sees real data",
        "a Fréchet distance means something without its feature network and floor",
    ),
)
