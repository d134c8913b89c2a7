"""Output layer whose embeddings have length 1, as losses that compare directions have them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UnitLayer(nn.Linear):
    """A linear layer from features ``[B,F]`` to embeddings ``[B,K]``, scaled to length 1.

    Args:
        features: F.
        dim: K.
    """

    def __init__(self, features: int, dim: int) -> None:
        super().__init__(features, dim)

    def forward(self, input: Tensor) -> Tensor:
        """Embeddings of features ``[B,F]``, in float32 at least: in bfloat16 a direction has two or three digits."""
        z = super().forward(input)
        with torch.autocast(z.device.type, enabled=False):
            return F.normalize(z if z.dtype == torch.float64 else z.float(), dim=1)
