"""Measures of predictions and of scores: balanced accuracy, macro F1, top-5 accuracy, calibration; counted part by part.

The same measures as of the app's own trainings (:mod:`lwal_core.training.tally`), in numpy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Intervals of equal width, closed above, that confidences from 0 to 1 are sorted into (C. Guo et al. 2017, arXiv:1706.04599)."""
TOP = 5
"""A sample counts for top-5 accuracy where at most so many classes, its own among them, score as high as its own."""
_SUM_TOLERANCE = 1e-3


def class_measures(confusion: NDArray[np.int64]) -> dict[str, float]:
    """Mean recall and mean F1 over the classes that have samples; a class that no sample is taken for has an F1 of 0.

    Args:
        confusion: Counts ``[C,C]``, true classes in rows.
    """
    there, taken, right = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    present = there > 0
    if not present.any():
        return {}
    return {
        "balanced_accuracy": float(np.mean(right[present] / there[present])),
        "macro_f1": float(np.mean(2 * right[present] / (there[present] + taken[present]))),
    }


def precision(confusion: NDArray[np.int64]) -> NDArray[np.float32]:
    """Share of the samples taken for a class that are of it ``[C]``; nan where none is."""
    with np.errstate(invalid="ignore"):
        return (np.diag(confusion) / confusion.sum(axis=0)).astype(np.float32)


class ScoreCounts:
    """What scores say beside the class with the largest.

    Scores whose rows all are probabilities, from 0 to 1 and of sum 1, are confidences as they are; others, logits, become some by a
    softmax. A score that is no finite number leaves everything unsaid.

    Args:
        classes: C.
    """

    def __init__(self, classes: int) -> None:
        self._classes, self._count, self._top = classes, 0, 0
        self._of_logits, self._of_probabilities = np.zeros((3, BINS)), np.zeros((3, BINS))
        self._finite = self._are_probabilities = True

    def add(self, scores: NDArray[np.floating], y: NDArray[np.int64]) -> None:
        """Count scores ``[B,C]`` of samples of classes ``[B]``."""
        if not len(y):
            return
        scores = scores.astype(np.float64)
        if not np.isfinite(scores).all():
            self._finite = False
            return
        own = scores[np.arange(len(y)), y]
        hits = (scores.argmax(axis=1) == y).astype(np.float64)
        self._count += len(y)
        self._top += int(((scores >= own[:, None]).sum(axis=1) <= TOP).sum())
        largest = scores.max(axis=1)
        sums = scores.sum(axis=1)
        self._are_probabilities &= bool((scores.min() >= 0) and (np.abs(sums - 1) <= _SUM_TOLERANCE).all())
        softmax = 1 / np.exp(scores - largest[:, None]).sum(axis=1)
        for bins, confidence in ((self._of_logits, softmax), (self._of_probabilities, np.clip(largest, 0, 1))):
            at = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
            for row, values in enumerate((np.ones(len(y)), confidence, hits)):
                bins[row] += np.bincount(at, values, BINS)

    @property
    def calibration(self) -> NDArray[np.float64] | None:
        """Samples, summed confidence and right ones of each interval of confidence, ``[3,15]``; None where nothing is known."""
        if not self._finite or not self._count:
            return None
        return self._of_probabilities if self._are_probabilities else self._of_logits

    @property
    def measures(self) -> dict[str, float]:
        """Expected calibration error and, for more than five classes, top-5 accuracy: fractions."""
        bins = self.calibration
        if bins is None:
            return {}
        found = {"calibration_error": float(np.abs(bins[2] - bins[1]).sum() / self._count)}
        return found | ({"top5_accuracy": self._top / self._count} if self._classes > TOP else {})
