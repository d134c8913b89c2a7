"""Clades of one tree that correspond to those of others: best match by Jaccard index, support by transfer distance.

Exact clades are a strict measure: one class that strays makes a clade of fifty count as absent. Both scores here are
graded. Rows are taken as they are stored; merges at one height are not joined to one node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, check_linkage, check_pair

IntArray = npt.NDArray[np.int64]


class CladeMatch(NamedTuple):
    """The clade of another tree that is most like a clade.

    Attributes:
        merge: Its row in the other linkage, 0 to n - 2.
        jaccard: Shared classes over those of both together, above 0 to 1; 1 for the same classes.
    """

    merge: int
    jaccard: float


def best_matching_clades(Za: npt.ArrayLike, Zb: npt.ArrayLike) -> list[CladeMatch]:
    """For each merge of one tree the merge of another one whose classes are most like its own.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.

    Returns:
        n - 1 matches in the order of ``Za``'s rows; of several that are as much alike the lowest row.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    a, b = check_pair(Za, Zb)
    first, second = _Intervals(a), _Intervals(b)
    found = []
    for row in range(len(a)):
        shared = second.shared_with(first.members(row))
        alike = shared / (first.sizes[row] + second.sizes - shared)
        best = int(np.argmax(alike))
        found.append(CladeMatch(best, float(alike[best])))
    return found


def transfer_support(Z: npt.ArrayLike, others: Sequence[npt.ArrayLike]) -> FloatArray:
    """How nearly other trees have each clade: transfer bootstrap expectation.

    The transfer distance of a clade to a tree is the least number of classes that have to change sides until the clade's
    split of the classes is one of the tree's. Support is 1 less its mean over the trees, divided by its largest value,
    the size of the split's smaller side less 1.

    Source: F. Lemoine et al., *Renewing Felsenstein's phylogenetic bootstrap in the era of big data*, Nature 556 (2018).

    Args:
        Z: Linkage ``[n - 1, 4]``.
        others: Linkages over the same classes in the same order, for example of other seeds; one is allowed.

    Returns:
        ``[n - 1]``, 0 to 1, one value a row. ``nan`` for a split that every tree has (the root, and a clade of all classes
        but one), and everywhere when there is no other tree.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    reference = check_linkage(Z)
    trees = [others] if isinstance(others, np.ndarray) and others.ndim == 2 else list(others)
    pairs = [check_pair(reference, other)[1] for other in trees]
    n = len(reference) + 1
    own = _Intervals(reference)
    smaller = np.minimum(own.sizes, n - own.sizes)
    if not pairs:
        return np.full(len(reference), math.nan)
    away = np.zeros(len(reference))
    for tree in map(_Intervals, pairs):
        for row in np.flatnonzero(smaller > 1).tolist():
            differ = own.sizes[row] + tree.sizes - 2 * tree.shared_with(own.members(row))
            nearest = int(np.minimum(differ, n - differ).min())
            away[row] += min(nearest, smaller[row] - 1)  # a branch with one class of the smaller side is always there
    support: FloatArray = np.full(len(reference), math.nan)
    inner = smaller > 1
    support[inner] = 1.0 - away[inner] / len(pairs) / (smaller[inner] - 1)
    return support


class _Intervals:
    """The clades of a linkage as runs of its leaf order.

    Attributes:
        sizes: Classes of each row, ``[n - 1]``.
    """

    def __init__(self, linkage: FloatArray) -> None:
        from scipy.cluster.hierarchy import leaves_list

        n = len(linkage) + 1
        self._order: IntArray = leaves_list(linkage).astype(np.int64) if n > 1 else np.zeros(1, dtype=np.int64)
        self._place = np.empty(n, dtype=np.int64)
        self._place[self._order] = np.arange(n)
        self.sizes: IntArray = linkage[:, 3].astype(np.int64)
        start = np.concatenate([self._place, np.zeros(n - 1, dtype=np.int64)])
        for row, (left, right) in enumerate(linkage[:, :2].astype(np.int64).tolist()):
            start[n + row] = min(start[left], start[right])
        self._starts = start[n:]

    def members(self, row: int) -> IntArray:
        """Classes of a row."""
        return self._order[self._starts[row] : self._starts[row] + self.sizes[row]]

    def shared_with(self, classes: IntArray) -> IntArray:
        """How many of some classes each row has, ``[n - 1]``."""
        before = np.zeros(len(self._place) + 1, dtype=np.int64)
        before[self._place[classes] + 1] = 1
        np.cumsum(before, out=before)
        shared: IntArray = before[self._starts + self.sizes] - before[self._starts]
        return shared
