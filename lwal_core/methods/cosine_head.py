"""Head whose logits are cosines times a learned scale (F. Wang et al., "NormFace", arXiv:1704.06369, section 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FIRST_SCALE = 10.0
"""Before training: cosines are at most 1, and a softmax over numbers that close together stays flat."""


class CosineHead(nn.Linear):
    """``scale * cos(f, w_c)``: logits ``[B,C]`` that depend on the direction of features ``[B,F]`` alone.

    Args:
        features: F.
        num_classes: C.
        scale: A constant in place of a learned number.

    Attributes:
        weight: A vector for each class, ``[C,F]``, of any length.
        scale: A learned number, which sets how sure the softmax can be; a constant where it was given.
    """

    scale: Tensor

    def __init__(self, features: int, num_classes: int, scale: float | None = None) -> None:
        super().__init__(features, num_classes, bias=False)
        if scale is None:
            self.scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        else:
            self.register_buffer("scale", torch.tensor(float(scale)))

    def forward(self, input: Tensor) -> Tensor:
        """Logits of features ``[B,F]``. With a constant scale, which may be large, they are not narrower than float32."""
        if isinstance(self.scale, nn.Parameter):
            return self._logits(input)
        with torch.autocast(input.device.type, enabled=False):
            return self._logits(input.to(self.weight.dtype))

    def _logits(self, input: Tensor) -> Tensor:
        return self.scale * F.linear(F.normalize(input, dim=1), F.normalize(self.weight, dim=1))
