"""Titles of clades: what a reference taxonomy calls the classes below each merge."""

from __future__ import annotations

from typing import NamedTuple

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.taxonomy import Taxonomy


class CladeTitle(NamedTuple):
    """What a taxonomy calls a clade.

    Attributes:
        name: The lowest group of the taxonomy that holds all classes of the clade and has a name.
        inside: Number of classes of the clade.
        of: Number of the tree's classes that the group holds; the clade is the whole group when both are equal.
    """

    name: str
    inside: int
    of: int

    @property
    def share(self) -> float:
        """Share of the group's classes that the clade holds, above 0 to 1."""
        return self.inside / self.of


def clade_titles(h: Hierarchy, taxonomy: Taxonomy) -> list[CladeTitle | None]:
    """Name each merge by the lowest common ancestor of its classes.

    Unlike the names that Neural-Backed Decision Trees give, these do not depend on the order of the merges: several
    merges may have one name, and the share tells how much of it each is.

    Args:
        h: The tree.
        taxonomy: The taxonomy; class names are matched as it matches them.

    Returns:
        n - 1 titles in the order of the linkage's rows. None where the taxonomy lacks a class or cannot tell it from
        another one, and where only its root holds all classes.
    """
    kept = taxonomy.kept(h.names)
    # Nodes in numbers, with the root as 0; depth first in time, a parent's number is below its children's.
    number: dict[str, int] = {}
    parent: list[int] = []
    depth: list[int] = []
    below: list[int] = []  # classes of the tree under each node
    lowest: list[int | None] = []  # of each node of the tree, classes first: the lowest node above all of its classes
    for i in range(h.n):
        if i not in kept:
            lowest.append(None)
            continue
        above = -1
        for node in reversed(taxonomy.ancestors(kept[i])):
            if node not in number:
                number[node] = len(parent)
                parent.append(above)
                depth.append(depth[above] + 1 if above >= 0 else 0)
                below.append(0)
            above = number[node]
            below[above] += 1
        lowest.append(above)
    names = [taxonomy.node_title(node) for node in number]
    titles: list[CladeTitle | None] = []
    for (left, right), size in zip(h.children.tolist(), h.sizes[h.n :].tolist(), strict=True):
        a, b = lowest[left], lowest[right]
        if a is None or b is None:
            lowest.append(None)
            titles.append(None)
            continue
        while a != b:
            if depth[a] >= depth[b]:
                a = parent[a]
            else:
                b = parent[b]
        lowest.append(a)
        while a > 0 and not names[a]:  # a group without a name is called by the next one that has one
            a = parent[a]
        titles.append(CladeTitle(names[a], size, below[a]) if a > 0 else None)
    return titles
