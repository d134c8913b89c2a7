"""Adaptive labels: one vector per class, learned during training (arXiv:2209.04528, section 3).

Use it in any training loop::

    labels = AdaptiveLabels(num_classes=10, dim=100)
    loss = labels(z, y).total        # z [B,100] from your network; updates labels.labels
    predicted = labels.predict(z)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.losses import MIN_SQUARED_DISTANCE, at_least_float32, class_centroids, label_distances, push_loss

Start = Literal["identity", "random", "centroids"]


class AdaptiveLabels(LabelModule):
    """The label table, its update and its losses.

    Args:
        num_classes: C, at least 2.
        dim: Label dimension K, at least 1. From K = C on the table starts as the first C rows of the identity,
            below that as random unit rows.
        push_weight: Weight of the push loss, at least 0.
        stationary_steps: Steps from one label update to the next, at least 1.
        warmup_steps: Steps before the first update, at least 0.
        decay: Share of the batch mean in the new label, in (0, 1].
        leave_one_out: Pull each sample towards its class mean without itself. A sample that is alone in its class has
            no such mean and is pulled towards the label of the step before.
        gradient_through_update: Let the gradient of an update step flow through the new labels into ``z``; otherwise
            they are constants at that step too.
        distance_temperature: Distances are divided by this before the softmax, above 0.
        start: ``"identity"`` as said under ``dim``; ``"random"`` for random unit rows whatever K is; ``"centroids"`` for
            the class means of the untrained network, which :meth:`begin` takes before the first step.
        seed: Of the random unit rows.

    Attributes:
        labels: The table ``[C,K]``, a buffer; it is saved and moved with the module.
        step: Training steps so far, a scalar buffer.

    Raises:
        ValueError: An argument is out of range.
    """

    labels: Tensor
    step: Tensor

    def __init__(
        self,
        num_classes: int,
        dim: int,
        push_weight: float = 10.0,
        stationary_steps: int = 1,
        warmup_steps: int = 0,
        decay: float = 1.0,
        *,
        leave_one_out: bool = False,
        gradient_through_update: bool = True,
        distance_temperature: float = 1.0,
        start: Start = "identity",
        seed: int = 0,
    ) -> None:
        super().__init__()
        rules = {
            "num_classes must be at least 2": num_classes >= 2,
            "dim must be at least 1": dim >= 1,
            "push_weight must be at least 0": push_weight >= 0,
            "stationary_steps must be at least 1": stationary_steps >= 1,
            "warmup_steps must be at least 0": warmup_steps >= 0,
            "decay must be above 0 and at most 1": 0 < decay <= 1,
            "distance_temperature must be above 0": 0 < distance_temperature < math.inf,
            "start must be identity, random or centroids": start in get_args(Start),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError(
                f"{'; '.join(broken)} (got num_classes={num_classes}, dim={dim}, push_weight={push_weight}, "
                f"stationary_steps={stationary_steps}, warmup_steps={warmup_steps}, decay={decay}, "
                f"distance_temperature={distance_temperature}, start={start!r})"
            )
        self.num_classes = num_classes
        self.dim = dim
        self.push_weight = push_weight
        self.stationary_steps = stationary_steps
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.leave_one_out = leave_one_out
        self.gradient_through_update = gradient_through_update
        self.distance_temperature = distance_temperature
        self.register_buffer("labels", initial_labels(num_classes, dim, seed, start))
        self._waits_for_means = start == "centroids"
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        # The schedule is decided on the host: reading the buffer would wait for the device at every step.
        self._steps_done = 0

    def begin(self, class_means: Callable[[], tuple[Tensor, Tensor]]) -> None:
        """Where labels start as class means, take them; a class without a sample keeps its row. Otherwise nothing.

        Args:
            class_means: Gives ``(means [C,K], counts [C])``, as :func:`~lwal_core.methods.class_centroids` does.
        """
        if self._waits_for_means:
            means, counts = class_means()
            self.labels.copy_(torch.where(counts[:, None] > 0, means.detach(), self.labels))
            self._waits_for_means = False

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Losses of a batch; in training mode the labels are updated first and the step is counted.

        The gradient flows through the labels of an update into ``z`` unless ``gradient_through_update`` is off;
        afterwards the table is a constant.

        Args:
            z: Embeddings ``[B,K]``.
            y: Classes ``[B]``.

        Raises:
            ValueError: ``z`` is not ``[B,dim]``.
            RuntimeError: Labels start as class means, and :meth:`begin` was not called.
        """
        if self._waits_for_means:
            raise RuntimeError("start='centroids' needs begin(class_means) before the first step")
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ValueError(f"z must be [B,{self.dim}]; got {tuple(z.shape)}")
        z = at_least_float32(z)
        if not self.training:
            pull = self._pull(label_distances(z, self.labels), y)
            return LabelLoss(pull, pull, pull.new_zeros(()))

        update = (
            self._steps_done >= self.warmup_steps
            and (self._steps_done - self.warmup_steps) % self.stationary_steps == 0
        )
        self._steps_done += 1
        self.step += 1
        if not update:
            pull = self._pull(label_distances(z, self.labels), y)
            return LabelLoss(pull, pull, pull.new_zeros(()))

        means, counts = class_centroids(z, y, self.num_classes)
        if not self.gradient_through_update:
            means = means.detach()
        old = self.labels.to(z.dtype)
        present = counts[:, None] > 0
        new = torch.where(present, torch.lerp(old, means, self.decay), old)
        distances = label_distances(z, new)
        if self.leave_one_out:
            distances = self._without_own_sample(distances, z, y, means, counts, old)
        pull = self._pull(distances, y)
        self.labels.copy_(new.detach())
        if self.push_weight == 0:
            return LabelLoss(pull, pull, pull.new_zeros(()))
        push = push_loss(z, y)
        return LabelLoss(pull + self.push_weight * push, pull, push)

    def logits(self, z: Tensor) -> Tensor:
        """Minus the distance to every label over the temperature, ``[B,C]``; their softmax are the class
        probabilities."""
        return label_distances(z, self.labels) / -self.distance_temperature

    def predict(self, z: Tensor) -> Tensor:
        """Class of the nearest label, ``[B]``."""
        return self.logits(z).argmax(dim=1)

    def label_table(self) -> Tensor:
        """The labels as the last step left them, ``[C,K]``."""
        return self.labels

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, dim={self.dim}, push_weight={self.push_weight}, decay={self.decay}"

    def _pull(self, distances: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(distances / -self.distance_temperature, y)

    def _without_own_sample(
        self, distances: Tensor, z: Tensor, y: Tensor, means: Tensor, counts: Tensor, old: Tensor
    ) -> Tensor:
        """Replace each sample's distance to its own class by the one to the label made without it."""
        count = counts[y][:, None]
        # Where labels are constants for the gradient, so is the sample that is taken out of its mean.
        sample = z if self.gradient_through_update else z.detach()
        others = (count * means[y] - sample) / (count - 1).clamp_min(1)
        target = torch.where(count > 1, torch.lerp(old[y], others, self.decay), old[y])
        own = (z - target).square().sum(1).clamp_min(MIN_SQUARED_DISTANCE).sqrt()
        return distances.scatter(1, y[:, None], own[:, None])

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        self._steps_done = int(self.step)
        self._waits_for_means = False  # the saved table has begun already


def initial_labels(num_classes: int, dim: int, seed: int = 0, start: Start = "identity") -> Tensor:
    """Labels before training, ``[C,K]``: rows of the identity, or seeded random unit rows when K < C or when they are
    asked for. For a start from class means, which are not known yet, as for ``"identity"``."""
    if start != "random" and dim >= num_classes:
        return torch.eye(num_classes, dim)
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(num_classes, dim, generator=generator), dim=1)
