"""Supervised contrastive learning: samples of one class attract each other, all others repel.

Source: P. Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, arXiv:2004.11362, equation 2 (``L_out``). The paper
takes two augmented views of each image; here a step sees each sample once, so what attracts a sample are the others of its
class in the batch. After training the paper fits a linear layer; here class means are the classifier, which
arXiv:2605.20302 shows to be the one that the loss trains for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lwal_core.errors import TrainingError
from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.losses import at_least_float32, class_centroids, label_distances
from lwal_core.methods.reduction import gather_over_processes, process_rank, rows_of_all_processes

MOST_PAIRS = 2**28
"""Pairs of a batch whose dot products are taken at once: 1 GiB in float32, a few times over in a step."""


class ContrastedSamples(LabelModule):
    """Embeddings of length 1 that are contrasted with each other; the label table follows the class means of the batches.

    The loss of sample i is the mean over the other samples p of its class of ``-s_ip + log sum_a exp(s_ia)``, a over all other
    samples of the batch, ``s`` the dot products over the temperature. A sample that is alone in its class counts as 0. Where a
    batch is split between processes, the samples of all of them are contrasted.

    Args:
        num_classes: C, at least 2.
        dim: K, outputs of the projection, at least 1; the paper's 128.
        temperature: Above 0; the paper's 0.1.

    Attributes:
        labels: For each class its mean in the last batch that had a sample of it, ``[C,K]``, a buffer; zeros before the first.

    Raises:
        ValueError: An argument is out of range.
    """

    labels: Tensor

    def __init__(self, num_classes: int, dim: int = 128, temperature: float = 0.1) -> None:
        super().__init__()
        if num_classes < 2 or dim < 1 or not 0 < temperature < torch.inf:
            raise ValueError(
                "num_classes must be at least 2, dim at least 1, temperature finite and above 0; got "
                f"{num_classes}, {dim} and {temperature}"
            )
        self.num_classes, self.dim, self.temperature = num_classes, dim, temperature
        self.register_buffer("labels", torch.zeros(num_classes, dim))

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Loss of embeddings ``z [B,K]`` of length 1 and classes ``y [B]``; there is no push. In training mode the label table
        is updated.

        Raises:
            ValueError: ``z`` is not ``[B,dim]``.
            TrainingError: The batch has more than :data:`MOST_PAIRS` pairs.
        """
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ValueError(f"z must be [B,{self.dim}]; got {tuple(z.shape)}")
        z = at_least_float32(z)
        with torch.autocast(z.device.type, enabled=False):
            loss = self._loss(z, y)
        if self.training:
            means, counts = class_centroids(z.detach(), y, self.num_classes)
            self.labels = torch.where(counts[:, None] > 0, means.to(self.labels.dtype), self.labels)
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def _loss(self, z: Tensor, y: Tensor) -> Tensor:
        everyone, classes = rows_of_all_processes(z), gather_over_processes(y)
        if len(z) * len(everyone) > MOST_PAIRS:
            raise TrainingError(
                f"SupCon compares every sample of a batch with every other: {len(everyone):,} samples are too many.",
                f"Use a batch size of {int(MOST_PAIRS**0.5):,} or less.",
            )
        scores = z @ everyone.T / self.temperature
        own = process_rank() * len(z) + torch.arange(len(z), device=z.device)  # a sample is not compared with itself
        itself = own[:, None] == torch.arange(len(everyone), device=z.device)
        alike = (y[:, None] == classes[None, :]) & ~itself
        spread = scores.masked_fill(itself, -torch.inf).logsumexp(dim=1)
        count = alike.sum(dim=1)
        near = (scores * alike).sum(dim=1) / count.clamp_min(1)
        return torch.where(count > 0, spread - near, 0.0).mean()

    def predict(self, z: Tensor) -> Tensor:
        """Class of the nearest row of the label table, ``[B]``."""
        return label_distances(z, self.labels).argmin(dim=1)

    def label_table(self) -> Tensor:
        """Class means of the last batches, ``[C,K]``."""
        return self.labels

    def extra_repr(self) -> str:
        """Options for ``repr``."""
        return f"{self.num_classes}, dim={self.dim}, temperature={self.temperature}"
