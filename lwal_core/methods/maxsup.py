"""Max suppression: cross-entropy with a penalty on the largest logit.

Source: Y. Zhou et al., "MaxSup: Overcoming Representation Collapse in Label Smoothing", arXiv:2502.15798, and the authors'
code. Label smoothing is cross-entropy plus ``smoothing * (logit of the true class - mean logit)``, which pulls the true class
down also where another one is taken for it. MaxSup has the largest logit in place of the true class's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.base import LabelLoss
from lwal_core.methods.losses import at_least_float32
from lwal_core.methods.onehot import OneHotLabels


class SuppressedMaximum(OneHotLabels):
    """A linear head to C logits, trained with cross-entropy plus ``weight * (largest logit - mean logit)``.

    Args:
        num_classes: C, at least 2.
        weight: At least 0. The authors' is 0.1, in some experiments with a growth to 0.2.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, num_classes: int, weight: float = 0.1) -> None:
        super().__init__(num_classes)
        if num_classes < 2 or not 0 <= weight < torch.inf:
            raise ValueError(
                f"num_classes must be at least 2 and weight finite and at least 0; got {num_classes} and {weight}"
            )
        self.weight = weight

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Loss of logits ``z [B,C]``; ``pull`` is the cross-entropy alone, and there is no push."""
        z = at_least_float32(z)
        pull = F.cross_entropy(z, y)
        excess = z.amax(dim=1) - z.mean(dim=1)
        return LabelLoss(pull + self.weight * excess.mean(), pull, pull.new_zeros(()))

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, weight={self.weight}"
