"""Agreement of trees over seeds, against trees with shuffled classes.

Every pair of trees is scored: Baker's gamma and the cophenetic correlation (:mod:`.agreement`) and the share of clades
in common, which is 1 less the normalised Robinson-Foulds distance (:mod:`.clades`). Pairs share seeds, so n seeds are
not n (n - 1) / 2 independent comparisons: mean and standard deviation over the pairs describe them, and no interval is
made of them. What tells agreement from chance is shuffling which class is which in each tree, which keeps the shape of
every tree and destroys what they say about the classes.

Sources: as in the two modules; N. Mantel, *The detection of disease clustering*, Cancer Research 27 (1967), for
shuffling the names of a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, check_pair, joining_heights, tie_levels
from lwal_core.analysis.trees.clades import CladeSet, clades
from lwal_core.errors import AnalysisError

PAIRS_NOTE = "Pairs of seeds share seeds, so their spread describes them and is no standard error."

_SHUFFLES = ((120_000, 999), (500_000, 199), (900_000, 99))
"""Shuffles up to this many trees times classes squared: under a second each on one core."""

_ARRANGEMENTS = 2_000
_EQUAL_SCORES = 1e-9  # closer means are one value and rounding; shuffles that change nothing must count as equal


@dataclass(frozen=True, eq=False)
class PairScore:
    """One score of every pair of trees.

    Attributes:
        values: ``[pairs]`` in the order (0, 1), (0, 2), ..., (1, 2), ...; ``nan`` where it is undefined.
        p: ``(1 + number of shuffles with at least this mean) / (1 + shuffles)``; ``nan`` without shuffles.
    """

    values: FloatArray
    p: float

    @property
    def n(self) -> int:
        """Number of pairs for which the score is defined."""
        return int((~np.isnan(self.values)).sum())

    @property
    def mean(self) -> float:
        """Mean over the pairs; ``nan`` without any."""
        return float(np.nanmean(self.values)) if self.n else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation over the pairs; ``nan`` for fewer than two."""
        return float(np.nanstd(self.values, ddof=1)) if self.n > 1 else math.nan


@dataclass(frozen=True, eq=False)
class SeedAgreement:
    """How alike several trees of the same classes are; made by :func:`seed_agreement`.

    Attributes:
        trees: Number of trees.
        gamma: Baker's gamma, -1 to 1.
        cophenetic: Cophenetic correlation, -1 to 1.
        shared: Share of the clades of both trees that both have, 0 to 1; 1 less it is the normalised Robinson-Foulds
            distance.
        shuffles: Number of shuffles behind the p-values; 0 for none.
    """

    trees: int
    gamma: PairScore
    cophenetic: PairScore
    shared: PairScore
    shuffles: int


@dataclass(frozen=True, eq=False)
class CrossAgreement:
    """Every tree of one set against every tree of another, ``[A, B]``; ``nan`` where a score is undefined."""

    gamma: FloatArray
    shared: FloatArray


class SetDifference(NamedTuple):
    """Whether trees of two sets are less alike than trees of one set; made by :func:`set_difference`.

    Attributes:
        less_alike: Mean of Baker's gamma over the pairs within a set, less that over the pairs of one tree of each; nan
            where one of them is undefined.
        p: Share of the arrangements of the trees into two sets of these sizes whose difference is as large; nan likewise.
        least: The smallest p that these sizes allow: too large a one says that there are too few trees.
    """

    less_alike: float
    p: float
    least: float


def default_shuffles(n: int, trees: int) -> int:
    """Shuffles that take less than about a second: 999 for 100 classes and 10 trees, fewer for more, at last none."""
    return next((count for most, count in _SHUFFLES if trees * n * n <= most), 0)


