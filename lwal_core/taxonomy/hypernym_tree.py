"""Tree of hypernyms: one parent per node, from the hypernyms of some synsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from lwal_core.errors import AnalysisError

Synset = TypeVar("Synset", bound=Hashable)

COVERING = {"n03051540": "n03122748"}
"""Clothing over covering; its longer path over commodity would part clothing from footwear and other coverings."""


def hypernym_closure(
    synsets: Sequence[Synset], above: Callable[[Synset], Sequence[Synset]]
) -> dict[Synset, tuple[Synset, ...]]:
    """Hypernyms of some synsets, of their hypernyms, and so on; those of the top one are empty."""
    reached = list(dict.fromkeys(synsets))
    found: dict[Synset, tuple[Synset, ...]] = {}
    for synset in reached:  # grows as it goes
        if synset not in found:
            found[synset] = tuple(above(synset))
            reached += found[synset]
    return found


def longest_paths(
    synsets: Sequence[str], hypernyms: Mapping[str, Sequence[str]], parents: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """The longest way from each synset to the top.

    Each node takes one parent wherever it is met, so the paths form a tree: the hypernym with the longest way, of several
    the first.

    Args:
        synsets: Synsets to start from.
        hypernyms: As :func:`hypernym_closure` gives them.
        parents: Parents that are fixed.

    Returns:
        For each synset a list that begins with it and ends with the top.

    Raises:
        AnalysisError: The hypernyms go in a circle.
    """
    depth: dict[str, int] = {}
    parent: dict[str, str | None] = {}
    waiting, entered = list(synsets), set[str]()
    while waiting:
        node = waiting[-1]
        missing = [above for above in hypernyms[node] if above not in depth]
        if node in depth or not missing:
            waiting.pop()
            if node not in depth:
                best = max(hypernyms[node], key=depth.__getitem__, default=None)
                depth[node] = 0 if best is None else depth[best] + 1
                parent[node] = (parents or {}).get(node, best)
        elif node in entered:
            raise AnalysisError(f"The hypernyms of {node} go in a circle.", "Take WordNet's files as they are.")
        else:
            entered.add(node)
            waiting += missing
    paths = {}
    for synset in synsets:
        path = [synset]
        while (above := parent[path[-1]]) is not None:
            path.append(above)
        paths[synset] = path
    return paths


def branching_nodes(paths: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, str | None]]:
    """The tree of some classes without the nodes that have a single child.

    A class whose synset lies above another class's, or is another class's, is a leaf below its own synset.

    Args:
        paths: For each of at least two classes a path as :func:`longest_paths` gives it; all paths end at one top.

    Returns:
        ``(parent of each class, parent of each node)``, nodes from the top down, None for the highest.
    """
    children: dict[str, set[str]] = {}
    above_others = {node for path in paths.values() for node in path[1:]}
    above_others |= {synset for synset, count in Counter(path[0] for path in paths.values()).items() if count > 1}
    for name, path in paths.items():
        leaf = f"class {name}"
        if path[0] in above_others:
            children.setdefault(path[0], set()).add(leaf)
        for below, above in pairwise(path):
            children.setdefault(above, set()).add(below)
    kept = {node for node, leaves in children.items() if len(leaves) > 1}
    level: dict[str, int] = {}
    parent_of_node: dict[str, str | None] = {}
    parent_of_class: dict[str, str] = {}
    for name, path in paths.items():
        branching = [node for node in path if node in kept]
        parent_of_class[name] = branching[0]
        for node, parent in zip(branching, [*branching[1:], None], strict=True):
            parent_of_node[node] = parent
            level[node] = len(path) - path.index(node)
    return parent_of_class, {node: parent_of_node[node] for node in sorted(parent_of_node, key=level.__getitem__)}
