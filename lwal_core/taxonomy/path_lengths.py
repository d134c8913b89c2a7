"""Path lengths between classes: edges in a tree, or over the nearest common hypernym."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray

Node = TypeVar("Node", bound=Hashable)


def tree_hops(paths: Sequence[Sequence[Hashable]]) -> FloatArray:
    """Edges on the path between leaves of a tree.

    Args:
        paths: For each of n leaves the nodes above it, from its parent up to the root.

    Returns:
        ``[n, n]`` whole numbers, 0 on the diagonal.
    """
    n = len(paths)
    depth = max((len(path) for path in paths), default=0)
    number: dict[Hashable, int] = {}
    # One row a level, the root first. Where a path has ended stands a number that no other path has.
    levels = np.repeat(-1 - np.arange(n)[None], max(depth, 1), axis=0)
    for i, path in enumerate(paths):
        levels[: len(path), i] = [number.setdefault(node, len(number)) for node in reversed(path)]
    shared = np.zeros((n, n), dtype=np.int32)
    for level in levels:
        shared += level[:, None] == level
    lengths = np.array([len(path) for path in paths], dtype=np.float64)
    hops: FloatArray = lengths[:, None] + lengths - 2 * shared + 2
    np.fill_diagonal(hops, 0)
    return hops


def hypernym_hops(synsets: Sequence[Node], hypernyms: Mapping[Node, Sequence[Node]]) -> FloatArray:
    """Edges on the shortest path between synsets that goes up to a common hypernym and down again.

    This is NLTK's ``shortest_path_distance``. It is no distance in the graph taken without directions, because a path
    never goes down and up again.

    Args:
        synsets: n synsets.
        hypernyms: The synsets above each synset; the top one has none and may be left out.

    Returns:
        ``[n, n]`` whole numbers; ``inf`` where two have nothing above them in common.
    """
    n = len(synsets)
    below: dict[Node, tuple[list[int], list[int]]] = {}
    for i, synset in enumerate(synsets):
        steps = {synset: 0}
        reached = [synset]
        for node in reached:  # grows as it goes: breadth first
            for above in hypernyms.get(node, ()):
                if above not in steps:
                    steps[above] = steps[node] + 1
                    reached.append(above)
        for node, count in steps.items():
            indices, counts = below.setdefault(node, ([], []))
            indices.append(i)
            counts.append(count)
    hops = np.full((n, n), np.inf)
    for indices, counts in below.values():
        if len(indices) > 1:
            up, block = np.array(counts, dtype=np.float64), np.ix_(indices, indices)
            hops[block] = np.minimum(hops[block], up[:, None] + up)
    np.fill_diagonal(hops, 0)
    return hops
