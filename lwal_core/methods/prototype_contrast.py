"""Prototypes of unit length, each contrasted with every sample of the batch.

Source: P. Koromilas et al., "Neural Collapse by Design: Learning Class Prototypes on the Hypersphere", arXiv:2605.20302; the
formulas are those of the authors' code (github.com/pakoromilas/nc_by_design, ``losses.py``). Where cross-entropy compares a
sample with C prototypes, these losses compare the prototype of its class with the B samples of the batch.

Both are functions of the logits ``z_ic = cos(u_i, w_c) / temperature``, which the output layer makes of features ``u`` and
prototypes ``w`` (:class:`~lwal_core.methods.CosineHead` with a constant scale):

- NTCE: mean over samples of ``-z_iy + log sum_j exp(z_jy)``, ``y`` the class of sample i, j over all samples of the batch;
- NONL: the same, with j over the samples of other classes alone. What pulls and what pushes no longer share a denominator, so
  that the loss may be negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lwal_core.methods.base import LabelLoss
from lwal_core.methods.losses import at_least_float32
from lwal_core.methods.onehot import OneHotLabels
from lwal_core.methods.reduction import gather_over_processes, sum_over_processes


class PrototypeContrast(OneHotLabels):
    """NTCE, or NONL, of logits that are cosines over a temperature; read by the largest logit.

    Where a batch is split between processes, sums over samples are those of the whole batch.

    Args:
        num_classes: C, at least 2.
        negatives_only: NONL. A batch of one class has no samples of others to sum over: its loss is 0.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, num_classes: int, *, negatives_only: bool = False) -> None:
        super().__init__(num_classes)
        if num_classes < 2:
            raise ValueError(f"num_classes must be at least 2; got {num_classes}")
        self.negatives_only = negatives_only

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Loss of logits ``z [B,C]`` against ``y [B]``; there is no push.

        Raises:
            ValueError: ``z`` is not ``[B,C]``.
        """
        if z.ndim != 2 or z.shape != (len(y), self.num_classes):
            raise ValueError(f"z must be [{len(y)},{self.num_classes}]; got {tuple(z.shape)}")
        z = at_least_float32(z)
        own = z.gather(1, y[:, None])[:, 0]
        contrasted = z.scatter(1, y[:, None], -torch.inf) if self.negatives_only else z
        spread = _log_sum_over_batch(contrasted).index_select(0, y)
        loss = torch.where(torch.isfinite(spread), spread - own, 0.0).mean()
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, negatives_only={self.negatives_only}"


def _log_sum_over_batch(z: Tensor) -> Tensor:
    """``log sum_j exp(z_jc)`` over the samples of all processes, ``[C]``; -inf for a class without any."""
    largest = gather_over_processes(z.detach().amax(dim=0, keepdim=True)).amax(dim=0)
    shift = torch.where(torch.isfinite(largest), largest, 0.0)
    total = sum_over_processes((z - shift).exp().sum(dim=0))
    empty = total == 0
    # The logarithm of 0 would have an infinite gradient, also where nothing asks for it.
    return torch.where(empty, -torch.inf, torch.where(empty, 1.0, total).log() + shift)
