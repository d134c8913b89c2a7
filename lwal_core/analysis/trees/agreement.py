"""Agreement of two trees of the same classes, or of a tree with its distances.

All scores match classes by their index, are undefined (``nan``) where their formula divides by zero, and never stand
in a 0 for that.

Sources: R. Sokal, F. Rohlf, *The comparison of dendrograms by objective methods*, Taxon 11 (1962), cophenetic
correlation; F. Baker, *Stability of two hierarchical grouping techniques*, JASA 69 (1974), gamma; E. Fowlkes, C.
Mallows, *A method for comparing two hierarchical clusterings*, JASA 78 (1983), Bk with its expectation and variance.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import (
    FloatArray,
    IntArray,
    check_linkage,
    check_pair,
    cut_by_count,
    joining_heights,
    offers_cut,
    tie_levels,
)
from lwal_core.errors import AnalysisError

CORRELATIONS = ("pearson", "spearman", "kendall")


def cophenetic_correlation(Za: npt.ArrayLike, Zb: npt.ArrayLike, method: str = "pearson") -> float:
    """Correlation, over all pairs of classes, of the heights at which two trees join the pair.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.
        method: ``"pearson"`` uses the heights as they are, ``"spearman"`` and ``"kendall"`` (tau-b) only their order,
            with heights that agree to 1e-9 tied.

    Returns:
        -1 to 1; 1 when the heights are related linearly (in the same order for the rank versions). ``nan`` when it is
        not defined: fewer than three classes, or a tree that joins everything at one height.

    Raises:
        AnalysisError: not linkages, different numbers of classes, unknown method.
    """
    a, b = check_pair(Za, Zb)
    _check_method(method)
    levels_a, levels_b = tie_levels(a[:, 2]), tie_levels(b[:, 2])
    if len(a) < 2 or levels_a.max() == 0 or levels_b.max() == 0:
        return math.nan
    if method == "pearson":
        return _pearson(joining_heights(a), joining_heights(b))
    return _rank_correlation(joining_heights(a, levels_a), joining_heights(b, levels_b), method)


def cophenetic_distance_correlation(Z: npt.ArrayLike, D: npt.ArrayLike, method: str = "pearson") -> float:
    """Cophenetic correlation coefficient: how faithfully a tree keeps the distances it stands for.

    Args:
        Z: Linkage ``[n - 1, 4]``.
        D: Distances between the classes, square ``[n, n]`` or condensed ``[n (n - 1) / 2]``.
        method: ``"pearson"`` (the usual one), ``"spearman"`` or ``"kendall"``.

    Returns:
        -1 to 1. ``nan`` when it is not defined: fewer than three classes, all joining heights equal, or all distances
        equal.

    Raises:
        AnalysisError: not a linkage; distances of another size, not finite, or not symmetric; unknown method.
    """
    linkage = check_linkage(Z)
    _check_method(method)
    distances = _condensed(D, len(linkage) + 1)
    levels = tie_levels(linkage[:, 2])
    if len(linkage) < 2 or levels.max() == 0:
        return math.nan
    distance_levels = tie_levels(distances)
    if distance_levels.max() == 0:
        return math.nan
    if method == "pearson":
        return _pearson(joining_heights(linkage), distances)
    return _rank_correlation(joining_heights(linkage, levels), distance_levels, method)


def bakers_gamma(Za: npt.ArrayLike, Zb: npt.ArrayLike) -> float:
    """Baker's gamma: rank correlation of how early two trees join each pair of classes.

    Computed as the Spearman correlation of the joining heights with tied heights sharing a rank. That equals Baker's
    count of clusters wherever no heights are tied, and unlike it stays meaningful for ties and for nodes with several
    children.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.

    Returns:
        -1 to 1, about 0 for unrelated trees; ``nan`` for fewer than three classes or when a tree joins everything at
        one height.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    return cophenetic_correlation(Za, Zb, method="spearman")


