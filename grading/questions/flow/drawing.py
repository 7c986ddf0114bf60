"""Questions of chapter 5 about drawing: steps, their errors and costs, and guidance."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind, whole


@kind(
    "One of Heun's steps",
    objective="sampling as solving an ODE, Euler against Heun, error against steps",
)
def one_step(draw: Draw) -> Question:
    """Computes a step of Heun's for a velocity that is proportional to the point."""
    rate, x, step = draw.integer(2, 4), draw.integer(2, 9), draw.choice((0.1, 0.2, 0.25))
    text = (
        f"The velocity at a point x is {rate} times x, at all times. A point stands at {x}. Where "
        f"does one of Heun's steps of length {step} lead?"
    )
    grown = rate * step
    because = (
        "Euler's step leads to a second place. Heun's goes on from the first one with the mean of "
        "the velocities at both."
    )
    mistakes = {
        "This is Euler's step, which looks only at its beginning.": x * (1 + grown),
        "This goes on with the velocity at the second place alone.": x * (1 + grown * (1 + grown)),
        "This makes two of Euler's steps, one after the other.": x * (1 + grown) ** 2,
        "This looks ahead by half a step only, and takes the mean then.": (
            x * (1 + grown + grown**2 / 4)
        ),
        "This is how far the step leads; it began at the point.": x * (grown + grown**2 / 2),
    }
    right = x * (1 + grown + grown**2 / 2)
    return compute(draw, text, right, because, mistakes, decimals(2))


@kind(
    "What more steps bring",
    objective="sampling as solving an ODE, Euler against Heun, error against steps",
    misconceptions=("it needs a thousand steps",),
)
def more_steps(draw: Draw) -> Question:
    """Computes an error from that of fewer steps."""
    few, times = draw.choice((4, 5, 8, 10)), draw.choice((3, 4, 5))
    method = draw.choice(("Euler", "Heun"))
    error = draw.integer(200, 900)
    text = (
        f"With {few} of {method}'s steps the mean error is {error} thousandths. About how many "
        f"thousandths are left with {few * times} steps, if the steps are short enough for the "
        "method's order to show?"
    )
    order = 1 if method == "Euler" else 2
    because = (
        f"{method}'s method is of order {order}: with {times} times as many steps the error is "
        f"divided by {times}{' squared' * (order == 2)}."
    )
    mistakes = {
        "This is the other method's order.": error / times ** (3 - order),
        "This divides the error by the number of steps.": error / (few * times),
        "More steps do lower the error, though a thousand are seldom needed.": float(error),
        "This takes the third power, which neither method has.": error / times**3,
        "This takes the root: it would be a slow method.": error / times**0.5,
    }
    return compute(draw, text, error / times**order, because, mistakes, whole)


@kind(
    "Count the questions",
    objective="classifier-free guidance, paid for in variety",
)
def count_the_questions(draw: Draw) -> Question:
    """Counts how often a network is asked for a guided drawing."""
    steps, digits = draw.integer(5, 12), draw.integer(3, 9)
    text = (
        f"Each of {digits} digits is drawn on its own, with {steps} of Heun's steps, guided by its "
        "label all the way with strength 2. How often is the network asked in all?"
    )
    because = "Heun's asks twice a step, and guidance asks with the label and without it each time."
    mistakes = {
        "Guidance asks twice each time: with the label and without it.": 2 * steps * digits,
        "Heun's step asks twice, and guidance doubles that again.": steps * digits,
        "This counts one digit only.": 4 * steps,
        "The strength of the guidance says how far to go, not how often to ask.": (
            8 * steps * digits
        ),
        "This counts three questions a step; there are two at each of two places.": (
            3 * steps * digits
        ),
        "This counts one question more for each digit, at its beginning.": (4 * steps + 1) * digits,
    }
    return compute(draw, text, 4 * steps * digits, because, mistakes, whole)


