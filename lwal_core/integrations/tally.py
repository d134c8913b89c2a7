"""A test set, counted batch by batch: class means in float64, hits, confusion, and a balanced sample. No batch is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.integrations.sample import BalancedSample
from lwal_core.recording.arrays import RecordError, class_numbers
from lwal_core.recording.measures import ScoreCounts
from lwal_core.recording.predictions import MAX_KEPT, MAX_THUMBNAIL_BYTES, THUMBNAIL_SIDE, THUMBNAILS, Tested


class ClassMeans:
    """Running means of each class's embeddings.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._sums: Tensor | None = None
        self.counts = np.zeros(classes, np.int64)

    def add(self, z: Tensor, y: NDArray[np.int64]) -> None:
        """Count embeddings ``[B,K]`` of any type of float, on any device, with their classes ``[B]``."""
        z = z.cpu() if z.device.type == "mps" else z  # which has no float64
        if self._sums is None:
            self._sums = torch.zeros(self._classes, z.shape[1], dtype=torch.float64, device=z.device)
        self._sums.index_add_(0, torch.from_numpy(y).to(z.device), z.to(self._sums.device, torch.float64))
        self.counts += np.bincount(y, minlength=self._classes)

    def table(self) -> NDArray[np.float64] | None:
        """The means ``[C,K]``; nan for a class without samples, None before the first batch."""
        if self._sums is None:
            return None
        with np.errstate(invalid="ignore"):
            means: NDArray[np.float64] = self._sums.cpu().numpy() / self.counts[:, None]
        return means


class Tally:
    """A test set, counted.

    Args:
        classes: C.
        means: Class means ``[C,K]`` of other samples, by which the nearest is found; None for no such rule.
        images: Whether to keep pictures.
    """

    def __init__(self, classes: int, means: NDArray[np.float64] | None = None, images: bool = True) -> None:
        self._classes = classes
        self.means = ClassMeans(classes)
        self._confusion: Tensor | None = None
        self._has_scores, self._scored = True, ScoreCounts(classes)
        self._centers = None if means is None or np.isnan(means).any() else torch.from_numpy(means)
        self._near = np.zeros(classes, np.int64)  # hits of the nearest class mean
        self._sample = BalancedSample(classes, -(-MAX_KEPT // classes))
        each = MAX_THUMBNAIL_BYTES // (3 * THUMBNAIL_SIDE**2 * classes)
        self._images = BalancedSample(classes, min(THUMBNAILS, max(1, each))) if images else None

    @property
    def count(self) -> int:
        """Samples so far."""
        return int(self.means.counts.sum())

    def add(
        self,
        z: Tensor,
        targets: object,
        scores: Tensor | None,
        pictures: Callable[[NDArray[np.intp]], NDArray[np.uint8]] | None,
    ) -> None:
        """Count a batch.

        Args:
            z: Embeddings ``[B,K]``.
            targets: True classes ``[B]``, of any kind of array.
            scores: A score for each class ``[B,C]``, the largest being the prediction; None where the network has none.
            pictures: Gives uint8 ``[M,h,w,3]`` of some rows; None without pictures.

        Raises:
            RecordError: Something does not fit; the message names it.
        """
        y = class_numbers(targets, "targets", len(z), self._classes)
        if not len(y):
            return
        near = None
        if self._centers is not None:
            self._centers = self._centers.to(z.device)
            # |z|^2 is the same for every class
            near = (self._centers.square().sum(1) - 2 * z.to(self._centers.dtype) @ self._centers.T).argmin(dim=1)
            self._near += np.bincount(y[near.cpu().numpy() == y], minlength=self._classes)
        used = scores.argmax(dim=1) if scores is not None else near
        self._has_scores &= scores is not None
        if scores is not None:
            self._scored.add(scores.detach().float().cpu().numpy(), y)
        if used is None:
            raise RecordError(
                "predictions",
                f"The network gives no [B, {self._classes}] scores.",
                "Give a train_loader, for predictions by the nearest class mean, or log what you measure yourself.",
            )
        if self._confusion is None:
            self._confusion = torch.zeros(self._classes**2, dtype=torch.int64, device=used.device)
        cells = torch.from_numpy(y).to(used.device) * self._classes + used
        self._confusion.index_add_(0, cells, torch.ones_like(cells))
        self.means.add(z, y)
        self._sample.offer(y, lambda rows: (_rows(z, rows).astype(np.float32), _rows(used, rows).astype(np.int64)))
        if self._images is not None and pictures is not None:
            self._images.offer(y, lambda rows: (pictures(rows),))

    def tested(self) -> Tested:
        """What was counted.

        Raises:
            RecordError: Nothing was.
        """
        if self._confusion is None:
            raise RecordError("loader", "The loader gave no samples.", "Give one that holds the test set.")
        confusion = self._confusion.cpu().numpy().reshape(self._classes, self._classes)
        counts, hits = self.means.counts, np.diag(confusion)
        known = self._centers is not None
        y, z, predicted = self._sample.arrays()
        rows = subsample_per_class(y, MAX_KEPT)
        with np.errstate(invalid="ignore"):
            shares, near = (hits / counts).astype(np.float32), (self._near / counts).astype(np.float32)
        return Tested(
            count=self.count,
            own=float(hits.sum() / self.count) if self._has_scores else None,
            mean=float(self._near.sum() / self.count) if known else None,
            class_own=shares if self._has_scores else None,
            class_mean=near if known else None,
            confusion=confusion,
            z=z[rows],  # type: ignore[arg-type]
            y=y[rows],  # type: ignore[arg-type]
            pred=predicted[rows],  # type: ignore[arg-type]
            scored=self._scored if self._has_scores else None,
        )

    def pictures(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
        """uint8 ``[M,h,w,3]`` and their classes ``[M]``; None where there were none."""
        found = self._images.arrays() if self._images is not None else ()
        return (found[1], found[0]) if found else None  # type: ignore[return-value]


def _rows(values: Tensor, rows: NDArray[np.intp]) -> NDArray[np.generic]:
    chosen = values[torch.from_numpy(rows).to(values.device)].detach()
    return (chosen.float() if chosen.is_floating_point() else chosen).cpu().numpy()
