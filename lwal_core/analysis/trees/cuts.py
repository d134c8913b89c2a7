"""Cuts of a tree: partitions of the classes into clades, by one height or several.

A cut is given as a number of groups (``int``), a height (``float``), or the top nodes of its groups (a tuple), which every
other rule ends in: merges undone by hand, the dynamic cut, groups of at most so many classes, the best mean silhouette.
Whatever the rule, each class is in exactly one group and each group is a clade.

Source of the silhouette: P. Rousseeuw, *Silhouettes: a graphical aid to the interpretation and validation of cluster
analysis*, Journal of Computational and Applied Mathematics 20 (1987). Of the dynamic cut: :mod:`.dynamic_cut`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.dynamic_cut import dynamic_tree_cut
from lwal_core.errors import AnalysisError

CutAt = int | float | tuple[int, ...]
"""Where a tree is cut: a number of groups, a height, or the top nodes of the groups."""
How = Literal["groups", "height", "dynamic", "size", "silhouette", "merges"]
HOWS: tuple[How, ...] = get_args(How)

MOST_TRIED = 100
"""Most groups among which :func:`silhouette_cut` looks for the best."""
MAX_RULE = 4_000
"""Characters of a cut's rule as text."""
GROUP_NAME = 80
"""Most characters of a group's name."""
_ROWS_AT_ONCE = 4_000_000  # distances that are gathered at once
_TIED = 1e-9  # mean silhouettes that differ by less are equal: the fewest groups win


