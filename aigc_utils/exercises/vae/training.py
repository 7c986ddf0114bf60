"""An exercise of chapter 3: the whole loss, with three faults to fix."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..answers import a_tensor, close
from ..chapter import Draw, exercise
from ..checking import NotYet, expect

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]
Decode = Callable[[Tensor], Tensor]


def broken_objective(encode: Encode, decode: Decode, images: Tensor) -> Tensor:
    """Returns what should be the negative ELBO in nats, as a mean over the images; it is not."""
    mean, log_variance = encode(images)
    z = mean + log_variance.exp() * torch.randn_like(mean)
    return F.binary_cross_entropy_with_logits(decode(z), images)


def covered_prior(objective: Callable[[Encode, Decode, Tensor], Tensor], seed: int = 0) -> float:
    """Returns how much of the prior the codes of a tiny VAE cover after training, in percent.

    A sample from the prior is covered if it lies within two standard deviations of some image's
    code. The VAE is linear, has two latents, and reads 100 digits of 7 by 7 pixels, black or
    white.
    """
    digits, _ = Draw(f"tiny VAE/{seed}").digits(100)
    images = (F.avg_pool2d(digits / 255, 4) > 0.4).float()
    torch.manual_seed(seed)
    encoder, decoder = nn.Linear(49, 4), nn.Linear(2, 49)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = encoder(x.flatten(1)).chunk(2, 1)
        return mean, log_variance

    parameters = [*encoder.parameters(), *decoder.parameters()]
    for _ in range(60):
        loss = objective(encode, lambda z: decoder(z).view(-1, 1, 7, 7), images)
        grads = torch.autograd.grad(loss, parameters, allow_unused=True)
        with torch.no_grad():  # steps of one size, so that an averaged loss learns as fast
            for parameter, grad in zip(parameters, grads, strict=True):
                if grad is not None:
                    parameter.sub_(0.05 * grad.sign())
    mean, log_variance = encode(images)
    std = (log_variance / 2).exp().detach()
    away = ((torch.randn(1000, 1, 2) - mean.detach()) / std).norm(dim=2)
    return 100 * float((away < 2).any(1).float().mean())


@exercise(
    "Three faults in one loss",
    kind="mend",
    objective="ELBO derived",
    misconceptions=(
        "the KL term is optional",
        "the noise is a trick",
        "log-variance against sigma",
    ),
    points=4,
    hints=(
        "The ELBO has two terms. How large is the noise, and over what does the PyTorch function "
        "average?",
        "The scale of the noise is the standard deviation. The cross-entropy is summed over the "
        "pixels, the KL divergence over the latent dimensions, and both are averaged over the "
        "images.",
        'Use `(log_variance / 2).exp()`, `reduction="sum"` divided by `len(images)`, and add '
        "`vae.gaussian_kl(mean, log_variance).sum(1).mean()`.",
    ),
)
def mended_objective(given: SimpleNamespace, draw: Draw, answer: Any) -> None:
    """`answer(encode, decode, images)` is the negative ELBO, a mean over the images, in nats."""
    n, d, side = draw.integer(300, 400), draw.integer(3, 6), draw.integer(4, 6)
    images = (draw.uniform(n, 1, side, side) > 0.5).float()
    mean = draw.normal(n, d).requires_grad_()
    log_variance = (0.3 * draw.normal(n, d) - 2).requires_grad_()
    weight, codes = draw.normal(d, side * side), []

    def decode(z: Tensor) -> Tensor:
        codes.append(a_tensor(z, "What you decode", (n, d)))
        return (z @ weight).view(-1, 1, side, side)

    loss = a_tensor(answer(lambda x: (mean, log_variance), decode, images.clone()), "The loss", ())
    expect(len(codes) == 1, "Decode one code for each image, all in one call of `decode`.")
    std = (log_variance / 2).exp()
    noise = ((codes[0] - mean) / std).detach()
    _expect_noise(noise, std.detach())
    pixels = F.binary_cross_entropy_with_logits(
        decode(mean + std * noise), images, reduction="none"
    ).flatten(1)
    divergence = (mean**2 + std**2 - 1 - log_variance) / 2
    _expect_parts(answer, loss, pixels, divergence)
    wanted = pixels.sum(1).mean() + divergence.sum(1).mean()
    expect(loss.requires_grad, "No gradient passes through your loss.")
    right = torch.autograd.grad(wanted, (mean, log_variance))
    grads = torch.autograd.grad(loss, (mean, log_variance), allow_unused=True)
    for name, grad, target in zip(("means", "log-variances"), grads, right, strict=True):
        holds = grad is not None and close(n * grad, n * target, 1e-3)
        expect(holds, f"The gradient that reaches the {name} is wrong: detach nothing.")


def _expect_noise(noise: Tensor, std: Tensor) -> None:
    expect(
        noise.abs().max() > 1e-3,
        "You decode the means. The noise is no trick: the first term of the ELBO is a mean over "
        "the cloud, not its value in the middle.",
    )
    expect(
        not 0.93 < (noise / std).std() < 1.07,
        "The noise is scaled by the variance: the exponential of the log-variance is not sigma, "
        "but sigma squared.",
    )
    expect(0.93 < noise.std() < 1.07, "The codes do not have the encoder's standard deviation.")


def _expect_parts(answer: Any, loss: Tensor, pixels: Tensor, divergence: Tensor) -> None:
    """Names what is wrong with the two terms, or with their sum."""
    reconstruction, kl = pixels.sum(1).mean(), divergence.sum(1).mean()
    if close(loss, reconstruction) or close(loss, pixels.mean()):
        raise NotYet(
            "The KL term is missing, and it is not optional: with your loss the codes of a tiny "
            f"VAE cover {covered_prior(answer):.0f} % of the prior, so the decoder does not know "
            "most of the samples drawn from it."
        )
    for right in (kl, divergence.mean()):
        expect(
            not close(loss, pixels.mean() + right),
            "The cross-entropy is averaged over the pixels, and the KL term drowns it: sum it.",
        )
    expect(
        not close(loss, reconstruction + divergence.mean()),
        "The KL divergence is averaged over the latent dimensions: sum it.",
    )
    expect(not close(loss, reconstruction - kl), "The KL divergence is subtracted; add it.")
    expect(not close(loss, -reconstruction - kl), "This is the ELBO; its negative is asked for.")
    expect(
        not close(loss, len(pixels) * (reconstruction + kl)),
        "This is the sum over the images; their mean is asked for.",
    )
    expect(
        not close(loss, pixels.sum() + kl) and not close(loss, reconstruction + divergence.sum()),
        "One term is a sum over the images, the other a mean: both must be means.",
    )
    expect(close(loss, reconstruction + kl), "It is not the cross-entropy plus the KL divergence.")
