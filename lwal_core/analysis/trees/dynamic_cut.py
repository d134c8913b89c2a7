"""Dynamic cut of a tree: branches that are groups by their shape, at heights of their own.

One height for all branches joins close groups where it is high and breaks wide ones where it is low. Here a branch is a
group when it has enough classes, its core is tight, and it joins the rest well above its core; whatever belongs to no
such branch stays unassigned.

Source: P. Langfelder, B. Zhang, S. Horvath, *Defining clusters from a hierarchical cluster tree: the Dynamic Tree Cut
package for R*, Bioinformatics 24 (2008): the first step of its Dynamic Hybrid, with the package's constants.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import TIE_TOLERANCE, FloatArray, check_linkage
from lwal_core.errors import AnalysisError

MAX_CORE_SCATTER = (0.64, 0.73, 0.82, 0.91, 0.95)
"""Widest core of a group by ``deep_split``, as a share of the way from the reference height to the cut height."""
_REFERENCE_QUANTILE = 0.05  # of the heights, below which the tree says nothing of groups
_CUT = 0.99  # of the way from the reference height to the highest merge


def dynamic_tree_cut(Z: npt.ArrayLike, min_size: int = 2, *, deep_split: int = 1) -> npt.NDArray[np.int64]:
    """Cut each branch of a tree where it is a group.

    Distances within a core are the heights at which its classes join. The package's second step, which gives unassigned
    objects to the nearest group by their distances, is not taken: a tree alone has none.

    Args:
        Z: Linkage ``[n - 1, 4]``; a merge below one of its parts counts as high as that.
        min_size: Fewest classes of a group, 2 or more.
        deep_split: 0 (few wide groups) to 4 (many small ones).

    Returns:
        ``[n]`` whole numbers: 1 for the classes of the largest group, 2 for the next, 0 for unassigned ones. Every group is
        a clade. All 0 where all merges are at one height.

    Raises:
        AnalysisError: not a linkage, or an option out of its range.
    """
    linkage = check_linkage(Z)
    if min_size < 2:
        raise AnalysisError(f"min_size is {min_size}, a group has at least 2 classes.", "Give 2 or more.")
    if deep_split not in range(len(MAX_CORE_SCATTER)):
        raise AnalysisError(
            f"deep_split is {deep_split!r}.", f"Give a whole number from 0 to {len(MAX_CORE_SCATTER) - 1}."
        )
    n = len(linkage) + 1
    labels = np.zeros(n, dtype=np.int64)
    if n < 3:
        return labels
    tree = _Heights(linkage)
    reference = float(np.sort(tree.rows)[max(int(len(linkage) * _REFERENCE_QUANTILE + 0.5), 1) - 1])
    top = float(tree.rows.max())
    if top - reference <= TIE_TOLERANCE * top:
        return labels
    cut = _CUT * (top - reference) + reference
    widest = MAX_CORE_SCATTER[deep_split]
    scatter_limit, gap_limit = reference + widest * (cut - reference), 0.75 * (1 - widest) * (cut - reference)

    def fails(members: list[int], at: float) -> bool:
        core = tree.scatter(members[: _core_size(len(members), min_size)])
        return len(members) < min_size or core > scatter_limit or at - core < gap_limit

    # Node -> its classes in the order in which they joined while it is one branch; None once it holds several groups.
    branches: dict[int, list[int] | None] = {}
    closed: list[
        tuple[list[int], float]
    ] = []  # branches that may be groups, with the height at which they joined others
    for row, (left, right) in enumerate(linkage[:, :2].astype(np.int64).tolist()):
        height = float(tree.rows[row])
        if height > cut:
            continue
        node = n + row
        sides = [side for side in (left, right) if side >= n]
        if len(sides) < 2:  # a class or two join
            inner = branches[sides[0]] if sides else []
            branches[node] = None if inner is None else [*inner, *(i for i in (left, right) if i < n)]
            continue
        small, large = sorted(sides, key=lambda side: linkage[side - n, 3])
        few, many = branches[small], branches[large]
        if few is not None and fails(few, height):
            branches[node] = None if many is None else [*many, *few]
        elif many is not None and fails(many, height):
            branches[node] = None if few is None else [*few, *many]
        else:
            closed += [(members, height) for members in (few, many) if members is not None]
            branches[node] = None
    parents = {int(child) for child, height in _children(linkage, tree.rows) if height <= cut}
    closed += [(members, cut) for node, members in branches.items() if node not in parents and members is not None]
    groups = []
    for members, height in closed:
        core = tree.scatter(members[: _core_size(len(members), min_size)])
        if len(members) >= min_size and core < scatter_limit and height - core > gap_limit:
            groups.append(sorted(members))
    for label, members in enumerate(sorted(groups, key=lambda group: (-len(group), group[0])), start=1):
        labels[members] = label
    return labels


def _children(linkage: FloatArray, heights: FloatArray) -> list[tuple[int, float]]:
    return [(int(child), float(h)) for row, h in zip(linkage, heights, strict=True) for child in row[:2]]


def _core_size(size: int, min_size: int) -> int:
    base = min_size / 2 + 1
    return int(base + math.sqrt(size - base)) if base < size else size


class _Heights:
    """Heights at which classes join, from the leaf order.

    Attributes:
        rows: Height of each merge, no lower than those of its parts, ``[n - 1]``.
    """

    def __init__(self, linkage: FloatArray) -> None:
        from scipy.cluster.hierarchy import leaves_list

        n = len(linkage) + 1
        order = leaves_list(linkage)
        self._place = np.empty(n, dtype=np.int64)
        self._place[order] = np.arange(n)
        self.rows = linkage[:, 2].copy()
        starts, ends = np.empty(2 * n - 1, dtype=np.int64), np.empty(2 * n - 1, dtype=np.int64)
        starts[:n] = ends[:n] = self._place
        self._between = np.empty(n - 1)  # height at which neighbours of the leaf order join
        for row, (left, right) in enumerate(linkage[:, :2].astype(np.int64).tolist()):
            for side in (left, right):
                if side >= n:
                    self.rows[row] = max(self.rows[row], self.rows[side - n])
            first, last = (left, right) if starts[left] < starts[right] else (right, left)
            self._between[ends[first]] = self.rows[row]
            starts[n + row], ends[n + row] = starts[first], ends[last]

    def scatter(self, classes: list[int]) -> float:
        """Mean height at which two of at least two classes join."""
        places = np.sort(self._place[classes])
        steps = np.maximum.reduceat(self._between, places[:-1]) if len(places) > 1 else np.empty(0)
        if len(places) > 1:  # reduceat takes the last run to the end of the order
            steps[-1] = self._between[places[-2] : places[-1]].max()
        total = sum(float(np.maximum.accumulate(steps[i:]).sum()) for i in range(len(steps)))
        return total / (len(places) * (len(places) - 1) / 2)
