"""The exercises of chapter 3 that are answered with a picture."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..answers import close, curve_heights, expect_true_ones
from ..chapter import Draw, exercise
from ..checking import expect
from ..mistakes import expect_close

# What a reader may choose; a true statement has no objection.
BLUR = {
    "At the lowest point of either curve the answer is the mean of the two images, each weighted "
    "with its probability.": "",
    "The KL term shifts the curve up, and its lowest point stays at the same place.": "",
    "A code that told the two images apart would allow a sharp answer for each.": "",
    "Without the KL term the best answer is one of the two sharp images.": (
        "Blur does not come from the KL term alone: find the lowest point of the curve without it."
    ),
    "The KL term moves the lowest point towards the more blurred images.": (
        "The code's price does not depend on what the decoder answers: compare where the two "
        "curves are lowest. Blur does not come from the KL term alone."
    ),
    "The best answer lies halfway between the images, however probable each is.": (
        "Halfway is best only for equal probabilities: read off where your curves are lowest."
    ),
}
TURNS = {
    "After a turn by 45 degrees each latent changes all six pixels, and the log-likelihood is the "
    "same.": "",
    "The prior looks the same in every direction, so p(x) cannot tell one axis from another.": "",
    "Stretching one axis changes p(x).": "",
    "The log-likelihood is highest where each latent changes one property alone, so training "
    "finds this position.": (
        "Latents do not disentangle by themselves: the turned model has the same likelihood at "
        "every angle, as your flat curve shows."
    ),
    "A turned model needs a turned prior to give the images the same probability.": (
        "A turn keeps the length of every code, and the prior depends on nothing else."
    ),
    "Stretching one axis leaves p(x) as it is, since the decoder can undo it.": (
        "Here nothing undoes the stretch: look at the curve of the stretched model."
    ),
}


def _two_images(draw: Draw) -> SimpleNamespace:
    images, _ = draw.digits(2)
    share = draw.number(0.15, 0.4)
    return SimpleNamespace(
        a=images[0, 0] / 255,
        b=images[1, 0] / 255,
        probability_of_a=draw.choice((share, round(1 - share, 2))),
        kl=draw.number(8, 30, 1),
        t=[i / 20 for i in range(21)],
        statements=draw.lettered(BLUR),
    )


@exercise(
    "Whose fault is the blur?",
    kind="explain",
    objective="choice of likelihood; autoencoder against VAE",
    misconceptions=("blur comes from KL alone",),
    points=3,
    hints=(
        "For each t make the answer `t * a + (1 - t) * b`, and take its squared distances from "
        "`a` and from `b`.",
        "Weigh the two distances, each summed over the pixels, with the probabilities of `a` and "
        "of `b`. The code's price is the same number for every t.",
        "`p * (m - a).square().sum() + (1 - p) * (m - b).square().sum()`, and for the second "
        "curve the same plus `kl`. Then read off where each is lowest.",
    ),
    given=_two_images,
)
def blur(given: SimpleNamespace, draw: Draw, picture: Any, choice: Any) -> None:
    """`picture` shows the loss with and without the KL term; `choice` holds true statements."""
    names = "without KL", "with KL"
    without, with_kl = curve_heights(picture, "blur_picture", names, given.t)
    t, p = torch.tensor(given.t), given.probability_of_a
    apart = (given.a - given.b).square().sum()  # of the two images
    from_a, from_b = (1 - t) ** 2 * apart, t**2 * apart
    wanted = p * from_a + (1 - p) * from_b
    mistakes = {
        "The squared error is averaged over the pixels; sum it.": wanted / given.a.numel(),
        "The two images are not equally probable: weigh each distance with its probability.": [
            (from_a + from_b) / 2,
            from_a + from_b,
        ],
        "Probabilities or images are swapped: at t = 1 the answer is image a.": (
            (1 - p) * from_a + p * from_b
        ),
    }
    otherwise = "'without KL' is not the expected squared error."
    expect_close(without, wanted, mistakes, otherwise, 1e-3)
    mistakes = {
        "The KL term is missing in 'with KL': the code has a price, whatever the answer.": without
    }
    otherwise = "'with KL' is not the error plus the KL term."
    expect_close(with_kl, wanted + given.kl, mistakes, otherwise, 1e-3)
    expect_true_ones(choice, "blur_choice", given.statements, BLUR)


def _two_latents(draw: Draw) -> SimpleNamespace:
    weight = torch.zeros(6, 2)
    weight[:3, 0], weight[3:, 1] = 0.5 + draw.uniform(3), -0.5 - draw.uniform(3)
    noise_std = draw.number(0.3, 0.6)
    images = draw.normal(100, 2) @ weight.T + noise_std * draw.normal(100, 6)
    return SimpleNamespace(
        weight=weight,
        noise_std=noise_std,
        images=images,
        angles=[5.0 * i for i in range(19)],
        statements=draw.lettered(TURNS),
    )


def _log_likelihood(weight: Tensor, given: SimpleNamespace) -> Tensor:
    """Returns the mean log p(x) of linear-Gaussian models, weights (..., 6, 2), in nats."""
    noise: Tensor = given.noise_std**2 * torch.eye(6, dtype=torch.float64)
    covariance = weight.double() @ weight.double().mT + noise
    # Not by `MultivariateNormal`: its first use loads sympy, which may outlast a check's limit.
    x: Tensor = given.images.double()
    squares = ((x @ covariance.inverse()) * x).sum(-1).mean(-1)
    return -(squares + covariance.logdet() + 6 * math.log(2 * math.pi)) / 2


@exercise(
    "Turn the latents",
    kind="explain",
    objective="latent-variable likelihood",
    misconceptions=("latents disentangle by themselves",),
    points=4,
    hints=(
        "A turn by the angle v has the matrix [[cos v, -sin v], [sin v, cos v]], and "
        "`math.radians` makes radians of degrees. Which matrix does the new decoder have?",
        "The turned decoder is `weight @ Q`. The stretched one is `weight` with its first column "
        "multiplied. `torch.distributions.MultivariateNormal` gives log p(x).",
        "`W = weight @ Q`, and then `MultivariateNormal(torch.zeros(6), W @ W.T + noise_std**2 * "
        "torch.eye(6)).log_prob(images).mean()`. For the other curve "
        "`W = weight * torch.tensor([1 + angle / 90, 1.0])`.",
    ),
    given=_two_latents,
)
def turned(given: SimpleNamespace, draw: Draw, picture: Any, choice: Any) -> None:
    """`picture` shows log p(x) of turned and stretched models; `choice` holds true statements."""
    names = "turned", "stretched"
    flat, stretched = curve_heights(picture, "turned_picture", names, given.angles)
    start = _log_likelihood(given.weight, given)
    expect(
        not close(flat, (start * len(given.images)).expand_as(flat), 1e-3),
        "This is the sum over the images; their mean is asked for.",
    )
    expect(
        flat.max() - flat.min() < 3e-3,
        "'turned' is not flat. Is your matrix a turn? Times its own transpose it must give the "
        "identity.",
    )
    expect(close(flat[0], start, 2e-4), "'turned' is not the mean log-likelihood of the images.")
    factors = torch.ones(len(given.angles), 1, 2)
    factors[:, 0, 0] += torch.tensor(given.angles) / 90
    wanted = _log_likelihood(given.weight * factors, given)
    mistakes = {
        "You stretch the second latent's axis.": (
            _log_likelihood(given.weight * factors.flip(2), given)
        )
    }
    otherwise = (
        "'stretched' is not the log-likelihood with the first column times (1 + angle / 90)."
    )
    expect_close(stretched, wanted, mistakes, otherwise, 2e-4)
    expect_true_ones(choice, "turned_choice", given.statements, TURNS)
