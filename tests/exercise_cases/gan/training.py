"""Answers to `update_average` and `mended_step`, exercises of chapter 2."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from aigc_utils import gan
from aigc_utils.exercises.gan import broken_step

from .. import Cases

CASES = Cases("02_gan")


# --- update_average -------------------------------------------------------------------------


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


# --- mended_step ----------------------------------------------------------------------------


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


@CASES.wrong("mended_step", says="`detach` the generated points")
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
