"""Correspondence of two trees of many classes: the clade there that is most like a clade here, and which drawn branches share
classes.

The measure is that of phylo.io's best corresponding nodes, the Jaccard index of the sets of classes (O. Robinson, D. Dylus,
C. Dessimoz, *Phylo.io*, Molecular Biology and Evolution 33, 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.clade_matching import best_matching_clades
from lwal_core.errors import AnalysisError

MOSTLY = 0.5
"""Jaccard index above which two clades correspond: each has more of the other's classes than there are strangers in both."""


@dataclass(frozen=True, eq=False)
class Correspondence:
    """For each node of one tree the node of another that is most like it; made by :func:`correspondence`.

    Attributes:
        node: ``[2n - 1]`` that node; of a class the same class.
        jaccard: ``[2n - 1]`` Jaccard index of their classes, above 0 to 1; 1 for the same classes.
    """

    node: IntArray
    jaccard: FloatArray

    def partner(self, node: int) -> int | None:
        """The node that corresponds; None where none shares more than half."""
        return int(self.node[node]) if self.jaccard[node] > MOSTLY else None


def correspondence(h: Hierarchy, other: Hierarchy) -> Correspondence:
    """The best matches of a tree's nodes in another tree; tied merges of the other are one node.

    Args:
        h: A tree of n classes.
        other: A tree over the same classes in the same order.

    Raises:
        AnalysisError: Different classes.
    """
    if h.names != other.names:
        raise AnalysisError("The two trees have different classes.", "Match them by their names first.")
    found = best_matching_clades(h.linkage, other.linkage, join_ties=True)
    node = np.concatenate([np.arange(h.n), [h.n + match.merge for match in found]]).astype(np.intp)
    return Correspondence(node, np.array([1.0] * h.n + [match.jaccard for match in found]))


def tips_of_classes(part: TreePart) -> IntArray:
    """``[n]`` the drawn tip that each class lies in, its own leaf or a closed clade; -1 outside the part."""
    h = part.tree
    tips = np.full(h.n, -1, dtype=np.intp)
    for tip in part.tips.tolist():
        tips[h.members(tip)] = tip
    return tips


def connections(left: TreePart, right: TreePart) -> IntArray:
    """Which drawn tips of two facing trees share classes.

    Args:
        left: What of a tree is drawn.
        right: What of a tree over the same classes in the same order is drawn.

    Returns:
        ``[m, 3]`` tip on the left, tip on the right, number of classes in both, by the tips' numbers. Classes outside one
        of the parts are in none.
    """
    ends = np.stack([tips_of_classes(left), tips_of_classes(right)], axis=1)
    pairs, counts = np.unique(ends[(ends >= 0).all(axis=1)], axis=0, return_counts=True)
    return np.column_stack([pairs, counts]).astype(np.intp)
