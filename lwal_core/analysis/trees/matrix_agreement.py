"""Agreement of class distances with a matrix of reference distances, over all pairs of classes.

Rank correlations ask for the order of the pairs alone; the correlation of the distances themselves (as in CPCC) also for how much
farther one pair is than another. Pairs share their classes, so that p comes from shuffling which class is which (N. Mantel, *The
detection of disease clustering*, Cancer Res. 27 (1967)). Where the reference was measured several times, the noise ceiling says what
agreement can be expected at most: lower, how well one repeat agrees with the mean of the others; upper, with the mean of all (H. Nili
et al., *A toolbox for representational similarity analysis*, PLoS Comput. Biol. 10 (2014)).

CPCC: S. Zeng, R. des Combes, H. Zhao, *Learning structured representations by embedding class hierarchy*, ICLR 2023.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, tie_levels
from lwal_core.errors import AnalysisError

_SHUFFLES = ((200, 999), (500, 199))
"""Shuffles for up to so many classes of one repeat: some seconds at most; above them chance is not tested."""
_EQUAL = 1e-12


class NoiseCeiling(NamedTuple):
    """What agreement with a reference can be expected at most, between these two."""

    lower: float
    upper: float


class MatrixAgreement(NamedTuple):
    """How distances agree with a reference.

    Attributes:
        spearman: Rank correlation over pairs of classes; of several repeats the mean.
        kendall: tau-b over pairs, likewise.
        pearson: Correlation of the distances themselves, likewise: CPCC where the reference is path lengths of a tree.
        p: Share of shuffles of the classes with a Spearman correlation at least as large; nan where it was not tested.
        shuffles: Their number.
        ceiling: Of the Spearman correlation; None for fewer than two repeats.
    """

    spearman: float
    kendall: float
    pearson: float
    p: float
    shuffles: int
    ceiling: NoiseCeiling | None


def matrix_agreement(
    distances: npt.ArrayLike, reference: npt.ArrayLike, shuffles: int | None = None, seed: int = 0
) -> MatrixAgreement:
    """Agreement of distances with a reference over the same classes in the same order.

    Args:
        distances: ``[n, n]``, symmetric; the diagonal is ignored.
        reference: ``[n, n]``, or of R repeats ``[R, n, n]``.
        shuffles: Permutations of the classes; by default as many as take some seconds, none for more than 500 classes.
        seed: Of the shuffles.

    Returns:
        Correlations are ``nan`` for fewer than three classes, or where all distances of a matrix are equal.

    Raises:
        AnalysisError: Shapes that do not fit, or values that are not finite.
    """
    own, others = np.asarray(distances, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    others = others[None] if others.ndim == 2 else others
    n = len(own)
    if own.shape != (n, n) or others.ndim != 3 or others.shape[1:] != (n, n) or not len(others):
        raise AnalysisError(
            f"Distances of shapes {own.shape} and {others.shape} do not fit.", "Give [n, n] and [R, n, n]."
        )
    rows, columns = np.triu_indices(n, 1)
    mine, theirs = own[rows, columns], others[:, rows, columns]
    if not (np.isfinite(mine).all() and np.isfinite(theirs).all()):
        raise AnalysisError("The distances hold values that are not finite.", "Leave out classes without a vector.")
    if n < 3:
        return MatrixAgreement(math.nan, math.nan, math.nan, math.nan, 0, None)
    count = next((many for most, many in _SHUFFLES if n <= most), 0) if shuffles is None else shuffles
    ranks, ranked = _unit(_ranks(mine)), [_unit(_ranks(each)) for each in theirs]
    if ranks is None or any(each is None for each in ranked):
        return MatrixAgreement(math.nan, math.nan, math.nan, math.nan, 0, _ceiling(theirs))
    mean = np.mean([each for each in ranked if each is not None], axis=0)
    observed = float(ranks @ mean)
    square = np.zeros((n, n))
    square[rows, columns] = square[columns, rows] = mean
    generator = np.random.default_rng(seed)
    hits = 0
    for _ in range(count):
        order = generator.permutation(n)
        hits += float(ranks @ square[order[rows], order[columns]]) >= observed - _EQUAL
    from scipy.stats import kendalltau

    levels = tie_levels(mine)
    taus = [float(kendalltau(levels, tie_levels(each), method="asymptotic").statistic) for each in theirs]
    straight = [
        float(a @ b) for a, b in ((_unit(mine), _unit(each)) for each in theirs) if a is not None and b is not None
    ]
    return MatrixAgreement(
        observed, float(np.mean(taus)), float(np.mean(straight)), (1 + hits) / (1 + count) if count else math.nan, count,
        _ceiling(theirs),
    )  # fmt: skip


def _ceiling(repeats: FloatArray) -> NoiseCeiling | None:
    if len(repeats) < 2:
        return None
    ranks = [_unit(_ranks(each)) for each in repeats]
    known = np.array([each for each in ranks if each is not None])
    if len(known) < 2:
        return None
    total = known.sum(axis=0)
    lower, upper = [], []
    for each in known:
        rest, whole = _unit(_ranks(total - each)), _unit(_ranks(total))
        lower.append(math.nan if rest is None else float(each @ rest))
        upper.append(math.nan if whole is None else float(each @ whole))
    return NoiseCeiling(float(np.mean(lower)), float(np.mean(upper)))


def _ranks(values: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    found: FloatArray = rankdata(tie_levels(values))
    return found


def _unit(values: FloatArray) -> FloatArray | None:
    """Centred and of length 1; None where all are equal."""
    scaled = values / (np.abs(values).max() or 1.0)
    centred = scaled - scaled.mean()
    length = float(np.linalg.norm(centred))
    return None if length <= 1e-12 * math.sqrt(len(values)) else centred / length
