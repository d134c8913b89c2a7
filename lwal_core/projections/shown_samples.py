"""Test samples that a picture shows: which of them, of which epoch, and which have a picture of their own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.errors import LwalError, RunError
from lwal_core.runs import Layer, Run

MOST_SAMPLES = 2_000
"""Test samples in a picture; as many of each class as there are."""
FILM_SAMPLES = 200
"""Test samples in a film whose layout is computed for classes and samples together: each frame takes a second or two."""
THUMBNAILS = 9
"""Pictures that are kept of a class at most."""


class ChosenSamples(NamedTuple):
    """Part of the test set after an epoch.

    Attributes:
        epoch: Of the network that they were embedded by.
        total: Samples of the whole test set.
        rows: Their places in it ``[S]``, ascending.
        y: True classes ``[S]``.
        pred: Predicted classes ``[S]``.
        z: Embeddings ``[S, K]`` float16.
    """

    epoch: int
    total: int
    rows: NDArray[np.intp]
    y: NDArray[np.intp]
    pred: NDArray[np.intp]
    z: NDArray[np.floating]


def sample_epoch(run: Run, layer: Layer, epoch: int) -> int | None:
    """The epoch whose samples go with the classes of an epoch: that one where they are kept of it, else None for the best one."""
    return epoch if layer == "outputs" and epoch != run.record.best_epoch and epoch in run.tested_epochs() else None


def chosen_samples(
    run: Run, layer: Layer = "outputs", epoch: int | None = None, most: int = MOST_SAMPLES
) -> ChosenSamples:
    """Samples of the test set, as many of each class as there are, those with a picture first.

    Args:
        run: The run.
        layer: Where the embeddings are taken.
        epoch: One whose samples are kept; None for the best one.
        most: Samples at most.

    Raises:
        RunError: No epoch has been evaluated yet, the file is damaged, or it has no embeddings.
    """
    found = run.evaluation(layer, epoch)
    if not found.z.shape[1]:
        raise RunError(
            f"Run {run.id} has no embeddings of its test samples.", "Its program recorded predictions alone."
        )
    y = found.y.astype(np.intp)
    usable = np.flatnonzero(np.isfinite(found.z).all(axis=1) & (y >= 0) & (y < len(found.confusion)))
    places = np.arange(len(y)) if found.rows is None else found.rows.astype(np.intp)
    whole = y if layer == "outputs" and epoch is None and found.rows is None else None
    pictured = np.isin(places[usable], picture_rows(run, whole))
    index = usable[subsample_per_class(y[usable], most, first=pictured)]
    data = run.record.data
    total = len(y) if found.rows is None else int(found.confusion.sum())
    if epoch is not None and data is not None and not run.config.external:
        total = max(total, data.test_size)
    return ChosenSamples(found.epoch, total, places[index], y[index], found.pred[index].astype(np.intp), found.z[index])


def picture_rows(run: Run, y: NDArray[np.integer] | None = None) -> NDArray[np.intp]:
    """Places in the test set of the thumbnails that are kept with a run, ``[M]`` in their order; empty where that is not known.

    A training keeps up to :data:`THUMBNAILS` of each class, evenly spread over its test images in their order
    (:meth:`lwal_core.data.dataset.Dataset.thumbnails`). A program that recorded a run may have kept any.

    Args:
        run: The run.
        y: Classes of the whole test set ``[N]`` where they are at hand; None reads them.
    """
    nothing = np.zeros(0, dtype=np.intp)
    kept, data = run.samples(), run.record.data
    if kept is None or data is None or run.config.external:
        return nothing
    if y is None:
        try:
            y = run.evaluation().y
        except LwalError:
            return nothing
    if len(y) != data.test_size:
        return nothing
    rows: list[int] = []
    for label in range(len(run.class_names)):
        own = np.flatnonzero(y == label)
        count = int((kept.y == label).sum())
        if count != min(THUMBNAILS, len(own)):
            return nothing
        rows += own[np.arange(count) * len(own) // max(count, 1)].tolist()
    return np.array(rows, dtype=np.intp) if np.array_equal(kept.y, y[rows]) else nothing
