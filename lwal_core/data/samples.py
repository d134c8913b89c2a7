"""Samples of a data set, in memory or as a stream.

Who goes over all samples asks :func:`pieces` and never holds more than a few pieces; who wants some rows asks
:func:`subset`, or ``x[rows]`` for a few of them at once.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lwal_core.data import nvjpeg
from lwal_core.data.skipped import Skip
from lwal_core.data.stream import ImageStream
from lwal_core.data.variation import Variation
from lwal_core.settings import settings

PIECE = 2_048
"""Samples that are embedded at once: bounds the memory of activations."""
_LARGE_SAMPLE, _PIECE_VALUES = 3 * 64 * 64, 2**23
"""Samples of as many values as the first or more go in pieces of at most the second: of 64 pixels 682 images, of 224 pixels 55."""
_MOST_WORKERS = 16
_SHARED_MEMORY = "/dev/shm"  # what workers hand over lies there
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


Samples = Tensor | ImageStream
"""Samples ``[N, ...]``, in memory or read when asked for: both have a ``shape``, a length, and some rows by ``x[rows]``."""


def piece_size(x: Samples) -> int:
    """Samples that are worked on at once."""
    values = math.prod(x.shape[1:])
    return PIECE if values < _LARGE_SAMPLE else max(1, _PIECE_VALUES // values)


def pieces(x: Samples, device: torch.device | str = "cpu", size: int | None = None) -> Iterator[Tensor]:
    """All samples in order, piece by piece, on a device; the next pieces are read while one is used.

    Args:
        x: Samples ``[N, ...]``.
        device: Where the pieces are wanted.
        size: Samples in a piece; None for as many as fit well into memory.
    """
    size = size or piece_size(x)
    if isinstance(x, Tensor):
        for part in x.split(size) if len(x) else ():
            yield part.to(device)
        return
    yield from read_ahead(x, torch.arange(len(x)).split(size) if len(x) else (), device)


def subset(x: Samples, rows: Tensor) -> Samples:
    """Some rows of samples: of a tensor in memory, of a stream as a stream."""
    if isinstance(x, Tensor):
        return x[rows]
    return x.subset(rows)


def read_ahead(
    x: Samples,
    parts: Sequence[Tensor],
    device: torch.device | str = "cpu",
    *,
    variation: Variation | None = None,
    epoch: int = 0,
    workers: int | None = None,
) -> Iterator[Tensor]:
    """The samples of each part, on a device, read by worker processes while those before them are used.

    What comes does not depend on the number of workers.

    Args:
        x: Samples ``[N, ...]``.
        parts: Rows of each part, ``[B]``.
        device: Where they are wanted.
        variation: How images are varied; None for not at all.
        epoch: Of the variations.
        workers: Processes; None for :func:`worker_count`.

    Raises:
        DataError: More images than are let pass cannot be read, or a class has none that can.
    """
    if nvjpeg.wanted(x, device):
        loader: Iterable[tuple[Tensor, list[Skip]]] = nvjpeg.decoded_ahead(
            cast(ImageStream, x), parts, device, variation, epoch
        )
    else:
        loader = _loader(x, parts, device, variation, epoch, workers)
    for samples, skips in _begun(loader):
        if skips:
            cast(ImageStream, x).skipped.add(skips)  # what is in memory skips nothing
        yield samples.to(device, non_blocking=torch.device(device).type == "cuda")


def _loader(
    x: Samples,
    parts: Sequence[Tensor],
    device: torch.device | str,
    variation: Variation | None,
    epoch: int,
    workers: int | None,
) -> DataLoader[tuple[Tensor, list[Skip]]]:
    cuda = torch.device(device).type == "cuda"
    largest = max((len(part) for part in parts), default=0) * math.prod(x.shape[1:])
    largest *= x.element_size() if isinstance(x, Tensor) else 1
    count = _room_for(worker_count() if workers is None else workers, largest)
    return DataLoader(
        _Parts(x, parts, variation, epoch),
        batch_size=None,
        shuffle=False,
        pin_memory=cuda,
        num_workers=min(count, len(parts)),
        worker_init_fn=_begin_worker,
        generator=torch.Generator(),  # its own: drawing from the global one would change what dropout draws
    )


def _begun(loader: Iterable[tuple[Tensor, list[Skip]]]) -> Iterator[tuple[Tensor, list[Skip]]]:
    """Its iterator. The processes that it starts inherit that SIGTERM is held back, so that none dies of one before it is set up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        return iter(loader)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_count(processes: int = 1) -> int:
    """Processes that read data beside a training: ``LWAL_DATA_WORKERS``, or as many as there are cores for each of the
    processes that train together."""
    chosen = settings().data_workers
    if chosen is not None:
        return chosen
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    together = int(os.environ.get("LOCAL_WORLD_SIZE", "1") or 1)
    return min(_MOST_WORKERS, max(1, cores // max(processes, together)))


def _room_for(workers: int, part: int) -> int:
    """As many workers as shared memory has room for: each hands over two parts of so many bytes, and one is in use."""
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return workers
    return min(workers, int(free * 0.8 // max(1, part) - 1) // 2) if part else workers


class _Parts(Dataset[tuple[Tensor, list[Skip]]]):
    """Whole parts as the items of a data set: gathering is one call instead of one per sample."""

    def __init__(self, x: Samples, parts: Sequence[Tensor], variation: Variation | None, epoch: int) -> None:
        self.x, self.parts, self.variation, self.epoch = x, parts, variation, epoch

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> tuple[Tensor, list[Skip]]:
        rows = self.parts[index]
        if not isinstance(self.x, Tensor):
            return self.x.read(rows, self.variation, self.epoch)
        if self.variation is None:
            return self.x[rows], []
        return self.variation.batch(self.x[rows], rows, self.epoch), []


def _begin_worker(number: int) -> None:
    """A worker ends with the training that it reads for, and holds none of its locks longer.

    Clusters, and systems that shut down, send a signal to every process: the training ends after its batch, and needs its workers
    until then.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
