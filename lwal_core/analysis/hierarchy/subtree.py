"""Drawn part of a class tree: from one node down, with some clades collapsed.

A tree of thousands of classes is read a part at a time. The part keeps the node numbers of the whole tree, so that what
is clicked on, coloured or named in it is the same everywhere.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import AnalysisError

Corners = FloatArray


@dataclass(frozen=True, eq=False)
class TreePart:
    """The nodes of a tree that are drawn and where; made by :func:`tree_part`.

    Attributes:
        tree: The whole tree, n classes.
        root: The node that everything drawn lies under.
        tips: Nodes at the ends of the branches in the order in which they are drawn: classes, and closed clades.
        merges: Nodes drawn as merges, ascending, so that parts come before what they are joined into.
        place: ``[2n - 1]``: rank of a tip, the middle of its two children for a merge; nan where hidden.
    """

    tree: Hierarchy
    root: int
    tips: IntArray
    merges: IntArray
    place: FloatArray

    @property
    def is_whole(self) -> bool:
        """Whether every class and merge of the tree is drawn."""
        return len(self.tips) == self.tree.n

    @property
    def closed(self) -> IntArray:
        """The tips that stand for several classes, in the order in which they are drawn."""
        return self.tips[self.tips >= self.tree.n]

    @property
    def shows(self) -> npt.NDArray[np.bool_]:
        """``[2n - 1]`` whether each node is drawn."""
        return ~np.isnan(self.place)

    @property
    def height(self) -> FloatArray:
        """``[2n - 1]`` 0 for classes, the merge height otherwise."""
        return self.tree.layout().height

    def brackets(self) -> tuple[Corners, Corners]:
        """Places and heights of the corners of each merge's bracket, ``[m, 4]`` each: first child, up, across, down."""
        children = self.tree.children[self.merges - self.tree.n]
        places, below, own = self.place[children], self.height[children], self.height[self.merges]
        return places[:, [0, 0, 1, 1]], np.stack([below[:, 0], own, own, below[:, 1]], axis=1)


def tree_part(
    h: Hierarchy,
    root: int | None = None,
    closed: Collection[int] = (),
    opened: Collection[int] = (),
    most_tips: int | None = None,
) -> TreePart:
    """The part of a tree to draw.

    Args:
        h: The tree, n classes.
        root: Node to start from; None for the root of the tree.
        closed: Clades drawn as one tip. A class among them changes nothing; nor does ``root``, which is always open.
        opened: Clades whose two parts are drawn whatever ``most_tips`` says, provided that what they lie in is open.
        most_tips: Open the highest clades first, until there are so many tips; the others stay closed. None for all.

    Returns:
        The part; all of the tree when nothing else is asked for.

    Raises:
        AnalysisError: A node that the tree does not have, or fewer than one tip.
    """
    n, last = h.n, 2 * h.n - 2
    start = last if root is None else int(root)
    for node in (start, *closed, *opened):
        if not 0 <= node <= last:
            raise AnalysisError(f"There is no node {node!r} in this tree.", f"Nodes are numbered 0 to {last}.")
    if most_tips is not None and most_tips < 1:
        raise AnalysisError(f"A tree cannot be drawn with {most_tips} tips.", "Ask for at least one.")
    room = n if most_tips is None else most_tips
    shut, wanted = set(closed) - {start}, set(opened) | {start}
    children, top = h.children, h.top_heights
    # Highest first; of merges at one height the later, which is never inside the earlier.
    waiting = [(-float(top[start - n]), -start)] if start >= n else []
    forced: list[int] = []
    tips, merges = 1, []
    while waiting or forced:
        node = forced.pop() if forced else -heapq.heappop(waiting)[1]
        if node not in wanted and tips >= room:
            continue
        merges.append(node)
        tips += 1
        for child in children[node - n].tolist():
            if child < n or child in shut:
                continue
            if child in wanted:
                forced.append(child)
            else:
                heapq.heappush(waiting, (-float(top[child - n]), -child))
    drawn = np.array(sorted(merges), dtype=np.intp)
    ends = np.array([start], dtype=np.intp)
    if len(drawn):
        below = children[drawn - n].ravel()
        ends = below[~np.isin(below, drawn)]
    ends = ends[np.argsort(h.first_place[ends])]
    place = np.full(2 * n - 1, np.nan)
    place[ends] = np.arange(len(ends))
    middle = place.tolist()
    for node, (left, right) in zip(drawn.tolist(), children[drawn - n].tolist(), strict=True):
        middle[node] = (middle[left] + middle[right]) / 2
    return TreePart(h, start, ends, drawn, np.array(middle))
