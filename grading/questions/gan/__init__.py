"""The questions of chapter 2, in the order in which it teaches."""

from __future__ import annotations

from ..bank import Chapter
from . import game, looking, measuring, numbers, reading, today, training

CHAPTER = Chapter(
    "02_gan",
    objectives=(
        "minimax game and the optimal discriminator",
        "Jensen-Shannon view",
        "non-saturating loss",
        "alternating updates and `detach`",
        "a modern stabiliser",
        "averaged generator weights",
        "mode collapse",
        "Fréchet distance, precision and recall, coverage, and their sample-size bias",
        "latent space: interpolation and truncation",
        "GANs today, and deepfakes",
    ),
    kinds=(
        numbers.best_pixel,
        today.critic_in_a_decoder,
        numbers.asked_of_pixels,
        numbers.one_round,
        numbers.where_it_leads,
        reading.covered_islands,
        game.what_the_generator_sees,
        game.best_discriminator,
        game.two_coins,
        game.pull_of_the_loss,
        game.perfect_discriminator,
        reading.loss_of_the_discriminator,
        training.without_detach,
        training.slope_penalty,
        training.running_mean,
        training.falling_loss,
        measuring.accuracy_of_a_player,
        measuring.half_right,
        measuring.missing_digits,
        measuring.two_bells,
        measuring.two_papers,
        measuring.few_but_good,
        looking.wandering,
        looking.seeds_disagree,
        reading.gain_of_a_row,
        reading.length_of_noise,
        today.shorter_noise,
        reading.distance_of_pixels,
        looking.no_copies,
        today.grid_of_noise,
        today.leave_out_a_digit,
        today.next_method,
        reading.flagged_pictures,
    ),
)
