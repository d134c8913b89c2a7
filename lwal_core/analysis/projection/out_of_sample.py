"""Out-of-sample placement: where a new vector lies in an existing projection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.analysis.projection.algorithms import Array, matrix
from lwal_core.errors import AnalysisError

NEIGHBOURS = 5


def axes_behind(vectors: ArrayLike, scores: ArrayLike) -> Array:
    """The principal axes ``[K, d]`` that gave vectors ``[n, K]`` their scores ``[n, d]``.

    An axis is the sum of the centred vectors, each times its score, over the sum of squared scores: exactly the axis, as
    the scores of principal components are uncorrelated. An axis without any variance is 0.

    Raises:
        AnalysisError: The numbers of rows differ, or a value is not finite.
    """
    V, S = matrix(vectors, "vectors"), matrix(scores, "scores")
    if len(V) != len(S):
        raise AnalysisError(f"{len(V):,} vectors do not go with {len(S):,} scores.", "Give one score a vector.")
    squares = (S**2).sum(axis=0)
    axes: Array = (V - V.mean(axis=0)).T @ S / np.where(squares > 0, squares, 1.0)
    return axes


class Between(NamedTuple):
    """A place between points: ``place [d]``, the rows ``nearest [k]`` that it lies between, nearest first, and their
    shares ``weights [k]``, which add up to 1."""

    place: Array
    nearest: np.ndarray
    weights: Array


def place_out_of_sample(distances: ArrayLike, points: ArrayLike, neighbours: int = NEIGHBOURS) -> Between:
    """Place something at the mean of the points that it is nearest to, weighted by one over the squared distance.

    Inverse distance weighting (D. Shepard, https://doi.org/10.1145/800186.810616). What is at distance 0 from some points
    is placed at their mean.

    Args:
        distances: ``[n]`` distances in the original space to what is already placed; at least 0. Rows that are not finite
            are left out.
        points: ``[n, d]`` their places in the layout.
        neighbours: How many count, at least 1.

    Raises:
        AnalysisError: Nothing is placed, or the numbers do not fit.
    """
    D, P = np.asarray(distances, dtype=np.float64), matrix(points, "points")
    if D.shape != (len(P),) or neighbours < 1:
        raise AnalysisError(
            f"{D.shape} distances and {neighbours} neighbours do not go with {len(P):,} points.",
            "Give one distance a point, and 1 neighbour or more.",
        )
    usable = np.flatnonzero(np.isfinite(D))
    if not len(usable):
        raise AnalysisError("No distance is a finite number, so there is no place.", "Take another image or epoch.")
    nearest = usable[np.argsort(D[usable], kind="stable")[:neighbours]]
    near = D[nearest]
    # Relative to the nearest one, so that neither huge nor tiny distances leave the range of the numbers.
    weights = (near[0] / near) ** 2 if near[0] > 0 else (near == 0).astype(np.float64)
    weights = weights / weights.sum()
    return Between(weights @ P[nearest], nearest, weights)
