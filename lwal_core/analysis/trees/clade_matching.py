"""Clades of one tree that correspond to those of others: best match by Jaccard index, support by transfer distance.

Exact clades are a strict measure: one class that strays makes a clade of fifty count as absent. Both scores here are
graded. The clades of one tree are held against all of the other one after the other, so that memory grows with the number of
classes, not with its square.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, check_linkage, check_pair, tie_levels

IntArray = npt.NDArray[np.int64]


class CladeMatch(NamedTuple):
    """The clade of another tree that is most like a clade.

    Attributes:
        merge: Its row in the other linkage, 0 to n - 2.
        jaccard: Shared classes over those of both together, above 0 to 1; 1 for the same classes.
    """

    merge: int
    jaccard: float


def best_matching_clades(Za: npt.ArrayLike, Zb: npt.ArrayLike, *, join_ties: bool = False) -> list[CladeMatch]:
    """For each merge of one tree the merge of another one whose classes are most like its own.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.
        join_ties: Whether merges at one height are one node, so that a row of ``Zb`` that is only part of such a node is no
            clade to match.

    Returns:
        n - 1 matches in the order of ``Za``'s rows; of several that are as much alike the lowest row.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    a, b = check_pair(Za, Zb)
    first, second = _Intervals(a), _Intervals(b, join_ties=join_ties)
    found = []
    for row in range(len(a)):
        shared = second.shared_with(first.members(row))
        alike = shared / (first.sizes[row] + second.sizes - shared)
        best = int(np.argmax(alike))
        found.append(CladeMatch(int(second.rows[best]), float(alike[best])))
    return found


def transfer_support(Z: npt.ArrayLike, others: Sequence[npt.ArrayLike], *, join_ties: bool = False) -> FloatArray:
    """How nearly other trees have each clade: transfer bootstrap expectation.

    The transfer distance of a clade to a tree is the least number of classes that have to change sides until the clade's
    split of the classes is one of the tree's. Support is 1 less its mean over the trees, divided by its largest value,
    the size of the split's smaller side less 1.

    Source: F. Lemoine et al., *Renewing Felsenstein's phylogenetic bootstrap in the era of big data*, Nature 556 (2018).

    Args:
        Z: Linkage ``[n - 1, 4]``.
        others: Linkages over the same classes in the same order, for example of other seeds; one is allowed.
        join_ties: Whether merges at one height are one node, as :func:`.clades.clade_support` has them: a row that is only
            part of such a node is no clade, neither here nor there.

    Returns:
        ``[n - 1]``, 0 to 1, one value a row. ``nan`` for a split that every tree has (the root, and a clade of all classes
        but one), for a row that is no clade of its own, and everywhere when there is no other tree.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    reference = check_linkage(Z)
    trees = [others] if isinstance(others, np.ndarray) and others.ndim == 2 else list(others)
    pairs = [check_pair(reference, other)[1] for other in trees]
    n = len(reference) + 1
    own = _Intervals(reference)
    smaller = np.minimum(own.sizes, n - own.sizes)
    support: FloatArray = np.full(len(reference), math.nan)
    inner = np.flatnonzero((smaller > 1) & (_closes_node(reference) if join_ties else True))
    if not pairs or not len(inner):
        return support
    away = np.zeros(len(reference))
    for tree in (_Intervals(pair, join_ties=join_ties) for pair in pairs):
        for row in inner.tolist():
            differ = own.sizes[row] + tree.sizes - 2 * tree.shared_with(own.members(row))
            nearest = int(np.minimum(differ, n - differ).min())
            away[row] += min(nearest, smaller[row] - 1)  # a branch with one class of the smaller side is always there
    support[inner] = 1.0 - away[inner] / len(pairs) / (smaller[inner] - 1)
    return support


def _closes_node(linkage: FloatArray) -> npt.NDArray[np.bool_]:
    """``[n - 1]`` whether each row is a clade: not tied with the row that it is joined by."""
    n = len(linkage) + 1
    levels = tie_levels(linkage[:, 2])
    own = np.ones(n - 1, dtype=bool)
    above, child = np.nonzero(linkage[:, :2] >= n)
    below = linkage[above, child].astype(np.intp) - n
    own[below] = levels[below] != levels[above]
    return own


class _Intervals:
    """The clades of a linkage as runs of its leaf order.

    Attributes:
        rows: The rows of the linkage that are clades, m of them.
        sizes: Classes of each clade, ``[m]``.
    """

    def __init__(self, linkage: FloatArray, *, join_ties: bool = False) -> None:
        from scipy.cluster.hierarchy import leaves_list

        n = len(linkage) + 1
        self._order: IntArray = leaves_list(linkage).astype(np.int64) if n > 1 else np.zeros(1, dtype=np.int64)
        self._place = np.empty(n, dtype=np.int64)
        self._place[self._order] = np.arange(n)
        start = [*self._place.tolist(), *[0] * (n - 1)]
        for row, (left, right) in enumerate(linkage[:, :2].astype(np.int64).tolist()):
            start[n + row] = min(start[left], start[right])
        self.rows: IntArray = np.flatnonzero(_closes_node(linkage)) if join_ties else np.arange(n - 1)
        self._starts: IntArray = np.array(start[n:], dtype=np.int64)[self.rows]
        self.sizes: IntArray = linkage[self.rows, 3].astype(np.int64)

    def members(self, at: int) -> IntArray:
        """Classes of a clade."""
        return self._order[self._starts[at] : self._starts[at] + self.sizes[at]]

    def shared_with(self, classes: IntArray) -> IntArray:
        """How many of some classes each clade has, ``[m]``."""
        before = np.zeros(len(self._place) + 1, dtype=np.int64)
        before[self._place[classes] + 1] = 1
        np.cumsum(before, out=before)
        shared: IntArray = before[self._starts + self.sizes] - before[self._starts]
        return shared
