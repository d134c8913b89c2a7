"""Calibration of a method: how sure it is, and how often it is right (C. Guo et al. 2017, arXiv:1706.04599)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Intervals of confidence."""


@dataclass(frozen=True)
class Calibration:
    """Test samples by the confidence with which they were classified, over the seeds of a group.

    Attributes:
        count: ``[B]`` samples in each of B equal intervals of confidence from 0 to 1.
        confidence: ``[B]`` mean confidence in each; nan without samples.
        accuracy: ``[B]`` share that is right in each; nan without samples.
        runs: How many runs it is of.
    """

    count: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    runs: int

    @property
    def error(self) -> float:
        """Expected calibration error of all samples together, a fraction."""
        there = self.count > 0
        gaps = np.abs(self.accuracy - self.confidence)[there]
        return float((gaps * self.count[there]).sum() / self.count.sum())

    @classmethod
    def of(cls, bins: NDArray[np.float64], runs: int = 1) -> Calibration:
        """From counts.

        Args:
            bins: Samples, their summed confidence and the right ones of each interval, ``[3,B]``.
            runs: How many runs were added up.
        """
        count, sure, right = bins
        with np.errstate(invalid="ignore"):
            return cls(count, np.clip(sure / count, 0, 1), np.clip(right / count, 0, 1), runs)


def calibration_error(p: NDArray[np.floating], y: NDArray[np.intp]) -> float:
    """Expected calibration error, a fraction.

    Args:
        p: Class probabilities ``[N,C]``.
        y: Classes ``[N]``.
    """
    sure, right = p.max(axis=1), p.argmax(axis=1) == y
    at = np.clip(np.ceil(sure * BINS).astype(np.intp) - 1, 0, BINS - 1)
    gaps = np.bincount(at, weights=right - sure, minlength=BINS)
    return float(np.abs(gaps).sum() / len(y))
