"""Colour and shape of a clade, the same wherever it is drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt, cut_tops
from lwal_core.figures.palette import OKABE_ITO, SHAPES, class_symbol

LARGE = 2_000  # classes above which clades have two colours, so that a figure has few traces


class GroupMark(NamedTuple):
    """How a group of a cut is drawn: its top node, its colour and the plotly symbol of its shape."""

    node: int
    color: str
    symbol: str


def group_marks(h: Hierarchy, cut: CutAt) -> list[GroupMark]:
    """Colour and symbol of each group of a cut, in leaf order.

    A colour that comes again, counted from the group with the lowest class number, comes with the next symbol, however
    the branches are turned.

    Args:
        h: The tree.
        cut: A number of groups (``int``), a height (``float``) or top nodes (``tuple``).

    Raises:
        AnalysisError: The tree has no such cut.
    """
    tops = cut_tops(h, cut).tolist()
    colors = clade_colors(h, 2 if h.n > LARGE else len(OKABE_ITO))
    seen: dict[int, int] = {}
    marks = {}
    for top in sorted(tops, key=lambda node: int(h.members(node).min())):
        color = int(colors[top])
        again = seen.get(color, 0)
        seen[color] = again + 1
        marks[top] = GroupMark(top, OKABE_ITO[color], SHAPES[again % len(SHAPES)])
    return [marks[top] for top in tops]


def leaf_symbols(h: Hierarchy, cut: CutAt | None) -> list[str]:
    """Plotly symbol of each class where it is a leaf: that of its group, so that a tree has one code of colours and shapes;
    its own without a cut, and above ``LARGE`` classes, where no shape can be seen.

    Args:
        h: The tree.
        cut: As of :func:`group_marks`, or None.
    """
    symbols = [class_symbol(i) for i in range(h.n)]
    for mark in group_marks(h, cut) if cut is not None and h.n <= LARGE else ():
        for i in h.members(mark.node).tolist():
            symbols[i] = mark.symbol
    return symbols


def clade_colors(h: Hierarchy, count: int = len(OKABE_ITO)) -> IntArray:
    """Index into ``OKABE_ITO`` for every node, to be used when the node is the top of a coloured clade, ``[2n - 1]``.

    Undoing the merges from the root down, the part with the lowest class index keeps the colour of the whole and the
    other part takes the colour of its own lowest class index, or the next one that is free: not in use while there are
    free ones, later not that of its nearest relatives. So a colour depends on who is in a clade, not on where it is
    drawn, and a cut that moves by one group changes the colour of one group.

    Args:
        h: The tree.
        count: How many colours to use, at least 2.
    """
    n, parents, children = h.n, h.parents.tolist(), h.children.tolist()
    lowest = list(range(2 * n - 1))
    for row, (left, right) in enumerate(children):
        lowest[n + row] = min(lowest[left], lowest[right])
    color = [0] * (2 * n - 1)
    color[-1] = lowest[-1] % count
    used = {color[-1]}
    for row in range(n - 2, -1, -1):
        node = n + row
        left, right = children[row]
        keeper, other = (left, right) if lowest[left] < lowest[right] else (right, left)
        color[keeper] = color[node]
        avoid = set(used)
        if len(used) == count:
            avoid = {color[node]}
            relative = node
            for _ in range(2 * count):
                above = parents[relative]
                if above < 0 or len(avoid) == count - 1:
                    break
                left, right = children[above - n]
                avoid.add(color[right if relative == left else left])
                relative = above
        wanted = lowest[other]
        color[other] = next(c % count for c in range(wanted, wanted + count) if c % count not in avoid)
        used.add(color[other])
    return np.array(color, dtype=np.intp)
