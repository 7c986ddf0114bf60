"""Questions of chapter 5 about what drawing costs: how often a network is asked, and for what."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, compute, decimals, kind, whole

SOLVING = "sampling as solving an ODE, Euler against Heun, error against steps"
FEW = "few steps and one step"
FILLING = "filling in what is missing"


@kind(
    "A page of images",
    objective=SOLVING,
)
def page_of_images(draw: Draw) -> Question:
    """Compares the time of a flow with that of a network that is asked once."""
    leap, ask = draw.integer(4, 9), draw.integer(2, 3)
    steps = draw.integer(6, 20)
    text = (
        f"A GAN's generator makes an image in {leap} ms. A flow's network takes {ask} ms for each "
        f"question about an image, and draws with {steps} of Heun's steps, without guidance. How "
        "many milliseconds does the flow take for an image?"
    )
    because = "Heun's method asks twice in each step, and each question costs the same."
    mistakes = {
        "Heun's method asks a second time at the end of each step.": ask * steps,
        "This counts the time of the generator for each question.": 2 * leap * steps,
        "This counts one question alone: it would be a leap.": ask,
        "Guidance would double the questions once more; there is none here.": 4 * ask * steps,
        "The generator has no part in the flow's way.": 2 * ask * steps + leap,
    }
    return compute(draw, text, 2 * ask * steps, because, mistakes, whole)


@kind(
    "Fewer questions",
    objective=FEW,
    misconceptions=("it needs a thousand steps",),
)
def fewer_questions(draw: Draw) -> Question:
    """Computes how long drawing takes with fewer questions."""
    many, few = draw.choice((250, 500, 1000)), draw.integer(8, 24)
    minutes = draw.integer(20, 60)
    text = (
        f"With {many} questions to the network for each image, a page takes {minutes} minutes. "
        f"The samples are as good with {few} questions. How many seconds does the page take then?"
    )
    right = 60 * minutes * few / many
    because = "The time is that of the questions, and there are fewer of them by a known factor."
    mistakes = {
        "These are minutes; seconds are asked for.": minutes * few / many,
        "This leaves the number of questions as it was.": 60 * minutes,
        "This takes away as many seconds as there are fewer questions.": (
            60 * minutes - (many - few)
        ),
        "This divides by the few questions; they are what remains.": 60 * minutes / few,
        "With Heun's method a step has two questions, but questions are counted here.": 2 * right,
        "This takes one question for a second.": few,
    }
    return compute(draw, text, right, because, mistakes, whole)


@kind(
    "Pairs for a student",
    objective=FEW,
)
def pairs_for_a_student(draw: Draw) -> Question:
    """Counts the questions to a teacher that guided pairs cost."""
    pairs, steps = draw.integer(5, 40), draw.integer(4, 12)
    text = (
        f"A student learns to leap from {pairs},000 pairs of a noise and its image. The teacher "
        f"draws each with {steps} of Heun's steps, guided all the way. How many thousand times is "
        "the teacher asked for the pairs?"
    )
    because = (
        "A guided velocity is two questions, with the label and without, and Heun's method needs "
        "two velocities a step."
    )
    mistakes = {
        "Guidance asks with the label and without it.": 2 * pairs * steps,
        "Heun's method needs two velocities a step, and guidance doubles that.": pairs * steps,
        "This counts a question for each pair.": pairs,
        "These are all four kinds of questions, counted twice.": 8 * pairs * steps,
        "The student's own questions don't count: it is not asked for the pairs.": (
            4 * pairs * steps + pairs
        ),
        "This counts the steps of one image only.": 4 * steps,
    }
    return compute(draw, text, 4 * pairs * steps, because, mistakes, whole)


@kind(
    "Half an image given",
    objective=FILLING,
)
def half_given(draw: Draw) -> Question:
    """Counts the questions of filling in."""
    images, steps, rounds = draw.integer(2, 6), draw.integer(10, 30), draw.integer(3, 6)
    text = (
        f"{images} images are filled in, each on its own, in {steps} steps without guidance. Each "
        f"step asks once, and is taken {rounds} times, with its noise put back in between. How "
        "often is the network asked in all?"
    )
    right = images * steps * rounds
    because = "Each round of a step asks once; putting noise back asks nothing."
    mistakes = {
        "A step that is taken several times asks each time.": images * steps,
        "This counts one image.": steps * rounds,
        "Putting the noise back is arithmetic, not a question.": images * steps * (2 * rounds - 1),
        "This adds the rounds to the steps; they multiply.": images * (steps + rounds),
        "The given half is not asked for on its own.": 2 * right,
    }
    return compute(draw, text, right, because, mistakes, whole)


@kind(
    "One step back",
    objective=FILLING,
)
def step_back(draw: Draw) -> Question:
    """Computes what is left of a point when a step's noise is put back."""
    early = draw.choice((0.2, 0.3, 0.4))
    late = round(early + draw.choice((0.1, 0.2, 0.3)), 1)
    text = (
        f"On the straight path a point stands at time {late}, and noise is put back until it is "
        f"one of time {early}. First the point is multiplied by a number, so that it holds as much "
        "of the data as a point of that time does. By which number?"
    )
    because = "The data have the share t at time t, so that is the ratio of both times."
    mistakes = {
        "Then the point would hold more of the data than before.": late / early,
        "This is the ratio of the noise's shares at both times.": (1 - late) / (1 - early),
        "This is that ratio upside down, and of the noise.": (1 - early) / (1 - late),
        "This is how far the point goes back in time.": late - early,
        "This is the share of the data at the end; the point has lost a part before.": early,
    }
    return compute(draw, text, early / late, because, mistakes, decimals(2))