def fowlkes_mallows(Za: npt.ArrayLike, Zb: npt.ArrayLike, k: int) -> tuple[float, float, float]:
    """Fowlkes and Mallows' Bk: the agreement of two trees cut into k clusters each, with what chance alone would give.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.
        k: Number of clusters, 1 to n.

    Returns:
        ``(bk, expected, variance)``: Bk from 0 to 1, and its expectation and variance when the classes are shuffled
        within the same cluster sizes. ``k = 1`` gives ``(1, 1, 0)``. All three are ``nan`` for ``k = n`` (no pair is
        together in either tree) and when a tree has no cut into k clusters because the heights around it are tied. The
        variance is ``nan`` for three classes.

    Raises:
        AnalysisError: not linkages, different numbers of classes, or k outside 1 to n.
    """
    a, b = check_pair(Za, Zb)
    n = len(a) + 1
    k = _check_count(k, n)
    undefined = (math.nan, math.nan, math.nan)
    if k == n or not (offers_cut(a, k) and offers_cut(b, k)):
        return undefined
    if k == 1:
        return 1.0, 1.0, 0.0
    left, right = cut_by_count(a, k), cut_by_count(b, k)
    rows, columns = np.bincount(left), np.bincount(right)
    _, cells = np.unique(left * k + right, return_counts=True)
    together = float((cells * cells).sum() - n)
    p, q = float((rows * rows).sum() - n), float((columns * columns).sum() - n)  # positive, because k < n
    ordered_pairs = n * (n - 1)
    expected = math.sqrt(p * q) / ordered_pairs
    return together / math.sqrt(p * q), expected, _null_variance(rows, columns, n)


def _null_variance(rows: IntArray, columns: IntArray, n: int) -> float:
    """Variance of Bk when classes are shuffled within clusters of the given sizes (Fowlkes and Mallows 1983)."""
    if n <= 3:
        return math.nan

    def pairs_and_triples(sizes: IntArray) -> tuple[float, float]:
        m = sizes.astype(np.float64)
        return float((m * (m - 1)).sum()), float((m * (m - 1) * (m - 2)).sum())

    p, p2 = pairs_and_triples(rows)
    q, q2 = pairs_and_triples(columns)
    pairs, triples, quadruples = n * (n - 1), n * (n - 1) * (n - 2), n * (n - 1) * (n - 2) * (n - 3)
    variance = (
        2 / pairs
        + 4 * p2 * q2 / (triples * p * q)
        + (p - 2 - 4 * p2 / p) * (q - 2 - 4 * q2 / q) / quadruples
        - p * q / pairs**2
    )
    return max(variance, 0.0)  # rounding can leave -1e-18 where only one value is possible


def _check_method(method: str) -> None:
    if method not in CORRELATIONS:
        raise AnalysisError(
            f"{method!r} is not a correlation; allowed are {', '.join(CORRELATIONS)}.", "Choose one of them."
        )


def _check_count(k: int, n: int) -> int:
    try:
        count = operator.index(k)
    except TypeError as error:
        raise AnalysisError(f"k = {k!r} is not a whole number.", f"Give a number of clusters from 1 to {n}.") from error
    if not 1 <= count <= n:
        raise AnalysisError(f"k = {count} clusters cannot be cut from {n} classes.", f"Give a k from 1 to {n}.")
    return count


def _condensed(distances: npt.ArrayLike, n: int) -> FloatArray:
    hint = f"Give a symmetric matrix of shape ({n}, {n}) or its {n * (n - 1) // 2} values above the diagonal."
    values = np.asarray(distances, dtype=np.float64)
    if values.shape == (n, n):
        above = values[np.triu_indices(n, 1)]
        if not np.allclose(above, values.T[np.triu_indices(n, 1)], rtol=1e-6, atol=0, equal_nan=True):
            raise AnalysisError("The distances are not symmetric.", hint)
        values = above
    if values.shape != (n * (n - 1) // 2,):
        raise AnalysisError(f"The distances have the shape {values.shape}, the tree has {n} classes.", hint)
    if not np.isfinite(values).all():
        raise AnalysisError("The distances hold values that are not finite.", "Leave out classes without a vector.")
    return values


def _pearson(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> float:
    """Pearson correlation of two samples that are known to vary."""
    x, y = x / np.abs(x).max(), y / np.abs(y).max()  # so that squares of huge or tiny values stay finite
    x, y = x - x.mean(), y - y.mean()
    value = float(np.dot(x, y) / math.sqrt(float(np.dot(x, x)) * float(np.dot(y, y))))
    return min(1.0, max(-1.0, value))


def _rank_correlation(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic], method: str) -> float:
    """Spearman or Kendall correlation of two samples given as levels 0, 1, 2, ..."""
    first, second = x.astype(np.intp), y.astype(np.intp)
    if method == "kendall":
        from scipy.stats import kendalltau

        return float(kendalltau(first, second, method="asymptotic").statistic)
    return _pearson(_mean_ranks(first), _mean_ranks(second))


def _mean_ranks(levels: IntArray) -> FloatArray:
    """Ranks from 1, ties sharing their mean; counting levels saves sorting half a million pairs."""
    counts = np.bincount(levels)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    ranks: FloatArray = mean_rank[levels]
    return ranks
