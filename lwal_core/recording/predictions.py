"""Predictions on a test set: from what a program has, to accuracies, confusion, a sample of embeddings and thumbnails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.recording.arrays import (
    CHUNK_VALUES,
    RecordError,
    check_shape,
    class_numbers,
    parts_of,
    rows_of,
)
from lwal_core.recording.measures import ScoreCounts, class_measures, precision
from lwal_core.runs import Predictor
from lwal_core.runs.evaluation import confusion_counts

MAX_TESTED = 50_000_000
MAX_KEPT = 2_000
"""Samples whose embeddings and predictions are kept, as many of each class as there are; all samples are counted."""
THUMBNAILS, THUMBNAIL_SIDE = 9, 48
MAX_THUMBNAIL_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class Tested:
    """A test set as one epoch sees it.

    Attributes:
        count: N, all samples.
        own: Accuracy of the program's predictions, a fraction; None where it gave none.
        mean: Accuracy by nearest class mean; None without embeddings or class means.
        class_own: Accuracy of each class by the first, ``[C]``, nan for a class without samples; None as above.
        class_mean: The same by nearest class mean.
        confusion: Counts ``[C,C]`` of all samples, true classes in rows, of the program's predictions where it gave
            some, else of the nearest class means.
        z: Embeddings ``[M,K]`` of the samples that are kept, ``[M,0]`` without.
        y: Their classes ``[M]``.
        pred: Their predicted classes ``[M]``.
        scored: What the scores say of all samples; None where predictions were given without any.
    """

    count: int
    own: float | None
    mean: float | None
    class_own: NDArray[np.float32] | None
    class_mean: NDArray[np.float32] | None
    confusion: NDArray[np.int64]
    z: NDArray[np.float32]
    y: NDArray[np.int64]
    pred: NDArray[np.int64]
    scored: ScoreCounts | None = None

    @property
    def measures(self) -> dict[str, float]:
        """Balanced accuracy and macro F1 by :attr:`rule` and, with scores, calibration error and top-5 accuracy: fractions."""
        return class_measures(self.confusion) | ({} if self.scored is None else self.scored.measures)

    @property
    def class_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Precision and calibration, under the names that label snapshots have for them."""
        bins = None if self.scored is None else self.scored.calibration
        found: dict[str, NDArray[np.generic]] = {f"precision_{self.rule}": precision(self.confusion)}
        return found if bins is None else {**found, "calibration": bins}

    @property
    def rule(self) -> Predictor:
        """What confusion and predictions are by."""
        return "mean" if self.own is None else "own"

    @property
    def class_accuracy(self) -> dict[Predictor, NDArray[np.float32]]:
        """Accuracy of each class by every rule that is known."""
        found: dict[Predictor, NDArray[np.float32] | None] = {"mean": self.class_mean, "own": self.class_own}
        return {rule: share for rule, share in found.items() if share is not None}


def tested(
    targets: Any,
    predictions: Any,
    scores: Any,
    embeddings: Any,
    *,
    classes: int,
    means: NDArray[np.float32] | None,
    width: int | None,
) -> Tested:
    """Read what a program says of a test set.

    Args:
        targets: True classes ``[N]``.
        predictions: Predicted classes ``[N]``, or None.
        scores: A score for each class ``[N,C]``, of which the largest is the prediction, or None.
        embeddings: ``[N,K]`` in the space of the class means, or None.
        classes: C.
        means: Class means ``[C,K]`` of the same epoch, or None.
        width: K of the run's class means where it is known.

    Raises:
        RecordError: Something does not fit; the message names the argument.
    """
    y = class_numbers(targets, "targets", None, classes)
    count = len(y)
    if not 0 < count <= MAX_TESTED:
        raise RecordError("targets", f"targets has {count:,} values.", f"It may have 1 to {MAX_TESTED:,}.")
    own = nearest = scored = None
    if predictions is not None:
        own = class_numbers(predictions, "predictions", count, classes)
    elif scores is not None:
        own, scored = largest(scores, y, classes)
    if embeddings is not None:
        sizes = {"N": count} | ({} if width is None else {"K": width})
        width = check_shape(embeddings, "embeddings", "NK", sizes)[1]
        if means is not None:
            nearest = nearest_means(embeddings, means, count)
    used = own if own is not None else nearest
    if used is None:
        raise RecordError(
            "predictions",
            "Nothing says which class each sample is taken for.",
            "Give predictions or scores, or log the class means of this epoch first and give embeddings.",
        )
    rows = subsample_per_class(y, MAX_KEPT)
    z = np.zeros((len(rows), 0), np.float32)
    if embeddings is not None:
        with np.errstate(over="ignore"):
            z = rows_of(embeddings, rows, "embeddings").astype(np.float32)
        if not np.isfinite(z).all():
            raise RecordError("embeddings", "embeddings has values that are no finite number.", "Give finite numbers.")
    return Tested(
        count=count,
        own=None if own is None else float(np.mean(own == y)),
        mean=None if nearest is None else float(np.mean(nearest == y)),
        class_own=None if own is None else class_shares(own == y, y, classes),
        class_mean=None if nearest is None else class_shares(nearest == y, y, classes),
        confusion=confusion_counts(y, used, classes),
        z=z,
        y=y[rows],
        pred=used[rows],
        scored=scored,
    )


