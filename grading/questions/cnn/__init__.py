"""The questions of chapter 1, in the order in which it teaches."""

from __future__ import annotations

from ..bank import Chapter
from . import first, layers, learning, measuring, running, trying

CHAPTER = Chapter(
    "01_cnn",
    objectives=(
        "input, hidden, output layers",
        "cross-correlation by hand",
        "shape and parameter arithmetic",
        "stride, padding",
        "channels",
        "receptive field",
        "pooling",
        "logits, softmax, cross-entropy",
        "gradient descent, Adam",
        "overfitting, augmentation, batch norm in train and eval mode",
        "evaluating on data held back",
    ),
    kinds=(
        first.bytes_of_a_batch,
        first.part_of_the_data,
        first.numbers_that_leave,
        first.stroke_elsewhere,
        layers.fully_connected,
        layers.correlate,
        layers.map_side,
        layers.filter_parameters,
        layers.moved_row,
        layers.receptive_field,
        learning.who_makes_filters,
        learning.loss_of_scores,
        learning.softmax_twice,
        learning.one_step,
        learning.best_epoch,
        running.smoothed_floor,
        running.error_of_an_accuracy,
        measuring.same_image_twice,
        measuring.a_digit_or_not,
        measuring.calibration,
        measuring.best_of_many,
        trying.no_activation,
        trying.one_seed_each,
        trying.two_changes,
        running.other_pictures,
        running.count_steps,
        running.change_the_pixels,
        trying.unseen_change,
    ),
)
