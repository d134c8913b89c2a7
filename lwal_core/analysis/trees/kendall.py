"""Kendall's tau between two sets of class distances, per class, with its ceiling and null distribution.

The score of the paper (Yu & Verma, arXiv 2209.04528, the hierarchy experiment): for every class, tau-b between its
distances to all other classes in the label space and in a taxonomy; the mean over the classes is the score. Two things
it needs beside it to be read: hops in a taxonomy are heavily tied, so even a perfect order of untied distances stays
below 1 (the ceiling), and classes share their distances, so that the mean of the classes' p-values is not a p-value. A
p-value comes from shuffling which class is which.

Distances that agree to a relative 1e-9 are tied, so that equal distances (one-hot labels) are undefined however they
were rounded.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, tie_levels
from lwal_core.errors import AnalysisError

Number = TypeVar("Number", bound=np.generic)

_BLOCK = 128  # places compared with all later ones at once
_COMPARISONS_AT_ONCE = 500_000  # bytes of one block of comparisons; stays within a processor's cache
_EQUAL_SCORES = 1e-12  # closer scores are one value and rounding; shuffles that change nothing must count as equal


_SHUFFLES = ((40, 999), (120, 199))  # up to so many classes of one matrix: about a third of a second each


class KendallNull(NamedTuple):
    """Spread of the mean tau over the classes for label vectors without meaning."""

    mean: float
    sd: float
    quantile95: float


def kendall_tau_by_class(Da: npt.ArrayLike, Db: npt.ArrayLike) -> FloatArray:
    """Kendall's tau-b of each class's distances to all other classes.

    Args:
        Da: Distances ``[n, n]``; the diagonal is ignored. A class that is absent (all its distances ``nan``) is left
            out of the others' rows.
        Db: Distances of the same classes in the same order.

    Returns:
        ``[n]``, -1 to 1. ``nan`` for an absent class, for one whose distances are all equal in either matrix, and for
        all when fewer than three classes are present. Report how many are defined beside their mean.

    Raises:
        AnalysisError: not square, different sizes, infinite values, or single values missing.
    """
    a, b, present = _present_pair(Da, Db)
    taus = np.full(len(present), math.nan)
    if len(a) >= 3:
        taus[present] = _TauAgainst(a).taus(_levels(b))
    return taus


def kendall_tau_ceiling(D_taxonomy: npt.ArrayLike) -> FloatArray:
    """The largest tau-b that untied distances can reach against each class's (tied) row of a taxonomy.

    Args:
        D_taxonomy: Distances ``[n, n]``; the diagonal is ignored, absent classes as in :func:`kendall_tau_by_class`.

    Returns:
        ``[n]``, 0 to 1; ``nan`` where tau is undefined. The ceiling of the score is the mean.

    Raises:
        AnalysisError: as :func:`kendall_tau_by_class`.
    """
    taxonomy, _, present = _present_pair(D_taxonomy, D_taxonomy)
    ceiling = np.full(len(present), math.nan)
    n = len(taxonomy)
    if n < 3:
        return ceiling
    pairs = (n - 1) * (n - 2) / 2
    untied = pairs - _tied_pairs(np.sort(_without_self(_levels(taxonomy)), axis=1))
    ceiling[present] = np.where(untied > 0, np.sqrt(untied / pairs), math.nan)
    return ceiling


def default_permutations(n: int, matrices: int = 1) -> int:
    """Permutations of n classes that take about a third of a second for so many matrices; 0 where none do."""
    return next((count for most, count in _SHUFFLES if matrices * n**3 <= most**3), 0)


def kendall_tau_permutation_p(Da: npt.ArrayLike, Db: npt.ArrayLike, permutations: int = 999, seed: int = 0) -> float:
    """How often shuffling the classes of one matrix gives a mean tau at least as large: a one-sided p-value.

    The mean goes over the classes for which tau is defined, then over the matrices. Several matrices, one per seed,
    are shuffled together, each time by the same permutation: trainings can share what has nothing to do with the
    taxonomy, such as their data, so that they are no independent evidence about the classes. 999 permutations take a
    tenth of a second for 16 classes and a few seconds for 100; the time grows with the third power, so that one
    permutation of 1,000 classes takes about half a second.

    Args:
        Da: Distances ``[n, n]``, or of several seeds ``[S, n, n]``; of several, every class needs a vector in all.
        Db: Distances of the same classes in the same order; its classes are shuffled.
        permutations: Number of shuffles R; the smallest possible p is ``1 / (1 + R)``.
        seed: Of the shuffles.

    Returns:
        ``(1 + number at least as large) / (1 + R)``; ``nan`` when tau is defined for no class.

    Raises:
        AnalysisError: as :func:`kendall_tau_by_class`, no matrix, classes that only some matrices have, or fewer than
            one permutation.
    """
    if permutations < 1:
        raise AnalysisError(f"permutations = {permutations!r} is not a number from 1 up.", "Give for example 999.")
    stack = np.asarray(Da, dtype=np.float64)
    pairs = [_present_pair(one, Db) for one in (stack if stack.ndim == 3 else [stack])]
    if not pairs or any((present != pairs[0][2]).any() for _, _, present in pairs):
        raise AnalysisError(f"{len(pairs)} matrices do not have the same classes.", "Give one or more over the same.")
    n = len(pairs[0][0])
    if n < 3:
        return math.nan
    against, levels = [_TauAgainst(a) for a, _, _ in pairs], _levels(pairs[0][1])
    defined = [one for one in against if not math.isnan(_defined_mean(one.taus(levels)))]
    if not defined:
        return math.nan

    def score(order: IntArray) -> float:
        shuffled = levels[np.ix_(order, order)]
        return float(np.mean([_defined_mean(one.taus(shuffled)) for one in defined]))

    observed = score(np.arange(n))
    generator = np.random.default_rng(seed)
    at_least = sum(score(generator.permutation(n)) >= observed - _EQUAL_SCORES for _ in range(permutations))
    return (1 + at_least) / (1 + permutations)


def kendall_tau_null(D_taxonomy: npt.ArrayLike, dim: int = 16, draws: int = 1000, seed: int = 0) -> KendallNull:
    """Score of random label vectors against a taxonomy: what a score must exceed to mean something.

    The vectors are independent normal values.

    Args:
        D_taxonomy: Distances ``[n, n]``.
        dim: Number of values of a random vector.
        draws: Number of random sets of vectors.
        seed: Of the vectors.

    Returns:
        Mean, standard deviation and 95 % point of the mean tau; ``nan`` when it is undefined for every class.

    Raises:
        AnalysisError: as :func:`kendall_tau_by_class`, or a dim or number of draws that is too small.
    """
    if dim < 1 or draws < 2:
        raise AnalysisError(
            f"dim = {dim!r} and draws = {draws!r} do not give a spread.", "Give a dim from 1 and draws from 2 up."
        )
    from scipy.spatial.distance import pdist, squareform

    taxonomy, _, _ = _present_pair(D_taxonomy, D_taxonomy)
    n = len(taxonomy)
    if n < 3 or np.isnan(kendall_tau_ceiling(taxonomy)).all():
        return KendallNull(math.nan, math.nan, math.nan)
    against = _TauAgainst(taxonomy)
    generator = np.random.default_rng(seed)
    scores = np.empty(draws)
    for draw in range(draws):
        scores[draw] = _defined_mean(against.taus(_levels(squareform(pdist(generator.normal(size=(n, dim)))))))
    return KendallNull(float(scores.mean()), float(scores.std(ddof=1)), float(np.quantile(scores, 0.95)))


class _TauAgainst:
    """tau-b per class of one matrix against many others; what depends on the first matrix alone is kept."""

    def __init__(self, distances: FloatArray) -> None:
        self.levels = _levels(distances)
        self.n = n = len(self.levels)
        self.pairs = (n - 1) * (n - 2) / 2
        self.untied = self.pairs - _tied_pairs(np.sort(_without_self(self.levels), axis=1))

    def taus(self, levels: IntArray) -> FloatArray:
        """tau-b of every class against a second matrix given as tie levels; ``nan`` where undefined, ``[n]``."""
        n = self.n
        # In ascending order of these codes the first levels ascend and, where they are tied, the second descend. A
        # pair is then concordant exactly when the second levels ascend, and equal codes are pairs tied in both.
        codes = np.sort(_without_self(self.levels * n + (n - 1 - levels)), axis=1)
        second = n - 1 - codes % n
        tied = _tied_pairs(np.sort(second, axis=1))
        concordant = _ascending_pairs(second.astype(np.min_scalar_type(n)))
        # Of the pairs untied in the first matrix, those not concordant are discordant or tied in the second alone.
        difference = 2 * concordant - self.untied + (tied - _tied_pairs(codes))
        product = self.untied * (self.pairs - tied)
        defined = product > 0
        return np.where(defined, difference / np.sqrt(np.where(defined, product, 1)), math.nan)


def _present_pair(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Both matrices reduced to the classes present in both, and which those are."""
    hint = "Give two square matrices over the same classes; a class without a vector has nan in its row and column."
    a, b = np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape != b.shape:
        raise AnalysisError(f"The distances have the shapes {a.shape} and {b.shape}; both must be (n, n).", hint)
    present = np.ones(len(a), dtype=bool)
    for matrix in (a, b):
        np.fill_diagonal(matrix, math.nan)
        present &= ~np.isnan(matrix).all(axis=1)
    a, b = a[np.ix_(present, present)], b[np.ix_(present, present)]
    for matrix in (a, b):
        np.fill_diagonal(matrix, 0)
        if not np.isfinite(matrix).all():
            raise AnalysisError("The distances hold values that are not finite between classes that have others.", hint)
    return a, b, present


