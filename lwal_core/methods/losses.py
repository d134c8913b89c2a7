"""Losses of adaptive labels: class means, pull loss, push loss.

Source: X. Yu, N. Verma, "Improving Model Training via Self-learned Label Representations", arXiv:2209.04528, section 3.
Nothing here loops over classes or samples, and nothing builds a ``[B,C,K]`` or ``[B,B]`` tensor.
Where a batch is split between processes, class means and push loss are those of the whole batch.
Everything is computed in float32 at least, also under mixed precision: squared norms of bfloat16 lose most of a
distance.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.reduction import gather_over_processes, process_count, sum_over_processes

MIN_SQUARED_DISTANCE = 1e-12
"""Squared distances are clamped here before the root, so that the gradient of a zero distance is finite."""
MIN_DISTANCE = MIN_SQUARED_DISTANCE**0.5
MIN_NORM = 1e-12
"""An embedding shorter than this has no direction."""


def class_centroids(z: Tensor, y: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mean embedding of every class in a batch, differentiable in ``z``.

    Args:
        z: Embeddings ``[B,K]``.
        y: Classes ``[B]``, integers in ``[0, num_classes)``.
        num_classes: C, at least 1.

    Returns:
        ``(means [C,K], counts [C])``; the row of a class that is absent is 0, and so is its count.

    Raises:
        ValueError: Shapes do not fit.
    """
    _check(z, y)
    z = at_least_float32(z)
    counts = torch.zeros(num_classes, dtype=z.dtype, device=z.device).index_add_(
        0, y, torch.ones_like(y, dtype=z.dtype)
    )
    sums = torch.zeros(num_classes, z.shape[1], dtype=z.dtype, device=z.device).index_add(0, y, z)
    sums, counts = sum_over_processes(sums), sum_over_processes(counts)
    return sums / counts.clamp_min(1)[:, None], counts


def label_distances(z: Tensor, labels: Tensor) -> Tensor:
    """Euclidean distance of every embedding to every label.

    Args:
        z: Embeddings ``[B,K]``.
        labels: Label vectors ``[C,K]``.

    Returns:
        ``[B,C]``, at least 1e-6.
    """
    return centred_distances(at_least_float32(z), at_least_float32(labels))[0]


def centred_distances(z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same by matrix products, for ``z`` and ``labels`` of one type; and both sides less the mean label."""
    # Distances do not change when both sides move alike; without the common offset the products below cancel less.
    offset = labels.detach().mean(dim=0)
    z, labels = z - offset, labels - offset
    squared = torch.addmm(z.square().sum(1, keepdim=True) + labels.square().sum(1)[None, :], z, labels.T, alpha=-2.0)
    return squared.clamp_min(MIN_SQUARED_DISTANCE).sqrt(), z, labels


def pull_loss(z: Tensor, y: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of ``softmax_c(-||z - labels_c||)`` against the true class, mean over the batch.

    Args:
        z: Embeddings ``[B,K]``.
        y: Classes ``[B]``.
        labels: Label vectors ``[C,K]``; a gradient flows through them where they carry one.

    Returns:
        A scalar, unweighted, at least 0.
    """
    _check(z, y)
    return F.cross_entropy(-label_distances(z, labels), y)


def push_loss(z: Tensor, y: Tensor) -> Tensor:
    """Mean over all ``B*B`` pairs of ``cos(z_i, z_j) * [y_i != y_j]``; same-class pairs and the diagonal count as 0.

    With unit vectors ``u`` the sum over all pairs is ``|sum u|^2``, and the pairs within a class add up to ``|sum_{i in
    c} u_i|^2``: the difference needs ``B*K`` numbers where the matrix of cosines needs ``B*B``.

    Args:
        z: Embeddings ``[B,K]``.
        y: Classes ``[B]``, integers from 0 on.

    Returns:
        A scalar, unweighted, in [-1, 1].
    """
    _check(z, y)
    unit = F.normalize(at_least_float32(z), dim=1, eps=MIN_NORM)
    if process_count() == 1:
        # Classes are renumbered densely, so that the sums take one row a class of the batch, however many there are.
        present, position = torch.unique(y, return_inverse=True)
        rows = len(present)
    else:  # each process has other classes in its part of the batch
        position, rows = y, int(gather_over_processes(y).max()) + 1
    sums = torch.zeros(rows, unit.shape[1], dtype=unit.dtype, device=unit.device).index_add(0, position, unit)
    sums = sum_over_processes(sums)
    pairs = (len(z) * process_count()) ** 2
    return (sums.sum(dim=0).square().sum() - sums.square().sum()) / max(pairs, 1)


def at_least_float32(tensor: Tensor) -> Tensor:
    """A tensor of any shape in float32 at least: float64 stays, anything else is widened."""
    return tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()


def _check(z: Tensor, y: Tensor) -> None:
    if z.ndim != 2 or y.ndim != 1 or len(z) != len(y):
        raise ValueError(f"z must be [B,K] and y [B]; got {tuple(z.shape)} and {tuple(y.shape)}")
