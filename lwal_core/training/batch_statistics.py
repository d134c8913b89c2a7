"""Evaluation with the statistics of the batch that is looked at, as the authors' scripts do it.

Batch norm in evaluation mode takes means and variances that were averaged over the training; the scripts leave it in training
mode, so that what is said of a test sample depends on the samples that stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwal_core.config import TrainingConfig
from lwal_core.data.samples import Samples, read_ahead
from lwal_core.encoders import Classifier


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Let every batch norm below take the statistics of its batch; running means, their count and all modes stay as they were."""
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    before = [(norm.training, norm.track_running_stats) for norm in norms]
    for norm in norms:
        norm.training, norm.track_running_stats = True, False  # no running means are handed over, so none are changed
    try:
        yield
    finally:
        for norm, (training, tracked) in zip(norms, before, strict=True):
            norm.training, norm.track_running_stats = training, tracked


class EvaluationBatches(NamedTuple):
    """How samples that are looked at are put into batches: ``size`` samples each, drawn by ``seed`` once for all epochs."""

    size: int
    seed: int

    @classmethod
    def of(cls, training: TrainingConfig) -> EvaluationBatches | None:
        """Those that a training asks for; None where batch norm takes its running means."""
        return None if training.evaluation == "running_means" else cls(training.step_size, training.seed)

    def rows(self, samples: int) -> tuple[Tensor, ...]:
        """Rows of each batch: a shuffled ``0 ... samples - 1`` in parts that differ by one sample at most, since statistics of
        a small rest would be poor. Stored order would not do: a folder of images is sorted by class."""
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(self.seed))
        return order.tensor_split(-(-samples // self.size)) if samples else ()

    @torch.no_grad()
    def features(self, model: Classifier, x: Samples) -> Tensor:
        """Features ``[N,D]`` of raw samples ``[N,...]`` in their own order, on the model's device. All are held at once."""
        device = model.head.weight.device
        batches = self.rows(len(x))
        parts = (x[rows].to(device) for rows in batches) if isinstance(x, Tensor) else read_ahead(x, batches, device)
        features = model.head.weight.new_zeros((len(x), model.head.in_features))
        with batch_statistics(model):
            for rows, part in zip(batches, parts, strict=True):
                features[rows.to(device)] = model.features(part).to(features.dtype)
        return features
