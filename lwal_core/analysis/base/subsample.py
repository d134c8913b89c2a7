"""Subsampling: evenly spread, or per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")


def subsample(items: Sequence[T], most: int) -> list[T]:
    """All items, or ``most`` of them evenly spread, the first and the last among them.

    Args:
        items: In order: epochs, numbers of groups.
        most: From 2 up.
    """
    if len(items) <= most:
        return list(items)
    return [items[at] for at in np.linspace(0, len(items) - 1, most).round().astype(int).tolist()]


def subsample_per_class(
    y: npt.ArrayLike, count: int, seed: int = 0, first: npt.ArrayLike | None = None
) -> npt.NDArray[np.intp]:
    """Indices ``[min(count, N)]`` of samples drawn class by class in turn, so that small classes are not lost.

    Args:
        y: ``[N]`` class of each sample.
        count: Samples wanted, from 0.
        seed: Which samples of a class are drawn; the same ones every time.
        first: ``[N]`` whether a sample is drawn before the others of its class; None for no such samples.

    Returns:
        Ascending.
    """
    classes = np.asarray(y)
    order = np.random.default_rng(seed).permutation(len(classes))
    if first is not None:
        order = order[np.argsort(~np.asarray(first, dtype=bool)[order], kind="stable")]
    order = order[np.argsort(classes[order], kind="stable")]
    grouped = classes[order]
    turn = np.arange(len(grouped)) - np.searchsorted(grouped, grouped, side="left")
    found: npt.NDArray[np.intp] = np.sort(order[np.argsort(turn, kind="stable")][:count])
    return found