def largest(scores: Any, y: NDArray[np.int64], classes: int) -> tuple[NDArray[np.int64], ScoreCounts]:
    """The class with the largest score of each sample ``[N]``, of several the first, and what the scores say beside it."""
    count = len(y)
    check_shape(scores, "scores", "NC", {"N": count, "C": classes})
    found, counts = np.empty(count, np.int64), ScoreCounts(classes)
    for place, part in parts_of(scores, "scores", count, classes):
        found[place] = part.argmax(axis=1)
        counts.add(part, y[place])
    return found, counts


def nearest_means(embeddings: Any, means: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """The class whose mean is nearest to each embedding ``[N]``, by Euclidean distance."""
    centers = means.astype(np.float64)
    squares = (centers**2).sum(axis=1)
    found = np.empty(count, np.int64)
    for place, part in parts_of(embeddings, "embeddings", count, centers.shape[1], len(centers)):
        # |z|^2 is the same for every class
        found[place] = (squares - 2 * part @ centers.T).argmin(axis=1)
    return found


def class_shares(hits: NDArray[np.bool_], y: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """Share of hits in each class ``[C]``; nan for a class without samples."""
    counts = np.bincount(y, minlength=classes)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float32] = (np.bincount(y[hits], minlength=classes) / counts).astype(np.float32)
    return shares


def thumbnails(images: Any, targets: Any, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Up to 9 pictures of each class, evenly spread over its samples, at most 48 pixels a side.

    Args:
        images: uint8 ``[N,H,W,3]``.
        targets: Classes ``[N]``.
        classes: C.

    Returns:
        uint8 ``[M,h,w,3]`` sorted by class, and their classes ``[M]``.

    Raises:
        RecordError: Another shape or type of number.
    """
    from PIL import Image

    y = class_numbers(targets, "targets", None, classes)
    _, height, width, _ = check_shape(images, "images", "NHW3", {"N": len(y)})
    if len(y) == 0 or height * width * 3 > CHUNK_VALUES * 8:
        raise RecordError("images", f"images are {height:,} x {width:,} pixels.", "Give smaller ones.")
    longer = max(height, width, THUMBNAIL_SIDE)  # small ones stay as they are
    size = (max(1, round(width * THUMBNAIL_SIDE / longer)), max(1, round(height * THUMBNAIL_SIDE / longer)))
    each = max(1, min(THUMBNAILS, MAX_THUMBNAIL_BYTES // (3 * size[0] * size[1] * classes)))
    found: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for label in np.unique(y).tolist():
        rows = np.flatnonzero(y == label)
        chosen = rows[np.arange(min(each, len(rows))) * len(rows) // min(each, len(rows))]
        for row in chosen:
            image = rows_of(images, np.array([row]), "images")
            if image.dtype != np.uint8:
                raise RecordError("images", f"images has values of type {image.dtype}.", "Give uint8, from 0 to 255.")
            picture = Image.fromarray(image[0])
            found.append(
                np.asarray(picture if longer == THUMBNAIL_SIDE else picture.resize(size, Image.Resampling.BOX))
            )
            labels.append(label)
    return np.stack(found), np.array(labels, np.int64)
