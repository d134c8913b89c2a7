"""Learned labels beside a head: adaptive labels (arXiv:2209.04528) and a classifier on the same features.

Either is a whole method of its own. Trained together they share the encoder, and read together they are a logarithmic opinion
pool (C. Genest, J. Zidek, Statistical Science 1986) with equal weights: the probability of a class is the square root of that of
the head times that of the distances to the class means, scaled to sum 1. The square root changes no prediction. Without it what
both know, having been made of the same features, counts twice.
"""

from __future__ import annotations

import math
import sys
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lwal_core.methods.adaptive import AdaptiveLabels
from lwal_core.methods.base import LabelLoss, LabelModule, Outputs, StepContext
from lwal_core.methods.cosine_head import CosineHead
from lwal_core.methods.losses import at_least_float32, label_distances

Head = Literal["linear", "cosine"]
Reading = Literal["product", "head", "labels"]


def build_head(kind: Head, features: int, num_classes: int) -> nn.Linear:
    """A head from features ``[B,F]`` to logits ``[B,C]``, its weights drawn as a linear layer's usually are."""
    return CosineHead(features, num_classes) if kind == "cosine" else nn.Linear(features, num_classes)


def product_scores(logits: Tensor, distances: Tensor) -> Tensor:
    """Log of the geometric mean of the probability by a head and that by distances, up to a number that is the same for all classes.

    Args:
        logits: Of the head, ``[B,C]``.
        distances: To the class means, ``[B,C]``; minus them are the logits of the other probability.

    Returns:
        ``[B,C]``; their softmax are the probabilities. The largest is that of the product.
    """
    return (F.log_softmax(at_least_float32(logits), dim=1) + F.log_softmax(-at_least_float32(distances), dim=1)) / 2


class LabelsBesideHead(LabelModule):
    """Adaptive labels on ``z``, and a head with cross-entropy on the features that ``z`` is made of.

    The loss is ``cross-entropy of the head + branch_weight * loss of the labels``. The embedding, and with it class means,
    label table and tree, is the labels'.

    Args:
        num_classes: C, at least 2.
        features: F, width of the features, at least 1.
        dim: Label dimension K, at least 1.
        head: ``"linear"`` or ``"cosine"`` (:class:`CosineHead`).
        branch_weight: Weight of the labels' loss, at least 0.
        push_weight: Of the labels (:class:`~lwal_core.methods.AdaptiveLabels`).
        leave_one_out: Likewise.
        learned: Whether the labels are learned; otherwise they stay where they start, and the two arguments before do nothing.
        reading: What :meth:`read` goes by: the product of head and distances to the class means, the head's largest
            output, or the nearest row of the label table.
        seed: Of the head's weights and of labels that start at random. The weights come from a generator of their own, so
            that the layer that makes ``z`` starts as it does without a head beside it.

    Attributes:
        labels: The labels' own module.
        class_head: The head.

    Raises:
        ValueError: An argument is out of range.
    """

    class_head: nn.Linear

    def __init__(
        self,
        num_classes: int,
        features: int,
        dim: int,
        head: Head = "linear",
        branch_weight: float = 1.0,
        push_weight: float = 0.0,
        *,
        leave_one_out: bool = True,
        learned: bool = True,
        reading: Reading = "product",
        seed: int = 0,
    ) -> None:
        super().__init__()
        known = head in get_args(Head) and reading in get_args(Reading)
        if features < 1 or not 0 <= branch_weight < math.inf or not known:
            raise ValueError(
                "features must be at least 1, branch_weight at least 0, head linear or cosine, reading product, head or "
                f"labels; got {features}, {branch_weight}, {head!r} and {reading!r}"
            )
        steps = 0 if learned else sys.maxsize
        self.labels = AdaptiveLabels(
            num_classes, dim, push_weight, warmup_steps=steps, leave_one_out=leave_one_out, seed=seed
        )
        self.dim = dim
        self.branch_weight = branch_weight
        self.reading = reading
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.class_head = build_head(head, features, num_classes)

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Losses of the labels alone, for ``z [B,K]`` and ``y [B]``; in training mode they are updated first."""
        loss: LabelLoss = self.labels(z, y)
        return loss

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """Loss of both; ``pull`` and ``push`` are those of the labels, unweighted.

        Raises:
            ValueError: ``z`` is not ``[B,dim]``, or the context is not of these samples.
        """
        if context.features.shape != (len(y), self.class_head.in_features):
            raise ValueError(
                f"features must be [{len(y)},{self.class_head.in_features}]; got {tuple(context.features.shape)}"
            )
        branch = self(z, y)
        logits = self.class_head(context.features.to(self.class_head.weight.dtype))
        return branch._replace(total=F.cross_entropy(logits, y) + self.branch_weight * branch.total)

    def read(self, outputs: Outputs) -> Tensor:
        """Classes ``[N]`` by the reading that was chosen; by the product, labels are the class means of ``outputs``.

        Raises:
            ValueError: The logits of the head are missing.
        """
        if self.reading == "labels":
            return self.predict(outputs.z)
        if outputs.logits is None:
            raise ValueError("the logits of the head are missing")
        if self.reading == "head":
            return outputs.logits.argmax(dim=1)
        return product_scores(outputs.logits, label_distances(outputs.z, outputs.means)).argmax(dim=1)

    def predict(self, z: Tensor) -> Tensor:
        """Class of the nearest row of the label table, ``[B]``: what outputs alone can tell."""
        return self.labels.predict(z)

    def label_table(self) -> Tensor:
        """The labels as the last step left them, ``[C,K]``."""
        return self.labels.label_table()

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"branch_weight={self.branch_weight}, reading={self.reading}"
