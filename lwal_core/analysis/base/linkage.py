"""Linkage matrices: checks, tied heights, cuts and joining heights, without recursion.

A linkage is scipy's ``[n - 1, 4]`` array over n classes: row r joins the nodes ``Z[r, 0]`` and ``Z[r, 1]`` (classes
are 0 to n - 1, the result of row r is node n + r) at the height ``Z[r, 2]`` and holds ``Z[r, 3]`` classes. One class
alone is the linkage of shape ``[0, 4]``. Chains of thousands of leaves are ordinary (single linkage makes them), so
every walk here is a loop over rows: a row only refers to earlier rows, which makes row order a post-order for free.

Two heights that agree to a relative 1e-9 count as one height. Linkages of equal distances differ in the last bits, and
a rank statistic that took those bits seriously would move in its third digit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lwal_core.errors import AnalysisError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

TIE_TOLERANCE = 1e-9  # relative to the larger of two values; the noise of a float64 distance is some 1e-15
_ZERO_TOLERANCE = 1e-12  # relative to the largest value; below it a distance is a rounding error of 0


def check_linkage(linkage: npt.ArrayLike, name: str = "the linkage") -> FloatArray:
    """Return a linkage as float64, or say what is wrong with it.

    Args:
        linkage: ``[n - 1, 4]``, scipy's layout; ``[0, 4]`` for one class. Inversions (a child above its parent) are
            allowed.
        name: What to call it in an error.

    Raises:
        AnalysisError: wrong shape, not finite, a negative height, a node used twice or before it exists, a wrong class
            count.
    """
    hint = "Give an array as scipy.cluster.hierarchy.linkage returns it."
    try:
        checked = np.asarray(linkage, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} cannot be read as numbers ({error}).", hint) from error
    if checked.ndim != 2 or checked.shape[1] != 4:
        raise AnalysisError(
            f"{name} has the shape {checked.shape}; a linkage of n classes has the shape (n - 1, 4).", hint
        )
    if not np.isfinite(checked).all():
        raise AnalysisError(f"{name} holds values that are not finite.", hint)
    rows = len(checked)
    children = checked[:, :2]
    if (children != np.floor(children)).any() or (children < 0).any():
        raise AnalysisError(f"{name} names children that are not whole numbers from 0.", hint)
    if (children >= rows + 1 + np.arange(rows)[:, None]).any():
        raise AnalysisError(f"{name} uses a node before the row that makes it.", hint)
    if len(np.unique(children)) != 2 * rows:
        raise AnalysisError(f"{name} uses a node more than once.", hint)
    if (checked[:, 2] < 0).any():
        raise AnalysisError(f"{name} has a negative height ({checked[:, 2].min():g}).", hint)
    if not np.array_equal(checked[:, 3], node_sizes(checked)[rows + 1 :]):
        raise AnalysisError(f"{name} has a fourth column that is not the number of classes below each row.", hint)
    return checked


def check_pair(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check two linkages ``[n - 1, 4]`` over the same classes in the same order, and return both as float64.

    Raises:
        AnalysisError: either is no linkage, or they have different numbers of classes.
    """
    a, b = check_linkage(first, "the first linkage"), check_linkage(second, "the second linkage")
    if len(a) != len(b):
        raise AnalysisError(
            f"The first tree has {len(a) + 1} classes and the second {len(b) + 1}; both must have the same classes.",
            "Reduce both to the classes that they share before linking.",
        )
    return a, b


def node_sizes(linkage: FloatArray) -> IntArray:
    """Number of classes below each of the ``2n - 1`` nodes; 1 for a class itself."""
    n = len(linkage) + 1
    sizes = [1] * n
    for left, right in linkage[:, :2].astype(np.intp).tolist():
        sizes.append(sizes[left] + sizes[right])
    return np.array(sizes, dtype=np.intp)


def tie_levels(values: npt.ArrayLike) -> IntArray:
    """Number the distinct values along the last axis 0, 1, 2, ... from the smallest.

    Values that agree to a relative 1e-9 share a number.

    Args:
        values: Finite numbers of any shape; every slice along the last axis is numbered on its own.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape[-1] == 0:
        return np.zeros(numbers.shape, dtype=np.intp)
    order = np.argsort(numbers, axis=-1)
    ascending = np.take_along_axis(numbers, order, axis=-1)
    magnitude = np.abs(ascending)
    tolerance = TIE_TOLERANCE * magnitude[..., 1:] + _ZERO_TOLERANCE * magnitude.max(axis=-1, keepdims=True)
    starts_level = np.diff(ascending, axis=-1) > tolerance
    ranked = np.zeros(numbers.shape, dtype=np.intp)
    ranked[..., 1:] = np.cumsum(starts_level, axis=-1)
    levels = np.empty_like(ranked)
    np.put_along_axis(levels, order, ranked, axis=-1)
    return levels


def joining_heights(linkage: FloatArray, heights: npt.ArrayLike | None = None) -> FloatArray:
    """Height of the merge that joins each pair of classes (the cophenetic distances), condensed ``[n (n - 1) / 2]``.

    Args:
        linkage: A checked linkage.
        heights: Non-negative values ``[n - 1]`` to use in place of the linkage's own heights, for example their levels.
    """
    if len(linkage) == 0:
        return np.zeros(0)
    from scipy.cluster.hierarchy import cophenet

    stand_in = linkage
    if heights is not None:
        stand_in = linkage.copy()
        stand_in[:, 2] = heights
    joined: FloatArray = cophenet(stand_in)
    return joined


def offers_cut(linkage: FloatArray, k: int) -> bool:
    """Whether some height cuts the tree into exactly k clusters: not so when the merges around that cut are tied."""
    n = len(linkage) + 1
    if k in (1, n):
        return True
    levels = tie_levels(linkage[:, 2])
    return bool(levels[n - k - 1] != levels[n - k])


def cut_by_count(linkage: FloatArray, k: int) -> IntArray:
    """Cluster number 0 to k - 1 of each class after the first ``n - k`` merges, ``[n]``.

    Going by the order of the merges, not by a height, keeps the cut meaningful under inversions.
    """
    n = len(linkage) + 1
    used = n - k
    cluster = list(range(n + used))  # every node starts as its own cluster; parents hand theirs down
    children = linkage[:, :2].astype(np.intp).tolist()
    for row in range(used - 1, -1, -1):
        left, right = children[row]
        cluster[left] = cluster[right] = cluster[n + row]
    _, labels = np.unique(np.array(cluster[:n]), return_inverse=True)
    return labels.astype(np.intp)
