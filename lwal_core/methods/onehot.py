"""One-hot labels: linear head and cross-entropy, the baseline."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.losses import at_least_float32


class OneHotLabels(LabelModule):
    """A linear head to C logits, trained with cross-entropy and read by its largest logit.

    Args:
        num_classes: C, at least 2.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = self.dim = num_classes
        self.register_buffer("labels", torch.eye(num_classes), persistent=False)

    labels: Tensor

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Cross-entropy of logits ``z [B,C]`` against ``y [B]``; there is no push."""
        loss = F.cross_entropy(at_least_float32(z), y)
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the largest logit, ``[B]``."""
        return z.argmax(dim=1)

    def label_table(self) -> Tensor:
        """The identity ``[C,C]``: every label equally far from every other."""
        return self.labels
