"""Cross-entropy, and distances of class means that follow a tree which the method is told.

Source: S. Zeng et al., "Learning Structured Representations by Embedding Class Hierarchy", ICLR 2023 (openreview
7J-30ilaUZM). The cophenetic correlation coefficient (CPCC) is Pearson's correlation between the Euclidean distances of the
batch's class means, taken of the features before the head, and the path lengths between the classes in the tree.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.methods.base import LabelLoss, StepContext
from lwal_core.methods.losses import at_least_float32, class_centroids
from lwal_core.methods.onehot import OneHotLabels

_LEAST_SHARE = 1e-10
"""Distances of which less than this share of their squares is variance are all equal, up to rounding."""


class CorrelatedWithTree(OneHotLabels):
    """A linear head to C logits with cross-entropy, less ``weight`` times the CPCC of the batch; read by the largest logit.

    Where a batch is split between processes, class means are those of the whole batch. Without a correlation (fewer than three
    classes of the tree in the batch, or all distances of one side equal) the cross-entropy is all there is.

    Args:
        path_lengths: ``[C,C]``; nan for classes that the tree lacks, which count in the cross-entropy alone.
        weight: At least 0; the authors' 1.

    Attributes:
        path_lengths: A buffer; it is saved, so that a resumed training goes on with the tree that it started with.

    Raises:
        ValueError: An argument is out of range.
    """

    path_lengths: Tensor

    def __init__(self, path_lengths: Tensor | FloatArray, weight: float = 1.0) -> None:
        path_lengths = torch.as_tensor(path_lengths)
        if path_lengths.ndim != 2 or path_lengths.shape[0] != path_lengths.shape[1] or len(path_lengths) < 2:
            raise ValueError(f"path_lengths must be [C,C] with C at least 2; got {tuple(path_lengths.shape)}")
        if not 0 <= weight < torch.inf:
            raise ValueError(f"weight must be finite and at least 0; got {weight}")
        super().__init__(len(path_lengths))
        self.weight = weight
        self.register_buffer("path_lengths", at_least_float32(path_lengths).detach().clone())

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """Loss of logits ``z [B,C]`` and the features of ``context``; ``pull`` is the cross-entropy alone, there is no push.

        Raises:
            ValueError: The context is not of these samples.
        """
        if len(context.features) != len(y):
            raise ValueError(f"features must be [{len(y)},F]; got {tuple(context.features.shape)}")
        plain = self(z, y)
        return plain._replace(total=plain.total - self.weight * self.correlation(context.features, y))

    def correlation(self, features: Tensor, y: Tensor) -> Tensor:
        """CPCC of features ``[B,F]`` with classes ``y [B]``, a scalar in [-1, 1]; 0 where there is none."""
        means, counts = class_centroids(features, y, self.num_classes)
        known = (counts > 0) & ~self.path_lengths.diagonal().isnan()
        classes = known.nonzero()[:, 0]
        if len(classes) < 3:
            return means.sum() * 0
        near = F.pdist(means[classes])
        rows, columns = torch.triu_indices(len(classes), len(classes), offset=1, device=y.device)
        tree = self.path_lengths.to(near.dtype)[classes[rows], classes[columns]]
        size = near.square().sum() * tree.square().sum()
        near, tree = near - near.mean(), tree - tree.mean()
        spread = near.square().sum() * tree.square().sum()
        varied = spread > _LEAST_SHARE * size
        return torch.where(varied, (near * tree).sum() / torch.where(varied, spread, 1.0).sqrt(), 0.0)

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, weight={self.weight}"
