"""Retrospection: soft labels from the network's own earlier outputs.

Source: X. Deng, Z. Zhang, "Learning with Retrospection", AAAI 2021, arXiv:2012.13098, in the form in which
arXiv:2209.04528 compares with it: the recorded outputs are softened, the outputs that are compared with them are not,
and the divergence is not multiplied by the squared temperature.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.datafiles.limits import MEMORY_LIMIT_BYTES
from lwal_core.errors import TrainingError
from lwal_core.methods.base import LabelLoss, LabelModule, StepContext
from lwal_core.methods.losses import at_least_float32
from lwal_core.methods.reduction import gather_over_processes

FINAL_SHARE = 0.9
"""Weight of the recorded soft labels in the last epoch; it grows from 0 in proportion to the epoch."""


class RetrospectionLabels(LabelModule):
    """A linear head to C logits, trained towards the true class and towards its own earlier, softened outputs.

    With ``k = retrospection_epochs``: epochs 1 to k use cross-entropy alone. In epochs k, 2k, 3k and so on,
    ``softmax(z / temperature)`` of every sample is recorded as the step sees it, in training mode and without a second
    forward pass. From epoch k + 1 on the loss of a sample is ``(1 - b) * CE(z, y) + b * KL(recorded, softmax(z))`` with
    ``b = 0.9 * epoch / epochs``.

    A step reads what was recorded before it records, and only recordings of *earlier* epochs count. So all targets of
    a recording epoch come from the recordings before it, in whatever order the samples arrive. A sample that has no
    recording yet (one that was left out of the recording epoch's batches) is trained with cross-entropy alone; one
    that misses a later recording keeps the one it has.

    Recordings take N x C numbers in half precision: their rounding (1 in 2,000) is far below what a temperature
    decides, and they are saved with every checkpoint. They are scaled to sum 1 when they are read.

    Args:
        num_classes: C, at least 2.
        train_size: N, samples in the training set, at least 1.
        retrospection_epochs: k, at least 1.
        temperature: Above 0; larger values soften more.

    Attributes:
        soft_labels: float16 ``[N,C]``, a buffer; zeros where nothing is recorded.
        recorded_in: int32 ``[N]``, a buffer; the epoch of the recording, 0 for none.

    Raises:
        ValueError: An argument is out of range.
        TrainingError: The recordings would take more than 4 GiB.
    """

    labels: Tensor
    soft_labels: Tensor
    recorded_in: Tensor

    def __init__(
        self, num_classes: int, train_size: int, retrospection_epochs: int = 5, temperature: float = 5.0
    ) -> None:
        super().__init__()
        if num_classes < 2 or train_size < 1 or retrospection_epochs < 1 or not temperature > 0:
            raise ValueError(
                "num_classes must be at least 2, train_size and retrospection_epochs at least 1, temperature above 0; got "
                f"{num_classes}, {train_size}, {retrospection_epochs} and {temperature}"
            )
        size = train_size * num_classes * torch.float16.itemsize
        if size > MEMORY_LIMIT_BYTES:
            raise TrainingError(
                f"Retrospection records {num_classes:,} numbers for each of {train_size:,} training samples, "
                f"{size / 2**30:.1f} GiB; at most {MEMORY_LIMIT_BYTES / 2**30:.0f} GiB are allowed.",
                "Train on fewer samples per class, or with another method.",
            )
        self.num_classes = self.dim = num_classes
        self.retrospection_epochs = retrospection_epochs
        self.temperature = temperature
        self.register_buffer("labels", torch.eye(num_classes), persistent=False)
        self.register_buffer("soft_labels", torch.zeros(train_size, num_classes, dtype=torch.float16))
        self.register_buffer("recorded_in", torch.zeros(train_size, dtype=torch.int32))

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """Loss of logits ``z [B,C]``, and the recording where the epoch is one for it; there is no push.

        ``pull`` is the cross-entropy with the true class, unweighted, and so comparable with one-hot training.

        Raises:
            ValueError: The context is not of these samples.
        """
        if context.rows.shape != y.shape:
            raise ValueError(f"rows and y must both be [B]; got {tuple(context.rows.shape)} and {tuple(y.shape)}")
        log_p = F.log_softmax(at_least_float32(z), dim=1)
        hard = F.nll_loss(log_p, y, reduction="none")
        loss = hard
        if context.epoch > self.retrospection_epochs:
            recorded_in = self.recorded_in[context.rows]
            usable = (recorded_in > 0) & (recorded_in < context.epoch)
            target = self.soft_labels[context.rows].to(log_p.dtype)
            # A row that was never recorded is 0 throughout and stays so; its share below is 0.
            target = target / target.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float16).tiny)
            soft = F.kl_div(log_p, target, reduction="none").sum(dim=1)
            share = FINAL_SHARE * context.epoch / context.epochs * usable.to(log_p.dtype)
            loss = (1 - share) * hard + share * soft
        if self.training and context.epoch % self.retrospection_epochs == 0:
            self._record(z, context)
        return LabelLoss(loss.mean(), hard.mean(), loss.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the largest logit, ``[B]``."""
        return z.argmax(dim=1)

    def label_table(self) -> Tensor:
        """The identity ``[C,C]``: soft labels belong to samples, the classes themselves stay equally far apart."""
        return self.labels

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, retrospection_epochs={self.retrospection_epochs}, temperature={self.temperature}"

    @torch.no_grad()
    def _record(self, z: Tensor, context: StepContext) -> None:
        soft = F.softmax(at_least_float32(z) / self.temperature, dim=1).to(self.soft_labels.dtype)
        # The samples of a process are others in the next epoch, so every process keeps the recordings of all.
        rows = gather_over_processes(context.rows)
        self.soft_labels[rows] = gather_over_processes(soft)
        self.recorded_in[rows] = context.epoch
