"""Similarity of two sets of representations of the same samples, whatever their widths.

- Linear CKA: normalised inner product of the centred Gram matrices. S. Kornblith et al., *Similarity of Neural Network
  Representations Revisited*, ICML 2019, arXiv:1905.00414.
- Procrustes distance: what is left between them after the best rotation, both centred and of length 1. F. Ding, J.-S. Denain,
  J. Steinhardt, *Grounding Representation Similarity with Statistical Testing*, NeurIPS 2021, arXiv:2108.01661.
- Neighbour overlap: share of the k nearest neighbours of a sample that are so in both. M. Klabunde et al., *Similarity of Neural
  Network Models: A Survey*, arXiv:2305.06329.

All three are unchanged by shifts, rotations, reflections and one factor for all values of a set. Undefined is ``nan``: fewer than two
samples, or a set whose samples are all alike.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.errors import AnalysisError

NEIGHBOURS = 10
"""Neighbours of a sample that are looked at, by default."""
_ALIKE = 1e-12  # relative: shorter after centring is rounding


def linear_cka(X: npt.ArrayLike, Y: npt.ArrayLike) -> float:
    """Linear centred kernel alignment.

    Args:
        X: ``[N, D1]``.
        Y: ``[N, D2]`` of the same samples in the same order.

    Returns:
        0 to 1, 1 when the two are equal up to shift, rotation and scale; ``nan`` where undefined.

    Raises:
        AnalysisError: No matrices, different numbers of samples, or values that are not finite.
    """
    x, y = unit_pair(X, Y)
    if not x.size or not y.size:
        return math.nan
    if x.shape[1] * y.shape[1] <= len(x) ** 2:
        above, lengths = _square_sum(x.T @ y), (_square_sum(x.T @ x), _square_sum(y.T @ y))
    else:
        K, L = x @ x.T, y @ y.T
        above, lengths = float((K * L).sum()), (_square_sum(K), _square_sum(L))
    return min(1.0, above / math.sqrt(lengths[0] * lengths[1]))


def procrustes_distance(X: npt.ArrayLike, Y: npt.ArrayLike) -> float:
    """Distance after the best rotation or reflection, both sets centred and divided by their length (Frobenius norm).

    Its square is 2 less twice the sum of the singular values of the product of the two. With the disparity d of
    ``scipy.spatial.procrustes``, which scales one set anew, it is ``sqrt(2 - 2 sqrt(1 - d))``. Sets of different widths are
    compared as if the narrower one were filled up with zeros.

    Args:
        X: ``[N, D1]``.
        Y: ``[N, D2]`` of the same samples in the same order.

    Returns:
        0 to the square root of 2; ``nan`` where undefined.

    Raises:
        AnalysisError: As :func:`linear_cka`.
    """
    x, y = unit_pair(X, Y)
    if not x.size or not y.size:
        return math.nan
    return procrustes_of_units(x, y)


def procrustes_of_units(x: FloatArray, y: FloatArray) -> float:
    """:func:`procrustes_distance` of sets that :func:`unit` has made."""
    overlap = float(np.linalg.svd(x.T @ y, compute_uv=False).sum())
    return math.sqrt(max(0.0, 2 - 2 * min(1.0, overlap)))


def neighbour_overlap(X: npt.ArrayLike, Y: npt.ArrayLike, k: int = NEIGHBOURS) -> float:
    """Mean share of a sample's k nearest neighbours, by Euclidean distance, that it has in both sets.

    Args:
        X: ``[N, D1]``.
        Y: ``[N, D2]`` of the same samples in the same order.
        k: From 1; at most N - 1 count.

    Returns:
        0 to 1; ``k / (N - 1)`` for sets that have nothing to do with each other. ``nan`` where undefined.

    Raises:
        AnalysisError: As :func:`linear_cka`, or a k below 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise AnalysisError(
            f"k = {k!r} is no number of neighbours.", f"Give a whole number from 1; {NEIGHBOURS} is usual."
        )
    x, y = unit_pair(X, Y)
    if not x.size or not y.size:
        return math.nan
    return shared_neighbours(nearest(x @ x.T, k), nearest(y @ y.T, k))


