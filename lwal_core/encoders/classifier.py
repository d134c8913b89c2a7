"""Encoder, linear head and input normalisation in one module, so that a saved model takes raw pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lwal_core.config import EncoderConfig
from lwal_core.encoders.dense import DenseEncoder
from lwal_core.encoders.small_cnn import SmallCNN
from lwal_core.errors import TrainingError


class Classifier(nn.Module):
    """``z = head(encoder(normalise(x)))``.

    Args:
        encoder: A module with ``out_features``.
        dim: Outputs of the head, K.
        mean: Per channel ``[channels]`` for images, per feature ``[D]`` for features; images are divided by 255 first.
        std: Likewise; zeros (constant channels) are taken as 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, dim: int, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.float())
        self.register_buffer("std", torch.where(std > 0, std, torch.ones_like(std)).float())
        self.encoder = encoder
        self.head = nn.Linear(encoder.out_features, dim)  # type: ignore[arg-type]

    def normalise(self, x: Tensor) -> Tensor:
        """Raw samples as the encoder takes them: uint8 images ``[B,channels,H,W]`` or float features ``[B,D]``."""
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


def build_encoder(config: EncoderConfig, input_shape: tuple[int, ...]) -> nn.Module:
    """The encoder of a run for inputs of this shape: ``(channels, height, width)`` or ``(features,)``.

    Raises:
        TrainingError: The encoder does not take such inputs.
    """
    name = config.name if config.name != "auto" else ("small_cnn" if len(input_shape) == 3 else "dense")
    if name == "small_cnn":
        if len(input_shape) != 3:
            raise TrainingError(
                f"The small CNN takes images; this data has {input_shape[0]:,} features.", "Choose the dense encoder."
            )
        return SmallCNN(input_shape, config.width)  # type: ignore[arg-type]
    return DenseEncoder(math.prod(input_shape), config.hidden, config.dropout)
