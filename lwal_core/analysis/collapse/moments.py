"""Class means and the spread around them, of samples that come in pieces; every sum is in float64.

Means and the spread of each class are brought up to date piece by piece (T. Chan, G. Golub, R. LeVeque, *Algorithms for computing
the sample variance*, The American Statistician 37, 1983), so that nothing is lost where the spread is small beside the means. The
spread along given directions, which the pseudo-inverse of neural collapse needs, is known only when all means are: pieces are held
up to :data:`MOST_HELD` numbers, and of more the matrix of second moments ``[D,D]`` is summed instead. No sample is asked for twice.

Arrays may be numpy or torch, on any device that has float64: what is used here both have. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lwal_core.errors import AnalysisError

MOST_HELD = 2**23
"""Numbers of the samples that are held: 32 MiB in float32."""
MOST_WIDTH = 4_096
"""Numbers of a vector up to which second moments are summed: a matrix of 128 MiB."""

Array = Any
"""A numpy array or a torch tensor."""


class ArrayError(AnalysisError, ValueError):
    """Arrays do not fit each other, or have values that are no finite number."""


class ClassMoments:
    """Means, spreads and counts of C classes, of vectors of D numbers.

    Args:
        classes: C.
        width: D.
        array: Makes an array of the kind that the samples have, on their device, from a numpy one in float64; numpy when left
            out.

    Attributes:
        count: Samples of each class ``[C]``, float64.
        mean: Class means ``[C,D]``; 0 for a class without samples.
        spread: Sum of the squared distances of the samples to their class mean, ``[C]``.
    """

    def __init__(self, classes: int, width: int, array: Callable[[np.ndarray], Array] | None = None) -> None:
        self._array = array or (lambda values: values)
        self._one = self._array(np.zeros(1))
        self.count, self.mean, self.spread = self._zeros(classes), self._zeros(classes, width), self._zeros(classes)
        self._held: list[tuple[Array, Array]] = []
        self._summed: list[_SecondMoments] = []
        self._too_wide = False

    def update(self, x: Array, y: Array) -> None:
        """Count samples ``x [B,D]`` of the classes ``y [B]``, whole numbers from 0 to C - 1."""
        if not len(y):
            return
        wide = _double(x)
        count = self._class_sums(_ones(y), y)
        mean = self._class_sums(wide, y) / count.clip(1)[:, None]
        rest = wide - mean[y]
        self._join(count, mean, self._class_sums((rest * rest).sum(1), y))
        if self._too_wide:
            return
        if self._summed:
            self._summed[0].update(wide, y, mean, count)
            return
        self._held.append((x, y))
        if sum(len(part) for _, part in self._held) * self._width > MOST_HELD:
            self._sum_up()

    def merge(self, other: ClassMoments) -> None:
        """Count the samples of another one as well, which must not be used any more.

        Raises:
            ArrayError: It has other classes or another width.
        """
        if tuple(other.mean.shape) != tuple(self.mean.shape):
            raise ArrayError(f"Moments of {_sizes(other.mean)} cannot be added to those of {_sizes(self.mean)}.")
        self._join(other.count, other.mean, other.spread)
        self._held += other._held
        self._summed += other._summed
        self._too_wide |= other._too_wide

    def share(self, total: Callable[[Array], Array]) -> None:
        """Take the means and spreads of all processes that read a part of the samples each; every one of them must call it.

        Args:
            total: Sums an array over the processes.
        """
        count = total(self.count)
        mean = total(self.mean * self.count[:, None]) / count.clip(1)[:, None]
        apart = self.mean - mean
        self.spread = total(self.spread + self.count * (apart * apart).sum(1))
        self.count, self.mean = count, mean

    def within(self, directions: np.ndarray) -> Array:
        """Sum over the samples that were read here, of the squared product of their distance to the class mean ``[D]`` with
        each direction: the trace of ``directions.T @ scatter @ directions``.

        Args:
            directions: ``[D,R]`` float64.

        Returns:
            ``[1]``; nan where vectors are too wide and samples too many.
        """
        along, found = self._array(directions), self._zeros(1)
        if self._too_wide:
            return found + np.nan
        for x, y in self._held:
            part = (_double(x) - self.mean[y]) @ along
            found = found + (part * part).sum()
        for moments in self._summed:
            found = found + moments.within(self.mean, along)
        return found

    @property
    def _width(self) -> int:
        return int(self.mean.shape[1])

    def _zeros(self, *shape: int) -> Array:
        return np.zeros(shape) if isinstance(self._one, np.ndarray) else self._one.new_zeros(shape)  # on its device

    def _class_sums(self, values: Array, y: Array) -> Array:
        """Sum of the rows ``[B,...]`` of each class, ``[C,...]``."""
        total = self._zeros(len(self.count), *values.shape[1:])
        if not isinstance(total, np.ndarray):
            return total.index_add_(0, y, values)
        order = np.argsort(y, kind="stable")
        there, starts = np.unique(y[order], return_index=True)
        total[there] = np.add.reduceat(values[order], starts, axis=0)
        return total

    def _join(self, count: Array, mean: Array, spread: Array) -> None:
        both = (self.count + count).clip(1)
        apart = mean - self.mean
        self.spread = self.spread + spread + (self.count * count / both) * (apart * apart).sum(1)
        self.mean = self.mean + apart * (count / both)[:, None]
        self.count = self.count + count

    def _sum_up(self) -> None:
        """From now on second moments are summed, those of the held pieces first."""
        self._too_wide = self._width > MOST_WIDTH
        held, self._held = self._held, []
        if self._too_wide:
            return
        moments = _SecondMoments(self.mean, self.count, self._zeros, self._class_sums)
        for x, y in held:
            moments.add(_double(x), y)
        self._summed = [moments]


class _SecondMoments:
    """Second moments around a point for each class, near its mean: the mean of the samples that came first."""

    def __init__(
        self, mean: Array, count: Array, zeros: Callable[..., Array], class_sums: Callable[[Array, Array], Array]
    ) -> None:
        classes, width = mean.shape
        self._origin, self._seen = mean + 0.0, count > 0
        self._total, self._first, self._count = zeros(width, width), zeros(classes, width), zeros(classes)
        self._class_sums = class_sums

    def update(self, wide: Array, y: Array, mean: Array, count: Array) -> None:
        """Count samples whose class means and counts are these; a class that was not seen before gets its point."""
        new = (count > 0) & ~self._seen
        self._origin[new] = mean[new]
        self._seen = self._seen | new
        self.add(wide, y)

    def add(self, wide: Array, y: Array) -> None:
        rest = wide - self._origin[y]
        self._total += rest.T @ rest
        self._first += self._class_sums(rest, y)
        self._count += self._class_sums(_ones(y), y)

    def within(self, mean: Array, along: Array) -> Array:
        """As :meth:`ClassMoments.within`, around these means."""
        apart, first = (mean - self._origin) @ along, self._first @ along
        around_origin = ((self._total @ along) * along).sum()
        return around_origin - 2 * (first * apart).sum() + (self._count[:, None] * apart * apart).sum()


def host(values: Array) -> np.ndarray:
    """An array in main memory, as numpy has it."""
    return values if isinstance(values, np.ndarray) else values.detach().cpu().numpy()


def _double(x: Array) -> Array:
    return x.astype(np.float64) if isinstance(x, np.ndarray) else x.double()


def _ones(y: Array) -> Array:
    return _double(y * 0 + 1)


def _sizes(mean: Array) -> str:
    return f"{mean.shape[0]:,} classes of {mean.shape[1]:,} numbers"
