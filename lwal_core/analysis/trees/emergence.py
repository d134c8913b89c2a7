"""Emergence of a class tree through training: trees of successive epochs, turned to keep a steady leaf order.

Each tree keeps its clades and heights; only its branches are turned, so that between one epoch and the next the leaves
move as few places as possible. A leaf that moves then moves because the tree changed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import clade_support
from lwal_core.analysis.trees.kendall import kendall_tau_by_class, kendall_tau_ceiling
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import Taxonomy

MOST_WORK = 20_000_000
"""Classes squared times epochs up to which trees are turned for calm and held against a taxonomy: 1,000 classes over 20
epochs. That takes half a minute on one core, most of it for tau; 100 classes over 20 epochs take half a second. Above it
leaves keep the order that their trees come with and tau is not computed (``Emergence.complete`` is
False); clades are compared all the same."""

_TWO_STARTS = 1_000_000  # the same measure, up to which turning is begun twice
_ROUNDS = 20  # passes over the frames at most; measured, the seventh changes nothing any more


@dataclass(frozen=True, eq=False)
class Emergence:
    """The trees of successive epochs; made by :func:`emergence`. E epochs, n classes.

    Attributes:
        epochs: The epochs, ascending.
        trees: Their trees, turned for calm; the last one as it came.
        tau: ``[E]`` mean over the classes of Kendall's tau-b between distances in the tree's space and hops in the
            taxonomy; nan for flat trees, without a taxonomy, and above ``MOST_WORK``.
        ceiling: The largest tau that the taxonomy's ties allow; nan without a taxonomy.
        movement: ``[E]`` places that all leaves together move from the epoch before; 0 for the first.
        shared: ``[E]`` number of clades in common with the last tree.
        clades: Number of clades of the last tree (2 to n - 1 classes, tied merges as one); 0 when it is flat.
        since: Clade of the last tree, by node number, to the epoch since which every tree has it.
        complete: False when there was too much work to turn the trees and compute tau.
    """

    epochs: tuple[int, ...]
    trees: tuple[Hierarchy, ...]
    tau: FloatArray
    ceiling: float
    movement: IntArray
    shared: IntArray
    clades: int
    since: Mapping[int, int]
    complete: bool = True

    @property
    def share(self) -> FloatArray:
        """``[E]`` share of the last tree's clades that each tree has, 0 to 1; nan when the last tree has none."""
        if not self.clades:
            return np.full(len(self.epochs), math.nan)
        return self.shared / self.clades

    def settled(self) -> IntArray:
        """``[E]`` how many clades of the last tree have been there without a break since each epoch or longer."""
        began = np.array(sorted(self.since.values()), dtype=np.intp)
        found: IntArray = np.searchsorted(began, np.array(self.epochs), side="right")
        return found


def emergence(
    trees: Mapping[int, Hierarchy], taxonomy: Taxonomy | None = None, most_work: int = MOST_WORK
) -> Emergence:
    """Put the trees of successive epochs side by side in time.

    A flat tree (one-hot labels before training) says nothing: it has no clade, and its leaves take the order of the
    next tree that is not flat, or of the last such one before it.

    Args:
        trees: Epoch to tree, all over the same classes in the same order.
        taxonomy: What to hold the distances against, or None.
        most_work: Classes squared times epochs above which trees are not turned and tau is not computed.

    Raises:
        AnalysisError: No tree, or trees over different classes.
    """
    if not trees:
        raise AnalysisError("There is no tree to begin with.", "Give the tree of at least one epoch.")
    epochs = tuple(sorted(trees))
    given = [trees[epoch] for epoch in epochs]
    last = given[-1]
    for epoch, tree in zip(epochs, given, strict=True):
        if tree.names != last.names:
            raise AnalysisError(
                f"The trees of epochs {epoch} and {epochs[-1]} have different classes.",
                "Give trees of one run, classes in the same order.",
            )
    complete = last.n**2 * len(given) <= most_work
    film = calm(given) if complete else given
    places = [_places(tree) for tree in film]
    moves = [0] + [int(np.abs(a - b).sum()) for a, b in pairwise(places)]
    there = _clades_there(given)
    kept = np.logical_and.accumulate(there[::-1], axis=0)[::-1]  # from each epoch to the last without a break
    since = {
        last.n + int(row): epochs[len(epochs) - int(kept[:, row].sum())] for row in np.flatnonzero(there[-1])
    }  # fmt: skip
    tau, ceiling = np.full(len(given), math.nan), math.nan
    if taxonomy is not None and complete:
        tau, ceiling = _agreement(given, taxonomy)
    return Emergence(
        epochs=epochs,
        trees=tuple(film),
        tau=tau,
        ceiling=ceiling,
        movement=np.array(moves, dtype=np.intp),
        shared=there.sum(axis=1),
        clades=int(there[-1].sum()),
        since=since,
        complete=complete,
    )


