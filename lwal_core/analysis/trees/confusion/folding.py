"""Fold of a confusion matrix along a class tree: a clade is one row and one column, whose counts add up.

Nesting rows and columns by a hierarchy and folding them is that of Neo (J. Görtler et al. 2022, arXiv:2110.12536).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.errors import AnalysisError

OTHER = -1
"""Node number of the row and column of all classes outside the part."""
Share = Literal["row", "column", "all"]


@dataclass(frozen=True, eq=False)
class FoldedConfusion:
    """A confusion matrix whose rows and columns are the tips of a part of the tree.

    Attributes:
        tips: ``[m]`` nodes in the order in which they are drawn: classes, closed clades, and last :data:`OTHER` where the part
            leaves classes out.
        counts: ``[m, m]`` samples by true tip (rows) and predicted tip; on the diagonal of a clade also the mistakes within
            it.
        correct: ``[m]`` samples of each tip whose class is right.
    """

    tips: IntArray
    counts: FloatArray
    correct: FloatArray

    @property
    def samples(self) -> FloatArray:
        """``[m]`` samples of each tip."""
        found: FloatArray = self.counts.sum(axis=1)
        return found

    @property
    def predicted(self) -> FloatArray:
        """``[m]`` samples that are taken for each tip."""
        found: FloatArray = self.counts.sum(axis=0)
        return found

    @property
    def within(self) -> FloatArray:
        """``[m]`` mistakes that stay within each tip; 0 for a class."""
        found: FloatArray = np.diag(self.counts) - self.correct
        return found

    def shares(self, of: Share) -> FloatArray:
        """Fractions ``[m, m]``: of the true tip's samples (``"row"``), of those taken for a tip (``"column"``), or of all
        samples; nan where there are none."""
        totals = {
            "row": self.samples[:, None],
            "column": self.predicted[None, :],
            "all": np.array([[self.counts.sum()]]),
        }[of]
        whole = np.broadcast_to(totals, self.counts.shape)
        return np.divide(self.counts, whole, out=np.full(self.counts.shape, np.nan), where=whole > 0)


def fold_confusion(confusion: npt.ArrayLike, part: TreePart) -> FoldedConfusion:
    """Fold a confusion matrix to the tips of a part of a tree.

    Args:
        confusion: ``[C, C]`` numbers of samples, true classes in rows, classes as in the tree.
        part: Which clades are open, from :func:`largest_first` or :func:`lwal_core.analysis.hierarchy.subtree.tree_part`.

    Returns:
        The folded matrix; the sum of its counts is that of the whole matrix.

    Raises:
        AnalysisError: The matrix does not fit the tree, or holds something that is no number of samples.
    """
    h = part.tree
    table = checked_counts(confusion, h.n)
    tips, sizes = part.tips, h.sizes[part.tips]
    group = np.full(h.n, len(tips), dtype=np.intp)
    group[np.concatenate([h.members(tip) for tip in tips.tolist()])] = np.repeat(np.arange(len(tips)), sizes)
    outside = int(sizes.sum()) < h.n
    m = len(tips) + outside
    rows, columns = np.nonzero(table)
    cells = np.bincount(group[rows] * m + group[columns], table[rows, columns].astype(np.float64), m * m)
    counts = cells.astype(np.float64).reshape(m, m)
    correct = np.bincount(group, np.diag(table).astype(np.float64), m).astype(np.float64)
    return FoldedConfusion(np.append(tips, OTHER) if outside else tips.copy(), counts, correct)


def largest_first(
    h: Hierarchy,
    most_tips: int,
    root: int | None = None,
    closed: Collection[int] = (),
    opened: Collection[int] = (),
) -> TreePart:
    """The part of a tree whose clades with the most classes are open, so that its tips are of about equal size.

    Opening the highest merges instead, as trees are drawn, leaves a few classes that join late alone beside one clade of all
    others.

    Args:
        h: The tree, n classes.
        most_tips: Clades are opened until there are so many tips; at least 1.
        root: Node to start from; None for the root of the tree.
        closed: Clades that stay closed; ``root`` is always open.
        opened: Clades that are open whatever ``most_tips`` says, provided that what they lie in is open.

    Raises:
        AnalysisError: A node that the tree does not have, or fewer than one tip.
    """
    start = 2 * h.n - 2 if root is None else int(root)
    tree_part(h, root, closed, opened, most_tips)  # checks what is asked for
    sizes, children = h.sizes, h.children
    waiting = [(-int(sizes[start]), -start)] if start >= h.n else []
    at_first: list[int] = []
    while waiting and len(at_first) + 1 < most_tips:
        node = -heapq.heappop(waiting)[1]
        at_first.append(node)
        for child in children[node - h.n].tolist():
            if child >= h.n:
                heapq.heappush(waiting, (-int(sizes[child]), -child))
    # What is closed makes no room for others: rows that nobody touched stay where they are.
    return tree_part(h, root, closed, {*at_first, *opened}, 1)


def checked_counts(confusion: npt.ArrayLike, classes: int) -> npt.NDArray[np.number]:
    """A confusion matrix as an array of numbers.

    Raises:
        AnalysisError: It is not ``[classes, classes]``, or holds something that is no number of samples.
    """
    table = np.asarray(confusion)
    if table.dtype.kind not in "iu":
        table = table.astype(np.float64)
    if table.shape != (classes, classes):
        raise AnalysisError(
            f"A confusion matrix of {classes} classes has {classes} rows and columns, not {table.shape}."
        )
    if table.min(initial=0) < 0 or not np.isfinite(table.sum()):
        raise AnalysisError(
            "A confusion matrix holds numbers of samples; this one has values below 0 or that are not finite."
        )
    return table
