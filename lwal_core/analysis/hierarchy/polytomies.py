"""Polytomies: tied merges of a class tree as one node with several children.

A linkage joins two at a time, so that a node with five children becomes four merges at one height, in an order that is
an accident. Here such merges are one node, known by the number of its last merge; node numbers are those of
:mod:`lwal_core.analysis.hierarchy` otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray, node_sizes, tie_levels
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart


@dataclass(frozen=True, eq=False)
class Multiway:
    """Nodes of a tree with their children; made by :func:`multiway`.

    Attributes:
        children: Inner node to its two or more children, as drawn from top to bottom. Lower nodes come first, the root
            last; empty for one class.
        parents: ``[2n - 1]`` inner node above each node, -1 for the root and for merges that are part of a node.
        places: ``[2n - 1]`` where each node is drawn: a leaf's rank in the leaf order, halfway between the first and
            the last child of an inner node; nan for merges that are part of a node, and for what is not drawn.
    """

    children: dict[int, tuple[int, ...]]
    parents: IntArray
    places: FloatArray


def multiway(h: Hierarchy, part: TreePart | None = None) -> Multiway:
    """Read a tree's tied merges as one node each; heights that agree to a relative 1e-9 are tied.

    Args:
        h: The tree, n classes.
        part: What of it is drawn; None for all. Nodes that it hides are nowhere, and a closed clade is a leaf.
    """
    n = h.n
    levels = tie_levels(h.linkage[:, 2]).tolist()
    above = h.parents.tolist()
    merges = range(n, 2 * n - 1) if part is None else part.merges.tolist()
    root = 2 * n - 2 if part is None else part.root
    inside = {node for node in merges if node != root and levels[above[node] - n] == levels[node - n]}
    below = h.children.tolist()
    parts: dict[int, tuple[int, ...]] = {}
    for node in merges:
        found: list[int] = []
        for child in below[node - n]:
            found += parts[child] if child in inside else [child]
        parts[node] = tuple(found)
    children = {node: nodes for node, nodes in parts.items() if node not in inside}
    parents = np.full(2 * n - 1, -1, dtype=np.intp)
    places = np.full(2 * n - 1, np.nan)
    tips = h.order if part is None else part.tips
    places[tips] = np.arange(len(tips))
    for node, nodes in children.items():
        parents[list(nodes)] = node
        places[node] = (places[nodes[0]] + places[nodes[-1]]) / 2
    return Multiway(children, parents, places)


def company(h: Hierarchy, tree: Multiway, i: int) -> tuple[IntArray, float]:
    """The classes that class i is joined with first, in leaf order, and the height; none and nan for a single class."""
    node = int(tree.parents[i])
    if node < 0:
        return np.zeros(0, dtype=np.intp), float("nan")
    members = h.members(node)
    return members[members != i], float(h.linkage[node - h.n, 2])


def ties_sorted(h: Hierarchy, places: FloatArray | IntArray) -> Hierarchy:
    """The same tree with the children of each node of three or more sorted by the mean of their classes' places.

    Turning the branches of a linkage cannot do this, because it keeps each of the tied merges together. Merges are
    numbered anew within a node; clades, heights and cuts that are not in the middle of ties stay what they are.

    Args:
        h: The tree, n classes.
        places: ``[n]`` wanted place of each class, e.g. its rank in the leaf order of another tree.
    """
    n, tree = h.n, multiway(h)
    linkage = h.linkage.copy()
    wanted = np.asarray(places, dtype=np.float64)
    changed = False
    for node, part in tree.children.items():
        if len(part) < 3:
            continue
        rows = _rows_of(h, node, set(part))
        ordered = sorted(part, key=lambda child: float(wanted[h.members(child)].mean()))
        if any(child >= n + row for row, child in zip([rows[0], *rows], ordered, strict=True)):
            continue  # under inversions a child may be made after a merge that would need it
        joined = ordered[0]
        for row, child in zip(rows, ordered[1:], strict=True):
            linkage[row, :2] = joined, child
            joined = n + row
        changed = True
    if not changed:
        return h
    linkage[:, 3] = node_sizes(linkage)[n:]
    turned = replace(h, linkage=linkage, optimal_order=False)
    return replace(turned, order=np.argsort(turned.first_place[:n]))


def _rows_of(h: Hierarchy, node: int, part: set[int]) -> list[int]:
    """Linkage rows that make up a node, ascending."""
    rows, waiting = [], [node]
    while waiting:
        row = waiting.pop() - h.n
        rows.append(row)
        waiting += [child for child in h.children[row].tolist() if child not in part]
    return sorted(rows)
