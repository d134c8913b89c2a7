"""Gradient caching: batches larger than the memory, with the gradient of the whole batch.

L. Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup", arXiv:2101.06983, section 3: a first
pass keeps the features of each chunk and nothing else, the loss of all features gives the gradient by each of them, and a
second pass through each chunk takes that gradient to the weights. Here the two passes are torch's checkpoints, one a chunk; they
give the second pass the random numbers of the first, so dropout is the same in both.

Batch norm in training mode uses the statistics of a chunk, so with it, and only with it, chunks and the whole batch differ.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lwal_core.encoders import Classifier


def features_in_chunks(model: Classifier, x: Tensor, size: int | None) -> Tensor:
    """Features ``[B,F]`` of samples ``x [B,...]``, of which the encoder takes at most ``size`` at a time; None for all at once."""
    if size is None or len(x) <= size:
        return model.features(x)
    # Parts that differ by one sample at most: a last part of a single one would have no batch statistics.
    parts = x.tensor_split(-(-len(x) // size))
    return torch.cat(
        [
            checkpoint(model.features, part, use_reentrant=False, context_fn=lambda: _passes(model.encoder))
            for part in parts
        ]
    )


def _passes(
    encoder: nn.Module,
) -> tuple[contextlib.AbstractContextManager[None], contextlib.AbstractContextManager[None]]:
    return contextlib.nullcontext(), _statistics_kept(encoder)


@contextlib.contextmanager
def _statistics_kept(encoder: nn.Module) -> Iterator[None]:
    """In here running statistics of batch norms stay as they are: the first pass has counted this chunk already."""
    norms: list[Any] = [part for part in encoder.modules() if getattr(part, "num_batches_tracked", None) is not None]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)
