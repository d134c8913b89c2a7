"""Distance against confusion per pair of classes: rank correlation and permutation test.

Pairs that share a class are not independent, so the p-value of the rank correlation comes from shuffling which class is
which, never from the number of pairs.

Source: N. Mantel, *The detection of disease clustering and a generalized regression approach*, Cancer Research 27
(1967); with ranks: E. Dietz, *Permutation tests for association between two distance matrices*, Systematic Zoology 32
(1983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, tie_levels
from lwal_core.analysis.hierarchy import FLAT_TOLERANCE
from lwal_core.errors import AnalysisError

SHUFFLES = ((100, 999), (400, 199), (1_000, 99))
"""Shuffles of the chance test for up to so many classes with test samples; above them it is not made. One test takes a
second at most for 400 classes. For 1,000 classes it takes four when every pair is confused, and a few tenths of one for
the few pairs that a test set of usual size confuses."""

_GATHERED = 2_000_000  # ranks looked up at once: 16 MB
_EQUAL_SCORES = 1e-9  # relative; shuffles that change nothing must count as equal


@dataclass(frozen=True, eq=False)
class PairConfusions:
    """Distance and confusion of P pairs of classes; made by :func:`pair_confusions`.

    Attributes:
        first: ``[P]`` index of a pair's first class; the true class when ``directed``.
        second: ``[P]`` index of its second class; the predicted class when ``directed``.
        distances: ``[P]`` distances between the two.
        mistakes: ``[P]`` test samples of one class taken for the other.
        samples: ``[P]`` test samples of both classes, of the true class alone when ``directed``.
        rates: ``[P]`` ``mistakes / samples``, 0 to 1; nan for pairs with a class that has no test samples.
        classes: Number of classes.
        without: Indices of the classes without test samples.
        directed: Whether "a taken for b" and "b taken for a" are two pairs.
    """

    first: IntArray
    second: IntArray
    distances: FloatArray
    mistakes: FloatArray
    samples: FloatArray
    rates: FloatArray
    classes: int
    without: tuple[int, ...]
    directed: bool

    @property
    def defined(self) -> IntArray:
        """Indices of the pairs that have a rate, ascending."""
        return np.flatnonzero(~np.isnan(self.rates))

    def most_confused(self, count: int) -> IntArray:
        """Indices of the pairs with the highest rates above 0, highest first, ties nearest first; at most ``count``."""
        confused = np.flatnonzero(self.rates > 0)
        return confused[np.lexsort((self.distances[confused], -self.rates[confused]))][:count]


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's correlation between distance and confusion over pairs of classes.

    Attributes:
        rho: -1 to 1, negative when near classes are confused more; nan when undefined.
        p: Share of shuffles of the classes with a correlation at least as far from 0, ``(1 + number) / (1 + R)``; nan
            when undefined or not tested.
        shuffles: R; 0 when chance was not tested.
        pairs: Number of pairs that went in.
        reason: Why ``rho`` is undefined, e.g. ``"no mistakes"``; empty when it is not.
    """

    rho: float
    p: float
    shuffles: int
    pairs: int
    reason: str = ""


def pair_confusions(confusion: npt.ArrayLike, distances: npt.ArrayLike, *, directed: bool = False) -> PairConfusions:
    """Distance and confusion rate of each pair of classes.

    The rate of a pair is ``(c_ij + c_ji) / (n_i + n_j)``: of the test samples of both classes, the share that was taken
    for the other one. With ``directed``, that of "i taken for j" is ``c_ij / n_i``.

    Args:
        confusion: ``[C, C]`` numbers of test samples, rows the true class, columns the predicted one.
        distances: ``[C, C]`` distances between the classes, symmetric; the diagonal is ignored.
        directed: Keep the two directions apart.

    Returns:
        The pairs ``i < j`` by i, then j; with ``directed`` all ``i != j`` in that order.

    Raises:
        AnalysisError: Shapes that do not fit, numbers of samples that are none, distances that are not finite, are
            below 0 or differ by direction.
    """
    counts, away = _checked(confusion, distances)
    n = len(counts)
    totals = counts.sum(axis=1)
    first, second = np.nonzero(~np.eye(n, dtype=bool)) if directed else np.triu_indices(n, 1)
    mistakes, samples = counts[first, second], totals[first]
    if not directed:
        mistakes, samples = mistakes + counts[second, first], samples + totals[second]
    known = (totals[first] > 0) & (totals[second] > 0)
    rates = np.divide(mistakes, samples, out=np.full(len(first), math.nan), where=known)
    return PairConfusions(
        first=first,
        second=second,
        distances=away[first, second],
        mistakes=mistakes,
        samples=samples,
        rates=rates,
        classes=n,
        without=tuple(np.flatnonzero(totals == 0).tolist()),
        directed=directed,
    )


def shuffles_for(classes: int) -> int:
    """Shuffles of the chance test for so many classes with test samples; 0 when it is not made."""
    return next((count for most, count in SHUFFLES if classes <= most), 0)


