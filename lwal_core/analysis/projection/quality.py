"""Quality of a projection, and temporal roughness of a sequence of projections.

Trustworthiness after J. Venna, S. Kaski, *Neighborhood preservation in nonlinear projection methods*, ICANN 2001.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lwal_core.analysis.projection.algorithms import Array, distances, matrix, prepare
from lwal_core.errors import AnalysisError

QUALITY_LIMIT = 2_000  # points; both scores need all pairwise distances
_ALIKE = 1e-6  # relative; distances of float32 vectors that are equal differ by about 1e-7


class Quality(NamedTuple):
    """How far a layout can be believed.

    Attributes:
        trustworthiness: 0..1: 1 when all neighbours in the picture are neighbours in the original space, less the
            farther they come from; ``nan`` for fewer than 3 points or when all originals are equally far apart.
        distance_correlation: -1..1, Spearman's rho of all pairwise distances; ``nan`` when one side has only one
            distance.
        n_used: Points that were compared, after subsampling.
        n_neighbors: Neighbourhood size of ``trustworthiness``; 0 when there was none.
    """

    trustworthiness: float
    distance_correlation: float
    n_used: int
    n_neighbors: int


class Jitter(NamedTuple):
    """How restless a sequence of layouts is; ``nan`` where there are too few frames.

    Attributes:
        step: Mean distance that a point moves from one frame to the next, in the units of the layout.
        spread: Root mean square distance of the points from the centre of their frame.
        relative: ``step / spread``.
        roughness: Mean length of the change of velocity over ``step``: 0 for straight even movement, about 1.4 for a
            random walk, about 1.7 for points thrown anew in every frame.
    """

    step: float
    spread: float
    relative: float
    roughness: float


def quality(X: ArrayLike, points: ArrayLike, n_neighbors: int = 5, seed: int = 0) -> Quality:
    """Score a layout against the original points.

    Args:
        X: ``[n, K]`` originals.
        points: ``[n, d]`` layout of the same points.
        n_neighbors: Neighbourhood for trustworthiness, from 1; capped below half the number of points, where the
            score ends.
        seed: Chooses the subsample above :data:`QUALITY_LIMIT` points.

    Raises:
        AnalysisError: Different numbers of points, values that are not finite, ``n_neighbors`` below 1.
    """
    originals, shown = matrix(X), matrix(points, "points")
    if len(originals) != len(shown):
        raise AnalysisError(
            f"{len(originals):,} originals and {len(shown):,} points do not belong together.",
            "Give the layout of these rows.",
        )
    if isinstance(n_neighbors, bool) or not isinstance(n_neighbors, (int, np.integer)) or n_neighbors < 1:
        raise AnalysisError(f"n_neighbors={n_neighbors!r} must be a whole number from 1.", "5 is usual.")
    if len(originals) > QUALITY_LIMIT:
        chosen = np.sort(np.random.default_rng(seed).choice(len(originals), QUALITY_LIMIT, replace=False))
        originals, shown = originals[chosen], shown[chosen]
    n = len(originals)
    if n < 3:
        return Quality(math.nan, math.nan, n, 0)
    k = min(int(n_neighbors), (n - 1) // 2)
    D, d = distances(prepare(originals, "euclidean")[0]), distances(prepare(shown, "euclidean")[0])
    upper = np.triu_indices(n, 1)
    flat = np.ptp(D[upper]) <= _ALIKE * D.max()
    rho = math.nan if flat or np.ptp(d[upper]) <= _ALIKE * d.max() else _spearman(D[upper], d[upper])
    return Quality(math.nan if flat else _trustworthiness(D, d, k), rho, n, k)


def _spearman(a: Array, b: Array) -> float:
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _trustworthiness(D: Array, d: Array, k: int) -> float:
    n = len(D)
    D, d = D.copy(), d.copy()
    np.fill_diagonal(D, -1.0)  # a point comes first in its own order, also among duplicates
    np.fill_diagonal(d, np.inf)
    rank: NDArray[np.int64] = np.empty((n, n), dtype=np.int64)
    np.put_along_axis(rank, np.argsort(D, axis=1, kind="stable"), np.broadcast_to(np.arange(n), (n, n)), axis=1)
    neighbours = np.argsort(d, axis=1, kind="stable")[:, :k]
    too_far = np.maximum(np.take_along_axis(rank, neighbours, axis=1) - k, 0)
    return float(1 - 2 * too_far.sum() / (n * k * (2 * n - 3 * k - 1)))


def movement(frames: Array) -> Jitter:
    """Jitter of ``[T, n, d]`` layouts of the same points."""
    if len(frames) < 2:
        return Jitter(math.nan, math.nan, math.nan, math.nan)
    velocity = np.diff(frames, axis=0)
    step = float(np.linalg.norm(velocity, axis=2).mean())
    centred = frames - frames.mean(axis=1, keepdims=True)
    spread = float(np.sqrt((centred**2).sum(axis=2).mean()))
    change = float(np.linalg.norm(np.diff(velocity, axis=0), axis=2).mean()) if len(frames) > 2 else math.nan
    return Jitter(step, spread, step / spread if spread else math.nan, change / step if step else math.nan)