def _levels(distances: FloatArray) -> IntArray:
    """Tie levels of each class's distances to the others, ``[n, n]``; the diagonal is 0 and means nothing."""
    n = len(distances)
    levels = np.zeros((n, n), dtype=np.intp)
    levels[~np.eye(n, dtype=bool)] = tie_levels(_without_self(distances)).ravel()
    return levels


def _without_self(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The values off the diagonal of ``[n, n]``, as ``[n, n - 1]``."""
    n = len(values)
    return values[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def _tied_pairs(ascending: IntArray) -> FloatArray:
    """Number of pairs of equal values in each row of ascending values."""
    here = np.arange(ascending.shape[1])
    starts_run = np.ones(ascending.shape, dtype=bool)
    starts_run[:, 1:] = ascending[:, 1:] != ascending[:, :-1]
    equal_before = here - np.maximum.accumulate(np.where(starts_run, here, 0), axis=1)
    return equal_before.sum(axis=1).astype(np.float64)


def _ascending_pairs(values: npt.NDArray[np.integer]) -> FloatArray:
    """Number of places j < k with ``values[j] < values[k]`` in each row.

    Plain comparisons in blocks: for the few hundred classes at hand they beat any sorting, because a processor makes
    dozens at once.
    """
    rows, length = values.shape
    counts = np.zeros(rows)
    for start in range(0, length, _BLOCK):
        block, rest = values[:, start : start + _BLOCK], values[:, start:]
        width = block.shape[1]
        later = np.triu(np.ones((width, width), dtype=bool), 1)
        rows_at_once = max(1, _COMPARISONS_AT_ONCE // (width * rest.shape[1]))
        for first in range(0, rows, rows_at_once):
            chunk = slice(first, first + rows_at_once)
            ascends = block[chunk, :, None] < rest[chunk, None, :]
            ascends[:, :, :width] &= later
            counts[chunk] += [np.count_nonzero(row) for row in ascends]
    return counts


def _defined_mean(taus: FloatArray) -> float:
    defined = taus[~np.isnan(taus)]
    return float(defined.mean()) if len(defined) else math.nan
