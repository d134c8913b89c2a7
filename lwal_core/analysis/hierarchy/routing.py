"""Route a query vector from the root of a class tree to a leaf."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.analysis.hierarchy import FLAT_TOLERANCE, Hierarchy
from lwal_core.analysis.projection.algorithms import matrix
from lwal_core.errors import AnalysisError


class Fork(NamedTuple):
    """A decision at a merge of the tree.

    Attributes:
        node: The merge.
        taken: The child whose mean is nearer.
        left_out: The other one.
        distance: To the mean of the classes below ``taken``.
        other: To the mean of the classes below ``left_out``, at least ``distance``.
    """

    node: int
    taken: int
    left_out: int
    distance: float
    other: float

    @property
    def tied(self) -> bool:
        """Whether both are equally far, so that the way is arbitrary from here on."""
        return self.other - self.distance <= FLAT_TOLERANCE * self.other


def route(h: Hierarchy, vectors: ArrayLike, z: ArrayLike) -> list[Fork]:
    """Go down a class tree, at each merge to the child whose classes' mean is nearer.

    The mean of a child is that of its classes' vectors, each class counting once. The class at the end need not be the one
    whose vector is nearest: a class can be near although its clade, as a whole, is not.

    Args:
        h: The tree of C classes.
        vectors: ``[C, K]`` the vectors that it was made of.
        z: ``[K]`` what goes down.

    Returns:
        The forks from the root on; none for a tree of one class. Of two children that are equally far the one drawn first
        is taken.

    Raises:
        AnalysisError: The numbers do not fit or are not finite.
    """
    V, point = matrix(vectors, "vectors"), matrix(np.atleast_2d(z), "z")[0]
    if V.shape != (h.n, len(point)):
        raise AnalysisError(
            f"Vectors of shape {V.shape} and a point of {len(point):,} numbers do not go with a tree of {h.n:,} classes.",
            "Take all of them from one run and epoch.",
        )
    # Sums over the leaves up to each place: the classes below a node follow one another.
    offset = V.mean(axis=0)
    sums = np.vstack([np.zeros(V.shape[1]), np.cumsum(V[h.order] - offset, axis=0)])
    point = point - offset

    def distance(node: int) -> float:
        first, size = int(h.first_place[node]), int(h.sizes[node])
        return float(np.linalg.norm(point - (sums[first + size] - sums[first]) / size))

    forks: list[Fork] = []
    node = 2 * h.n - 2
    while node >= h.n:
        left, right = h.children[node - h.n].tolist()
        to_left, to_right = distance(left), distance(right)
        near, far = (right, left) if to_right < to_left else (left, right)
        forks.append(Fork(node, near, far, min(to_left, to_right), max(to_left, to_right)))
        node = near
    return forks