def seed_agreement(Zs: Sequence[npt.ArrayLike], shuffles: int | None = None, seed: int = 0) -> SeedAgreement:
    """Score all pairs of trees, with one-sided p-values of the mean scores from shuffled classes.

    Args:
        Zs: Linkages ``[n - 1, 4]`` over the same classes in the same order.
        shuffles: Number of shuffles; 0 for none, ``None`` for :func:`default_shuffles`.
        seed: Of the shuffles.

    Returns:
        Scores; those of fewer than three classes are undefined, as are correlations with a tree that joins everything
        at one height, and the share of clades in common of two trees without any.

    Raises:
        AnalysisError: Fewer than two trees, no linkages, different numbers of classes, or a negative number of
            shuffles.
    """
    if len(Zs) < 2:
        raise AnalysisError(f"{len(Zs)} trees make no pair.", "Give at least two trees, for example of two seeds.")
    if shuffles is not None and shuffles < 0:
        raise AnalysisError(f"shuffles = {shuffles!r} is negative.", "Give 0 for none.")
    trees = [_Tree(check_pair(Zs[0], Z)[1]) for Z in Zs]
    n, first, second = trees[0].n, *np.triu_indices(len(trees), 1)
    count = default_shuffles(n, len(trees)) if shuffles is None else shuffles
    gamma, cophenetic = (_correlations(trees, trees, kind)[first, second] for kind in (0, 1))
    shared = _shares(trees, trees)[first, second]
    at_least = _shuffled(trees, (gamma, cophenetic, shared), count, seed)
    p = [
        (1 + found) / (1 + count) if count and not np.isnan(values).all() else math.nan
        for found, values in zip(at_least, (gamma, cophenetic, shared), strict=True)
    ]
    return SeedAgreement(
        len(trees), PairScore(gamma, p[0]), PairScore(cophenetic, p[1]), PairScore(shared, p[2]), count
    )


def cross_agreement(first: Sequence[npt.ArrayLike], second: Sequence[npt.ArrayLike]) -> CrossAgreement:
    """Score every tree of one set against every tree of another, for example of two methods.

    Args:
        first: A linkages ``[n - 1, 4]`` over the same classes in the same order, at least one.
        second: B linkages over these classes, at least one.

    Raises:
        AnalysisError: An empty set, no linkages, or different numbers of classes.
    """
    if not len(first) or not len(second):
        raise AnalysisError(f"{len(first)} trees were to be compared with {len(second)}.", "Give at least one of each.")
    left, right = ([_Tree(check_pair(first[0], Z)[1]) for Z in Zs] for Zs in (first, second))
    return CrossAgreement(_correlations(left, right, 0), _shares(left, right))


def set_difference(first: Sequence[npt.ArrayLike], second: Sequence[npt.ArrayLike], seed: int = 0) -> SetDifference:
    """Permutation test over which tree is of which set, for example of which method.

    Pairs that share a tree are no independent values, so that a mean and its spread over pairs tell nothing from chance;
    if the sets did not differ, every arrangement of the trees would be as likely as the one that is there. All
    arrangements are tried where there are up to 2,000, else as many by chance.

    Args:
        first: A linkages ``[n - 1, 4]`` over the same classes in the same order, at least one.
        second: B linkages over these classes, at least one.
        seed: Of arrangements by chance.

    Raises:
        AnalysisError: As :func:`cross_agreement`.
    """
    cross_agreement(first, second)  # refuses what cannot be compared
    trees = [_Tree(check_pair(first[0], Z)[1]) for Z in (*first, *second)]
    gamma = _correlations(trees, trees, 0)
    a, count = len(first), len(trees)
    rows, columns = np.triu_indices(count, 1)
    pairs = gamma[rows, columns]

    def less_alike(members: Sequence[int]) -> float:
        mine = np.isin(np.arange(count), members)
        within = mine[rows] == mine[columns]
        both = pairs[within], pairs[~within]
        if any(np.isnan(values).all() for values in both):
            return math.nan
        return float(np.nanmean(both[0]) - np.nanmean(both[1]))

    observed = less_alike(range(a))
    if math.comb(count, a) <= _ARRANGEMENTS:
        arranged = [less_alike(members) for members in combinations(range(count), a)]
    else:
        generator = np.random.default_rng(seed)
        arranged = [
            observed,
            *(less_alike(generator.permutation(count)[:a].tolist()) for _ in range(_ARRANGEMENTS - 1)),
        ]
    values = np.array(arranged)
    p = float((values >= observed - _EQUAL_SCORES).mean()) if math.isfinite(observed) else math.nan
    same = 2 if 2 * a == count else 1  # halves that change places are one arrangement
    return SetDifference(observed, p, same / min(math.comb(count, a), _ARRANGEMENTS))