@kind(
    "Where variety comes from",
    objective="sampling as solving an ODE, Euler against Heun, error against steps",
    misconceptions=("the noise of the sampler is what makes variety",),
    public=True,
)
def source_of_variety(draw: Draw) -> Question:
    """Asks what becomes of variety without fresh noise."""
    steps = draw.integer(20, 80)
    text = (
        f"A sampler draws fresh noise in each of its {steps} steps. It is replaced by one that "
        "follows the velocity and draws none, with as many steps. How do the samples of a good "
        "model change?"
    )
    right = "They stay about as varied, as each begins at a noise of its own."
    because = (
        "The marginal velocity moves the whole distribution of the noise to that of the data. "
        "Fresh noise on the way is not needed for that."
    )
    wrong = {
        "All of them become the same mean image.": (
            "That happens with a single step, from whatever noise; not with many."
        ),
        "They become less varied, since chance takes part only once in place of every step.": (
            "Once is enough: the noise at the beginning is as rich as the data."
        ),
        "Classes go missing, as nothing can move a sample from one class to another on its way.": (
            "Which class a noise belongs to is decided by the velocity, and all get their share."
        ),
        "They become copies of training images.": (
            "Copies come from what the network has learned, not from how it is asked."
        ),
        "They become noisy, since the noise at the beginning is never taken away.": (
            "The velocity takes it away step by step."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A pushed velocity",
    objective="classifier-free guidance, paid for in variety",
)
def pushed_velocity(draw: Draw) -> Question:
    """Computes a guided velocity."""
    without = draw.choice((-1, 1)) * draw.number(0.2, 1.5, 1)
    with_label = round(without + draw.choice((-1, 1)) * draw.number(0.3, 1.2, 1), 1)
    strength = draw.choice((1.5, 2.0, 3.0))
    text = (
        f"At a point the velocity without a label is {without}, and with the label {with_label}. "
        f"What is the guided velocity, with strength {strength:g}?"
    )
    step = with_label - without
    because = "It goes from the one without the label towards the other, and beyond it."
    mistakes = {
        "This begins at the velocity with the label.": with_label + strength * step,
        "This only makes the velocity with the label longer.": strength * with_label,
        "The two velocities are exchanged.": with_label - strength * step,
        "This is how far it is pushed, without where from.": strength * step,
        "This takes the label as it is: that is strength 1.": with_label,
    }
    return compute(draw, text, without + strength * step, because, mistakes, decimals(2))


@kind(
    "A stronger push",
    objective="classifier-free guidance, paid for in variety",
    misconceptions=("guidance simply makes images better",),
    public=True,
)
def stronger_push(draw: Draw) -> Question:
    """Asks what more guidance does to precision and recall."""
    low, high = draw.choice((1.0, 1.2)), draw.choice((2.5, 3.0, 3.5, 4.0))
    count = draw.integer(2, 9) * 1000
    text = (
        f"The strength of guidance is raised from {low:g} to {high:g}. The judge "
        f"looks at {count:,} digits of each. What is to be expected of them?"
    )
    right = "Precision rises and recall falls, and the Fréchet distance may go either way."
    because = (
        "Samples are pushed to what is typical of their class: fewer are odd, and rare handwriting "
        "goes missing. The distance counts both."
    )
    wrong = {
        "All measures improve, since the samples show their labels better.": (
            "They do show them better, and pay with variety."
        ),
        "Recall rises and precision falls, since a push leads farther out in all directions.": (
            "It leads towards what the label has in common, not in all directions."
        ),
        "Nothing changes but the time that it takes.": (
            "Each strength but 1 takes as long; what changes is where samples end."
        ),
        "Precision and recall both fall, as a guided velocity belongs to no set of data.": (
            "It belongs to none exactly, and still leads to typical samples at first."
        ),
        "The samples become more varied, as two velocities take part in place of one.": (
            "Both lead to less: the difference pushes away from what other classes share."
        ),
    }
    return choose(draw, text, right, because, wrong)
