"""Questions of chapter 2 about numbers to read off a game: losses, islands, rows, distances."""

from __future__ import annotations

import math

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind, listed, whole


@kind(
    "Count the islands",
    objective="mode collapse",
    misconceptions=("collapse = memorising",),
)
def covered_islands(draw: Draw) -> Question:
    """Counts the modes that a generator covers."""
    full, thin = draw.integer(2, 4), draw.integer(1, 2)
    shares = [draw.integer(7, 20) for _ in range(full)]
    shares += [draw.integer(1, 5) for _ in range(thin)] + [0] * (8 - full - thin)
    shown = draw.sample(shares, 8)
    text = (
        "The data lie on eight islands, an eighth of them on each. Of a generator's points the "
        f"islands hold {listed(shown)} %, and the rest lie in between. A mode counts as covered "
        "if it holds half of its share, 6 % of all points, or more. How many are covered?"
    )
    because = "Half of an eighth is about 6 %, and only islands with at least that many count."
    mistakes = {
        "A few points on an island are not yet half of its share.": full + thin,
        "These are the islands that are not covered.": 8 - full,
        "All islands are in the data; this generator leaves some of them out.": 8,
        "These hold the whole of their share; half of it is enough.": (
            sum(share >= 13 for share in shares)
        ),
        "One that holds enough is left out here.": full - 1,
    }
    return compute(draw, text, full, because, mistakes, whole)


@kind(
    "The discriminator's loss",
    objective="minimax game and the optimal discriminator",
    misconceptions=("the discriminator should win",),
)
def loss_of_the_discriminator(draw: Draw) -> Question:
    """Computes the discriminator's loss from one answer of each kind."""
    real, generated = draw.number(0.55, 0.95), draw.number(0.05, 0.6)
    text = (
        f"A discriminator gives a real image the probability {real:.2f} of being real, and a "
        f"generated one {generated:.2f}. What is its loss over the two, the sum of both "
        "cross-entropies, in nats?"
    )
    right = -math.log(real) - math.log(1 - generated)
    because = (
        f"The real image costs -log {real:.2f}, and the generated one -log {1 - generated:.2f}. "
        "Who only guesses pays log 4, about 1.39."
    )
    mistakes = {
        "A generated image is to be doubted: its part is -log (1 - D).": (
            -math.log(real) - math.log(generated)
        ),
        "The generated image has its part too.": -math.log(real),
        "The real image has its part too.": -math.log(1 - generated),
        "This is the loss of one who only guesses.": math.log(4),
        "This is the mean of the two parts; their sum is asked for.": right / 2,
        "These are the missing probabilities; the loss takes logarithms.": 1 - real + generated,
    }
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "What one row brought",
    objective="a modern stabiliser",
)
def gain_of_a_row(draw: Draw) -> Question:
    """Reads a factor off an ablation."""
    first, second = draw.number(90, 140, 1), draw.number(45, 70, 1)
    third, fourth = draw.number(20, 34, 1), draw.number(8, 14, 1)
    text = (
        "In an ablation each row adds one change to the row above. The Fréchet distances are "
        f"{first} for the article's players, {second} with convolutions, {third} with labels too, "
        f"and {fourth} with Muon too. By which factor did the labels bring the distance down?"
    )
    because = (
        f"The row above the labels has {second}, and theirs {third}. Another order of the rows "
        "might have shared the gain otherwise."
    )
    mistakes = {
        "This compares with the first row, and counts the convolutions as well.": first / third,
        "This is what the next row brought.": third / fourth,
        "This is what the convolutions brought.": first / second,
        "This is the share that is left, not the factor.": third / second,
        "This is what labels and Muon brought together.": second / fourth,
    }
    return compute(draw, text, second / third, because, mistakes, decimals(2))


@kind(
    "How long noise is",
    objective="latent space: interpolation and truncation",
)
def length_of_noise(draw: Draw) -> Question:
    """Asks for the radius of the shell on which noise lies."""
    dims = draw.choice((36, 48, 64, 81, 100, 128, 144, 256))
    text = (
        f"A generator takes {dims} numbers, each drawn from a standard normal. About how long is "
        "such a vector of noise?"
    )
    because = (
        f"The mean of its squared length is {dims}, one for each number, and in so many dimensions "
        "nearly all vectors lie close to its root."
    )
    mistakes = {
        "This is the squared length; the root is still to be taken.": float(dims),
        "Each number is about 1 in size, and they all count.": 1.0,
        "The densest place is 0, and hardly any vector lies near it.": 0.0,
        "The numbers stand at right angles: their squares add up, not their sizes.": (
            dims * math.sqrt(2 / math.pi)
        ),
        "This is half of it.": math.sqrt(dims) / 2,
        "This is the distance of two such vectors.": math.sqrt(2 * dims),
    }
    return compute(draw, text, math.sqrt(dims), because, mistakes, decimals(1))


@kind(
    "How far apart two images are",
    objective="mode collapse",
    misconceptions=("collapse = memorising",),
)
def distance_of_pixels(draw: Draw) -> Question:
    """Computes the distance of a sample from the nearest training image."""
    sample = [draw.integer(0, 10) for _ in range(4)]
    moves = draw.sample(range(6), 4)
    near = [p + m if p + m <= 10 else p - m for p, m in zip(sample, moves, strict=True)]
    tenths = lambda values: listed([value / 10 for value in values])  # noqa: E731
    text = (
        f"A generated image has four pixels: {tenths(sample)}. The training image that is nearest "
        f"to it has {tenths(near)} there. How far apart are they, as chapter 2 measures it?"
    )
    apart = [abs(a - b) / 10 for a, b in zip(sample, near, strict=True)]
    squares = sum(gap**2 for gap in apart)
    because = (
        "It is the root of the sum of all squared differences between the pixels. A copy would "
        "lie at 0."
    )
    mistakes = {
        "The root is still to be taken.": squares,
        "The differences are to be squared before they are added.": sum(apart),
        "This is the largest difference alone.": max(apart),
        "This is the root of the mean; the course takes the sum.": math.sqrt(squares / 4),
        "This is the mean difference, without squares.": sum(apart) / 4,
    }
    return compute(draw, text, math.sqrt(squares), because, mistakes, decimals(2))


@kind(
    "Fakes among real pictures",
    objective="GANs today, and deepfakes",
)
def flagged_pictures(draw: Draw) -> Question:
    """Computes how many of the pictures that a detector flags are fakes."""
    fakes, caught, wrongly = draw.integer(10, 60), draw.integer(90, 99), draw.integer(1, 5)
    text = (
        f"Of 10,000 pictures {fakes} are fakes. A detector flags {caught} % of the fakes, and "
        f"{wrongly} % of the real pictures by mistake. What share of the flagged pictures are "
        "fakes, in percent?"
    )
    found, false = fakes * caught / 100, (10_000 - fakes) * wrongly / 100
    because = (
        f"About {found:.0f} fakes are flagged, and {false:.0f} real pictures. Where fakes are rare "
        "most alarms are false, however good the detector is."
    )
    mistakes = {
        "This is how many of the fakes are flagged, and not the other way round.": float(caught),
        "This is the share of real pictures that are not flagged.": 100.0 - wrongly,
        "This is how often a fake turns up among all pictures.": fakes / 100,
        "This takes both kinds for equally frequent.": 100 * caught / (caught + wrongly),
        "This is how much of all is flagged.": (found + false) / 100,
    }
    return compute(draw, text, 100 * found / (found + false), because, mistakes, decimals(1))
