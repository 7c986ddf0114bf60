"""Chapter 6: what all techniques need to draw the same digits side by side."""

from .codebook import Codebook, learn_codebook

__all__ = ["Codebook", "learn_codebook"]
