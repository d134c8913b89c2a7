"""Majority-rule consensus of several trees.

Two clades that are both in more than half of the trees are in some tree together, hence one holds the other or they
have no class in common: the clades of the majority always form a tree. Where the trees disagree that tree has a node
with many children, which is all that can be said there.

Source: T. Margush, F. McMorris, *Consensus n-trees*, Bulletin of Mathematical Biology 43 (1981).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, check_pair, joining_heights
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.clades import CladeSet, clades
from lwal_core.errors import AnalysisError

CONSENSUS = "consensus"
"""Stands where a clustered tree has its linkage method."""


@dataclass(frozen=True, eq=False)
class Consensus:
    """The clades that several trees agree on, and the tree that they form; made by :func:`majority_consensus`.

    Attributes:
        linkage: ``[n - 1, 4]``, scipy's layout. Heights are levels: 1 for the lowest clades of the deepest branch, one
            more for each clade around them. A node with several children is as many merges as it needs at one level.
        shares: ``[n - 1]`` share of the trees with the clade of each row, 0 to 1; ``nan`` for the root, which every
            tree has, and for a row that is only part of a node.
        clades: The clades.
        trees: Number of trees.
    """

    linkage: FloatArray
    shares: FloatArray
    clades: CladeSet
    trees: int

    def hierarchy(self, names: Sequence[str]) -> Hierarchy:
        """The tree as one that figures and files take; its distances are the levels at which two classes are joined.

        Args:
            names: The n class names, in class order.

        Raises:
            AnalysisError: Another number of names.
        """
        n = len(self.linkage) + 1
        if len(names) != n:
            raise AnalysisError(f"The consensus is of {n} classes, and {len(names)} names are given.")
        tree = Hierarchy(
            self.linkage, np.arange(n), tuple(names), CONSENSUS, "levels", joining_heights(self.linkage),
            optimal_order=False,
        )  # fmt: skip
        return replace(tree, order=np.argsort(tree.first_place[:n]))


def majority_consensus(
    Zs: Sequence[npt.ArrayLike], threshold: float = 0.5, places: npt.ArrayLike | None = None
) -> Consensus:
    """The clades that are in more than a given share of the trees.

    Args:
        Zs: Linkages ``[n - 1, 4]`` over the same classes in the same order, at least one. Tied merges are one node.
        threshold: From 0.5 to below 1. A clade must be in more trees than this share of them.
        places: ``[n]`` where each class would best be drawn, for example its rank in the leaf order of one of the
            trees: the children of a node come in the order of their mean place. None for the class order.

    Raises:
        AnalysisError: No tree, no linkages, different numbers of classes, a threshold outside its range, or not one
            finite place a class.
    """
    if not len(Zs):
        raise AnalysisError("A consensus of no trees was asked for.", "Give at least one tree.")
    if not 0.5 <= threshold < 1:
        raise AnalysisError(
            f"threshold = {threshold!r} is not from 0.5 to below 1.",
            "Clades in half of the trees or fewer can contradict each other.",
        )
    counts: Counter[int] = Counter()
    for Z in Zs:
        counts.update(clades(check_pair(Zs[0], Z)[1]).masks)
    n = len(np.asarray(Zs[0])) + 1
    wanted = np.arange(n, dtype=np.float64) if places is None else np.asarray(places, dtype=np.float64)
    if wanted.shape != (n,) or not np.isfinite(wanted).all():
        raise AnalysisError(f"The places do not give each of the {n} classes one finite number.")
    kept = CladeSet(n, (mask for mask, count in counts.items() if count > threshold * len(Zs)))
    shares = {clade: counts[mask] / len(Zs) for mask, clade in zip(sorted(kept.masks), kept, strict=True)}
    linkage, row_shares = _as_linkage(n, shares, wanted)
    return Consensus(linkage, row_shares, kept, len(Zs))


def tree_of_clades(n: int, groups: Iterable[Collection[int]]) -> FloatArray:
    """The tree that has exactly these clades, as a linkage with levels as heights, like :attr:`Consensus.linkage`.

    Args:
        n: Number of classes, from 1.
        groups: Groups of class indices; those with fewer than 2 or with all n classes are in every tree.

    Raises:
        AnalysisError: Two groups overlap without one holding the other, or an index outside 0 to n - 1.
    """
    inner = {frozenset(int(i) for i in group) for group in groups}
    strangers = [i for group in inner for i in group if not 0 <= i < n]
    if strangers:
        raise AnalysisError(f"A group names class {strangers[0]}, the classes are 0 to {n - 1}.")
    proper = {group: math.nan for group in inner if 1 < len(group) < n}
    return _as_linkage(n, proper, np.arange(n, dtype=np.float64))[0]


def _as_linkage(n: int, shares: dict[frozenset[int], float], places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compatible clades as a linkage, children by mean place, and the share of each row that closes a clade."""
    inner = [*sorted(shares, key=lambda clade: (len(clade), min(clade))), frozenset(range(n))]
    if n == 1:
        return np.zeros((0, 4)), np.zeros(0)
    top = np.arange(n)  # the node that each class is in so far; clade i is node n + i until rows are numbered
    children: list[list[int]] = []
    mean_place = places.tolist()
    for number, clade in enumerate(inner, start=n):
        members = np.fromiter(clade, dtype=np.intp, count=len(clade))
        nodes = np.unique(top[members])
        if sum(1 if node < n else len(inner[node - n]) for node in nodes.tolist()) != len(clade):
            raise AnalysisError(
                f"A group of {len(clade)} classes overlaps another without one holding the other.",
                "Only groups that lie within or apart from each other form a tree.",
            )
        children.append(sorted(nodes.tolist(), key=lambda node: (mean_place[node], node)))
        mean_place.append(float(places[members].mean()))
        top[members] = number
    depth = [0] * (n + len(inner))
    for number in range(n + len(inner) - 1, n - 1, -1):
        for child in children[number - n]:
            depth[child] = depth[number] + 1
    deepest = max(depth[n:])
    node_of, sizes = list(range(n)) + [0] * len(inner), [1] * n
    rows: list[list[float]] = []
    row_shares: list[float] = []
    # The deepest clades first, so that heights never fall; within a depth the smaller ones, as they were numbered.
    for number in sorted(range(n, n + len(inner)), key=lambda node: -depth[node]):
        joined, *others = (node_of[child] for child in children[number - n])
        for other in others:
            sizes.append(sizes[joined] + sizes[other])
            rows.append([joined, other, deepest - depth[number] + 1, sizes[-1]])
            row_shares.append(math.nan)
            joined = n + len(rows) - 1
        row_shares[-1] = shares.get(inner[number - n], math.nan)
        node_of[number] = joined
    return np.array(rows, dtype=np.float64), np.array(row_shares, dtype=np.float64)
