"""What a figure would leave out or recolour without a word, it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from aigc_utils import plotting
from aigc_utils.evaluation import SampleScores
from aigc_utils.plotting import GameState
from aigc_utils.plotting.words import course

EVEN = torch.full((10,), 0.1)
DIGIT = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
TABLE = torch.eye(10).long()
GRID = DIGIT.expand(2, 2, 28, 28)
PAIR = torch.rand(2, 5, 5)
CODES = torch.zeros(3, 2)
SCORE = SampleScores(1.0, None, 0.8, 0.7, 0.9, 0.6, 0.01)
POINTS = torch.zeros(4, 2)
NAMES = "abcdefgh"
STATE = GameState(1, POINTS, POINTS, DIGIT, 1, 0.5, POINTS)
ROW = {"name": "a", "frechet": [1.0, 2.0], "coverage": [0.5, 0.6]}
LAW = {"weights": 10, "losses": [1.0]}


def steps(at: tuple[int, int], output: int = 26) -> Any:
    return plotting.convolution_steps(DIGIT, torch.ones(3, 3), torch.rand(output, 26), at)


def maps(**changed: Any) -> Any:
    return plotting.game_maps({"a": [STATE._replace(**changed)]})


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plotting.class_bars(dict.fromkeys(NAMES[:5], EVEN)), "1 to 4 sets of images"),
        (lambda: plotting.class_bars({}), "1 to 4 sets of images"),
        (lambda: plotting.class_bars({"a": 1000 * EVEN}), "from 0 to 1 of shape"),
        (lambda: plotting.class_bars({"a": EVEN[:9]}), "from 0 to 1 of shape"),
        (lambda: plotting.discriminator_histograms({"a": (EVEN, 9 * EVEN - 1)}), "from 0 to 1"),
        (lambda: plotting.discriminator_histograms({"a": (EVEN * math.nan, EVEN)}), "from 0 to 1"),
        (lambda: plotting.side_by_side(dict.fromkeys(NAMES[:5], SCORE), SCORE), "1 to 4 generat"),
        (lambda: plotting.sample_size_bias([1, 2], {n: [1, 2] for n in NAMES[:5]}), "1 to 4"),
        (lambda: plotting.sample_size_bias([1], {"a": [1.0]}), "two sizes"),
        (lambda: plotting.sample_size_bias([1, 2], {"a": [1.0, -1.0]}), "0 or more"),
        (lambda: plotting.sample_size_bias([1, 2], {"a": [1.0, math.nan]}), "0 or more"),
        (lambda: plotting.gradient_spread(dict.fromkeys(NAMES[:4], EVEN), 0.1), "1 to 3 methods"),
        (lambda: plotting.shift_curves([0], {n: [[90.0]] for n in NAMES}, 1), "1 to 7 networks"),
        (lambda: plotting.shift_curves([0, 1], {"a": [[90.0]]}, 1), "for each of 2 shifts"),
        (lambda: plotting.descent_paths(dict.fromkeys(NAMES, POINTS), (1, 9)), "1 to 7 paths"),
        (lambda: plotting.feature_maps(PAIR, PAIR, DIGIT, GRID[0, :1]), "as many maps"),
        (lambda: plotting.feature_maps(PAIR[:1], PAIR, DIGIT, GRID[0]), "as many before"),
        (lambda: plotting.channel_sum(PAIR, PAIR[:1], PAIR, shown=1), "its slice"),
        (lambda: plotting.channel_sum(PAIR, PAIR, PAIR, shown=3), "draw 1 to 2 channels"),
        (lambda: plotting.journey(DIGIT, {"a": GRID[0]}, -EVEN), "from 0 to 1"),
        (lambda: plotting.confusion(TABLE[:9], GRID[0], ["a", "b"]), r"\(10, 10\)"),
        (lambda: plotting.confusion(-TABLE, GRID[0], ["a", "b"]), r"counts"),
        (lambda: plotting.confusion(TABLE, GRID[0], ["a"]), "as many captions"),
        (lambda: plotting.confusion(TABLE, GRID[0][:0], []), "as many captions"),
        (lambda: steps((25, 26)), "`at` within it"),
        (lambda: steps((-1, 0)), "`at` within it"),
        (lambda: steps((0, 0), output=25), "must be"),
        (lambda: plotting.latent_map(CODES, torch.tensor([0, 1, -1]), GRID, 3.0), "from 0 to 9"),
        (lambda: plotting.latent_map(CODES, torch.tensor([0, 1]), GRID, 3.0), "one for each"),
        (lambda: plotting.scaling_law([], {"weights": 1, "losses": [1.0]}, {}), "two runs"),
        (lambda: plotting.scaling_law([LAW] * 2, LAW, {}), "a larger model held out"),
        (lambda: plotting.tiles(GRID, 0), "columns must be a whole number of at least 1"),
        (
            lambda: plotting.image_grid(GRID[0], alt="a b c d e", columns=0),
            "columns must be a whole number of at",
        ),
        (lambda: plotting.image_grid(GRID[0], alt="a b c d e", titles=["a"]), "a title for each"),
        (lambda: plotting.image_grid(GRID[0] * math.nan, alt="a b c d e"), "must be finite"),
        (lambda: plotting.image_grid(GRID[0][:0], alt="a b c d e"), "at least one image"),
        (lambda: maps(probability=9 * DIGIT), "probability must be numbers from 0 to 1"),
        (lambda: maps(probability=DIGIT[:9]), "probability must be square"),
        (lambda: maps(probability=DIGIT[0, 0]), "probability must be square"),
        (lambda: maps(modes=9), "modes must be a whole number from 0 to 8"),
        (lambda: maps(share=50), "share must be from 0 to 1"),
        (lambda: maps(fake=POINTS[:0]), "fake must be finite points"),
        (lambda: maps(real=POINTS.T), "real must be finite points"),
        (lambda: maps(pull=POINTS[:3]), "fake and pull must have one shape"),
        (lambda: maps(pull=POINTS * math.nan), "pull must be finite points"),
        (lambda: plotting.game_maps({}), "at least one run"),
        (lambda: plotting.game_maps({"a": [STATE], "b": []}), "equally many moments"),
        (lambda: plotting.game_maps({"a": [STATE], "b": [STATE] * 2}), "equally many moments"),
        (lambda: plotting.number_game(dict.fromkeys(NAMES[:5], POINTS)), "1 to 4 paths"),
        (lambda: plotting.number_game({"a": torch.zeros(4, 3)}), "a must be finite points"),
        (lambda: plotting.one_way(POINTS[:0]), "pull must be finite points"),
        (lambda: plotting.neighbourhoods(POINTS, POINTS[:3], k=3), "k must be .* from 1 to 2"),
        (lambda: plotting.neighbourhoods(POINTS, POINTS, k=0), "k must be .* from 1 to 3"),
        (lambda: plotting.neighbourhoods(POINTS * math.inf, POINTS, k=1), "real must be finite"),
        (lambda: plotting.conditional_drawing(EVEN, DIGIT, 10), "digit must be .* from 0 to 9"),
        (lambda: plotting.conditional_drawing(EVEN, 9 * DIGIT, 1), "image must be numbers"),
        (lambda: plotting.ablation([]), "at least one row"),
        (lambda: plotting.ablation([{**ROW, "frechet": [1.0]}]), "'a' must have, for each seed"),
        (lambda: plotting.ablation([{**ROW, "frechet": [0.0, 1.0]}]), "a distance above 0"),
        (lambda: plotting.ablation([{**ROW, "frechet": [math.nan, 1.0]}]), "a distance above 0"),
        (lambda: plotting.ablation([{**ROW, "coverage": [50.0, 60.0]}]), "from 0 to 1"),
        (lambda: plotting.ablation([{**ROW, "frechet": [], "coverage": []}]), "for each seed"),
        (lambda: plotting.sample_size_bias([0, 2], {"a": [1.0, 1.0]}), "each above 0"),
        (lambda: plotting.sample_size_bias([2, 2], {"a": [1.0, 1.0]}), "two sizes"),
        (lambda: plotting.sample_size_bias([1, 2], {"a": [1.0]}), "for each of 2 sizes"),
        (
            lambda: plotting.optimal_discriminator(EVEN, 0 * EVEN, {"a": 0 * EVEN}, {"a": EVEN}),
            "at no place both 0",
        ),
        (lambda: course([0, 1], [1.0, math.nan], 1.0), "finite values"),
        (lambda: course([0, 1], [1.0, 0.0], 1.0, log=True), "above 0"),
    ],
)
def test_what_would_be_left_out_is_refused(draw: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        draw()
    assert ". " not in str(error.value)


def test_a_network_without_a_number_has_mastered_nothing() -> None:
    picture = plotting.shift_curves([-1, 0, 1], {"net": [[95.0, math.nan, 95.0]]}, trained=1)
    assert "at no shift" in picture.alt


def test_without_an_error_none_is_the_most_frequent() -> None:
    picture = plotting.confusion(TABLE, GRID[0], ["sure", "surer"])
    assert "0 in all; the most frequent, with 1: none." in picture.alt