def rank_correlation(pairs: PairConfusions, shuffles: int | None = None, seed: int = 0) -> RankCorrelation:
    """Spearman's rank correlation between distance and confusion rate, with Mantel's two-sided test.

    Distances that agree to a relative 1e-9 share a rank. Classes without test samples are left out.

    Args:
        pairs: The pairs.
        shuffles: How often the classes are shuffled; None for what :func:`shuffles_for` says, 0 for no test.
        seed: Of the shuffles.

    Returns:
        The correlation; undefined, with a reason, for fewer than three classes with test samples, when all of their
        distances or all rates are equal (no mistakes at all, for one).

    Raises:
        AnalysisError: Fewer than 0 shuffles.
    """
    if shuffles is not None and shuffles < 0:
        raise AnalysisError(f"shuffles = {shuffles!r} is not a number from 0 up.", "Give for example 999.")
    kept = pairs.defined
    present = pairs.classes - len(pairs.without)
    away, rates = pairs.distances[kept], pairs.rates[kept]
    reason = _why_undefined(away, rates, present)
    if reason:
        return RankCorrelation(math.nan, math.nan, 0, len(kept), reason)
    x, y = _centred_ranks(away), _centred_ranks(rates)
    scale = math.sqrt(float(x @ x) * float(y @ y))
    rho = min(1.0, max(-1.0, float(x @ y) / scale))
    wanted = shuffles_for(present) if shuffles is None else shuffles
    p = _mantel_p(pairs, kept, x, y, wanted, seed) if wanted else math.nan
    return RankCorrelation(rho, p, wanted, len(kept))


def _mantel_p(pairs: PairConfusions, kept: IntArray, x: FloatArray, y: FloatArray, shuffles: int, seed: int) -> float:
    """Share of shuffles whose sum of products of ranks lies at least as far from 0.

    Shuffling the classes only moves ranks about, so of the correlation nothing but that sum changes. Most pairs share
    the rank of "never confused"; taken off all ranks it changes no sum, since the others' ranks are centred, and only the
    other pairs need looking up.
    """
    number = np.full(pairs.classes, -1)
    present = np.setdiff1d(np.arange(pairs.classes), pairs.without)
    number[present] = np.arange(len(present))
    first, second = number[pairs.first[kept]], number[pairs.second[kept]]
    ranks = np.zeros((len(present), len(present)))
    ranks[first, second] = x
    if not pairs.directed:
        ranks[second, first] = x
    values, members = np.unique(y, return_counts=True)
    above = y - values[np.argmax(members)]
    some = np.flatnonzero(above)
    first, second, above = first[some], second[some], above[some]
    observed = abs(float(ranks[first, second] @ above)) * (1 - _EQUAL_SCORES)
    generator = np.random.default_rng(seed)
    at_least, done, at_once = 0, 0, max(1, _GATHERED // max(len(some), len(present)))
    while done < shuffles:
        count = min(at_once, shuffles - done)
        shuffled = generator.permuted(np.tile(np.arange(len(present)), (count, 1)), axis=1)
        sums = ranks[shuffled[:, first], shuffled[:, second]] @ above
        at_least += int(np.count_nonzero(np.abs(sums) >= observed))
        done += count
    return (1 + at_least) / (1 + shuffles)


def _centred_ranks(values: FloatArray) -> FloatArray:
    """Ranks with mean 0, ties sharing their mean."""
    levels = tie_levels(values)
    counts = np.bincount(levels)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[levels]
    centred: FloatArray = ranks - (len(values) + 1) / 2
    return centred


def _why_undefined(distances: FloatArray, rates: FloatArray, present: int) -> str:
    if present < 3:
        return "1 class" if present == 1 else f"{present} classes"
    if rates.max() == 0:
        return "no mistakes"
    if float(np.ptp(distances)) <= FLAT_TOLERANCE * float(distances.max()):
        return "all classes are equally far apart"
    if tie_levels(rates).max() == 0:
        return "all pairs are confused equally often"
    return ""


def _checked(confusion: npt.ArrayLike, distances: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    counts, away = np.asarray(confusion, dtype=np.float64), np.array(distances, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise AnalysisError(f"A confusion matrix is square; this one has the shape {counts.shape}.")
    if not (np.isfinite(counts) & (counts >= 0)).all():
        raise AnalysisError("A confusion matrix holds numbers of samples; this one has values below 0 or not finite.")
    if away.shape != counts.shape:
        raise AnalysisError(
            f"The distances have the shape {away.shape}, the confusion matrix {counts.shape}.",
            "Give both over the same classes.",
        )
    np.fill_diagonal(away, 0)
    if not (np.isfinite(away) & (away >= 0)).all():
        raise AnalysisError("Distances between classes are below 0 or not finite.", "Take an epoch with finite labels.")
    if not np.allclose(away, away.T, rtol=1e-6, atol=0):
        raise AnalysisError("The distances differ by direction.", "Give a symmetric matrix.")
    return counts, away
