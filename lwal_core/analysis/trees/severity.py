"""Mistake severity: height of the lowest group that holds both the true and the predicted class.

Two readings of "height" are in use and are both offered. The paper's words are the height of the lowest common
ancestor: levels on the longest way down from it (``"height"``). The distances published with the paper's code are
instead the depth of the whole tree less the depth of the ancestor (``"depth"``). They agree where all leaves are
equally deep. Nodes of a tree are read with tied merges as one.

Severity is the mean over mistakes only: a worse classifier that makes many harmless mistakes has a lower one. Always
print the accuracy beside it.

Source: L. Bertinetto, R. Mueller, K. Tertikas, S. Samangooei, N. Lord, *Making Better Mistakes*, CVPR 2020.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, check_linkage, joining_heights, tie_levels
from lwal_core.errors import AnalysisError

HeightForm = Literal["height", "depth"]


def common_ancestor_heights(Z: npt.ArrayLike, form: HeightForm = "height") -> FloatArray:
    """Levels of the lowest common ancestor of each pair of classes, ``[n, n]``: an ultrametric, 0 on the diagonal.

    Args:
        Z: Linkage ``[n - 1, 4]``, for example :meth:`lwal_core.taxonomy.reference.Taxonomy.linkage`. Only its nodes
            count, not how high they are; heights tied between a node and its child make them one node.
        form: ``"height"``: edges on the longest way down from the ancestor to a class. ``"depth"``: depth of the
            deepest class less the depth of the ancestor, so that ancestors at the same depth are equally bad.

    Returns:
        Whole numbers from 1 to the depth of the tree off the diagonal.

    Raises:
        AnalysisError: not a linkage, or an unknown form.
    """
    if form not in get_args(HeightForm):
        raise AnalysisError(f"There is no form {form!r} of heights.", f"Use {' or '.join(get_args(HeightForm))}.")
    from scipy.spatial.distance import squareform

    linkage = check_linkage(Z)
    n = len(linkage) + 1
    if n == 1:
        return np.zeros((1, 1))
    levels = [-1] * n + tie_levels(linkage[:, 2]).tolist()
    children = linkage[:, :2].astype(np.intp).tolist()
    below, depth = [0] * (2 * n - 1), [0] * (2 * n - 1)
    for node, pair in enumerate(children, start=n):
        below[node] = max(below[child] + (levels[child] != levels[node]) for child in pair)
    for node in range(2 * n - 2, n - 1, -1):
        for child in children[node - n]:
            depth[child] = depth[node] + (levels[child] != levels[node])
            if levels[child] == levels[node]:  # part of the node, which is as high as its highest child makes it
                below[child] = below[node]
    values = below[n:] if form == "height" else [below[-1] - d for d in depth[n:]]
    heights: FloatArray = squareform(joining_heights(linkage, values))
    return heights


def mistake_severity(confusion: npt.ArrayLike, heights: npt.ArrayLike) -> float:
    """Mean height between the true and the predicted class, over the mistakes.

    Args:
        confusion: Counts ``[C, C]``, true classes in rows.
        heights: ``[C, C]``, for example from :func:`common_ancestor_heights`; the diagonal is ignored.

    Returns:
        Between the smallest and the largest height; ``nan`` when there is no mistake.

    Raises:
        AnalysisError: Shapes that do not fit, negative or infinite values.
    """
    counts, apart = _checked(confusion, heights)
    mistakes = counts.sum()
    return float((counts * apart).sum() / mistakes) if mistakes else math.nan


def chance_severity(confusion: npt.ArrayLike, heights: npt.ArrayLike) -> float:
    """Severity if every mistake had gone to any of the other classes alike: what a severity is to be read against.

    The mistakes keep their true classes. Arguments, ``nan`` and errors as for :func:`mistake_severity`.
    """
    counts, apart = _checked(confusion, heights)
    mistakes = counts.sum(axis=1)
    if not mistakes.sum():
        return math.nan
    return float((mistakes * apart.sum(axis=1)).sum() / (len(apart) - 1) / mistakes.sum())


def hierarchical_distance_at_k(ranked: npt.ArrayLike, y: npt.ArrayLike, heights: npt.ArrayLike) -> float:
    """Mean height between the true class and each of the k most likely ones, over all samples, right ones included.

    At k = 1 it is the error rate times the mistake severity. For k > 1 it cannot be 0, because only one of the k
    classes is the true one.

    Args:
        ranked: ``[N, k]`` class indices, the most likely first, all different within a row.
        y: ``[N]`` true classes.
        heights: ``[C, C]``, as in :func:`mistake_severity`.

    Returns:
        From 0 to the largest height; ``nan`` without samples.

    Raises:
        AnalysisError: Shapes that do not fit, k outside 1 to C, classes outside 0 to C - 1 or twice in a row.
    """
    _, apart = _checked(np.zeros_like(np.asarray(heights, dtype=np.float64)), heights)
    classes, true = np.asarray(ranked), np.asarray(y)
    if classes.ndim != 2 or true.shape != classes.shape[:1] or not 1 <= classes.shape[1] <= len(apart):
        raise AnalysisError(
            f"The ranked classes have the shape {classes.shape} and the true ones {true.shape}.",
            f"Give [N, k] and [N], with k from 1 to {len(apart)}.",
        )
    if not len(true):
        return math.nan
    if classes.dtype.kind not in "iu" or true.dtype.kind not in "iu":
        raise AnalysisError(f"Classes are given as {classes.dtype} and {true.dtype}.", "Give whole numbers.")
    for given in (classes, true):
        if given.min() < 0 or given.max() >= len(apart):
            raise AnalysisError(
                f"Classes {given.min()} to {given.max()} are named, the heights are of 0 to {len(apart) - 1}."
            )
    if (np.diff(np.sort(classes, axis=1), axis=1) == 0).any():
        raise AnalysisError("A class is named twice for one sample.", "Give k different classes a sample.")
    return float(apart[true[:, None], classes].mean())


def _checked(confusion: npt.ArrayLike, heights: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Counts of mistakes and heights, both with an empty diagonal."""
    counts, apart = np.array(confusion, dtype=np.float64), np.array(heights, dtype=np.float64)
    if apart.ndim != 2 or apart.shape[0] != apart.shape[1] or counts.shape != apart.shape:
        raise AnalysisError(
            f"The confusion matrix has the shape {counts.shape} and the heights {apart.shape}.",
            "Give two square matrices over the same classes.",
        )
    for values, what in ((counts, "confusion matrix"), (apart, "heights")):
        np.fill_diagonal(values, 0)
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise AnalysisError(f"The {what} must be finite numbers from 0.")
    return counts, apart
