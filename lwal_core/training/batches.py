"""Batches on the training device: from device memory, or streamed from the host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

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
        x: Training samples on the host, ``[N,...]``.
        y: Their classes, ``[N]``.
        sampler: Gives the rows of each batch, of all processes together.
        device: Where the batches are wanted.
        rank: This process's number.
        processes: Processes that share each batch; each gets every ``processes``-th sample of it.
        resident: Whether the samples lie on the device; None decides by its free memory.
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        sampler: Sampler,
        device: torch.device,
        *,
        rank: int = 0,
        processes: int = 1,
        resident: bool | None = None,
    ) -> None:
        self.sampler, self.per_epoch, self.device = sampler, sampler.per_epoch, device
        self.rank, self.processes = rank, processes
        self.resident = _fits(x, device) if resident is None else resident
        self.x, self.y = (x.to(device), y.to(device)) if self.resident else (x, y)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, counted from 1."""
        parts = map(self._own, self.sampler.epoch(epoch))
        if self.resident:
            for part in parts:
                rows = part.to(self.device)
                yield Batch(self.x[rows], self.y[rows], rows)
            return
        cuda = self.device.type == "cuda"
        loader = DataLoader(
            _Gather(self.x, self.y, list(parts)),
            batch_size=None,
            shuffle=False,
            pin_memory=cuda,
            num_workers=WORKERS if cuda else 0,
        )
        for x, y, rows in loader:
            yield Batch(*(part.to(self.device, non_blocking=cuda) for part in (x, y, rows)))

    def _own(self, rows: Tensor) -> Tensor:
        # Shares of equal length: the mean over processes is then the mean over the batch.
        usable = len(rows) // self.processes * self.processes
        return rows[self.rank : usable : self.processes]


class _Gather(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Whole batches as the items of a data set: gathering is one call instead of one per sample."""

    def __init__(self, x: Tensor, y: Tensor, parts: list[Tensor]) -> None:
        self.x, self.y, self.parts = x, y, parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        rows = self.parts[index]
        return self.x[rows], self.y[rows], rows


def _fits(x: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return x.numel() * x.element_size() <= RESIDENT_SHARE * free
