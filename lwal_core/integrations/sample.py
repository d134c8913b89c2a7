"""Balanced random sample of a stream, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.generic], ...]


class BalancedSample:
    """Up to ``each`` samples of every class.

    Every sample draws a number, from a generator of its own; those with the smallest ones of their class stay. A stream in
    the same order gives the same sample.

    Args:
        classes: C.
        each: Samples of a class.
    """

    def __init__(self, classes: int, each: int) -> None:
        self._each = each
        self._random = np.random.default_rng(0)
        self._limits = np.ones(classes)  # a class that is full takes only smaller numbers
        self._kept: list[Arrays] = []
        self._count = self._seen = 0
        self._room = 2 * each * classes + 256

    def offer(self, y: NDArray[np.int64], take: Callable[[NDArray[np.intp]], Arrays]) -> None:
        """Let samples in.

        Args:
            y: Their classes ``[B]``.
            take: Gives the arrays of some of the rows, copied, each ``[M,...]``; called only where any may stay.
        """
        drawn = self._random.random(len(y))
        rows = np.flatnonzero(drawn < self._limits[y])
        rows = rows[self._smallest(y[rows], drawn[rows])]
        if len(rows):
            self._kept.append((y[rows], drawn[rows], self._seen + rows, *take(rows)))
            self._count += len(rows)
            if self._count > self._room:
                self._trim()
        self._seen += len(y)

    def arrays(self) -> Arrays:
        """Classes ``[M]`` of the sample and its other arrays, in the order in which they came; empty without samples."""
        if not self._kept:
            return ()
        self._trim()
        y, _, at, *others = self._kept[0]
        order = np.argsort(at)
        return (y[order], *(other[order] for other in others))

    def _smallest(self, y: NDArray[np.int64], drawn: NDArray[np.float64]) -> NDArray[np.intp]:
        """The rows that have the smallest numbers of their class, ascending."""
        order = np.lexsort((drawn, y))
        grouped = y[order]
        turn = np.arange(len(y)) - np.searchsorted(grouped, grouped, side="left")
        return np.sort(order[turn < self._each])

    def _trim(self) -> None:
        whole = tuple(np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        rows = self._smallest(whole[0], whole[1])
        self._kept, self._count = [tuple(part[rows] for part in whole)], len(rows)
        y, drawn = whole[0][rows], whole[1][rows]
        full = np.flatnonzero(np.bincount(y, minlength=len(self._limits)) == self._each)
        largest = np.zeros(len(self._limits))
        np.maximum.at(largest, y, drawn)
        self._limits[full] = largest[full]
