"""Rectangles of a tree's nodes: the icicle of a clustering, and the treemap.

An icicle of a clustering has the heights of the merges as one axis (J. B. Kruskal and J. M. Landwehr 1983, The American
Statistician 37). In the treemap each rectangle is divided along its longer side between the two parts of the clade, in
proportion to their weights, so that rectangles are near squares (after B. Shneiderman 1992, doi:10.1145/102377.115768).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.errors import AnalysisError


class Rectangles(NamedTuple):
    """Rectangles of nodes, all arrays of the same length: ``low`` and ``high`` along each axis."""

    nodes: IntArray
    x_low: FloatArray
    x_high: FloatArray
    y_low: FloatArray
    y_high: FloatArray


def icicle_rectangles(part: TreePart, weights: npt.ArrayLike) -> Rectangles:
    """Rectangles of all drawn nodes: x from a node's height to that of the merge above it, y from 0 to 1 by weight.

    Args:
        part: What is drawn.
        weights: ``[C]`` weight of each class, not all of them 0.

    Raises:
        AnalysisError: There is not one weight per class, or one is negative or not finite.
    """
    h = part.tree
    sums = _sums(part, weights)
    nodes = np.concatenate([part.tips, part.merges])
    ends = np.cumsum(sums[part.tips]) / max(float(sums[part.root]), 1e-300)
    low, high = np.full(2 * h.n - 1, np.nan), np.full(2 * h.n - 1, np.nan)
    low[part.tips], high[part.tips] = np.concatenate([[0.0], ends[:-1]]), ends
    for node, children in zip(part.merges.tolist(), h.children[part.merges - h.n].tolist(), strict=True):
        low[node], high[node] = low[children].min(), high[children].max()
    tops = np.concatenate([np.zeros(h.n), h.top_heights])
    own = np.where(np.isin(nodes, part.tips), 0.0, tops[nodes])
    above = h.parents[nodes]
    roof = 1.06 * float(tops[part.root]) or 1.0
    upper = np.where(nodes == part.root, roof, tops[np.maximum(above, 0)])
    return Rectangles(nodes, own, upper, low[nodes], high[nodes])


def treemap_rectangles(part: TreePart, weights: npt.ArrayLike, aspect: float = 1.4) -> Rectangles:
    """Rectangles of all drawn nodes in one of width ``aspect`` and height 1; those of a clade's parts fill the clade's.

    Args:
        part: What is drawn.
        weights: ``[C]`` weight of each class, not all of them 0.
        aspect: Width of the whole, where its height is 1.

    Raises:
        AnalysisError: As of :func:`icicle_rectangles`.
    """
    h = part.tree
    sums = _sums(part, weights).tolist()
    places = {part.root: (0.0, aspect, 0.0, 1.0)}
    for node, (left, right) in zip(
        part.merges[::-1].tolist(), h.children[part.merges[::-1] - h.n].tolist(), strict=True
    ):
        x0, x1, y0, y1 = places[node]
        share = sums[left] / sums[node] if sums[node] > 0 else 0.5
        if x1 - x0 >= y1 - y0:
            middle = x0 + share * (x1 - x0)
            places[left], places[right] = (x0, middle, y0, y1), (middle, x1, y0, y1)
        else:  # the first part above
            middle = y1 - share * (y1 - y0)
            places[left], places[right] = (x0, x1, middle, y1), (x0, x1, y0, middle)
    nodes = np.concatenate([part.tips, part.merges])
    corners = np.array([places[node] for node in nodes.tolist()])
    return Rectangles(nodes, *corners.T)


def _sums(part: TreePart, weights: npt.ArrayLike) -> FloatArray:
    """Weight of every node, ``[2n - 1]``."""
    h = part.tree
    own = np.asarray(weights, dtype=np.float64)
    if own.shape != (h.n,) or not (np.isfinite(own) & (own >= 0)).all():
        raise AnalysisError(f"Areas of {h.n} classes need {h.n} numbers from 0.")
    before = np.concatenate([[0.0], np.cumsum(own[h.order])])
    found: FloatArray = before[h.first_place + h.sizes] - before[h.first_place]
    if found[part.root] <= 0:
        raise AnalysisError("No class has an area.", "Let areas stand for numbers of classes.")
    return found
