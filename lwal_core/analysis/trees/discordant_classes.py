"""Discordant classes: those placed differently in two trees.

The score of a class is Kendall's tau-b between its row of joining heights in one tree and in the other: do both trees
put the same classes near it and the same ones far from it? It is the paper's score per class (Yu & Verma, arXiv
2209.04528, the hierarchy experiment) with a second tree in the place of the taxonomy's hops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.linkage import joining_heights
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import company, multiway
from lwal_core.analysis.trees.kendall import kendall_tau_by_class
from lwal_core.errors import AnalysisError


@dataclass(frozen=True)
class Placement:
    """How a class sits in two trees.

    Attributes:
        index: The class.
        tau: -1 to 1; nan when it is undefined, because a tree joins the class with all others at one height.
        left: The classes it is joined with first in the left tree, in leaf order, and the height.
        right: The same in the right tree.
        moved: The class whose joining height with it, as a share of the root's, differs most between the trees; None
            without another class or without any difference.
        moved_left: That height in the left tree, as it is.
        moved_right: That height in the right tree.
    """

    index: int
    tau: float
    left: tuple[tuple[int, ...], float]
    right: tuple[tuple[int, ...], float]
    moved: int | None
    moved_left: float
    moved_right: float


def placements(left: Hierarchy, right: Hierarchy) -> list[Placement]:
    """All classes, the most misplaced first: lowest tau, ties by class number, undefined ones last.

    Args:
        left: A tree.
        right: A tree over the same classes in the same order.

    Raises:
        AnalysisError: Different classes.
    """
    from scipy.spatial.distance import squareform

    if left.names != right.names:
        raise AnalysisError("The two trees have different classes.", "Match them by their names first.")
    n = left.n
    a, b = (squareform(joining_heights(h.linkage)) if n > 1 else np.zeros((1, 1)) for h in (left, right))
    taus = kendall_tau_by_class(a, b).tolist()
    shift = np.abs(_share(a) - _share(b))
    partners = shift.argmax(axis=1).tolist()
    trees = multiway(left), multiway(right)
    found = []
    for i in range(n):
        (near_left, low_left), (near_right, low_right) = (
            company(h, tree, i) for h, tree in zip((left, right), trees, strict=True)
        )
        moved = partners[i] if shift[i, partners[i]] > 0 else None
        found.append(
            Placement(
                index=i,
                tau=taus[i],
                left=(tuple(near_left.tolist()), low_left),
                right=(tuple(near_right.tolist()), low_right),
                moved=moved,
                moved_left=math.nan if moved is None else float(a[i, moved]),
                moved_right=math.nan if moved is None else float(b[i, moved]),
            )
        )
    return sorted(found, key=lambda p: (math.isnan(p.tau), p.tau, p.index))


def _share(heights: np.ndarray) -> np.ndarray:
    top = heights.max()
    return np.round(heights / top, 9) if top > 0 else heights
