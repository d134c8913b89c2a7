"""Curves small enough to be worked out by hand, for the tests of what compares them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import Comparison, compare

quick = settings(max_examples=30)  # a shared machine may pause in the middle of an example


def curve(
    accuracy: Sequence[float], seed: int = 0, label: str = "LwAL", *, second: float = 2.0, **more: object
) -> Curve:
    """A run with epochs 0, 1, ..., 100 samples and ``second`` seconds per epoch."""
    epoch = np.arange(len(accuracy), dtype=float)
    values = {"epoch": epoch, "samples": 100 * epoch, "seconds": second * epoch, **more}
    return Curve(f"{label}-{seed}", label, label, seed, accuracy=np.array(accuracy, dtype=float), **values)  # type: ignore[arg-type]


def runs(label: str, *accuracies: Sequence[float], second: float = 2.0, first_seed: int = 0) -> list[Curve]:
    return [curve(a, seed, label, second=second) for seed, a in enumerate(accuracies, start=first_seed)]


ONE_HOT = runs("One-hot", [0.1, 0.5, 0.7, 0.9, 0.8], [0.1, 0.4, 0.6, 0.7, 0.92], [0.1, 0.5, 0.7, 0.88, 0.88])
LWAL = runs("LwAL", [0.2, 0.9, 0.91, 0.9, 0.9], [0.2, 0.8, 0.93, 0.9, 0.91], [0.2, 0.8, 0.9, 0.91, 0.9], second=3.0)
SLOW = runs("LwAL10", [0.1, 0.3, 0.5, 0.6, 0.7], [0.1, 0.3, 0.5, 0.6, 0.7], [0.1, 0.3, 0.5, 0.6, 0.7])


def three_methods() -> Comparison:
    """Two methods against one-hot, three seeds each."""
    return compare({"One-hot": ONE_HOT, "LwAL": LWAL, "LwAL10": SLOW}, "One-hot")
