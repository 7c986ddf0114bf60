"""Answers to the exercises of chapter 2."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from aigc_utils import evaluation, gan, plotting
from aigc_utils.exercises.gan import broken_step

from . import Cases

CASES = Cases("02_gan")


# --- best_guess -------------------------------------------------------------------------------


@CASES.right("best_guess")
def by_formula(g):
    p, q = g.real[g.image], g.made[g.image]
    return {
        "probability": p / (p + q),
        "accuracy": sum(max(g.real[i], g.made[i]) for i in g.real) / 2,
        "accuracy_at_the_end": 50,
    }


@CASES.right("best_guess")
def by_total_variation(g):
    """Rounded to three decimals, as the task allows."""
    p, q = g.real[g.image] / 100, g.made[g.image] / 100
    apart = sum(abs(g.real[i] - g.made[i]) for i in g.real) / 2
    return {
        "probability": torch.tensor(round(p / (p + q), 3)),
        "accuracy": 50 + apart / 2,
        "accuracy_at_the_end": 50.0,
    }


@CASES.wrong("best_guess", says="should not win")
def the_discriminator_wins_at_the_end(g):
    return by_formula(g) | {"accuracy_at_the_end": 100}


@CASES.wrong("best_guess", says="discriminator should win is a misconception")
def the_discriminator_is_always_right(g):
    return by_formula(g) | {"accuracy": 100}


@CASES.wrong("best_guess", says="Only half of the images are real")
def not_halved(g):
    right = by_formula(g)
    return right | {"accuracy": 2 * right["accuracy"]}


@CASES.wrong("best_guess", says="draws no lots")
def guesses_by_lot(g):
    pairs = [(g.real[i], g.made[i]) for i in g.real]
    return by_formula(g) | {"accuracy": sum((p * p + q * q) / (p + q) for p, q in pairs) / 2}


@CASES.wrong("best_guess", says="in percent, such as")
def accuracy_as_a_share(g):
    right = by_formula(g)
    return right | {"accuracy": right["accuracy"] / 100}


@CASES.wrong("best_guess", says="share of wrong answers")
def errors_counted(g):
    return by_formula(g) | {"accuracy": 100 - by_formula(g)["accuracy"]}


@CASES.wrong("best_guess", says="How often does the generator make it")
def share_of_the_data(g):
    return by_formula(g) | {"probability": g.real[g.image] / 100}


@CASES.wrong("best_guess", says="probability of a made image")
def probability_of_made(g):
    return by_formula(g) | {"probability": 1 - by_formula(g)["probability"]}


@CASES.wrong("best_guess", says="How many of these are real")
def ratio_of_densities(g):
    return by_formula(g) | {"probability": g.real[g.image] / g.made[g.image]}


@CASES.wrong("best_guess", says="right half of the time")
def end_as_a_share(g):
    return by_formula(g) | {"accuracy_at_the_end": 0.5}


# --- generator_loss ---------------------------------------------------------------------------


@CASES.right("generator_loss")
def by_softplus(g):
    return lambda s, saturating: -F.softplus(s).mean() if saturating else F.softplus(-s).mean()


@CASES.right("generator_loss")
def by_cross_entropy(g):
    def loss(logits, saturating):
        target = torch.zeros_like(logits) if saturating else torch.ones_like(logits)
        value = F.binary_cross_entropy_with_logits(logits, target)
        return -value if saturating else value

    return loss


@CASES.wrong("generator_loss", says="logits, not probabilities")
def logits_as_probabilities(g):
    return lambda s, saturating: (1 - s).log().mean() if saturating else -s.log().mean()


@CASES.wrong("generator_loss", says="mean is asked for")
def loss_summed(g):
    return lambda s, saturating: F.logsigmoid(-s).sum() if saturating else -F.logsigmoid(s).sum()


@CASES.wrong("generator_loss", says="sign is wrong")
def log_d_minimised(g):
    return lambda s, saturating: F.logsigmoid(-s if saturating else s).mean()


@CASES.wrong("generator_loss", says="discriminator's loss on made images")
def loss_of_the_opponent(g):
    return lambda s, saturating: F.softplus(s).mean()


@CASES.wrong("generator_loss", says="This is the saturating loss")
def exchanged(g):
    return lambda s, saturating: by_softplus(g)(s, not saturating)


@CASES.wrong("generator_loss", says="sigmoid too many")
def sigmoid_twice(g):
    return lambda s, saturating: by_softplus(g)(s.sigmoid(), saturating)


@CASES.wrong("generator_loss", says="same for both values")
def saturating_ignored(g):
    return lambda s, saturating: F.softplus(-s).mean()


@CASES.wrong("generator_loss", says="sign of the saturating loss")
def saturating_turned_around(g):
    return lambda s, saturating: F.softplus(s if saturating else -s).mean()


@CASES.wrong("generator_loss", says="not finite")
def log_of_sigmoid(g):
    return lambda s, saturating: (
        (1 - s.sigmoid()).log().mean() if saturating else -s.sigmoid().log().mean()
    )


@CASES.wrong("generator_loss", says="At a logit of -200 the gradient")
def log_clamped(g):
    def loss(logits, saturating):
        D = logits.sigmoid().clamp(1e-6, 1 - 1e-6)
        return (1 - D).log().mean() if saturating else -D.log().mean()

    return loss


@CASES.wrong("generator_loss", says="No gradient comes back")
def loss_detached(g):
    return lambda s, saturating: by_softplus(g)(s, saturating).detach()


@CASES.wrong("generator_loss", says=r"is there a `return`")
def loss_not_returned(g):
    return lambda s, saturating: None


# --- two_runs ---------------------------------------------------------------------------------

LABELS = {
    "x_label": "step",
    "y_label": "distance (floors)",
    "title": "Two runs",
    "alt": "Two curves over the steps of training.",
    "log_y": True,
}


def in_floors(g, **labels):
    lines = {n: (g.steps, [d / g.floor for d in values]) for n, values in g.distance.items()}
    return plotting.curves(lines, **{**LABELS, **labels})


def true_letters(g):
    bad = max(g.distance, key=lambda name: g.distance[name][-1])
    best = g.steps[torch.tensor(g.distance[bad]).argmin()]
    parts = ("the worse points", "loss rises", f"{bad} are best at step {best}.")
    return {k for k, text in g.statements.items() if any(part in text for part in parts)}


def letter_of(g, part):
    return {k for k, text in g.statements.items() if part in text}


@CASES.right("two_runs")
def figure_and_choice(g):
    return in_floors(g), true_letters(g)


@CASES.right("two_runs")
def other_labels_and_a_list(g):
    tensors = {n: torch.tensor(d, dtype=torch.float64) / g.floor for n, d in g.distance.items()}
    lines = {f"run {x}": (torch.tensor(g.steps), tensors[f"run {x}"]) for x in "BA"}
    marks = {"floor": 1.0}
    return plotting.curves(lines, **LABELS, marks=marks), sorted(true_letters(g))


@CASES.wrong("two_runs", says="falling generator loss = better images.*another discriminator")
def lower_loss_is_better(g):
    return in_floors(g), true_letters(g) | letter_of(g, "makes the better points")


@CASES.wrong("two_runs", says="falling generator loss = better images.*after step")
def falling_loss_is_better(g):
    return in_floors(g), true_letters(g) | letter_of(g, "In both runs")


@CASES.wrong("two_runs", says="falls to its floor")
def still_loss_learns_nothing(g):
    return in_floors(g), true_letters(g) | letter_of(g, "learns little")


@CASES.wrong("two_runs", says="a true statement is missing")
def one_left_out(g):
    return in_floors(g), true_letters(g) - letter_of(g, "loss rises")


@CASES.wrong("two_runs", says="These are the losses")
def losses_drawn(g):
    lines = {name: (g.steps, values) for name, values in g.generator_loss.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="means little without its floor")
def bare_distances_drawn(g):
    lines = {name: (g.steps, values) for name, values in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="must show `runs.steps`")
def counted_from_zero(g):
    lines = {n: (range(13), [d / g.floor for d in ds]) for n, ds in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="is upside down")
def floors_over_distances(g):
    lines = {n: (g.steps, [g.floor / d for d in ds]) for n, ds in g.distance.items()}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="with the names run A and run B")
def one_curve(g):
    lines = {"run A": (g.steps, [d / g.floor for d in g.distance["run A"]])}
    return plotting.curves(lines, **LABELS), true_letters(g)


@CASES.wrong("two_runs", says="Label both axes")
def no_labels(g):
    return in_floors(g, x_label=""), true_letters(g)


@CASES.wrong("two_runs", says="title that says what it shows")
def no_title(g):
    return in_floors(g, title=""), true_letters(g)


@CASES.wrong("two_runs", says="Set `log_y=True`")
def linear_axis(g):
    return in_floors(g, log_y=False), true_letters(g)


# --- update_average ---------------------------------------------------------------------------


def averaging(parameters, buffers):
    """Returns a function that treats each pair of parameters and of buffers in these ways."""

    @torch.no_grad()
    def update(average, network, keep):
        for mean, new in zip(average.parameters(), network.parameters(), strict=True):
            parameters(mean, new, keep)
        for mean, new in zip(average.buffers(), network.buffers(), strict=True):
            buffers(mean, new, keep)

    return update


def part_of_the_way(mean, new, keep):
    mean.lerp_(new, 1 - keep)


def all_the_way(mean, new, keep):
    mean.copy_(new)


def nothing(mean, new, keep):
    pass


@CASES.right("update_average")
def lerp_and_copy(g):
    return averaging(part_of_the_way, all_the_way)


@CASES.right("update_average")
def by_state_dict(g):
    @torch.no_grad()
    def update(average, network, keep):
        learned = dict(network.named_parameters())
        old, new = average.state_dict(), network.state_dict()
        mixed = {k: keep * old[k] + (1 - keep) * new[k] if k in learned else new[k] for k in new}
        average.load_state_dict(mixed)

    return update


@CASES.right("update_average")
def with_the_package(g):
    def update(average, network, keep):
        running = gan.EMA(average, keep)
        running.network, running.updates = average, 10**9
        running.update(network)

    return update


@CASES.wrong("update_average", says="buffers are still the old ones")
def buffers_forgotten(g):
    return averaging(part_of_the_way, nothing)


@CASES.wrong("update_average", says="whole, not averaged")
def buffers_averaged(g):
    def mix(mean, new, keep):
        mean.copy_(keep * mean + (1 - keep) * new)

    return averaging(part_of_the_way, mix)


@CASES.wrong("update_average", says="part of the old mean that stays")
def keep_exchanged(g):
    return averaging(lambda mean, new, keep: mean.lerp_(new, keep), all_the_way)


@CASES.wrong("update_average", says="average has not moved")
def not_in_place(g):
    return averaging(lambda mean, new, keep: mean.lerp(new, 1 - keep), all_the_way)


@CASES.wrong("update_average", says="copy of the new weights")
def weights_copied(g):
    return averaging(all_the_way, all_the_way)


@CASES.wrong("update_average", says="only the average moves")
def network_moves(g):
    return averaging(lambda mean, new, keep: new.lerp_(mean, keep), all_the_way)


@CASES.wrong("update_average", says="share their numbers")
def memory_shared(g):
    def update(average, network, keep):
        with torch.no_grad():
            lerp_and_copy(g)(average, network, keep)
        average[1].running_mean = network[1].running_mean

    return update


@CASES.wrong("update_average", says=r"keep \* mean \+ \(1 - keep\) \* new")
def new_not_scaled(g):
    return averaging(lambda mean, new, keep: mean.mul_(keep).add_(new), all_the_way)


# --- mended_step ------------------------------------------------------------------------------


def stepping(
    detach=True, real_in_g=False, g_steps=True, d_steps_again=False, zero=True, d_steps=True,
    saturating=False, sign=1, half=1.0, detach_in_g=False,
):  # fmt: skip
    """Returns a step with some faults."""

    def step(G, D, G_optimizer, D_optimizer, real, z):
        if zero:
            G_optimizer.zero_grad()
            D_optimizer.zero_grad()
        fake = G(z)
        on_fake = D(fake.detach() if detach else fake)
        d_loss = half * (F.softplus(-D(real)).mean() + F.softplus(on_fake).mean())
        d_loss.backward(retain_graph=True)
        if d_steps:
            D_optimizer.step()
        on_fake = D(fake.detach() if detach_in_g else fake)
        g_loss = -F.softplus(on_fake).mean() if saturating else F.softplus(-on_fake).mean()
        g_loss = sign * g_loss
        if real_in_g:
            g_loss = g_loss + F.mse_loss(fake, real)
        g_loss.backward()
        if g_steps:
            G_optimizer.step()
        if d_steps_again:
            D_optimizer.step()
        return {"discriminator": d_loss, "generator": g_loss}

    return step


@CASES.right("mended_step")
def in_the_order_of_the_broken_one(g):
    return stepping()


@CASES.right("mended_step")
def noise_used_twice(g):
    def step(G, D, G_optimizer, D_optimizer, real, z):
        with torch.no_grad():
            fake = G(z)
        ones = torch.ones(len(real), 1)
        loss = F.binary_cross_entropy_with_logits
        d_loss = loss(D(real), ones) + loss(D(fake), 0 * ones)
        D_optimizer.zero_grad()
        d_loss.backward()
        D_optimizer.step()
        D.requires_grad_(False)
        g_loss = loss(D(G(z)), ones)
        G_optimizer.zero_grad()
        g_loss.backward()
        G_optimizer.step()
        D.requires_grad_(True)
        return {"discriminator": d_loss.item(), "generator": g_loss.item()}

    return step


@CASES.wrong("mended_step", says="generator stands still")
def left_as_it_is(g):
    return broken_step


@CASES.wrong("mended_step", says="generator stands still")
def detached_everywhere(g):
    return stepping(detach_in_g=True)


@CASES.wrong("mended_step", says="generator sees real data")
def real_points_left_in_the_loss(g):
    return stepping(real_in_g=True)


@CASES.wrong("mended_step", says="`detach` the made points")
def detach_missing(g):
    return stepping(detach=False)


@CASES.wrong("mended_step", says="which optimizer steps where")
def both_optimizers_at_the_end(g):
    return stepping(d_steps_again=True)


@CASES.wrong("mended_step", says="discriminator stands still")
def discriminator_never_steps(g):
    return stepping(d_steps=False)


@CASES.wrong("mended_step", says="where is `zero_grad`")
def gradients_pile_up(g):
    return stepping(zero=False)


@CASES.wrong("mended_step", says="does not follow the gradient of -log D")
def saturating_step(g):
    return stepping(saturating=True)


@CASES.wrong("mended_step", says="does not follow the gradient of -log D")
def generator_helps_its_opponent(g):
    return stepping(sign=-1)


@CASES.wrong("mended_step", says="take one step, along its own loss")
def half_a_loss(g):
    return stepping(half=0.5)


@CASES.wrong("mended_step", says="keys discriminator, generator")
def losses_not_returned(g):
    def step(*args):
        stepping()(*args)

    return step


# --- half_right -------------------------------------------------------------------------------


def two_places(believed):
    """Returns a function that puts so many of the points on the side that is taken for real."""

    def points(D, real):
        far = 50 * D.weight / D.weight.norm()
        count = believed(int((D(real) > 0).sum()), len(real))
        real_side = (real.mean(0) + far).expand(count, 2)
        return torch.cat([real_side, (real.mean(0) - far).expand(len(real) - count, 2)])

    return points


@CASES.right("half_right")
def collapsed_on_two_places(g):
    return two_places(lambda right, count: right)


@CASES.right("half_right")
def moved_along_the_line(g):
    def points(D, real):
        a, b = D.weight[0]
        along = torch.stack([-b, a])
        return real + 30 * along / along.norm()

    return points


@CASES.wrong("half_right", says="50 % accuracy does not prove convergence")
def the_real_points_themselves(g):
    return lambda D, real: real


@CASES.wrong("half_right", says="50 % accuracy does not prove convergence")
def hardly_moved(g):
    return lambda D, real: real.flip(0) + 1e-6


@CASES.wrong("half_right", says="numbers are exchanged")
def counts_exchanged(g):
    return two_places(lambda right, count: count - right)


@CASES.wrong("half_right", says=r"right about \d+\.\d % of all points")
def all_on_one_side(g):
    return two_places(lambda right, count: 0)


@CASES.wrong("half_right", says=r"right about \d+\.\d % of all points")
def half_of_the_made_points(g):
    return two_places(lambda right, count: count // 2)


@CASES.wrong("half_right", says="at least 1 away")
def on_the_mean_of_the_data(g):
    return lambda D, real: real.mean(0).expand(len(real), 2)


@CASES.wrong("half_right", says="must have the shape")
def one_point(g):
    return lambda D, real: real[:1] + 100


# --- times_floor ------------------------------------------------------------------------------


def apart(a, b):
    return (a.mean(0) - b.mean(0)).square().sum() + (a.std(0) - b.std(0)).square().sum()


def measured(distance, share=lambda d, floor: d / floor):
    """Returns an answer with another distance, or another use of it and its floor."""

    def answer(f, made, real, other):
        return share(distance(f(made), f(real)), distance(f(other), f(real)))

    return answer


@CASES.right("times_floor")
def with_tensors(g):
    return measured(apart)


@CASES.right("times_floor")
def with_the_other_deviation(g):
    def biased(a, b):
        spreads = [x.double().var(0, correction=0).sqrt() for x in (a, b)]
        return F.mse_loss(a.mean(0), b.mean(0)).item() + F.mse_loss(*spreads).item()

    return measured(biased)


@CASES.wrong("times_floor", says="only with its floor")
def bare_distance(g):
    return measured(apart, lambda d, floor: d)


@CASES.wrong("times_floor", says="only with its floor")
def bare_distance_of_the_package(g):
    return measured(evaluation.frechet_distance, lambda d, floor: d)


@CASES.wrong("times_floor", says="only with its feature network")
def no_feature_map(g):
    return lambda f, made, real, other: apart(made, real) / apart(other, real)


@CASES.wrong("times_floor", says="leave the covariances out")
def with_covariances(g):
    return measured(evaluation.frechet_distance)


@CASES.wrong("times_floor", says="this is their difference")
def floor_subtracted(g):
    return measured(apart, lambda d, floor: d - floor)


@CASES.wrong("times_floor", says="upside down")
def floor_above(g):
    return measured(apart, lambda d, floor: floor / d)


@CASES.wrong("times_floor", says="take no root")
def roots_taken(g):
    return measured(lambda a, b: apart(a, b).sqrt())


@CASES.wrong("times_floor", says="compares the variances")
def variances(g):
    return measured(
        lambda a, b: (a.mean(0) - b.mean(0)).square().sum() + (a.var(0) - b.var(0)).square().sum()
    )


@CASES.wrong("times_floor", says="compares the means alone")
def means_alone(g):
    return measured(lambda a, b: (a.mean(0) - b.mean(0)).square().sum())


@CASES.wrong("times_floor", says="real features with real ones")
def floor_of_made_points(g):
    return lambda f, made, real, other: apart(f(made), f(real)) / apart(f(made), f(other))


@CASES.wrong("times_floor", says="by hand: squared differences")
def squares_forgotten(g):
    return measured(
        lambda a, b: (a.mean(0) - b.mean(0)).abs().sum() + (a.std(0) - b.std(0)).abs().sum()
    )


# --- failures ---------------------------------------------------------------------------------


def naming(covers=None, copies=None):
    """Returns an answer with its own rule for one of the failures."""

    def covered(made, centres, spread):
        near = torch.cdist(made, centres) <= 3 * spread
        return bool((near.float().mean(0) >= 0.02).all())

    def copied(made, training, held_out):
        gaps = [torch.cdist(x, training).min(1).values.median() for x in (made, held_out)]
        return bool(gaps[0] < gaps[1] / 2)

    def answer(made, training, held_out, centres, spread):
        found = set()
        if not (covers or covered)(made, centres, spread):
            found.add("collapse")
        if (copies or copied)(made, training, held_out):
            found.add("memorising")
        return found

    return answer


@CASES.right("failures")
def both_rules(g):
    return naming()


@CASES.right("failures")
def by_nearest_mode_and_sorting(g):
    def answer(made, training, held_out, centres, spread):
        def middle(points):
            gaps = [(training - p).square().sum(1).min().sqrt().item() for p in points]
            return sorted(gaps)[len(gaps) // 2]

        distance, nearest = torch.cdist(made, centres).min(1)
        hits = torch.bincount(nearest[distance <= 3 * spread], minlength=len(centres))
        found = ["collapse"] if hits.min() < 0.02 * len(made) else []
        return found + ["memorising"] * (middle(made) < 0.5 * middle(held_out))

    return answer


@CASES.wrong("failures", says="collapse is not memorising")
def collapse_is_memorising(g):
    def answer(*args):
        found = naming()(*args)
        return {"collapse", "memorising"} if "collapse" in found else found

    return answer


@CASES.wrong("failures", says="memorising is not collapse")
def memorising_is_collapse(g):
    def answer(*args):
        found = naming()(*args)
        return found | {"collapse"} if "memorising" in found else found

    return answer


@CASES.wrong("failures", says="are both failures")
def only_one_failure(g):
    def answer(*args):
        found = naming()(*args)
        return {"collapse"} if "collapse" in found else found

    return answer


@CASES.wrong("failures", says="none within 3 spreads")
def nearest_mode_counts(g):
    def covers(made, centres, spread):
        nearest = torch.cdist(made, centres).argmin(1)
        return bool((torch.bincount(nearest, minlength=len(centres)) >= 0.02 * len(made)).all())

    return naming(covers=covers)


@CASES.wrong("failures", says="only 1 % of the made points")
def one_point_covers(g):
    def covers(made, centres, spread):
        return bool((torch.cdist(made, centres) <= 3 * spread).any(0).all())

    return naming(covers=covers)


@CASES.wrong("failures", says="take the median")
def mean_distance(g):
    def copies(made, training, held_out):
        gaps = [torch.cdist(x, training).min(1).values.mean() for x in (made, held_out)]
        return bool(gaps[0] < gaps[1] / 2)

    return naming(copies=copies)


@CASES.wrong("failures", says="on all modes are named a failure")
def always_afraid(g):
    return lambda *args: {"memorising"}


@CASES.wrong("failures", says=r"is there a `return`")
def failures_not_returned(g):
    return lambda *args: None


@CASES.wrong("failures", says="must be a set such as")
def a_word_for_a_set(g):
    return lambda *args: "healthy"
