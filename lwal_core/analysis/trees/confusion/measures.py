"""Precision, recall and F1 of every class and clade, and whether mistakes stay within the clade."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.confusion.folding import checked_counts


@dataclass(frozen=True, eq=False)
class CladeMeasures:
    """What a confusion matrix says of every node of a tree, classes and clades alike; all arrays are ``[2n - 1]``.

    A clade is taken as one class: a sample of it that is taken for any of its classes stays.

    Attributes:
        samples: Samples whose true class is below the node.
        predicted: Samples that are taken for a class below it.
        stays: Samples of it that are taken for a class below it.
        correct: Samples of it whose class is right.
    """

    samples: FloatArray
    predicted: FloatArray
    stays: FloatArray
    correct: FloatArray

    @property
    def precision(self) -> FloatArray:
        """Share of the samples taken for the clade that are of it; nan where none is taken for it."""
        return _ratio(self.stays, self.predicted)

    @property
    def recall(self) -> FloatArray:
        """Share of the clade's samples that are taken for it; nan without samples."""
        return _ratio(self.stays, self.samples)

    @property
    def f1(self) -> FloatArray:
        """Harmonic mean of precision and recall, as 2 TP / (2 TP + FP + FN): 0 where one of the two is undefined, nan where both
        are."""
        return _ratio(2 * self.stays, self.samples + self.predicted)

    @property
    def accuracy(self) -> FloatArray:
        """Share of the clade's samples whose class is right; nan without samples."""
        return _ratio(self.correct, self.samples)

    @property
    def mistakes(self) -> FloatArray:
        """Samples of the clade whose class is wrong."""
        found: FloatArray = self.samples - self.correct
        return found

    @property
    def inside(self) -> FloatArray:
        """Share of the clade's mistakes that stay within it, 0 for a class; nan without mistakes."""
        return _ratio(self.stays - self.correct, self.mistakes)


class Mistake(NamedTuple):
    """How often samples of one class are taken for another; class indices."""

    true: int
    taken_for: int
    samples: int


def clade_measures(confusion: npt.ArrayLike, h: Hierarchy) -> CladeMeasures:
    """Measures of every class and clade of a tree.

    Args:
        confusion: ``[C, C]`` numbers of samples, true classes in rows, classes as in the tree.
        h: The tree.

    Raises:
        AnalysisError: The matrix does not fit the tree, or holds something that is no number of samples.
    """
    table = checked_counts(confusion, h.n)
    rows, columns = np.nonzero(table)
    joined = _joining_nodes(h, rows, columns)
    stays = np.bincount(joined, table[rows, columns].astype(np.float64), 2 * h.n - 1)
    correct, samples, predicted = (np.zeros(2 * h.n - 1) for _ in range(3))
    correct[: h.n], samples[: h.n], predicted[: h.n] = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    sums = np.stack([samples, predicted, stays, correct])
    for node, (left, right) in enumerate(h.children.tolist(), start=h.n):
        sums[:, node] += sums[:, left] + sums[:, right]
    return CladeMeasures(*sums)


def top_mistakes(
    confusion: npt.ArrayLike, true: Collection[int], taken_for: Collection[int], most: int = 3
) -> list[Mistake]:
    """The most frequent mistakes from some classes to some classes, most frequent first, ties by class index.

    Args:
        confusion: ``[C, C]`` numbers of samples, true classes in rows.
        true: Indices of the true classes.
        taken_for: Indices of the predicted classes; a class of both is no mistake with itself.
        most: How many at most.
    """
    rows, columns = np.sort(np.array([*true], dtype=np.intp)), np.sort(np.array([*taken_for], dtype=np.intp))
    if not len(rows) or not len(columns):
        return []
    part = np.asarray(confusion)[np.ix_(rows, columns)]
    part = np.where(rows[:, None] == columns, 0, part)
    flat = part.ravel()
    first = np.argsort(-flat.astype(np.float64), kind="stable")[: max(most, 0)]
    found = [
        (int(rows[i]), int(columns[j]), int(part[i, j])) for i, j in zip(*np.divmod(first, len(columns)), strict=True)
    ]
    return [Mistake(*each) for each in found if each[2] > 0]


def _joining_nodes(h: Hierarchy, first: IntArray, second: IntArray) -> IntArray:
    """The lowest node that holds both classes of each pair ``[P]``.

    Between two neighbouring leaves lies the merge that joins them; of the merges between two leaves the one with the
    largest number is the one that joins the two, for a merge has a larger number than those below it. Largest
    numbers of ranges come from a table of ranges of lengths that are powers of two.
    """
    place = h.first_place[: h.n]
    low, high = np.minimum(place[first], place[second]), np.maximum(place[first], place[second])
    found = np.array(first, dtype=np.intp)
    apart = low < high
    if not apart.any():
        return found
    gaps = np.empty(h.n - 1, dtype=np.intp)
    gaps[h.first_place[h.children[:, 1]] - 1] = h.n + np.arange(h.n - 1)
    table = [gaps]
    while 2 * (width := 2 ** (len(table) - 1)) <= len(gaps):
        table.append(np.maximum(table[-1][:-width], table[-1][width:]))
    low, high = low[apart], high[apart]
    level = np.frexp(high - low)[1] - 1  # the largest power of two that fits
    largest = np.empty(len(low), dtype=np.intp)
    for power in np.unique(level).tolist():
        at = level == power
        largest[at] = np.maximum(table[power][low[at]], table[power][high[at] - 2**power])
    found[apart] = largest
    return found


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    out: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return out
