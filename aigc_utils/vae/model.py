"""Chapter 3: the course's VAE."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..data import check_image_shape, is_unit_range
from ..latent import reparameterize
from ..limits import whole


class Residual(nn.Module):
    """Layers whose output is added to their input."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Returns a tensor of the input's shape."""
        result: Tensor = x + self.layers(x)
        return result


class VAE(nn.Module):
    """The course's VAE: an encoder to a Gaussian for each image, and a decoder to its pixels.

    The layers are fully connected, residual where the width stays, and the decoder mirrors the
    encoder. With `patches`, images are cut into 7 by 7 patches of 4 by 4 pixels, and on either
    end a small convolution lets each patch look at its neighbours; without `encoder_patches` on
    the decoder's alone. The encoder reads how an image differs from the mean image, and the
    decoder begins with the mean image, so neither has to learn it.

    Raises:
        ValueError: `latent_dim` is below 1, or the mean image has another shape than (1, 28, 28)
            or pixels outside [0, 1].
    """

    mean: Tensor

    def __init__(
        self,
        latent_dim: int = 20,
        hidden: Sequence[int] = (512, 512),
        patches: bool = True,
        mean_image: Tensor | None = None,
        encoder_patches: bool = True,
    ) -> None:
        super().__init__()
        whole("latent_dim", latent_dim)
        mean = torch.zeros(1, 28, 28) if mean_image is None else mean_image
        given = mean_image is not None  # on "meta" zeros have no values to look at
        if mean.shape != (1, 28, 28) or (given and not is_unit_range(mean)):
            raise ValueError(
                "mean_image must have shape (1, 28, 28) and pixels in [0, 1], not "
                f"{tuple(mean.shape)} or other values."
            )
        bias = mean if mean_image is None else mean.clamp(1e-3, 1 - 1e-3).logit()
        self.latent_dim, self.hidden, self.patches = latent_dim, tuple(hidden), patches
        self.encoder_patches = encoder_patches
        self.register_buffer("mean", mean)
        self.pixel_bias = nn.Parameter(bias.clone())
        to_row: list[nn.Module] = [nn.Flatten()]
        to_image: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
        if patches:
            # Both are drawn in any case, so that one seed gives all other layers the same weights.
            convolutions = [nn.Conv2d(16, 16, kernel_size=3, padding=1) for _ in range(2)]
            if encoder_patches:
                to_row = [nn.PixelUnshuffle(4), Residual(convolutions[0]), nn.SiLU(), nn.Flatten()]
            to_image = [
                nn.Unflatten(1, (16, 7, 7)),
                Residual(nn.SiLU(), convolutions[1]),
                nn.PixelShuffle(4),
            ]
        self.encoder = nn.Sequential(*to_row, *dense_layers(28 * 28, *hidden, 2 * latent_dim))
        from_code = dense_layers(latent_dim, *reversed(hidden), 28 * 28)
        self.decoder = nn.Sequential(*from_code, *to_image)

    @property
    def configuration(self) -> dict[str, Any]:
        """The constructor's arguments, as `save_model` keeps them; the mean image is a weight."""
        names = "latent_dim", "hidden", "patches", "encoder_patches"
        return {name: getattr(self, name) for name in names}

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns means and log-variances, (B, latent_dim) each, of images, (B, 1, 28, 28)."""
        check_image_shape(images)
        mean, log_variance = self.encoder(images - self.mean).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Returns the pixels' logits, (B, 1, 28, 28), of latents, (B, latent_dim)."""
        logits: Tensor = self.decoder(z) + self.pixel_bias
        return logits

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the logits of a reconstruction, and the means and log-variances behind it."""
        mean, log_variance = self.encode(images)
        return self.decode(reparameterize(mean, log_variance)), mean, log_variance


def dense_layers(*sizes: int) -> list[nn.Module]:
    """Returns fully connected layers with SiLU between them, residual where the size stays."""
    layers: list[nn.Module] = [nn.Linear(sizes[0], sizes[1])]
    for inputs, outputs in itertools.pairwise(sizes[1:]):
        further = (nn.SiLU(), nn.Linear(inputs, outputs))
        layers.extend([Residual(*further)] if inputs == outputs else further)
    return layers


def plain_decoder(model: VAE) -> list[tuple[Tensor, Tensor]]:
    """Returns the weights and biases of a decoder of fully connected layers alone, in order.

    Raises:
        ValueError: the model has patches, or two neighbouring layers of one width, which make the
            decoder residual.
    """
    layers = [layer for layer in model.decoder if isinstance(layer, nn.Linear)]
    if any(isinstance(layer, Residual) for layer in model.decoder):
        raise ValueError(
            "this decoder has residual layers: train one with patches=False and differing widths."
        )
    pairs = [(layer.weight.detach(), layer.bias.detach()) for layer in layers]
    weight, bias = pairs[-1]
    return [*pairs[:-1], (weight, bias + model.pixel_bias.detach().flatten())]
