"""Adaptive labels: one vector per class, learned during training (arXiv:2209.04528, section 3).

Use it in any training loop::

    labels = AdaptiveLabels(num_classes=10, dim=100)
    loss = labels(z, y).total        # z [B,100] from your network; updates labels.labels
    predicted = labels.predict(z)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.label_step import StepOptions, label_step
from lwal_core.methods.losses import at_least_float32, label_distances
from lwal_core.methods.memory import EmbeddingMemory

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
        memory_per_class: Recent embeddings a class that count in its mean beside the batch's
            (:class:`~lwal_core.methods.memory.EmbeddingMemory`), at least 0.
        memory_warmup_steps: Steps during which the memory is filled and not used yet, at least 0.
        seed: Of the random unit rows.

    Attributes:
        labels: The table ``[C,K]``, a buffer; it is saved and moved with the module.

    Raises:
        ValueError: An argument is out of range.
    """

    labels: Tensor

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
        memory_per_class: int = 0,
        memory_warmup_steps: int = 100,
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
            "memory_per_class must be at least 0": memory_per_class >= 0,
            "memory_warmup_steps must be at least 0": memory_warmup_steps >= 0,
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise ValueError(
                f"{'; '.join(broken)} (got num_classes={num_classes}, dim={dim}, push_weight={push_weight}, "
                f"stationary_steps={stationary_steps}, warmup_steps={warmup_steps}, decay={decay}, "
                f"distance_temperature={distance_temperature}, start={start!r}, memory_per_class={memory_per_class}, "
                f"memory_warmup_steps={memory_warmup_steps})"
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
        self.memory = EmbeddingMemory(num_classes, dim, memory_per_class) if memory_per_class else None
        self.memory_warmup_steps = memory_warmup_steps
        self._waits_for_means = start == "centroids"
        self._steps_done = 0  # on the host: reading it from a device would wait for that at every step

    @property
    def step(self) -> Tensor:
        """Training steps so far, a scalar; it is saved with the module."""
        return torch.tensor(self._steps_done)

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
        afterwards the table is a constant: a new tensor, so that one that was looked at before stays as it was.

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
        update = (
            self.training
            and self._steps_done >= self.warmup_steps
            and (self._steps_done - self.warmup_steps) % self.stationary_steps == 0
        )
        pool = None
        if update and self.memory is not None and self._steps_done >= self.memory_warmup_steps:
            pool = self.memory.class_sums().to(z.dtype)
        options = StepOptions(
            update,
            self.decay,
            self.leave_one_out,
            self.gradient_through_update,
            self.distance_temperature,
            self.push_weight,
        )
        found = label_step(z, y, self.labels.to(z.dtype), pool, options)
        if self.training:
            self._steps_done += 1
            if self.memory is not None:
                self.memory.add(z, y)
        if update:
            self.labels = found.labels.to(self.labels.dtype)
        push = found.pull.new_zeros(()) if found.push is None else found.push
        return LabelLoss(found.total, found.pull, push)

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

    def _save_to_state_dict(self, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}step"] = self.step

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Tensor],
        prefix: str,
        metadata: Any,
        strict: bool,
        missing: list[str],
        *lists: list[str],
    ) -> None:
        done = state_dict.pop(f"{prefix}step", None)
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, *lists)
        if done is None:
            missing.append(f"{prefix}step")
            return
        self._steps_done = int(done)
        self._waits_for_means = False  # the saved table has begun already


def initial_labels(num_classes: int, dim: int, seed: int = 0, start: Start = "identity") -> Tensor:
    """Labels before training, ``[C,K]``: rows of the identity, or seeded random unit rows when K < C or when they are
    asked for. For a start from class means, which are not known yet, as for ``"identity"``."""
    if start != "random" and dim >= num_classes:
        return torch.eye(num_classes, dim)
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(num_classes, dim, generator=generator), dim=1)
