"""Batches on the training device: from device memory, from the host's, or from files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor

from lwal_core.data.samples import Samples, read_ahead, worker_count
from lwal_core.data.variation import Variation
from lwal_core.training.sampling import Sampler

RESIDENT_SHARE = 0.25
"""Share of a GPU's free memory up to which the training set lies there; the network needs the rest."""
WORKERS = 2
"""Processes that gather the next batches while a GPU works on this one."""


class Batch(NamedTuple):
    """Samples ``x [B,...]``, classes ``y [B]`` and their ``rows [B]`` in the training set, on the training device."""

    x: Tensor
    y: Tensor
    rows: Tensor


class Batches:
    """The batches of every epoch, in the order of a sampler.

    Args:
        x: Training samples ``[N,...]``, in the host's memory or as a stream.
        y: Their classes, ``[N]``.
        sampler: Gives the rows of each batch, of all processes together.
        device: Where the batches are wanted.
        rank: This process's number.
        processes: Processes that share each batch; each gets every ``processes``-th sample of it.
        resident: Whether the samples lie on the device; None decides by its free memory.
        variation: How single images are varied; None for not at all. Such batches come from worker processes.

    Attributes:
        waited: Seconds that were spent waiting for samples which were not yet read.
    """

    def __init__(
        self,
        x: Samples,
        y: Tensor,
        sampler: Sampler,
        device: torch.device,
        *,
        rank: int = 0,
        processes: int = 1,
        resident: bool | None = None,
        variation: Variation | None = None,
    ) -> None:
        self.sampler, self.per_epoch, self.device = sampler, sampler.per_epoch, device
        self.rank, self.processes = rank, processes
        self.variation, self.waited = variation, 0.0
        self.resident = (
            variation is None and isinstance(x, Tensor) and (_fits(x, device) if resident is None else resident)
        )
        self.x = cast(Tensor, x).to(device) if self.resident else x
        self.y = y.to(device) if self.resident else y

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1."""
        parts = [self._own(rows) for rows in self.sampler.epoch(epoch)]
        if self.resident:
            for part in parts:
                rows = part.to(self.device)
                yield Batch(self.x[rows], self.y[rows], rows)
            return
        samples = read_ahead(self.x, parts, self.device, variation=self.variation, epoch=epoch, workers=self._workers())
        asked = time.perf_counter()
        for part, x in zip(parts, samples, strict=True):
            self.waited += time.perf_counter() - asked
            yield Batch(x, self.y[part].to(self.device), part.to(self.device))
            asked = time.perf_counter()

    def _workers(self) -> int:
        if self.variation is None and isinstance(self.x, Tensor):
            return WORKERS if self.device.type == "cuda" else 0
        return worker_count(self.processes)

    def _own(self, rows: Tensor) -> Tensor:
        # Shares of equal length: the mean over processes is then the mean over the batch.
        usable = len(rows) // self.processes * self.processes
        return rows[self.rank : usable : self.processes]


def on_device(x: Samples, device: torch.device) -> Samples:
    """Samples in the memory of a device where they fit well; others, and streams, as they are."""
    return x.to(device) if isinstance(x, Tensor) and _fits(x, device) else x


def _fits(x: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return x.numel() * x.element_size() <= RESIDENT_SHARE * free