def neighbours_in_common(X: npt.ArrayLike, Y: npt.ArrayLike, k: int) -> IntArray:
    """How many of each sample's k nearest others, by Euclidean distance, are so in both sets.

    Args:
        X: ``[N, D1]``, at least 2 samples, not all alike.
        Y: ``[N, D2]`` of the same samples in the same order, not all alike.
        k: 1 to N - 1.

    Returns:
        ``[N]``, 0 to k; by chance ``k * k / (N - 1)`` on average. Equally near samples count in the order that they are given.

    Raises:
        AnalysisError: As :func:`linear_cka`, a k outside its range, or a set whose samples are all alike.
    """
    x, y = unit_pair(X, Y)
    if not x.size or not y.size:
        raise AnalysisError("All vectors of one side are equal, so none is nearer than another.", "Take another epoch.")
    if not 1 <= k < len(x):
        raise AnalysisError(f"k = {k} neighbours of {len(x):,} samples.", f"Give a number from 1 to {len(x) - 1:,}.")
    first, second = (_nearest_in_order(values, k) for values in (x, y))
    common: IntArray = (first[:, :, None] == second[:, None, :]).any(axis=2).sum(axis=1)
    return common


def _nearest_in_order(values: FloatArray, k: int) -> IntArray:
    """The k nearest other rows of each ``[N, k]``, nearest first; rounding makes no two distances differ."""
    from scipy.spatial.distance import pdist, squareform

    apart = squareform(np.round(pdist(values), 12))
    np.fill_diagonal(apart, np.inf)
    found: IntArray = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return found


def unit(X: npt.ArrayLike) -> FloatArray:
    """A set centred and divided by its length, ``[N, D]`` float64; ``[N, 0]`` where its samples are all alike.

    Raises:
        AnalysisError: No matrix, or values that are not finite.
    """
    values = np.array(X, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise AnalysisError(
            f"Representations of shape {values.shape} must be a matrix of finite numbers.", "Give [N, D]."
        )
    largest = np.abs(values).max(initial=0.0)
    if largest > 0:
        values /= largest  # squares of huge or tiny values stay finite
    before = np.linalg.norm(values)
    if len(values):
        values -= values.mean(axis=0)
    length = np.linalg.norm(values)
    if len(values) < 2 or length <= _ALIKE * before or length == 0:
        return np.zeros((len(values), 0))
    values /= length
    return values


def unit_pair(X: npt.ArrayLike, Y: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Two sets of the same samples, as :func:`unit` makes them.

    Raises:
        AnalysisError: As :func:`unit`, or different numbers of samples.
    """
    x, y = unit(X), unit(Y)
    if len(x) != len(y):
        raise AnalysisError(
            f"{len(x):,} and {len(y):,} samples cannot be compared one by one.", "Give the same samples in one order."
        )
    return x, y


def nearest(gram: FloatArray, k: int) -> IntArray:
    """The k nearest other samples of each in any order, ``[N, min(k, N - 1)]``, of inner products ``[N, N]``."""
    squares = np.diag(gram)
    apart = squares[:, None] + squares - 2 * gram
    np.fill_diagonal(apart, np.inf)
    count = min(k, len(gram) - 1)
    found: IntArray = np.argpartition(apart, count - 1, axis=1)[:, :count]
    return found


def shared_neighbours(first: IntArray, second: IntArray) -> float:
    """Mean share of neighbours ``[N, k]`` that two lists have in common."""
    return float((first[:, :, None] == second[:, None, :]).sum() / first.size)


def _square_sum(values: FloatArray) -> float:
    return float((values * values).sum())
