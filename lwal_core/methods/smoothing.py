"""Label smoothing: one-hot labels that give every class a little probability.

Source: C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", arXiv:1512.00567, section 7.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.losses import at_least_float32


class SmoothedLabels(LabelModule):
    """A linear head to C logits, trained with cross-entropy against softened targets and read by its largest logit.

    The target of class c is ``(1 - smoothing) * onehot(c) + smoothing / C``.

    Args:
        num_classes: C, at least 2.
        smoothing: Probability that is spread evenly over all classes, in (0, 1).

    Raises:
        ValueError: An argument is out of range.
    """

    labels: Tensor

    def __init__(self, num_classes: int, smoothing: float = 0.1) -> None:
        super().__init__()
        if num_classes < 2 or not 0 < smoothing < 1:
            raise ValueError(
                f"num_classes must be at least 2 and smoothing in (0, 1); got {num_classes} and {smoothing}"
            )
        self.num_classes = self.dim = num_classes
        self.smoothing = smoothing
        self.register_buffer("labels", torch.eye(num_classes), persistent=False)

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Cross-entropy of logits ``z [B,C]`` against the softened targets of ``y [B]``; there is no push."""
        loss = F.cross_entropy(at_least_float32(z), y, label_smoothing=self.smoothing)
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the largest logit, ``[B]``."""
        return z.argmax(dim=1)

    def label_table(self) -> Tensor:
        """The identity ``[C,C]``: softened or not, every label is equally far from every other."""
        return self.labels

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, smoothing={self.smoothing}"
