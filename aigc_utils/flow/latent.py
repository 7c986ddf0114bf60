"""Chapter 5: latent diffusion, a flow on the codes of an autoencoder."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..data import check_finite, check_images, check_labels, check_number, to_float, to_uint8
from ..devices import build, place_of
from ..history import History
from ..latent import reparameterize
from ..limits import whole
from ..training import Evaluate, seed_everything
from .networks import PointFlow
from .training import FlowRecipe, train_flow

#: Images that are encoded or decoded at a time.
CHUNK = 1000


class Coder(Protocol):
    """What a flow needs of an autoencoder: chapter 3's VAE has it."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and log-variances, (B, D) each, of images, (B, 1, 28, 28)."""

    def decode(self, z: Tensor) -> Tensor:
        """Returns the pixels' logits, (B, 1, 28, 28), of codes, (B, D)."""


class Scale(nn.Module):
    """Brings codes to mean 0 and deviation 1, each number of them on its own, and back.

    A flow begins at standard normal noise; codes of about the same size make its way short. Codes
    may be whitened besides: turned before, so that no two of their numbers are correlated. A new
    scale leaves codes as they are; `Scale.of` fits one to codes.

    Raises:
        ValueError: `dim` is below 1.
    """

    mean: Tensor
    turn: Tensor
    deviation: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(whole("dim", dim)))
        self.register_buffer("turn", torch.eye(dim))
        self.register_buffer("deviation", torch.ones(dim))

    @classmethod
    def of(cls, codes: Tensor, *, whiten: bool = False) -> Scale:
        """Returns the scale of codes, floats, (N, D), N at least 2; `whiten` turns them too.

        Raises:
            ValueError: the codes have another shape, or are not finite.
        """
        if codes.ndim != 2 or len(codes) < 2:
            raise ValueError(
                f"codes must have shape (N, D), N at least 2, not {tuple(codes.shape)}."
            )
        check_finite("codes", codes)
        scale = build(codes.device, cls, codes.size(1))
        scale.mean.copy_(codes.mean(0))
        if whiten:
            scale.turn.copy_(torch.linalg.eigh(codes.T.cov()).eigenvectors)
        scale.deviation.copy_(((codes - scale.mean) @ scale.turn).std(0).clamp(min=1e-6))
        return scale

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them."""
        return {"dim": len(self.mean)}

    def forward(self, codes: Tensor) -> Tensor:
        """Returns codes in units of their deviation from their mean, (N, D)."""
        return (codes - self.mean) @ self.turn / self.deviation

    def back(self, scaled: Tensor) -> Tensor:
        """Returns codes as they were before, (N, D)."""
        return scaled * self.deviation @ self.turn.T + self.mean


@torch.no_grad()
def encode_images(coder: Coder, images: Tensor, rng: torch.Generator) -> Tensor:
    """Returns a code of each image, (N, D), drawn from what the coder's encoder finds likely.

    The coder works where its weights lie, and the codes lie where the images lie.

    Args:
        coder: the autoencoder, in evaluation mode.
        images: uint8, (N, 1, 28, 28).
        rng: draws the codes around their means.

    Raises:
        ValueError: the images have another type or shape.
    """
    check_images(images)
    parts = images.to(place_of(coder, images.device)).split(CHUNK)
    codes = [reparameterize(*coder.encode(to_float(part)), rng) for part in parts]
    return torch.cat(codes).to(images.device)


@torch.no_grad()
def decode(coder: Coder, codes: Tensor, sharpness: float = 1.0) -> Tensor:
    """Returns what codes, (N, D), decode to, uint8, (N, 1, 28, 28).

    A decoder learns each pixel's mean, and where an edge may lie here or there, the mean is grey.
    Sharpening moves grey to black or white; it does not find out where the edge lies. The coder
    works where its weights lie, and the images lie where the codes lie.

    Args:
        coder: the autoencoder, in evaluation mode.
        codes: floats, (N, D).
        sharpness: what the pixels' logits are multiplied with: 1 for the mean, more for less grey.

    Raises:
        ValueError: the codes are not finite, or `sharpness` is below 0.
    """
    check_finite("codes", codes)
    check_number("sharpness", sharpness)
    parts = codes.to(place_of(coder, codes.device)).split(CHUNK)
    images = [(sharpness * coder.decode(part)).sigmoid() for part in parts]
    return to_uint8(torch.cat(images)).to(codes.device)


def train_latent(
    recipe: FlowRecipe,
    coder: Coder,
    images: Tensor,
    labels: Tensor,
    *,
    seed: int,
    model: PointFlow | None = None,
    whiten: bool = False,
    max_seconds: float | None = None,
    evaluate: Evaluate | None = None,
    evaluate_every: int | None = None,
    device: str | torch.device | None = None,
) -> tuple[nn.Module, Scale, History]:
    """Returns a flow on the codes of images, the scale of these codes, and the run's history.

    To draw images: `decode(coder, scale.back(sample(flow, noise, labels)), SHARPNESS)`.

    Args:
        recipe: how to train the flow.
        coder: a trained autoencoder, which stays as it is.
        images: uint8, (N, 1, 28, 28).
        labels: int64, (N,).
        seed: decides codes, weights, order, noise and times.
        model: a network for codes of this size and ten classes; by default a new `PointFlow`.
        whiten: True for a scale that turns the codes too.
        max_seconds: as for `train_flow`.
        evaluate: takes the mean network and returns metrics by name.
        evaluate_every: steps between evaluations; None for one at the end.
        device: where to train the flow; by default a graphics card where there is one
            (`devices.device`).

    Raises:
        ValueError: images or labels have another type or shape, or are fewer than a batch has; or
            there is no such device.
        TrainingError: the loss is no longer finite.

    Source: Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models, 2022.
    """
    check_labels(labels, len(images))
    rng = seed_everything(seed)
    codes = encode_images(coder, images, rng)
    scale = Scale.of(codes, whiten=whiten)
    model = model or build(codes.device, PointFlow, codes.size(1), classes=10)
    flow, history = train_flow(
        recipe, model, scale(codes), labels, seed=seed, max_seconds=max_seconds,
        evaluate=evaluate, evaluate_every=evaluate_every, device=device,
    )  # fmt: skip
    return flow, scale, history