def calm(trees: Sequence[Hierarchy]) -> list[Hierarchy]:
    """Turn the branches of trees that follow one another so that their leaves move little from each to the next.

    The last tree stays as it is: it is the one that is shown everywhere else. The others are turned one by one from the
    last to the first, each towards the next, then again and again, each towards both of its neighbours, until nothing
    is gained; each step is the best that turning one tree can do.

    Why backwards: going forwards from the first tree, the settled late trees have to adapt to the restless early ones.
    Going forwards with the last tree as a second target can be calmer for few classes, so small series try both and
    keep the calmer film.

    Args:
        trees: Over the same classes in the same order. Flat ones get their classes exchanged, which changes nothing
            about them, to stand as the next one's, or else the one's before them.

    Returns:
        The turned trees; node numbers of those that are not flat stay what they are.
    """
    firm = [tree for tree in trees if not tree.is_flat]
    if not firm:
        return [_exchanged(tree, trees[-1].order) for tree in trees]
    tried = [_settled(firm, _backwards(firm))]
    if len(firm) * firm[0].n ** 2 <= _TWO_STARTS:
        tried.append(_settled(firm, _forwards(firm)))
    best = min(tried, key=_movement)
    film: list[Hierarchy] = []
    order = firm[-1].order
    for tree in reversed(trees):
        if tree.is_flat:
            film.append(_exchanged(tree, order))
        else:
            order = np.argsort(best.pop())
            film.append(tree if np.array_equal(order, tree.order) else tree.reordered(order))
    return film[::-1]


def _backwards(trees: Sequence[Hierarchy]) -> list[IntArray]:
    """Places of the classes when each tree is turned towards the next one, which is turned already."""
    found = [_places(trees[-1])]
    for tree in reversed(trees[:-1]):
        found.append(_best_places(tree, [found[-1]]))
    return found[::-1]


def _forwards(trees: Sequence[Hierarchy]) -> list[IntArray]:
    """Places of the classes when each tree is turned towards the one before it and the last one."""
    last = _places(trees[-1])
    found: list[IntArray] = []
    for tree in trees[:-1]:
        found.append(_best_places(tree, [*found[-1:], last]))
    return [*found, last]


def _settled(trees: Sequence[Hierarchy], places: Sequence[IntArray]) -> list[IntArray]:
    """Places after turning each tree but the last towards both of its neighbours until nothing is gained."""
    now = list(places)
    for _ in range(_ROUNDS):
        before = _movement(now)
        for k in range(len(now) - 1):
            better = _best_places(trees[k], [*now[max(k - 1, 0) : k], now[k + 1]])
            # Equally good orders change nothing, so that a round without gain is the last one.
            if _movement([*now[max(k - 1, 0) : k], better, now[k + 1]]) < _movement(now[max(k - 1, 0) : k + 2]):
                now[k] = better
        if _movement(now) >= before:
            break
    return now


def _best_places(h: Hierarchy, targets: Sequence[IntArray]) -> IntArray:
    """The place of each class, of all leaf orders that turning can reach, with the least sum of distances to its places
    in other orders.

    What a clade costs depends only on where its block of leaves begins, so each merge takes the better of its two ways
    for every such place at once: n²/2 sums in all.
    """
    n, here = h.n, np.arange(h.n)
    children, sizes = h.children.tolist(), h.sizes.tolist()
    cost: list[IntArray] = [np.sum([np.abs(here - target[i]) for target in targets], axis=0) for i in range(n)]
    nothing = np.zeros(0, dtype=np.intp)
    swaps = []
    for left, right in children:
        a, b = sizes[left], sizes[right]
        begins = n - a - b + 1
        straight = cost[left][:begins] + cost[right][a : a + begins]
        swapped = cost[right][:begins] + cost[left][b : b + begins]
        swaps.append(swapped < straight)
        cost.append(np.minimum(straight, swapped))
        cost[left] = cost[right] = nothing  # no longer needed; all of them would take n² numbers
    begin = [0] * (2 * n - 1)
    for row in range(n - 2, -1, -1):
        first, second = children[row]
        if swaps[row][begin[n + row]]:
            first, second = second, first
        begin[first] = begin[n + row]
        begin[second] = begin[n + row] + sizes[first]
    return np.array(begin[:n], dtype=np.intp)


def _exchanged(h: Hierarchy, order: IntArray) -> Hierarchy:
    """A flat tree with its classes exchanged so that its leaves come in an order; any tree of equal distances is as
    good."""
    meant = np.arange(2 * h.n - 1)
    meant[h.order] = order
    linkage = h.linkage.copy()
    linkage[:, :2] = meant[h.children]
    return replace(h, linkage=linkage, order=order.copy())


def _clades_there(trees: Sequence[Hierarchy]) -> np.ndarray:
    """Whether each tree has the clade of each row of the last tree, ``[E, n - 1]``; False for rows that are no clade."""
    last = trees[-1]
    there = np.zeros((len(trees), last.n - 1), dtype=bool)
    if last.is_flat:
        return there
    for at, tree in enumerate(trees):
        if not tree.is_flat:  # heights that differ by rounding only would make clades of nothing
            there[at] = clade_support(last.linkage, [tree.linkage]) > 0.5
    return there


def _agreement(trees: Sequence[Hierarchy], taxonomy: Taxonomy) -> tuple[FloatArray, float]:
    """Mean tau of each tree's distances with the hops of a taxonomy, and its ceiling; nan when it is undefined."""
    names = trees[-1].names
    kept = sorted(taxonomy.kept(names))
    tau = np.full(len(trees), math.nan)
    if len(kept) < 3:
        return tau, math.nan
    hops = taxonomy.distances([names[i] for i in kept])
    for at, tree in enumerate(trees):
        if not tree.is_flat:
            tau[at] = _defined_mean(kendall_tau_by_class(tree.rows(kept)[:, kept], hops))
    return tau, _defined_mean(kendall_tau_ceiling(hops))


def _defined_mean(values: FloatArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _places(h: Hierarchy) -> IntArray:
    return np.argsort(h.order)


def _movement(places: Sequence[IntArray]) -> int:
    return sum(int(np.abs(a - b).sum()) for a, b in pairwise(places))
