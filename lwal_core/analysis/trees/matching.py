"""Matching of two class trees for a tanglegram: common classes, same order, untangled.

Trees are matched by the names of their classes. A class that one tree lacks is cut out of the other as a leaf; what is
left keeps its merges and heights, which is not the tree that clustering the remaining classes anew would give.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lwal_core.analysis.base.linkage import IntArray, joining_heights, offers_cut
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import ties_sorted
from lwal_core.analysis.trees.untangling import entanglement, untangle
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import Taxonomy

TAXONOMY = "taxonomy"
"""Stands where a clustered tree has its linkage method."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Two trees over the same classes in the same order.

    Attributes:
        left: Has only the classes that both trees have, in its own class order.
        right: The same classes with the same numbers as ``left``.
        only_left: Names of the classes that the right tree lacks.
        only_right: Names of the classes that the left tree lacks.
    """

    left: Hierarchy
    right: Hierarchy
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Facing:
    """Two trees turned to face each other, with the entanglement of their leaf orders before and after (0 to 1)."""

    left: Hierarchy
    right: Hierarchy
    before: float
    after: float


def matched(left: Hierarchy, right: Hierarchy) -> Matched:
    """Match two trees by the names of their classes.

    Raises:
        AnalysisError: They have no class in common.
    """
    there, here = set(right.names), set(left.names)
    shared = [name for name in left.names if name in there]
    if not shared:
        raise AnalysisError(
            "The two trees have no class in common, so there is nothing to compare.",
            "Choose two trees over the same classes; names are compared letter by letter.",
        )
    return Matched(
        restricted(left, shared),
        renumbered(restricted(right, shared), shared),
        tuple(name for name in left.names if name not in there),
        tuple(name for name in right.names if name not in here),
    )


def restricted(h: Hierarchy, names: Collection[str]) -> Hierarchy:
    """The tree that is left when only some classes are kept; nodes with a single child left vanish.

    Args:
        h: The tree.
        names: At least one of its class names.

    Raises:
        AnalysisError: None of the names is a class of the tree.
    """
    wanted = set(names)
    kept = [i for i, name in enumerate(h.names) if name in wanted]
    if len(kept) == h.n:
        return h
    if not kept:
        raise AnalysisError("None of the classes to keep is in the tree.", "Keep at least one of its classes.")
    m = len(kept)
    number: list[int | None] = [None] * h.n  # node in the smaller tree that stands for a node here
    for new, old in enumerate(kept):
        number[old] = new
    sizes = [1] * m
    rows: list[list[float]] = []
    for (left, right), height in zip(h.children.tolist(), h.linkage[:, 2].tolist(), strict=True):
        a, b = number[left], number[right]
        if a is None or b is None:
            number.append(b if a is None else a)
            continue
        sizes.append(sizes[a] + sizes[b])
        number.append(m + len(rows))
        rows.append([a, b, height, sizes[-1]])
    index = np.array(kept, dtype=np.intp)
    between = h.rows(index)[:, index][np.triu_indices(m, 1)]
    order = np.array([number[i] for i in h.order.tolist() if number[i] is not None], dtype=np.intp)
    return replace(
        h, linkage=np.array(rows, dtype=np.float64).reshape(-1, 4), order=order, distances=between,
        names=tuple(h.names[i] for i in kept), optimal_order=m <= 2,
    )  # fmt: skip


def renumbered(h: Hierarchy, names: Sequence[str]) -> Hierarchy:
    """The same tree with its classes in another order, so that trees can be compared by class number.

    Raises:
        AnalysisError: The names are not those of the tree.
    """
    if tuple(names) == h.names:
        return h
    if len(names) != h.n or set(names) != set(h.names):
        raise AnalysisError("The two trees have different classes.", "Reduce both to the classes that they share.")
    new = {name: i for i, name in enumerate(names)}
    number = np.array([new[name] for name in h.names] + list(range(h.n, 2 * h.n - 1)), dtype=np.intp)
    linkage = h.linkage.copy()
    linkage[:, :2] = number[h.children]
    old = np.argsort(number[: h.n])
    return replace(
        h, linkage=linkage, order=number[h.order], names=tuple(names),
        distances=h.square()[np.ix_(old, old)][np.triu_indices(h.n, 1)],
    )  # fmt: skip


def taxonomy_tree(taxonomy: Taxonomy, names: Sequence[str]) -> Hierarchy:
    """A taxonomy's tree of those of the given classes that it has.

    Heights are levels: 1 for the lowest groups of the deepest branch, as :meth:`Taxonomy.linkage` says; the distances
    of the tree are the levels at which two classes are joined. Names that the taxonomy does not have, or that mean one
    class of it together, are left out.

    Args:
        taxonomy: The taxonomy.
        names: Class names in any spelling that it understands.

    Raises:
        AnalysisError: It has none of the classes.
    """
    mapping, _ = taxonomy.match(names)
    meant = list(mapping.values())
    kept = tuple(name for name in dict.fromkeys(names) if name in mapping and meant.count(mapping[name]) == 1)
    if not kept:
        raise AnalysisError(
            f"The taxonomy {taxonomy.name!r} has none of these classes.", "Choose a tree over classes that it has."
        )
    linkage = taxonomy.linkage(kept)
    tree = Hierarchy(
        linkage, np.arange(len(kept)), kept, TAXONOMY, "levels", joining_heights(linkage), optimal_order=False
    )
    return replace(tree, order=np.argsort(tree.first_place[: tree.n]))


def common_cuts(left: Hierarchy, right: Hierarchy) -> tuple[int, ...]:
    """Numbers of groups, 2 to n - 1, into which some height cuts either tree; others lie in the middle of ties."""
    return tuple(k for k in range(2, left.n) if offers_cut(left.linkage, k) and offers_cut(right.linkage, k))


def face(left: Hierarchy, right: Hierarchy, method: str = "step2side") -> Facing:
    """Turn the branches of two trees so that the lines between equal classes cross less.

    The methods are those of :func:`lwal_core.analysis.trees.untangling.untangle`, started from the leaf orders that the trees
    come with. The sides that a method moves also have the children of nodes of three or more sorted by their places in
    the other tree where that helps, because turning cannot reach all their orders.

    Args:
        left: A tree.
        right: A tree over the same classes in the same order, as :func:`matched` makes it.
        method: One of :data:`lwal_core.analysis.trees.untangling.UNTANGLE_METHODS`.

    Raises:
        AnalysisError: Different classes, or an unknown method.
    """
    if left.names != right.names:
        raise AnalysisError("The two trees have different classes.", "Match them by their names first.")
    before = entanglement(left.order, right.order)
    sorts_left, sorts_right = method in ("step1side", "step2side"), method in ("labels", "step2side")
    if sorts_right:
        right = _sorted_if_better(right, left)
    if sorts_left:
        left = _sorted_if_better(left, right)
    top_left, top_right = untangle(left.linkage, right.linkage, method)
    left, right = left.reordered(top_left), right.reordered(top_right)
    if sorts_right:
        right = _sorted_if_better(right, left)
    if sorts_left:
        left = _sorted_if_better(left, right)
    return Facing(left, right, before, entanglement(left.order, right.order))


def groups_of_nodes(h: Hierarchy, group: IntArray) -> IntArray:
    """The group that holds all classes below each node, ``[2n - 1]``; -1 where there is none.

    Args:
        h: A tree of n classes.
        group: ``[n]`` group of each class, for example in the other tree; -1 for none.
    """
    held = group.tolist()
    for left, right in h.children.tolist():
        held.append(held[left] if held[left] == held[right] else -1)
    return np.array(held, dtype=np.intp)


def node_masks(h: Hierarchy) -> list[int]:
    """The classes below each node as the bits of a whole number, ``2n - 1`` of them, as in :class:`.clades.CladeSet`."""
    masks = [1 << i for i in range(h.n)]
    for left, right in h.children.tolist():
        masks.append(masks[left] | masks[right])
    return masks


def _sorted_if_better(h: Hierarchy, other: Hierarchy) -> Hierarchy:
    tried = ties_sorted(h, np.argsort(other.order))
    return tried if entanglement(tried.order, other.order) < entanglement(h.order, other.order) else h
