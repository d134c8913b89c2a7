"""Optimal leaf order: the order with the least distance between neighbours that turning branches allows.

After Z. Bar-Joseph, D. Gifford, T. Jaakkola, *Fast optimal leaf ordering for hierarchical clustering*, Bioinformatics
17 (2001), and the two-step recursion of their later report, O(n^3) in time and O(n^2) in memory. scipy's
``optimal_leaf_ordering`` is not used: it often returns an order that is not the best
(https://github.com/scipy/scipy/issues/11227) and takes O(n^4) (https://github.com/scipy/scipy/issues/11228).
"""

from __future__ import annotations

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray

_AT_ONCE = 100_000  # sums that are formed in one go; above it the shortest axis is a loop, so that temporaries stay in the cache


def optimal_leaf_order(children: IntArray, first_place: IntArray, sizes: IntArray, distances: FloatArray) -> IntArray:
    """Order of the leaves with the least sum of distances between neighbours.

    For a clade, let cost[u, w] be the least sum over the orders of its leaves that begin with u and end with w. The two
    ends lie in different parts of the clade, and the order is a best one of the first part from u to some m, the step
    from m to some k in the second part, and a best one from k to w. Minimising over m first and k second takes two
    matrix products with (min, +) in place of (+, x).

    Args:
        children: ``[n - 1, 2]`` child nodes of each merge.
        first_place: ``[2n - 1]`` first place of each node's leaves in any leaf order of the tree; they follow one
            another.
        sizes: ``[2n - 1]`` number of leaves of each node.
        distances: ``[n, n]`` distances between leaves, rows and columns in the order of the places.

    Returns:
        ``[n]`` places, from the first leaf to the last. The mirror image is as good; which of the two comes out is not
        defined.
    """
    n = len(distances)
    if n == 1:
        return np.zeros(1, dtype=np.intp)
    spans = [slice(first, first + size) for first, size in zip(first_place.tolist(), sizes.tolist(), strict=True)]
    parts = [(node, node) for node in range(n)] + [(left, right) for left, right in children.tolist()]
    cost = np.zeros((n, n))
    for node in range(n, 2 * n - 1):
        left, right = parts[node]
        reach = np.empty((sizes[left], sizes[right]))  # from u in the left part to k, the first leaf of the right part
        for start, end in _sides(parts[left]):
            rows = _within(spans[start], spans[left])
            reach[rows] = _min_plus(cost[spans[start], spans[end]], distances[spans[end], spans[right]])
        total = cost[spans[left], spans[right]]
        for start, end in _sides(parts[right]):
            columns = _within(spans[start], spans[right])
            total[:, _within(spans[end], spans[right])] = _min_plus(reach[:, columns], cost[spans[start], spans[end]])
        cost[spans[right], spans[left]] = total.T
    return _traced(parts, spans, cost, distances)


def _traced(parts: list[tuple[int, int]], spans: list[slice], cost: FloatArray, distances: FloatArray) -> IntArray:
    """The order that has the least cost, by finding again which m and k gave it, from the root down."""
    n = len(distances)
    left, right = (spans[part] for part in parts[-1])
    least = np.unravel_index(int(np.argmin(cost[left, right])), (left.stop - left.start, right.stop - right.start))
    waiting = [(2 * n - 2, left.start + int(least[0]), right.start + int(least[1]))]
    order: list[int] = []
    while waiting:
        node, begin, end = waiting.pop()
        if node < n:
            order.append(begin)
            continue
        first, second = parts[node]
        if not spans[first].start <= begin < spans[first].stop:
            first, second = second, first
        last = _other_ends(parts[first], spans, begin)
        next_ = _other_ends(parts[second], spans, end)
        sums = cost[begin, last][:, None] + distances[last, next_] + cost[next_, end][None, :]
        m, k = np.unravel_index(int(np.argmin(sums)), sums.shape)
        waiting += [(second, next_.start + int(k), end), (first, begin, last.start + int(m))]
    return np.array(order, dtype=np.intp)


def _sides(parts: tuple[int, int]) -> list[tuple[int, int]]:
    """Where an order of a node can begin and end: on either side of its split, or at the leaf itself."""
    one, other = parts
    return [(one, other)] if one == other else [(one, other), (other, one)]


def _other_ends(parts: tuple[int, int], spans: list[slice], end: int) -> slice:
    """Where an order of a node that has one end here can have its other end."""
    one, other = (spans[part] for part in parts)
    return other if one.start <= end < one.stop else one


def _within(inner: slice, outer: slice) -> slice:
    return slice(inner.start - outer.start, inner.stop - outer.start)


def _min_plus(a: FloatArray, b: FloatArray) -> FloatArray:
    """``out[i, j] = min over m of a[i, m] + b[m, j]``."""
    rows, inner, columns = a.shape[0], a.shape[1], b.shape[1]
    if rows * inner * columns <= _AT_ONCE:
        small: FloatArray = (a[:, :, None] + b[None, :, :]).min(axis=1)
        return small
    out = np.full((rows, columns), np.inf)
    if inner <= min(rows, columns):
        for m in range(inner):
            np.minimum(out, a[:, m, None] + b[m], out=out)
    elif rows <= columns:
        for i in range(rows):
            out[i] = (a[i, :, None] + b).min(axis=0)
    else:
        for j in range(columns):
            out[:, j] = (a + b[:, j]).min(axis=1)
    return out
