"""Chapter 5's answers, found by the package's own paths and samplers."""

from __future__ import annotations

import torch
from recomputing import Answer, computed, numbers

from aigc_utils import flow
from grading.questions import Item


def one(value: float) -> torch.Tensor:
    return torch.tensor([value], dtype=torch.float64)


def point_on_a_way(item: Item) -> float:
    noise, clean, _, t = numbers(item.question.text)
    return flow.mix(flow.STRAIGHT, one(clean), one(noise), one(t)).item()


def crossing_ways(item: Item) -> float:
    """The constant with the smallest squared error over a hundred pairs."""
    share, first, second = numbers(item.question.text)
    many = round(100 * share)
    pairs = torch.tensor([first] * many + [second] * (100 - many), dtype=torch.float64)
    guesses = torch.linspace(-6, 6, 12001, dtype=torch.float64)
    errors = (guesses[:, None] - pairs).square().mean(1)
    return guesses[errors.argmin()].item()


def end_of_a_way(item: Item) -> float:
    t, x, velocity = numbers(item.question.text)
    return flow.say(flow.STRAIGHT, one(x), one(t), velocity=one(velocity)).clean.item()


def score_of_a_point(item: Item) -> float:
    share, noise = numbers(item.question.text)
    t = one(1 - share)
    x = flow.mix(flow.STRAIGHT, one(0.3), one(noise), t)
    return flow.say(flow.STRAIGHT, x, t, noise=one(noise)).score.item()


def ratio_of_shares(item: Item) -> float:
    (share,) = numbers(item.question.text)
    times = torch.linspace(0.001, 0.999, 200_000, dtype=torch.float64)
    clean, _ = flow.DIFFUSION.shares(times)
    nearest = times[(clean - share).abs().argmin()]
    return flow.signal_to_noise(flow.DIFFUSION, nearest).item()


def one_step(item: Item) -> float:
    rate, x, step = numbers(item.question.text)
    start = one(x)
    return flow.solve(lambda x, t: rate * x, start, 1, end=step).item()


def more_steps(item: Item) -> float:
    few, error, many = numbers(item.question.text)
    order = 1 if "Euler" in item.question.text else 2
    return error * (few / many) ** order


def count_the_questions(item: Item) -> float:
    digits, steps, strength = numbers(item.question.text)
    return digits * asks(strength, int(steps))


def pushed_velocity(item: Item) -> float:
    without, with_label, strength = numbers(item.question.text)

    def velocity(x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        return one(without if labels is None else with_label)

    labels = torch.zeros(1, dtype=torch.int64)
    return flow.guide(velocity, labels, strength)(one(0.0), one(0.5)).item()


def asks(strength: float, num_steps: int) -> int:
    """Returns how often Heun's method asks a network for one image."""
    asked = []

    def velocity(x: torch.Tensor, t: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        asked.append(t)
        return x

    guided = flow.guide(velocity, torch.zeros(1, dtype=torch.int64), strength)
    flow.solve(guided, torch.ones(1, 2), num_steps)
    return len(asked)


def page_of_images(item: Item) -> float:
    _, ask, steps = numbers(item.question.text)
    return asks(1.0, int(steps)) * ask


def fewer_questions(item: Item) -> float:
    many, minutes, few = numbers(item.question.text)
    return few * (60 * minutes / many)


def pairs_for_a_student(item: Item) -> float:
    pairs, steps = numbers(item.question.text)
    return pairs / 1000 * asks(2.0, int(steps))


def half_given(item: Item) -> float:
    images, steps, rounds = numbers(item.question.text)
    asked: list[float] = []

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        asked.extend(t.tolist())
        return x

    known = torch.zeros(int(images), 2)
    rng = torch.Generator().manual_seed(0)
    flow.fill_in(velocity, known, known.bool(), int(steps), rng, rounds=int(rounds))
    return len(asked)


def step_back(item: Item) -> float:
    late, early = (flow.STRAIGHT.shares(one(t))[0] for t in numbers(item.question.text))
    return (early / late).item()


def further_along(item: Item) -> float:
    pixel, now, velocity, then = numbers(item.question.text)
    moved = flow.solve(lambda x, t: one(velocity), one(pixel), 7, "euler", start=now, end=then)
    return moved.item()


def speed_of_a_pixel(item: Item) -> float:
    noise, x, t = numbers(item.question.text)
    return flow.say(flow.STRAIGHT, one(x), one(t), noise=one(noise)).velocity.item()


def bent_way(item: Item) -> float:
    first, second = numbers(item.question.text)
    return flow.bend(lambda x, t: one(first if t < 0.5 else second), one(0.0), 2)


def one_step_to_islands(item: Item) -> float:
    share, first, second, noise = numbers(item.question.text)
    places = torch.tensor([[first], [second]], dtype=torch.float64)
    data = flow.Mixture(places, 1e-3, [share, 1 - share])

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return data.say(flow.STRAIGHT, x, t.clamp(min=1e-6)).velocity

    return flow.solve(velocity, one(noise)[:, None], 1, "euler").item()


def without_labels(item: Item) -> float:
    steps, batch, percent = numbers(item.question.text)
    return sum(batch * percent / 100 for _ in range(int(steps)))


def patches_that_see(item: Item) -> float:
    side, _, patch, _ = map(int, numbers(item.question.text))
    cut = torch.nn.functional.pixel_unshuffle(torch.zeros(1, 1, side, side), patch)
    tokens = cut.flatten(2).mT[0]
    return (tokens @ tokens.T).numel()


def scaled_code(item: Item) -> float:
    mean, deviation, _, _, end = numbers(item.question.text)
    scale = flow.Scale(1).double()
    scale.mean.fill_(mean)
    scale.deviation.fill_(deviation)
    return scale.back(one(end)[:, None]).item()


def left_to_learn(item: Item) -> float:
    spread, _, late = numbers(item.question.text)
    return late - spread


def lost_in_codes(item: Item) -> float:
    floor, decoded, drawn = numbers(item.question.text)
    return 1 - (drawn - decoded) / (drawn - floor)


def fair_distances(item: Item) -> float:
    _, passed, drawn = numbers(item.question.text)
    return drawn / passed


ANSWERS: dict[str, Answer] = {
    "point_on_a_way": computed(point_on_a_way),
    "crossing_ways": computed(crossing_ways),
    "end_of_a_way": computed(end_of_a_way),
    "score_of_a_point": computed(score_of_a_point),
    "ratio_of_shares": computed(ratio_of_shares),
    "one_step": computed(one_step),
    "more_steps": computed(more_steps),
    "count_the_questions": computed(count_the_questions),
    "pushed_velocity": computed(pushed_velocity),
    "page_of_images": computed(page_of_images),
    "fewer_questions": computed(fewer_questions),
    "pairs_for_a_student": computed(pairs_for_a_student),
    "half_given": computed(half_given),
    "step_back": computed(step_back),
    "further_along": computed(further_along),
    "speed_of_a_pixel": computed(speed_of_a_pixel),
    "bent_way": computed(bent_way),
    "one_step_to_islands": computed(one_step_to_islands),
    "without_labels": computed(without_labels),
    "patches_that_see": computed(patches_that_see),
    "scaled_code": computed(scaled_code),
    "left_to_learn": computed(left_to_learn),
    "lost_in_codes": computed(lost_in_codes),
    "fair_distances": computed(fair_distances),
}