class _Tree:
    """What the scores of a tree are made of.

    ``units [2, m]``: ranks of the joining heights (tied heights share one) and the heights themselves over the m pairs
    of classes, centred and of length 1, so that a correlation is a product; None for a tree at one height.
    """

    def __init__(self, linkage: FloatArray) -> None:
        from scipy.stats import rankdata

        self.n = len(linkage) + 1
        self.clades: CladeSet = clades(linkage)
        self.units: FloatArray | None = None
        levels = tie_levels(linkage[:, 2])
        if self.n > 2 and levels.max() > 0:
            rows = np.array([rankdata(joining_heights(linkage, levels)), joining_heights(linkage)])
            rows -= rows.mean(axis=1, keepdims=True)
            self.units = rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def members(self) -> FloatArray:
        """Which classes each clade has, ``[clades, n]``, 0 or 1."""
        table = np.zeros((len(self.clades), self.n))
        for row, clade in enumerate(self.clades):
            table[row, list(clade)] = 1
        return table


def _correlations(left: Sequence[_Tree], right: Sequence[_Tree], kind: int) -> FloatArray:
    out = np.full((len(left), len(right)), math.nan)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if a.units is not None and b.units is not None:
                out[i, j] = min(1.0, max(-1.0, float(a.units[kind] @ b.units[kind])))
    return out


def _shares(left: Sequence[_Tree], right: Sequence[_Tree]) -> FloatArray:
    out = np.full((len(left), len(right)), math.nan)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            total = len(a.clades) + len(b.clades)
            if total:
                out[i, j] = 2 * len(a.clades.masks & b.clades.masks) / total
    return out


def _shuffled(trees: Sequence[_Tree], observed: Sequence[FloatArray], shuffles: int, seed: int) -> list[int]:
    """How many shuffles have a mean score at least as large as each of the observed ones."""
    n, defined = trees[0].n, [i for i, tree in enumerate(trees) if tree.units is not None]
    means = [float(np.nanmean(values)) if not np.isnan(values).all() else math.nan for values in observed]
    null = np.full((3, shuffles), math.nan)
    if shuffles and n > 2:
        from scipy.spatial.distance import squareform

        rows, columns = np.triu_indices(n, 1)
        squares = {i: [squareform(unit).ravel() for unit in _units(trees[i])] for i in defined}
        common = _CommonClades(trees)
        generator = np.random.default_rng(seed)
        for shuffle in range(shuffles):
            # Only how the trees are shuffled against each other matters, so the first one stays as it is.
            orders = [np.arange(n), *(generator.permutation(n) for _ in trees[1:])]
            if len(defined) > 1:
                total = np.zeros((2, len(rows)))
                for i in defined:
                    where = n * orders[i][rows] + orders[i][columns]
                    for kind in (0, 1):
                        total[kind] += squares[i][kind].take(where)
                # The squared length of a sum of unit vectors holds each of their products twice.
                d = len(defined)
                null[:2, shuffle] = ((total * total).sum(axis=1) - d) / (d * (d - 1))
            null[2, shuffle] = common.mean_share(orders)
    return [int((values >= mean - _EQUAL_SCORES).sum()) for values, mean in zip(null, means, strict=True)]


def _units(tree: _Tree) -> FloatArray:
    assert tree.units is not None
    return tree.units


class _CommonClades:
    """Mean share of common clades of all pairs of trees whose classes are shuffled.

    A clade is known by the sum of random whole numbers, one per class. Sums stay below 2**53 and are thus exact; that two
    different clades have the same sum is as good as impossible (1 in 10**13 a pair of clades for 100 classes).
    """

    def __init__(self, trees: Sequence[_Tree]) -> None:
        n = trees[0].n
        self.numbers = np.random.default_rng(0).integers(1, 2**53 // (n + 1), size=n).astype(np.float64)
        self.members = [tree.members() for tree in trees]
        self.owner: IntArray = np.repeat(np.arange(len(trees)), [len(table) for table in self.members])
        counts = np.array([len(table) for table in self.members], dtype=np.float64)
        totals = counts[:, None] + counts
        self.weights = np.triu(np.divide(2.0, totals, out=np.zeros_like(totals), where=totals > 0), 1)
        self.pairs = int((np.triu(totals, 1) > 0).sum())

    def mean_share(self, orders: Sequence[IntArray]) -> float:
        """Mean over the pairs; ``orders[t][i]`` is the class of tree t that takes the place of class i."""
        if not self.pairs:
            return math.nan
        sums = []
        for table, order in zip(self.members, orders, strict=True):
            numbers = np.empty_like(self.numbers)
            numbers[order] = self.numbers
            sums.append(table @ numbers)
        distinct, clade = np.unique(np.concatenate(sums), return_inverse=True)
        has = np.zeros((len(self.members), len(distinct)))
        has[self.owner, clade] = 1
        return float((self.weights * (has @ has.T)).sum() / self.pairs)