class CutRule(NamedTuple):
    """How a tree is cut, independent of the tree.

    Attributes:
        how: ``"groups"``, ``"height"``, ``"dynamic"`` (least classes of a group), ``"size"`` (most classes of a group),
            ``"silhouette"`` or ``"merges"`` (undone by hand).
        value: The number that goes with it; 0 for ``"silhouette"`` and ``"merges"``.
        merges: Nodes of the merges that are undone; those above them are, too.
    """

    how: How
    value: float = 0
    merges: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Text that :func:`parse_rule` reads: ``"groups=8"``, ``"silhouette"``, ``"merges=17.18"``."""
        if self.how == "merges":
            return f"merges={'.'.join(map(str, self.merges))}"
        if self.how == "silhouette":
            return self.how
        return f"height={float(self.value)!r}" if self.how == "height" else f"{self.how}={int(self.value)}"


def parse_rule(text: str) -> CutRule:
    """Read a cut's rule: ``groups=8`` (or ``8``), ``height=0.5``, ``dynamic`` (or ``dynamic=3``: groups of 3 classes or
    more), ``size=10`` (at most 10 classes a group), ``silhouette``, ``merges=17.18``.

    Raises:
        AnalysisError: It is none of these.
    """
    hint = "Write groups=8, height=0.5, dynamic, size=10 or silhouette."
    wrong = AnalysisError(f"{text[:60]!r} is no cut of a tree.", hint)
    if len(text) > MAX_RULE:
        raise wrong
    how, equals, value = text.strip().partition("=")
    if not equals and re.fullmatch(r"[0-9]{1,7}", how):
        how, equals, value = "groups", "=", how
    if how not in HOWS:
        raise wrong
    if how == "silhouette" and not equals:
        return CutRule("silhouette")
    if how == "dynamic" and not equals:
        return CutRule("dynamic", 2)
    if how == "merges" and re.fullmatch(r"([0-9]{1,8}(\.[0-9]{1,8})*)?", value):
        return CutRule("merges", merges=tuple(sorted({int(piece) for piece in value.split(".") if piece})))
    if how == "height" and re.fullmatch(r"[0-9]{0,20}\.?[0-9]{0,20}(e[+-]?[0-9]{1,3})?", value):
        try:
            height = float(value)
        except ValueError:
            raise wrong from None
        if math.isfinite(height):
            return CutRule("height", height)
    if how in ("groups", "dynamic", "size") and re.fullmatch(r"[0-9]{1,7}", value):
        return CutRule(cast(How, how), int(value))
    raise wrong


def cut_by_rule(h: Hierarchy, rule: CutRule) -> CutAt:
    """Where a rule cuts a tree; ``groups`` and ``height`` stay the number that they are.

    Raises:
        AnalysisError: The tree has no such cut.
    """
    if rule.how == "groups":
        return int(rule.value)
    if rule.how == "height":
        return float(rule.value)
    if rule.how == "dynamic":
        return dynamic_cut(h, int(rule.value))
    if rule.how == "size":
        return balanced_cut(h, int(rule.value))
    if rule.how == "silhouette":
        return len(silhouette_cut(h))  # one height makes it
    return tops_below(h, rule.merges)


def cut_tops(h: Hierarchy, at: CutAt) -> IntArray:
    """Top nodes of the groups of a cut, in leaf order.

    Args:
        h: The tree.
        at: A number of groups, a height, or top nodes in any order.

    Raises:
        AnalysisError: The tree has no such cut: top nodes that leave a class out or hold one twice, too.
    """
    if isinstance(at, (bool, np.bool_)) or not isinstance(at, (int, float, tuple, np.integer, np.floating)):
        raise AnalysisError(
            f"A tree cannot be cut at {str(at)[:60]!r}.", "Give a number of groups (int), a height (float) or nodes."
        )
    if isinstance(at, (int, np.integer)):
        return h.cut_nodes(k=int(at))
    if isinstance(at, (float, np.floating)):
        return h.cut_nodes(height=float(at))
    nodes = [_node(h, node) for node in at]
    tops: IntArray = np.array(sorted(nodes, key=lambda node: int(h.first_place[node])), dtype=np.intp)
    ends = h.first_place[tops] + h.sizes[tops]
    if not len(tops) or h.first_place[tops[0]] != 0 or ends[-1] != h.n or (h.first_place[tops[1:]] != ends[:-1]).any():
        raise AnalysisError("These clades do not hold each class once.", "Give the top nodes of a partition.")
    return tops


def cut_labels(h: Hierarchy, at: CutAt) -> IntArray:
    """Group of each class at a cut, ``[n]`` in class order, counted from 0 in leaf order.

    Raises:
        AnalysisError: The tree has no such cut.
    """
    tops = cut_tops(h, at)
    labels = np.empty(h.n, dtype=np.intp)
    labels[h.order] = np.repeat(np.arange(len(tops)), h.sizes[tops])
    return labels


def tops_below(h: Hierarchy, merges: Iterable[int]) -> tuple[int, ...]:
    """Top nodes of the cut at several heights that undoes some merges and, since they hold these, all merges above them.

    Args:
        h: The tree.
        merges: Nodes of merges; none leave one group of all classes.

    Returns:
        Top nodes in leaf order.

    Raises:
        AnalysisError: A node that is no merge of this tree.
    """
    undone = np.zeros(2 * h.n - 1, dtype=bool)
    parents = h.parents
    for merge in merges:
        node = _node(h, merge)
        if node < h.n:
            raise AnalysisError(f"Node {node} is a class: there is nothing to cut.", "Cut at a merge.")
        while node >= 0 and not undone[node]:
            undone[node] = True
            node = int(parents[node])
    tops = np.flatnonzero(~undone & ((parents < 0) | undone[parents]))
    return tuple(tops[np.argsort(h.first_place[tops])].tolist())


def merges_above(h: Hierarchy, at: CutAt) -> tuple[int, ...]:
    """Merges that a cut undoes, ascending: all that lie above its groups. :func:`tops_below` is the way back."""
    tops = cut_tops(h, at)
    top_at_place = np.repeat(tops, h.sizes[tops])[h.first_place]
    inside = h.sizes <= h.sizes[top_at_place]
    return tuple(np.flatnonzero(~inside).tolist())


def cut_here(h: Hierarchy, at: CutAt, node: int) -> tuple[int, ...]:
    """Merges undone by a cut once a merge is undone, too: its two parts are groups of their own then."""
    return merges_above(h, tops_below(h, [*merges_above(h, at), node]))


def join_here(h: Hierarchy, at: CutAt, node: int) -> tuple[int, ...]:
    """Merges undone by a cut once a clade is one group: those within it are no longer."""
    start = int(h.first_place[_node(h, node)])
    end = start + int(h.sizes[node])
    within = (h.first_place >= start) & (h.first_place + h.sizes <= end)
    return tuple(merge for merge in merges_above(h, at) if not within[merge])


def dynamic_cut(h: Hierarchy, min_size: int = 2) -> tuple[int, ...]:
    """The dynamic cut as a partition: its groups, and each class that it leaves unassigned alone.

    All classes are one group where no branch is one.

    Raises:
        AnalysisError: ``min_size`` is below 2.
    """
    labels = dynamic_tree_cut(h.linkage, min_size)
    if not labels.any():
        return (2 * h.n - 2,)
    tops = [int(i) for i in np.flatnonzero(labels == 0)]
    tops += [h.smallest_clade(np.flatnonzero(labels == label).tolist()) for label in range(1, int(labels.max()) + 1)]
    return tuple(cut_tops(h, tuple(tops)).tolist())


def balanced_cut(h: Hierarchy, most: int) -> tuple[int, ...]:
    """The fewest groups that are clades of at most ``most`` classes each.

    Raises:
        AnalysisError: ``most`` is no whole number from 1.
    """
    try:
        limit = 0 if isinstance(most, (bool, np.bool_)) else operator.index(most)
    except TypeError:
        limit = 0
    if limit < 1:
        raise AnalysisError(f"A group of at most {most!r} classes is none.", "Give a whole number from 1.")
    return tops_below(h, np.flatnonzero(h.sizes > limit).tolist())


def silhouette_cut(h: Hierarchy, most: int = MOST_TRIED) -> tuple[int, ...]:
    """The cut with the best mean silhouette among those that one height makes.

    The silhouette of a class is (b - a) / max(a, b), with a its mean distance to the others of its group and b the smallest
    mean distance to the classes of another group; 0 for a class alone in its group (Rousseeuw 1987). Distances are those
    that the tree was made of.

    Args:
        h: The tree.
        most: Most groups that are tried.

    Returns:
        Top nodes in leaf order; of equally good cuts that of the fewest groups. All classes are one group where no height
        makes 2 to n - 1 groups, as in trees of two classes and flat ones.
    """
    tried = [] if h.is_flat else [k for k in range(2, min(most, h.n - 1) + 1) if not math.isnan(h.height_for(k))]
    if not tried:
        return (2 * h.n - 2,)
    finest = h.cut_nodes(k=tried[-1])
    sums, starts = _sums_by_group(h, finest), h.first_place[finest]
    best, best_tops = -math.inf, np.array([2 * h.n - 2])
    for k in tried:
        tops = h.cut_nodes(k=k)
        columns = np.searchsorted(starts, h.first_place[tops])
        score = float(_silhouettes(np.add.reduceat(sums, columns, axis=1), h.sizes[tops]).mean())
        if score > best + _TIED:
            best, best_tops = score, tops
    return tuple(best_tops.tolist())


def mean_silhouette(h: Hierarchy, at: CutAt) -> float:
    """Mean silhouette of a cut over all classes, see :func:`silhouette_cut`; nan unless it has 2 to n - 1 groups."""
    tops = cut_tops(h, at)
    if not 2 <= len(tops) < h.n:
        return math.nan
    return float(_silhouettes(_sums_by_group(h, tops), h.sizes[tops]).mean())


def group_names(h: Hierarchy, tops: Sequence[int], names: Mapping[int, str]) -> tuple[str, ...]:
    """A name for each group of a cut, no two alike.

    Args:
        h: The tree.
        tops: Top nodes of the groups.
        names: Names of nodes, as people gave or a program proposed them; others are called by their classes.

    Returns:
        One a group, at most :data:`GROUP_NAME` characters.
    """
    taken: set[str] = set()
    found = []
    for top in tops:
        wanted = " ".join(h.names[top].split()) if top < h.n else " ".join((names.get(top) or "").split())
        wanted = _short(wanted or h.clade_name(top), GROUP_NAME)
        name, count = wanted, 1
        while name in taken:
            count += 1
            name = f"{_short(wanted, GROUP_NAME - 6)} ({count})"
        taken.add(name)
        found.append(name)
    return tuple(found)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _sums_by_group(h: Hierarchy, tops: IntArray) -> FloatArray:
    """Sum of the distances of each place's class to those of each group, ``[n, groups]`` in leaf order."""
    starts = h.first_place[tops]
    sums = np.empty((h.n, len(tops)))
    at_once = max(1, _ROWS_AT_ONCE // h.n)
    for first in range(0, h.n, at_once):
        rows = h.rows(h.order[first : first + at_once])[:, h.order]
        sums[first : first + at_once] = np.add.reduceat(rows, starts, axis=1)
    return sums


def _silhouettes(sums: FloatArray, sizes: IntArray) -> FloatArray:
    """Silhouette of each place's class from its sums of distances to the groups, which follow one another, ``[n]``."""
    own = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(own))
    within = sums[place, own] / np.maximum(sizes[own] - 1, 1)
    others = sums / sizes
    others[place, own] = np.inf
    nearest = others.min(axis=1)
    larger = np.maximum(within, nearest)
    apart: npt.NDArray[np.bool_] = (sizes[own] > 1) & (larger > 0)
    return np.where(apart, (nearest - within) / np.where(larger > 0, larger, 1), 0.0)


def _node(h: Hierarchy, node: int) -> int:
    if isinstance(node, bool) or not isinstance(node, (int, np.integer)) or not 0 <= node < 2 * h.n - 1:
        raise AnalysisError(f"There is no node {node!r} in this tree.", f"Nodes are numbered 0 to {2 * h.n - 2}.")
    return int(node)
