"""Encoder, linear head and input normalisation in one module, so that a saved model takes raw pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """``z = head(encoder(normalise(x)))``.

    Args:
        encoder: A module with ``out_features``. One that was trained before says in ``input_mean_std`` what its inputs
            were normalised with; that is then used instead of `mean` and `std`.
        dim: Outputs of the head, K.
        mean: Per channel ``[channels]`` for images, per feature ``[D]`` for features; images are divided by 255 first.
        std: Likewise; zeros (constant channels) are taken as 1.
        head: From the encoder's outputs to ``z``; a linear layer unless given.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, dim: int, mean: Tensor, std: Tensor, head: nn.Linear | None = None) -> None:
        super().__init__()
        mean, std = getattr(encoder, "input_mean_std", None) or (mean, std)
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", torch.where(std > 0, std, torch.ones_like(std)).float())
        self.encoder = encoder
        self.head = head or nn.Linear(encoder.out_features, dim)  # type: ignore[arg-type]

    def normalise(self, x: Tensor) -> Tensor:
        """Raw samples as the encoder takes them: uint8 images ``[B,channels,H,W]`` or float features ``[B,D]``.

        With three means a grey image becomes three channels here, each normalised in its own way.
        """
        if x.dtype == torch.uint8:
            shape = (1, -1, 1, 1)
            return (x.float() / 255 - self.mean.view(shape)) / self.std.view(shape)
        return (x.float() - self.mean) / self.std

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings ``z [B,K]`` of raw samples."""
        z: Tensor = self.head(self.features(x))
        return z

    def features(self, x: Tensor) -> Tensor:
        """The encoder's outputs ``[B,F]``, which the head turns into ``z``."""
        out: Tensor = self.encoder(self.normalise(x))
        return out
