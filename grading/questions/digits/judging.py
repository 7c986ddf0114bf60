"""Questions about one judge for all: floors, numbers of images, and what a number can hide."""

from __future__ import annotations

from aigc_utils.exercises.chapter import Draw

from ..kinds import Question, choose, compute, decimals, kind


@kind(
    "Held against the floor",
    objective="one judge, one floor, one number of images",
)
def times_the_floor(draw: Draw) -> Question:
    """Divides a distance by its floor."""
    floor, distance = draw.number(1.6, 3.4, 1), draw.number(9.0, 40.0, 1)
    text = (
        f"Other real images have a Fréchet distance of {floor} from the test images, and equally "
        f"many generated ones have {distance}. How many floors high does the generator stand?"
    )
    because = f"It is {distance} divided by {floor}. At the floor itself stands 1."
    mistakes = {
        "This is the difference; the floor is the unit here.": distance - floor,
        "This is what the floor is of the distance.": floor / distance,
        "The distance is already a square; no root is to be taken.": (distance / floor) ** 0.5,
        "A product of the two means nothing.": distance * floor,
        "The floor itself is one floor high; this takes that one away.": distance / floor - 1,
    }
    return compute(draw, text, distance / floor, because, mistakes, decimals(1))


@kind(
    "Fewer images of one",
    objective="one judge, one floor, one number of images",
    public=True,
)
def unequal_numbers(draw: Draw) -> Question:
    """Asks whether distances from different numbers of images can be compared."""
    first = draw.number(14.0, 19.0, 1)
    second = round(first + draw.number(1.0, 3.0, 1), 1)
    few, many = draw.sample(("GAN", "VAE", "GPT"), 2)
    text = (
        f"The {many} has drawn 5,000 digits, and the same judge gives them a Fréchet distance of "
        f"{first}. The {few} has drawn 500, and gets {second}. Which of the two draws better?"
    )
    right = "That is open, as fewer digits alone make a distance larger."
    because = (
        "How much larger depends on the model, so nothing can be taken off. Draw equally many, and "
        "give the floor for that number."
    )
    wrong = {
        f"The {many}, as its distance is the smaller one and the judge is the same.": (
            "The judge is the same, and the number of images is not."
        ),
        f"The {few}, as ten times fewer images make the distance ten times larger.": (
            "The distance falls towards a limit as images are added, not to a tenth."
        ),
        f"The {few}, as it needed fewer images to come nearly as near.": (
            "Images that are judged are no costs: the number is a choice of who measures."
        ),
        f"The {many}, but by less than {second - first:.1f}, as it drew more.": (
            "Nobody can say by how much, nor in which direction."
        ),
    }
    return choose(draw, text, right, because, wrong)


@kind(
    "A digit that never comes",
    objective="which technique for which task",
)
def digit_that_never_comes(draw: Draw) -> Question:
    """Computes how probable it is that a digit does not turn up."""
    digit, count = draw.integer(0, 9), draw.integer(4, 20)
    text = (
        "A VAE that was trained without labels draws each of the ten digits equally often, in "
        f"random order. How probable is it that among {count} draws no {digit} turns up?"
    )
    because = (
        f"Each draw shows another digit with probability 0.9, and all {count} of them have to. A "
        "model that was told the labels can be asked instead."
    )
    mistakes = {
        "This is the probability that it does turn up.": 1 - 0.9**count,
        "This is a single draw; all of them have to show another digit.": 0.9,
        "One draw less counts here.": 0.9 ** (count - 1),
        f"These are odds for one of {count} draws, whatever it shows.": 1 / count,
        "Probabilities of draws are multiplied, not taken away one after another.": (
            max(0.0, 1 - count / 10)
        ),
    }
    return compute(draw, text, 0.9**count, because, mistakes, decimals(3))


@kind(
    "What a better prior can bring",
    objective="one judge, one floor, one number of images",
)
def better_prior(draw: Draw) -> Question:
    """Computes how far a distance lies above the decoder's own floor."""
    floor, own = draw.number(1.8, 2.9, 1), draw.number(4.0, 7.5, 1)
    drawn = draw.number(14.0, 26.0, 1)
    text = (
        f"By one judge real images have a Fréchet distance of {floor}, a VAE's "
        f"reconstructions of real images {own}, and what it decodes of draws from the prior "
        f"{drawn}. The networks stay as they are, and a perfect model of the codes takes the "
        "prior's place. By how much does the distance fall?"
    )
    because = (
        f"With the codes of real images the decoder reaches {own}: that is its own floor. Below "
        "that only another decoder leads."
    )
    mistakes = {
        "Real images are out of reach for this decoder: its own floor lies higher.": drawn - floor,
        "This is what is left to a perfect decoder, and not what the codes can bring.": own - floor,
        "This is the decoder's own floor, and no gain.": own,
        "This is the whole distance; even real images do not reach zero.": drawn,
        "The two gains are taken from each other here.": drawn - own - (own - floor),
    }
    return compute(draw, text, drawn - own, because, mistakes, decimals(1))


@kind(
    "Two shares",
    objective="one judge, one floor, one number of images",
)
def precision_or_recall(draw: Draw) -> Question:
    """Tells precision from recall by what is counted."""
    near, held = draw.integer(60, 95), draw.integer(20, 85)
    held = held if abs(near - held) > 4 else held - 9
    wanted = draw.choice(("precision", "recall"))
    text = (
        f"Of 5,000 generated digits {50 * near:,} lie in the neighbourhood of a real one. Of 5,000 "
        f"real digits {50 * held:,} lie in the neighbourhood of a generated one. What is the "
        f"{wanted}?"
    )
    because = (
        "Precision is a share of the generated images, and says how many look real. Recall is a "
        "share of the real images, and says how much of them is reached."
    )
    right, other = (near, held) if wanted == "precision" else (held, near)
    mistakes = {
        "This is the other of the two shares.": other / 100,
        "The two shares are not mixed into one.": (near + held) / 200,
        "These are two questions, and their answers are not multiplied.": near * held / 10_000,
        "This is the share that lies outside.": 1 - right / 100,
        "This divides one number by the other; each is a share of its own 5,000.": (
            min(right / other, other / right)
        ),
    }
    return compute(draw, text, right / 100, because, mistakes, decimals(2))
