"""History of a class through training: nearest classes per epoch, and since when pairs share a clade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, tie_levels
from lwal_core.analysis.hierarchy import FLAT_TOLERANCE, Hierarchy
from lwal_core.errors import AnalysisError

NONE = -1
"""Stands for no class: the nearest one when none is nearer than the others, the partner of a class without one."""


@dataclass(frozen=True, eq=False)
class NeighbourHistory:
    """Distances of a class to its finally nearest classes; made by :func:`neighbour_history`. E epochs.

    Attributes:
        epochs: The epochs, ascending.
        index: The class.
        neighbours: ``[k]`` its nearest classes at the last epoch, nearest first.
        distances: ``[E, k]`` distances to them; nan where an epoch's vectors are not finite.
        nearest: ``[E]`` the nearest class of each epoch; ``NONE`` where all others are equally far (one-hot labels) or
            the vectors are not finite.
    """

    epochs: tuple[int, ...]
    index: int
    neighbours: IntArray
    distances: FloatArray
    nearest: IntArray

    @property
    def since(self) -> int | None:
        """Epoch since which the finally nearest class has been the nearest without a break; None without such a
        class."""
        return None if self.nearest[-1] == NONE else _since(self.epochs, self.nearest == self.nearest[-1])

    def stretches(self) -> list[tuple[int, int, int]]:
        """``(first epoch, last epoch, nearest class)`` of each stretch of epochs with one nearest class."""
        starts = [0, *(np.flatnonzero(np.diff(self.nearest)) + 1).tolist(), len(self.epochs)]
        return [(self.epochs[a], self.epochs[b - 1], int(self.nearest[a])) for a, b in pairwise(starts)]


def neighbour_history(
    snapshots: Iterable[npt.ArrayLike], epochs: Sequence[int], index: int, k: int = 5, metric: str = "euclidean"
) -> NeighbourHistory:
    """Follow a class's nearest classes through the epochs.

    Args:
        snapshots: Class vectors ``[C, K]`` of each epoch; read one after the other, so that a generator saves memory.
        epochs: The epoch of each snapshot, ascending.
        index: The class, 0 to C - 1.
        k: How many of the finally nearest classes to follow, from 1.
        metric: Distance, of ``scipy.spatial.distance``: ``"euclidean"``, ``"cosine"`` or ``"correlation"``.

    Raises:
        AnalysisError: No snapshots, as many as there are no epochs, of different shapes, epochs that do not ascend, no
            such class, or k below 1.
    """
    from scipy.spatial.distance import cdist

    if k < 1:
        raise AnalysisError(f"k = {k!r} is not a number of classes from 1 up.", "Give for example 5.")
    rows: list[FloatArray] = []
    shape: tuple[int, ...] | None = None
    for snapshot in snapshots:
        vectors = np.asarray(snapshot, dtype=np.float64)
        if vectors.ndim != 2 or vectors.shape != (shape or vectors.shape):
            raise AnalysisError(f"A snapshot has the shape {vectors.shape}, another one {shape}.", "Give [C, K] each.")
        shape = vectors.shape
        if not 0 <= index < len(vectors):
            raise AnalysisError(f"There is no class number {index!r}.", f"Classes are 0 to {len(vectors) - 1}.")
        finite = bool(np.isfinite(vectors).all())
        rows.append(cdist(vectors[[index]], vectors, metric)[0] if finite else np.full(len(vectors), np.nan))
    if not rows or len(rows) != len(epochs) or any(b <= a for a, b in pairwise(epochs)):
        raise AnalysisError(
            f"There are {len(rows)} snapshots for the epochs {list(epochs)}.", "Give one each, ascending."
        )
    away = np.stack(rows)
    away[:, index] = np.inf
    nearest = np.array([_nearest(row, index) for row in away], dtype=np.intp)
    order = np.argsort(away[-1], kind="stable")
    neighbours = order[order != index][:k]
    return NeighbourHistory(tuple(epochs), index, neighbours, away[:, neighbours], nearest)


@dataclass(frozen=True, eq=False)
class PairMoments:
    """Which pairs belong together in the trees of successive epochs; made by :func:`pair_moments`. E epochs, C classes.

    Attributes:
        epochs: The epochs, ascending.
        partner: ``[E, C]`` the class with which a class makes a clade of its own; ``NONE`` without one.
        groups: ``[E, C]`` group at the cut; ``NONE`` in trees that join all classes at one height.
    """

    epochs: tuple[int, ...]
    partner: IntArray
    groups: IntArray

    def clade_since(self, i: int, j: int) -> int | None:
        """Epoch since which two classes have been a clade of their own without a break; None when they are none now."""
        return _since(self.epochs, self.clade_epochs(i, j))

    def together_since(self, i: int, j: int) -> int | None:
        """Epoch since which two classes have been in one group without a break; None when they are in two now."""
        return _since(self.epochs, self.group_epochs(i, j))

    def pairs(self) -> list[tuple[int, int, int]]:
        """``(i, j, epoch)`` of the pairs that are a clade of their own at the last epoch with the epoch since which they
        have been, the oldest first."""
        last = self.partner[-1]
        firsts = np.flatnonzero(last > np.arange(len(last)))
        found = [(int(i), int(last[i]), self.clade_since(int(i), int(last[i]))) for i in firsts]
        return sorted(
            ((i, j, since) for i, j, since in found if since is not None), key=lambda pair: (pair[2], pair[:2])
        )

    def clade_epochs(self, i: int, j: int) -> npt.NDArray[np.bool_]:
        """At which epochs two classes are a clade of their own, ``[E]``."""
        held: npt.NDArray[np.bool_] = self.partner[:, i] == j
        return held

    def group_epochs(self, i: int, j: int) -> npt.NDArray[np.bool_]:
        """At which epochs two classes are in one group, ``[E]``."""
        held: npt.NDArray[np.bool_] = (self.groups[:, i] == self.groups[:, j]) & (self.groups[:, i] != NONE)
        return held

    def ever_pairs(self) -> list[tuple[int, int]]:
        """Pairs that were a clade of their own at some epoch: first those of the last epoch, the oldest first, then those
        that parted, the last to part first."""
        now = [(i, j) for i, j, _ in self.pairs()]
        at, first = np.nonzero(self.partner > np.arange(self.partner.shape[1]))
        parted: dict[tuple[int, int], int] = {}
        for epoch, i in zip(at.tolist(), first.tolist(), strict=True):
            parted[(i, int(self.partner[epoch, i]))] = epoch
        gone = sorted((pair for pair in parted if pair not in set(now)), key=lambda pair: (-parted[pair], pair))
        return [*now, *gone]

    def company(self, index: int) -> list[int]:
        """Classes that were in one group with a class at some epoch: those that are so now before those that left, each
        by how long."""
        together = (self.groups == self.groups[:, [index]]) & (self.groups != NONE)
        together[:, index] = False
        epochs = together.sum(axis=0)
        found = np.flatnonzero(epochs)
        order = np.lexsort((found, -epochs[found], ~together[-1, found]))
        return [int(i) for i in found[order]]

    def changes(self, index: int) -> list[GroupChange]:
        """When other classes came into the group of a class, and when they left it."""
        together = (self.groups == self.groups[:, [index]]) & (self.groups != NONE)
        together[:, index] = False
        found = []
        for at in range(1, len(self.epochs)):
            came = np.flatnonzero(together[at] & ~together[at - 1])
            went = np.flatnonzero(together[at - 1] & ~together[at])
            if len(came) or len(went):
                found.append(GroupChange(self.epochs[at], tuple(came.tolist()), tuple(went.tolist())))
        return found


class GroupChange(NamedTuple):
    """Classes that ``joined`` and ``left`` the group of a class from the epoch before to this one."""

    epoch: int
    joined: tuple[int, ...]
    left: tuple[int, ...]


def pair_moments(trees: Mapping[int, Hierarchy], groups: int) -> PairMoments:
    """Find out when pairs of classes came together.

    A clade of two is one merge of two classes, lower than the merge above it; the tree of two classes has none, since
    all its classes are in it.

    Args:
        trees: Epoch to tree, all over the same classes in the same order.
        groups: Number of groups of the cut, 1 to the number of classes.

    Raises:
        AnalysisError: No tree, trees over different classes, or no such cut.
    """
    if not trees:
        raise AnalysisError("There is no tree to begin with.", "Give the tree of at least one epoch.")
    epochs = tuple(sorted(trees))
    names = trees[epochs[-1]].names
    partner = np.full((len(epochs), len(names)), NONE, dtype=np.intp)
    cut = np.full((len(epochs), len(names)), NONE, dtype=np.intp)
    for at, epoch in enumerate(epochs):
        tree = trees[epoch]
        if tree.names != names:
            raise AnalysisError(
                f"The trees of epochs {epoch} and {epochs[-1]} have different classes.", "Give trees of one run."
            )
        if tree.n > 2 and tree.is_flat:
            continue
        cut[at] = tree.cut(k=groups)
        pairs = _clades_of_two(tree)
        partner[at, pairs[:, 0]], partner[at, pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    return PairMoments(epochs, partner, cut)


def _clades_of_two(h: Hierarchy) -> IntArray:
    """Pairs of classes that are a clade of their own, ``[m, 2]``."""
    if h.n < 3:
        return np.zeros((0, 2), dtype=np.intp)
    levels = tie_levels(h.linkage[:, 2])
    rows = np.flatnonzero((h.children < h.n).all(axis=1))
    above = h.parents[rows + h.n] - h.n
    pairs: IntArray = h.children[rows[levels[above] != levels[rows]]]
    return pairs


def _nearest(row: FloatArray, index: int) -> int:
    others = np.delete(row, index)
    if not len(others) or np.isnan(others).any():
        return NONE
    if len(others) > 1 and float(np.ptp(others)) <= FLAT_TOLERANCE * float(others.max()):
        return NONE
    return int(np.argmin(row))


def _since(epochs: Sequence[int], holds: npt.NDArray[np.bool_]) -> int | None:
    """The first epoch of the last unbroken stretch in which something holds; None when it does not hold at the end."""
    if not holds[-1]:
        return None
    breaks = np.flatnonzero(~holds)
    return epochs[int(breaks[-1]) + 1 if len(breaks) else 0]
