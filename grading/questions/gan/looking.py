"""Questions of chapter 2 about what samples show, and what runs of several seeds allow to say."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, kind


@kind(
    "From island to island",
    objective="mode collapse",
    public=True,
)
def wandering(draw: Draw) -> Question:
    """Asks why a collapsed generator moves on."""
    islands, steps = draw.integer(5, 9), draw.choice((200, 300, 500))
    text = (
        f"The data lie on {islands} islands. All samples of a generator lie on one of them, and "
        f"{steps} steps later all of them lie on another. Why does it not stay where it was?"
    )
    right = "The discriminator learns to distrust that island, and then another one pays."
    because = (
        "Where all the made points lie, most points are made, and the best discriminator says so. "
        "The generator follows its gradient to a place that is still believed."
    )
    wrong = {
        "It has copied every point of that island, and now looks for new ones that it can copy.": (
            "It never sees a point of the data, so it cannot copy one."
        ),
        "The noise is drawn anew in each step, and carries all the samples across the plane.": (
            "New noise moves single samples within the distribution, not all of it."
        ),
        "Its loss was zero there, so that it began anew from random weights.": (
            "Nothing starts anew; the weights move along a gradient in each step."
        ),
        "Each island has equally many points, so it visits all for the same time.": (
            "Nothing counts visits. It moves because the discriminator has moved."
        ),
        "The learning rate falls, and with short steps it cannot hold its place.": (
            "Shorter steps would move it less, not more."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "Three seeds that disagree",
    objective="a modern stabiliser",
    public=True,
)
def seeds_disagree(draw: Draw) -> Question:
    """Asks what to report where a change helps in some seeds only."""
    base = draw.number(4.0, 6.0, 1)
    better, worse = base - draw.number(0.8, 1.4, 1), base + draw.number(0.7, 1.5, 1)
    text = (
        f"Without a penalty on the discriminator's slope a GAN reaches Fréchet distances about "
        f"{base:.1f}. With it, three seeds reach {better:.1f}, {worse:.1f} and {base:.1f}. What do "
        "you write?"
    )
    right = "All three values, and that nothing is settled by them."
    because = (
        "The seeds differ by more than any effect between the rows. Showing all of them lets a "
        "reader see that, and more seeds may settle it."
    )
    wrong = {
        f"{better:.1f}, as the best run shows what the penalty can do.": (
            "The best of several runs is partly luck, and the other row had no such choice."
        ),
        "Their mean alone, as it is the fairest single number.": (
            "A mean hides that the seeds disagree, which is the finding here."
        ),
        f"{worse:.1f}, as a careful author names the worst case.": (
            "One value says nothing of the spread, whichever it is."
        ),
        "Nothing, as a measurement with such a spread has failed.": (
            "The spread is a result, and leaving it out would mislead the next one who tries."
        ),
        "That the penalty harms, as one seed of three became worse.": (
            "Another became better, and by about as much."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "As far as new digits",
    objective="mode collapse",
    misconceptions=("collapse = memorising",),
    public=True,
)
def no_copies(draw: Draw) -> Question:
    """Asks what distances to the nearest training images prove."""
    count = draw.choice((500, 1_000, 2_000, 5_000))
    text = (
        f"For each of {count:,} samples you look for the nearest training image. On average it "
        "lies as far away as the one nearest to a test image does. What does that show?"
    )
    right = "The samples are mostly no copies. How varied they are stays open."
    because = (
        "A copy would lie much closer than a new digit does. A generator that draws one single "
        "shape of its own passes this test as well."
    )
    wrong = {
        "No digit is missing, as leaving digits out is what copying leads to.": (
            "Leaving out and copying are two failures; this test looks for copies."
        ),
        "The samples look as real as the test images do.": (
            "A distance to the nearest image does not tell a digit from a smear at that distance."
        ),
        "The generator has seen the training images, or it could not come so close.": (
            "It sees noise alone; the discriminator's answers brought it there."
        ),
        "Nothing, as a distance in pixels never means anything.": (
            "For copies it does: a copy is close in pixels too."
        ),
        "The generator has collapsed, as its samples lie far from the training images.": (
            "Test images lie as far away, and they have not collapsed."
        ),
    }
    return choose(draw, text, right, because, wrong)
