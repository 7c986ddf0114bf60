"""Figures: one style, an alternative text each, readable by all, the same bytes again."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pytest
import torch
from PIL import Image
from turns import in_turn

from aigc_utils import evaluation, plotting
from aigc_utils.data import ImageSteps
from aigc_utils.evaluation import SampleScores
from aigc_utils.history import History
from aigc_utils.plotting import COLORS, GameState, Picture
from aigc_utils.plotting.picture import new_figure
from aigc_utils.plotting.tokens import visible

DIGIT = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))
RUN = ([1.0, 2.0, 3.0], [90.0, 95.0, 98.0])
HISTORY = History(
    losses={"loss": [2.0, 1.0, 0.5]},
    metrics={"accuracy": RUN[1], "train": RUN[1], "held": RUN[1]},
    evaluated_at=[1, 2, 3],
)
X = torch.linspace(-3, 3, 61)
BELL = (-(X**2) / 2).exp()
DIGITS = torch.arange(40) % 10
CODES = torch.randn(40, 2, generator=torch.Generator().manual_seed(1))
WORDS = ["The", " cat", " sat", "\n", " $a$ 春"]
SEEN = torch.ones(5, 5, dtype=torch.bool).tril()
SCORES = torch.randn(5, 5, generator=torch.Generator().manual_seed(3))
SHARES = SCORES.masked_fill(~SEEN, float("-inf")).softmax(-1)
GRID = torch.rand(3, 3, 28, 28, generator=torch.Generator().manual_seed(2))
SCORED = {"GAN": 5.0, "VAE": 40.0, "GPT": 8.0}

PICTURES: dict[str, Callable[[], Picture]] = {
    "journey": lambda: plotting.journey(
        DIGIT,
        {"block 1": torch.randn(16, 12, 12), "block 2": torch.randn(7, 3, 3)},
        torch.eye(10)[3],
    ),
    "exciting_patches": lambda: plotting.exciting_patches(
        {"block 1": GRID.flatten(0, 1)[:6, None].expand(6, 4, 28, 28)},
        {"block 1": torch.arange(24).view(6, 4) % 3},
        channels=5,
    ),
    "convolution_steps": lambda: plotting.convolution_steps(
        DIGIT, torch.ones(3, 3), torch.rand(26, 26), at=(4, 5)
    ),
    "channel_sum": lambda: plotting.channel_sum(
        torch.randn(5, 12, 12), torch.randn(5, 3, 3), torch.randn(5, 10, 10), shown=4
    ),
    "descent_paths": lambda: plotting.descent_paths({"one": torch.rand(5, 2)}, (1.0, 9.0)),
    "feature_maps": lambda: plotting.feature_maps(
        torch.randn(4, 5, 5), torch.randn(4, 5, 5), DIGIT, torch.rand(4, 12, 12)
    ),
    "shift_curves": lambda: plotting.shift_curves(
        [-1, 0, 1], {"net": [[50.0, 90.0, 60.0]]}, trained=1
    ),
    "confusion": lambda: plotting.confusion(
        torch.arange(100).view(10, 10), torch.rand(4, 28, 28), ["3 read as 5\n90% sure"] * 4
    ),
    "reliability": lambda: plotting.reliability(
        {"net": [evaluation.calibration(SCORES, DIGITS[:5])] * 2}
    ),
    "scaling_law": lambda: plotting.scaling_law(
        [{"weights": n, "losses": [4 * n**-0.1, 4.1 * n**-0.1]} for n in (1000, 2000, 4000)],
        {"weights": 9000, "losses": [1.6]},
        {"floor": 0.0, "scale": 4.0, "power": 0.1},
    ),
    "seed_curves": lambda: plotting.seed_curves({"a": [HISTORY, HISTORY], "b": [HISTORY]}, 0.4),
    "generalisation": lambda: plotting.generalisation({"plain": [HISTORY]}, images=500),
    "ladder": lambda: plotting.ladder(
        [
            {"name": n, "seconds": s, "runs": [{"seconds": s, "accuracy": 99.0}] * 3}
            for n, s in (("a", 100.0), ("b", 2.0))
        ],
        margin=0.3,
    ),
    "own_digit": lambda: plotting.own_digit(
        ImageSteps(torch.rand(80, 60), torch.rand(80, 60), torch.full((1, 1, 28, 28), 9).byte()),
        torch.full((10,), 0.1),
    ),
    "curves": lambda: plotting.curves(
        {"a": RUN, "b": RUN}, x_label="step", y_label="loss (nats)", marks={"floor": 91.0},
        alt="Two rising curves above a floor that is marked.",
    ),
    "image_grid": lambda: plotting.image_grid(
        torch.rand(7, 1, 28, 28), titles=list("abcdefg"), columns=4, title="t",
        alt="Seven grey squares of noise in two rows.",
    ),
    "image_rows": lambda: plotting.image_rows(
        {"made": torch.rand(4, 28, 28), "nearest in\ntraining": torch.rand(4, 1, 28, 28)},
        titles=list("abcd"), captions={"made": ["1.0"] * 4}, title="t",
        alt="Two rows of four squares of noise.",
    ),
    "gan_drawing": lambda: plotting.gan_drawing(torch.randn(64), DIGIT, DIGIT),
    "conditional_drawing": lambda: plotting.conditional_drawing(torch.randn(64), DIGIT, 7),
    "optimal_discriminator": lambda: plotting.optimal_discriminator(
        X, BELL, {"far apart": BELL.roll(20), "close": BELL.roll(4)},
        {"far apart": BELL, "close": BELL},
    ),
    "number_game": lambda: plotting.number_game({"plain": torch.rand(9, 2), "mean": CODES}),
    "game_maps": lambda: plotting.game_maps(
        {name: [game_state(step) for step in (1, 50, 1000)] for name in ("plain", "with R1")}
    ),
    "latent_norms": lambda: plotting.latent_norms(
        torch.randn(500, 9), torch.randn(5, 9), torch.randn(5, 9)
    ),
    "discriminator_histograms": lambda: plotting.discriminator_histograms(
        {"early": (1 - BELL / 9, BELL / 9), "late": (BELL, BELL)}
    ),
    "class_bars": lambda: plotting.class_bars(
        {name: torch.rand(10).softmax(0) for name in ("real images", "listing", "course")}
    ),
    "neighbourhoods": lambda: plotting.neighbourhoods(torch.randn(9, 2), torch.randn(7, 2), k=3),
    "side_by_side": lambda: plotting.side_by_side(
        {name: SampleScores(d, None, 0.8, 0.7, 0.9, 0.6, 0.01) for name, d in SCORED.items()},
        SampleScores(0.14, None, 0.9, 0.9, 1.0, 0.96, 0.003),
    ),
    "ablation": lambda: plotting.ablation(
        [
            {"name": name, "frechet": [90.0, 60.0], "coverage": [0.5, 0.6]}
            for name in ("article's listing", "full recipe")
        ]
    ),
    "sample_size_bias": lambda: plotting.sample_size_bias(
        [500, 1000, 5000], {"real against real": [9.0, 5.0, 1.0], "made": [20.0, 15.0, 12.0]}
    ),
    "vae_drawing": lambda: plotting.vae_drawing(DIGIT, -1.9, 0.1, DIGIT),
    "bound_gap": lambda: plotting.bound_gap(X + 3.1, -((X + 1) ** 2) - 2.0, -1.9, best=2.1),
    "gradient_spread": lambda: plotting.gradient_spread(
        {"score function": 9 * torch.randn(200), "reparameterised": torch.randn(200)}, exact=0.2
    ),
    "importance_bound": lambda: plotting.importance_bound(
        [1, 10, 100], {"VAE": [102.0, 99.0, 98.0], "β = 4": [120.0, 119.0, 118.0]},
        {"VAE": [0.2] * 3},
    ),
    "rate_distortion": lambda: plotting.rate_distortion(
        [0.25, 1, 4], [[38.0, 38.5], [24.0, 24.4], [11.0, 11.2]],
        [[66.0, 65.0], [77.0, 76.0], [108.0, 107.0]],
    ),
    "bayes_bells": lambda: plotting.bayes_bells(X, BELL, BELL.roll(20), BELL.roll(10)),
    "decoded_codes": lambda: plotting.decoded_codes(
        {name: DIGIT.expand(5, 1, 28, 28) for name in ("posterior draws", "prior samples")},
        {"posterior draws": (2.0, 0.1), "prior samples": (35.0, 0.5)},
    ),
    "prior_maps": lambda: plotting.prior_maps(
        CODES, {"prior": DIGIT[:20, :20], "mixture": DIGIT[4:24, :20]},
        {"prior": -2.9, "mixture": -2.4}, reach=3.0,
    ),
    "fitted_priors": lambda: plotting.fitted_priors(
        {arm: {"prior": [90.0, 60.0, 70.0], "mixture": [9.0, 8.0, 7.0],
               "reconstructions": [2.0, 1.0, 1.5]} for arm in ("noise and KL", "neither")},
        floor=0.14,
    ),
    "means_and_draws": lambda: plotting.means_and_draws(
        *DIGIT.expand(3, 5, 1, 28, 28), {"image": 4.0, "decoder's mean": 8.0, "draw": 0.0}
    ),
    "latent_map": lambda: plotting.latent_map(CODES, DIGITS, GRID, reach=2.5),
    "kl_per_dimension": lambda: plotting.kl_per_dimension(
        {"β = 1": torch.tensor([0.0, 2.0, 0.5]), "β = 4": torch.tensor([0.009, -1e-6, 3.0])}
    ),
    "aggregate_posterior": lambda: plotting.aggregate_posterior(
        {"noise and KL": CODES, "KL": CODES / 9, "noise": 9 * CODES, "neither": 20 * CODES}
    ),
    "attention_steps": lambda: plotting.attention_steps(WORDS, SCORES, SEEN, SHARES),
    "score_spread": lambda: plotting.score_spread(
        [4, 16, 64], {"plain": [2.0, 4.0, 8.0], "scaled": [1.0, 1.0, 1.0]},
        {"plain": [0.3, 0.5, 0.7], "scaled": [0.2, 0.2, 0.2]},
    ),
    "attention_maps": lambda: plotting.attention_maps(
        WORDS, SHARES.expand(5, 5, 5), [f"head {i}" for i in range(5)]
    ),
    "cross_attention": lambda: plotting.cross_attention(
        list("abc"), list("cba!"), torch.eye(4)[[2, 1, 0, 0], :3]
    ),
    "transformer_drawing": plotting.transformer_drawing,
    "block_drawing": plotting.block_drawing,
    "next_token_bars": lambda: plotting.next_token_bars(
        WORDS, {"temperature 1": SHARES[4] / 2, "top-k 2": torch.tensor([0.6, 0.4, 0, 0, 0])}
    ),
    "token_lengths": lambda: plotting.token_lengths(
        {name: {"English": 0.3, "Chinese": 1.9} for name in ("characters", "BPE")}
    ),
    "token_strip": lambda: plotting.token_strip(WORDS * 6),
    "embedding_rows": lambda: plotting.embedding_rows(
        list("to be"), [3, 2, 0, 1, 4], torch.randn(5, 32)
    ),
    "rotary_hands": lambda: plotting.rotary_hands([(9, 5), (94, 90), (9, 4)], (0.3, 0.0)),
    "attention_effect": lambda: plotting.attention_effect(
        WORDS, SHARES[4].tolist(), [0.1, 2.0, 0.4, 0.0, 1.0]
    ),
    "bits_ladder": lambda: plotting.bits_ladder(
        [{"name": "order 1", "bits": 4.8}, {"name": "order 2", "bits": 2.4}],
        [{"name": "lzma", "bits": 2.5}],
        [{"name": n, "bits": [b, b + 0.1]} for n, b in (("last", 3.6), ("tables", 2.6))], 10.0,
    ),
    "overtaking": lambda: plotting.overtaking(
        [{"seconds": s, "bits": [b, b + 0.05]} for s, b in ((10, 2.6), (30, 2.3), (90, 2.1))],
        {"counting": 2.4, "lzma": 2.5},
    ),
    "density_with_ways": lambda: plotting.density_with_ways(
        BELL.expand(20, -1), X, torch.lerp(X[:9], X[-9:], torch.linspace(0, 1, 20)[:, None])
    ),
    "error_over_steps": lambda: plotting.error_over_steps(
        [5, 10, 20], {"Euler": [0.4, 0.2, 0.1], "Heun": [0.4, 0.1, 0.025]}, {"Euler": 1, "Heun": 2}
    ),
    "ways_in_the_plane": lambda: plotting.ways_in_the_plane(
        {name: (torch.randn(5, 30, 2).cumsum(0), 0.3) for name in ("first", "second")}, CODES[:8]
    ),
    "velocity_field": lambda: plotting.velocity_field(
        CODES[:30], {f"t = {t}": CODES[:30] * t for t in (0.1, 0.9)}, CODES[:8]
    ),
    "four_ways": lambda: plotting.four_ways(
        [0.1, 0.9], {name: torch.randn(2, 28, 28) for name in ("point", "velocity", "clean")}
    ),
    "guidance_curve": lambda: plotting.guidance_curve(
        [1.0, 1.5, 3.0], [0.8, 0.88, 0.9], [0.85, 0.8, 0.6], chosen=1.5
    ),
    "recipe_controls": lambda: plotting.recipe_controls(
        [{"name": n, "bits": [b, b + 0.1]} for n, b in (("full", 2.5), ("bare", 2.9), ("c", 2.6))]
    ),
}  # fmt: skip

#: The figures that are drawn again in this run.
REDRAWN = {*in_turn(list(PICTURES), 3, ("aigc_utils", "tests/plotting"))}
NOT_DRAWN = {
    "COLORS", "Explorer", "Film", "GameState", "Picture", "explorer", "film", "one_way", "tiles",
}  # fmt: skip


def game_state(step: int) -> GameState:
    """Returns one moment of a game that nobody played."""
    points = torch.rand(2, 40, 2)
    return GameState(step, points[0], -points[1], DIGIT[:5, :5], 3, 0.25, points[1])


def test_every_figure_of_the_course_is_drawn_here() -> None:
    assert set(PICTURES) == set(plotting.__all__) - NOT_DRAWN


@pytest.mark.parametrize("name", PICTURES)
def test_figure_has_text_labels_size_and_the_same_bytes_again(name: str) -> None:
    torch.manual_seed(0)
    first = PICTURES[name]()
    data, details = first._repr_mimebundle_()
    details = details["image/png"]
    assert len(first.alt.split()) >= 5
    assert data["text/plain"] == f"Figure: {first.alt}"
    png = base64.b64decode(data["image/png"])
    image = Image.open(io.BytesIO(png))
    assert image.size == (2 * details["width"], 2 * details["height"])
    assert details["width"] <= 720
    assert len(png) < 150_000
    assert image.convert("L").getextrema()[0] < 100, "nothing is drawn"
    for axes in first.figure.axes:
        if axes.lines and axes.axison:
            assert axes.get_xlabel(), "an axis without a label"
    if name in REDRAWN:
        assert first.png() == png, "shown once more, it has moved"
        torch.manual_seed(0)
        assert PICTURES[name]().png() == png


def test_the_readers_own_style_is_left_alone() -> None:
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 3, "axes.grid": False}):
        picture = PICTURES["curves"]()
        assert mpl.rcParams["font.size"] == 3
        styled = picture.png()
    assert dict(mpl.rcParams) == before
    assert styled == PICTURES["curves"]().png()


def test_a_figure_without_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="alternative text"):
        Picture(new_figure(), "a plot")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"a": torch.rand(2, 8, 8), "b": torch.rand(3, 8, 8)}, "same number of images"),
        ({"a": torch.rand(2, 8, 8) - 1}, r"floats in \[0, 1\]"),
        ({"a": torch.rand(0, 8, 8)}, "images must be"),
        ({}, "same number of images"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plotting.image_rows(rows, alt="Rows of squares that do not fit.")


def test_rows_share_one_scale_and_bytes_are_as_dark_as_floats() -> None:
    pale = torch.full((2, 8, 8), 51, dtype=torch.uint8)
    alt = "A row of two pale squares."
    images = plotting.image_rows({"a": pale}, alt=alt)
    assert images.png() == plotting.image_rows({"a": pale / 255}, alt=alt).png()
    shown = Image.open(io.BytesIO(images.png())).convert("L")
    assert 190 < shown.getpixel((shown.width * 2 // 3, shown.height // 2)) < 215


@pytest.mark.parametrize(
    ("decoded", "message"),
    [
        (torch.rand(2, 3, 28, 28), "square grid"),
        (torch.rand(9, 28, 28), "square grid"),
        (GRID - 1, r"floats in \[0, 1\]"),
    ],
)
def test_decoded_images_that_are_no_square_are_refused(decoded: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plotting.latent_map(CODES, DIGITS, decoded, reach=3.0)


def test_a_place_on_the_left_of_the_map_is_the_same_place_on_the_right() -> None:
    decoded = torch.zeros(4, 4, 28, 28)
    decoded[3, 1] = 1  # the highest row, the second column
    left, right = plotting.latent_map(CODES, DIGITS, decoded, reach=2.0).figure.axes
    assert left.get_xlim() == right.get_xlim() == left.get_ylim() == right.get_ylim() == (-2, 2)
    (image,) = right.images
    assert image.get_extent() == [-2, 2, -2, 2]
    assert image.origin == "upper"
    expected = torch.zeros(112, 112)
    expected[:28, 28:56] = 1
    assert torch.equal(torch.as_tensor(image.get_array().data), expected)


def test_each_digit_of_a_map_is_named_among_its_codes_and_apart_from_the_others() -> None:
    rng = torch.Generator().manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [9.0, 9.0]])
    labels = torch.arange(4).repeat_interleave(300)
    codes = centres[labels] + 0.3 * torch.randn(1200, 2, generator=rng)
    left = plotting.latent_map(codes, labels, GRID, reach=2.0).figure.axes[0]
    assert [text.get_text() for text in left.texts] == ["0", "1", "2"]  # 3 is out of view
    places = torch.tensor([text.get_position() for text in left.texts])
    assert torch.pdist(places).min() > 2.0 / 6
    for digit, place in enumerate(places):
        assert (codes[labels == digit] - place).norm(dim=1).min() < 1e-5


def test_a_bound_above_what_it_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="lower bound"):
        plotting.bound_gap(X + 3.1, BELL, 0.5, best=1.0)


def test_the_line_of_the_same_elbo_needs_a_model_with_beta_one() -> None:
    with pytest.raises(ValueError, match="contain 1"):
        plotting.rate_distortion([0.5, 2], [[30.0], [20.0]], [[70.0], [90.0]])


def test_the_figures_say_what_they_count() -> None:
    kl = PICTURES["kl_per_dimension"]()
    assert "β = 1, 2.5 nats in all, 1 of 3 dimensions above one nat and 2 above" in kl.alt
    assert "β = 4, 3.0 nats in all, 1 of 3 dimensions above one nat and 1 above" in kl.alt
    rings = torch.tensor([[0.0, 1.17], [1.19, 0.0], [0.0, -2.44], [2.46, 0.0]])
    assert "VAE, 25 and 75 percent" in plotting.aggregate_posterior({"VAE": rings}).alt
    square = plotting.latent_map(rings, DIGITS[:4], GRID, reach=2.45)
    assert "75 percent of them in the square" in square.alt
    assert "beta 1, 24.2 and 76.5, in all 100.7" in PICTURES["rate_distortion"]().alt
    bounds = [plotting.importance_bound([1, 9], {"VAE": [102.0, end]}) for end in (98.0, 104.0)]
    assert "9. VAE: falls from 102 to 98." in bounds[0].alt
    assert "9. VAE: rises from 102 to 104." in bounds[1].alt


def test_a_title_that_states_a_finding_stands_only_over_what_shows_it() -> None:
    def title(picture: Picture) -> str:
        return picture.figure.axes[0].get_title()

    sweep = [
        plotting.rate_distortion([0.5, 1, 4], [[38.0], [24.0], [11.0]], [[66.0], [77.0], [last]])
        for last in (108.0, 70.0)
    ]
    least = "The sum of rate and distortion is least at β = "
    assert [title(s) for s in sweep] == [f"{least}1", f"{least}4"]
    bounds = [plotting.importance_bound([1, 9], {"VAE": [102.0, end]}) for end in (98.0, 104.0)]
    assert ["tighter" in title(bound) for bound in bounds] == [True, False]
    peak = plotting.bound_gap(X + 3.1, -((X + 1) ** 2) - 2.0, -1.9, best=2.5)
    assert "highest at 2.10; at the true posterior's 2.50" in peak.alt


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plotting.attention_steps(WORDS, SCORES, SEEN, SHARES[:4]), "5 tokens"),
        (lambda: plotting.attention_steps(WORDS, SCORES, SEEN, SHARES / 2), "be shares"),
        (lambda: plotting.cross_attention("ab", "a", torch.tensor([[2.0, -1.0]])), "negative"),
        (lambda: plotting.attention_steps(WORDS, SCORES[:1], SEEN, SHARES), "scores and mask"),
        (lambda: plotting.attention_steps(WORDS, SCORES, SEEN.float(), SHARES), "must be bool"),
        (lambda: plotting.attention_steps(WORDS, SCORES, ~SEEN, SHARES), "hides a key"),
        (lambda: plotting.attention_steps([], *(torch.zeros(0, 0),) * 3), "at least one token"),
        (lambda: plotting.score_spread([4, 8], {"a": [1, 2]}, {"b": [1, 2]}), "same names"),
        (lambda: plotting.score_spread([4, 8], {"a": [1, 2]}, {"a": [1]}), "2 values"),
        (lambda: plotting.attention_maps(WORDS, SHARES, ["a"]), "1 to 6"),
        (lambda: plotting.attention_maps(WORDS, SHARES.expand(2, 5, 5), ["a"]), "1 titles"),
        (lambda: plotting.attention_maps(WORDS, SCORES.softmax(-1)[None], ["a"]), "causal"),
        (lambda: plotting.cross_attention("ab", "abc", torch.eye(3)), "column for each of 2"),
        (lambda: plotting.cross_attention("ab", "ab", torch.eye(2)[None, None]), "two dimensions"),
        (lambda: plotting.next_token_bars(WORDS, {"a": SHARES[4, :2]}), "a probability"),
        (lambda: plotting.next_token_bars(WORDS, {"a": 2 * SHARES[4]}), "at most one"),
        (lambda: plotting.next_token_bars(WORDS, {}), "at least one setting"),
        (lambda: plotting.token_lengths({"a": {"x": 1, "y": 1}, "b": {"x": 1}}), "same texts"),
        (lambda: plotting.token_lengths({}), "1 to 4 tokenizers"),
        (lambda: plotting.token_strip(["a", ""]), "no empty one"),
        (lambda: plotting.token_strip([]), "at least one token"),
    ],
)
def test_what_no_text_can_have_is_refused(draw: Callable[[], Picture], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        draw()
    assert str(refusal.value).count(". ") == 0, "one sentence"


def test_all_of_a_token_can_be_seen() -> None:
    strip = plotting.token_strip([" cat", "\n\t", "$a$", "春", "␣", "x" * 60])
    (axes,) = strip.figure.axes
    shown = ["␣cat", "\\n\\t", "$a$", "U+6625", "␣", "x" * 47 + "…"]
    assert [text.get_text() for text in axes.texts] == shown
    assert not any(text.get_parse_math() for text in axes.texts)
    boxes = [patch.get_bbox() for patch in axes.patches]
    assert all(a.x1 < b.x0 or a.y1 < b.y0 for a, b in itertools.pairwise(boxes))
    assert max(box.x1 for box in boxes) < axes.get_xlim()[1]
    assert "71 characters in 6 tokens" in strip.alt
    assert "“ cat” “\\n\t” “$a$” “春”".replace("\t", " ") in strip.alt


def test_hidden_and_cut_are_told_from_small() -> None:
    steps = PICTURES["attention_steps"]().figure.axes
    words = [[text.get_text() for text in axes.texts] for axes in steps]
    assert sum(text == "−∞" for text in words[2]) == 10
    assert words[4][:5] == ["100", "0", "0", "0", "0"]
    assert [len(axes.patches) for axes in steps] == [0, 0, 10, 0, 10]
    left, right = PICTURES["next_token_bars"]().figure.axes
    assert [text.get_text() for text in right.texts] == ["60", "40", "cut", "cut", "cut", "cut"]
    assert left.texts[-1].get_text() == "50", "all others"
    tiny = plotting.next_token_bars(["a", "b"], {"t": torch.tensor([0.999, 0.001])})
    assert [text.get_text() for text in tiny.figure.axes[0].texts] == ["100", "<1", "cut"]


def test_the_figures_of_attention_say_what_they_show() -> None:
    written = PICTURES["cross_attention"]().alt
    assert "for “c” 100 percent to “c”, for “b” 100 percent to “b”" in written
    back = torch.eye(5).roll(-1, 1).tril() + torch.eye(1, 5).T @ torch.eye(1, 5)
    maps = plotting.attention_maps(WORDS, torch.stack([torch.eye(5), back]), ["own", "last"])
    assert "own, 100 to itself, 0 to the token before, 0 to the first" in maps.alt
    assert "last, 0 to itself, 100 to the token before, 0 to the first" in maps.alt
    assert "3 of 5 cut off, 0 percent to all others" in PICTURES["next_token_bars"]().alt
    steps = PICTURES["attention_steps"]().alt
    for row, word in zip(SHARES, WORDS, strict=True):
        best = WORDS[int(row.argmax())].replace("\n", "\\n")
        first = f"for “{word}” {100 * row.max():.0f} percent to “{best}”".replace("\n", "\\n")
        assert first in steps


def test_the_titles_of_workings_say_what_was_found() -> None:
    """Each title is computed from the numbers that are drawn."""
    near, far = torch.eye(5), torch.zeros(5, 5)
    far[:, 0] = 1
    last, both = visible(WORDS[4]), torch.stack([near, far])
    cold, hot = torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.4])
    titles = {
        plotting.attention_steps(WORDS, SCORES, SEEN, near): (
            f"“{last}” looks most at “{last}”: 100 %"
        ),
        plotting.attention_maps(WORDS, near[None], ["own"]): (
            "On average these look 0.0 tokens back"
        ),
        plotting.attention_maps(WORDS, both, ["own", "first"]): (
            "On average these look 0.0 to 2.0 tokens back"
        ),
        plotting.next_token_bars(["a", "b"], {"cold": cold, "hot": hot}): (
            "The likeliest of these gets 50 to 90 %"
        ),
        plotting.next_token_bars(["a"], {"one": cold[:1]}): "The likeliest of these gets 90 %",
    }
    for picture, title in titles.items():
        assert picture.figure.get_suptitle() == title
    dot = PICTURES["convolution_steps"]().figure
    assert f": {dot.axes[3].get_xlabel().removeprefix('sum: ')}" in dot.get_suptitle()


def test_a_share_that_is_not_zero_is_not_said_to_be_zero() -> None:
    alts = {
        share: plotting.next_token_bars(["a", "b"], {"t": torch.tensor([0.7, share])}).alt
        for share in (0.3, 0.296, 0.25)
    }
    assert "“a” with 70 percent, 0 percent to all others" in alts[0.3]
    assert "“a” with 70 percent, under 1 percent to all others" in alts[0.296]
    assert "“a” with 70 percent, 5 percent to all others" in alts[0.25]


def test_save_writes_a_png(tmp_path: object) -> None:
    path = PICTURES["curves"]().save(f"{tmp_path}/figure.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_save_knows_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert PICTURES["curves"]().save("~/figure.png") == tmp_path / "figure.png"
    assert [each.name for each in tmp_path.iterdir()] == ["figure.png"]


# Machado, Oliveira and Fernandes, 2009: full protanopia, deuteranopia and tritanopia.
BLINDNESS = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def seen(color: str, kind: str) -> torch.Tensor:
    """Returns a colour as it is seen without one of the three kinds of cones."""
    rgb = torch.tensor([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return (torch.tensor(BLINDNESS[kind]) @ linear).clamp(0, 1) ** (1 / 2.4)


@pytest.mark.parametrize("kind", BLINDNESS)
def test_the_first_colours_differ_with_every_colour_vision(kind: str) -> None:
    for a, b in itertools.combinations(list(COLORS.values())[:3], 2):
        assert (seen(a, kind) - seen(b, kind)).norm() > 0.1, (a, b)


def test_brown_and_olive_would_not_pass() -> None:
    distances = [(seen("#A0522D", kind) - seen("#6B6B23", kind)).norm() for kind in BLINDNESS]
    assert min(distances) < 0.1
