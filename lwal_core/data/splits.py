"""Train/test splits and balanced subsets: by seed, per class, independent of everything else.

Each class has its own random stream, so that what is drawn of one class does not change when another gains or loses
samples.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.limits import check_per_class, held_out

_SPLIT, _SUBSET, _VALIDATION = 0, 1, 2  # keep the draws of one seed apart


def split_rows(y: NDArray[np.int64], test_fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Stratified split into training and test rows.

    Args:
        y: Labels ``[N]``; each class that occurs needs two samples.
        test_fraction: Share of every class that is held out, at least one sample and not all.
        seed: 0 or larger.

    Returns:
        Training and test rows, each in ascending order.
    """
    is_test = np.zeros(len(y), dtype=bool)
    is_test[_drawn(y, test_fraction, seed, _SPLIT)] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def validation_rows(y: NDArray[np.int64], share: float, seed: int) -> NDArray[np.int64]:
    """Rows of a training set that are set apart for validation.

    Args:
        y: Labels ``[N]``.
        share: Of every class with two samples or more, at least one sample and not all.
        seed: 0 or larger.

    Returns:
        Rows in ascending order.
    """
    return np.sort(_drawn(y, share, seed, _VALIDATION))


def _drawn(y: NDArray[np.int64], share: float, seed: int, stream: int) -> NDArray[np.int64]:
    drawn = [np.zeros(0, dtype=np.int64)]
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        shuffled = np.random.default_rng([seed, stream, int(label)]).permutation(rows)
        drawn.append(shuffled[: held_out(len(rows), share)])
    return np.concatenate(drawn)


def balanced_rows(
    y: NDArray[np.int64], per_class: int | None, seed: int, name: str, class_names: tuple[str, ...]
) -> NDArray[np.int64]:
    """Rows of a subset with `per_class` samples of every class, in ascending order; all rows when it is None.

    A smaller subset is contained in a larger one of the same seed.

    Raises:
        DataError: A class has fewer than `per_class` samples.
    """
    if per_class is None:
        return np.arange(len(y))
    counts = np.bincount(y, minlength=len(class_names))
    present = np.flatnonzero(counts)
    check_per_class(name, per_class, counts[present].tolist(), [class_names[label] for label in present])
    chosen = [
        np.random.default_rng([seed, _SUBSET, int(label)]).permutation(np.flatnonzero(y == label))[:per_class]
        for label in present
    ]
    return np.sort(np.concatenate(chosen))
