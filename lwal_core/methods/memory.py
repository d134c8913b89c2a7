"""Memory of recent embeddings, for class means over more samples than a batch has.

The queue is that of X. Wang et al., "Cross-Batch Memory for Embedding Learning", arXiv:1912.06798, section 3: the last
embeddings, first in, first out, without gradients. They were made with older weights; how old is the same for all classes, the
length of the queue over the size of a batch. Weights change fastest at the start, so the queue is used after a warm-up alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lwal_core.errors import TrainingError
from lwal_core.methods.reduction import gather_over_processes

MEMORY_LIMIT_BYTES = 2**30


class EmbeddingMemory(nn.Module):
    """The last embeddings of a training, with their classes.

    Args:
        num_classes: C.
        dim: K.
        per_class: Length of the queue over the number of classes: how many embeddings a class has in it, if all are equally
            frequent. At least 1.

    Raises:
        TrainingError: It would take more than :data:`MEMORY_LIMIT_BYTES`.
    """

    rows: Tensor
    classes: Tensor

    def __init__(self, num_classes: int, dim: int, per_class: int) -> None:
        super().__init__()
        self.num_classes, length = num_classes, num_classes * per_class
        size = 4 * length * (dim + 1)
        if size > MEMORY_LIMIT_BYTES:
            raise TrainingError(
                f"A memory of {per_class:,} embeddings a class, {num_classes:,} classes and {dim:,} numbers each takes "
                f"{size / 2**30:.1f} GiB; at most {MEMORY_LIMIT_BYTES / 2**30:.0f} GiB are allowed.",
                "Keep fewer embeddings a class, or choose a smaller label dimension.",
            )
        # The last column is 1 where there is an embedding, so that a sum over rows counts them, too.
        self.register_buffer("rows", torch.zeros(length, dim + 1))
        self.register_buffer("classes", torch.zeros(length, dtype=torch.long))

    def class_sums(self) -> Tensor:
        """Sum of the embeddings of each class, and in the last column their number, ``[C,K+1]``."""
        return self.rows.new_zeros(self.num_classes, self.rows.shape[1]).index_add_(0, self.classes, self.rows)

    @torch.no_grad()
    def add(self, z: Tensor, y: Tensor) -> None:
        """Take in a batch ``z [B,K]``, ``y [B]`` and drop as many of the oldest; batches of all processes, where several train."""
        new = torch.cat([z.detach().to(self.rows.dtype), self.rows.new_ones(len(z), 1)], dim=1)
        new, y = gather_over_processes(new), gather_over_processes(y)
        kept, length = max(0, len(self.rows) - len(y)), len(self.rows)
        self.rows = torch.cat([self.rows[length - kept :], new[-length:]])
        self.classes = torch.cat([self.classes[length - kept :], y[-length:]])
