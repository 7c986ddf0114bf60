"""The questions of chapter 5, in the order in which it teaches."""

from __future__ import annotations

from ..bank import Chapter
from . import asking, drawing, islands, limits, measures, paths

CHAPTER = Chapter(
    "05_flow",
    objectives=(
        "noise to image as a path",
        "the conditional velocity, and why regression on it finds the marginal velocity",
        "sampling as solving an ODE, Euler against Heun, error against steps",
        "the same model said four ways",
        "the diffusion view",
        "U-Net and a small DiT at equal seconds",
        "classifier-free guidance, paid for in variety",
        "latent flow on chapter 3's codes",
        "few steps and one step",
        "filling in what is missing",
        "memorisation looked for",
    ),
    kinds=(
        asking.page_of_images,
        asking.fewer_questions,
        paths.point_on_a_way,
        islands.further_along,
        islands.speed_of_a_pixel,
        paths.crossing_ways,
        paths.standing_loss,
        drawing.more_steps,
        paths.end_of_a_way,
        paths.score_of_a_point,
        paths.ratio_of_shares,
        islands.bent_way,
        islands.one_step_to_islands,
        limits.early_image,
        islands.without_labels,
        islands.patches_that_see,
        measures.scaled_code,
        limits.floor_of_the_decoder,
        drawing.one_step,
        drawing.source_of_variety,
        paths.two_names,
        drawing.count_the_questions,
        drawing.pushed_velocity,
        drawing.stronger_push,
        limits.leaping_student,
        asking.pairs_for_a_student,
        asking.half_given,
        asking.step_back,
        limits.honest_regression,
        measures.fair_distances,
        measures.left_to_learn,
        measures.lost_in_codes,
    ),
)
