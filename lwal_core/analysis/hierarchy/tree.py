"""Class tree: agglomerative clustering of class vectors, its cuts, and the position of each node.

Clustering is scipy's (https://docs.scipy.org/doc/scipy/reference/cluster.hierarchy.html), the leaf order that of
:mod:`lwal_core.analysis.hierarchy.leaf_order`. Everything that walks the tree is a loop over the rows of the linkage: single
linkage makes chains as deep as there are classes.

A tree node is a number: classes are 0 to n - 1, the result of linkage row r is node n + r, the root is 2n - 2.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import DISTANCE_UNITS
from lwal_core.analysis.base.linkage import TIE_TOLERANCE, FloatArray, IntArray, node_sizes
from lwal_core.analysis.hierarchy.class_distances import CONFUSION, Metric, class_distances
from lwal_core.analysis.hierarchy.first_cut import first_groups
from lwal_core.analysis.hierarchy.leaf_order import optimal_leaf_order
from lwal_core.errors import AnalysisError

METHODS = ("single", "complete", "average", "weighted", "ward", "centroid", "median")
METRICS: tuple[str, ...] = get_args(Metric)
EUCLIDEAN_METHODS = ("ward", "centroid", "median")  # their update rules are about squared Euclidean distances only

OPTIMAL_ORDER_LIMIT = 1_500
"""Classes up to which the leaf order is optimal. Its time grows with the cube of n: 0.1 to 0.4 s at 1,000 classes, 0.2
to 1.6 s at 1,500, 1 to 15 s at 3,000, from chains and scattered vectors to well separated clusters (one core)."""

FLAT_TOLERANCE = 1e-6  # relative; float32 vectors that are equally far apart differ by about 1e-7


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the nodes of a tree are drawn, in places (0 = first leaf) and heights.

    Attributes:
        place: ``[2n - 1]``: a leaf's rank in the leaf order, the middle of its two children for a merge.
        height: ``[2n - 1]``: 0 for leaves, the merge height otherwise.
        bracket_places: ``[n - 1, 4]``: for each merge the corners of its bracket: first child, up, across, down to the
            second child.
        bracket_heights: ``[n - 1, 4]``: the heights of these corners.
    """

    place: FloatArray
    height: FloatArray
    bracket_places: FloatArray
    bracket_heights: FloatArray


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A class tree with its leaf order; made by :func:`build_hierarchy`.

    Attributes:
        linkage: ``[n - 1, 4]`` float64 as scipy's, children of a row in the order in which they are drawn.
        order: ``[n]`` class indices from the top leaf to the bottom one.
        names: The n class names, in class order.
        method: Linkage method.
        metric: Distance between class vectors.
        distances: ``[n (n - 1) / 2]`` distances between classes, condensed as scipy's ``pdist``.
        optimal_order: Whether ``order`` puts neighbours as close as the tree allows; False above
            ``OPTIMAL_ORDER_LIMIT`` classes.
        of_features: Whether the class vectors are means of features, not of outputs or labels.
    """

    linkage: FloatArray
    order: IntArray
    names: tuple[str, ...]
    method: str
    metric: str
    distances: FloatArray
    optimal_order: bool
    of_features: bool = False

    @property
    def unit(self) -> str:
        """Unit of the distances, for axes and sentences."""
        if self.of_features and self.metric == "euclidean":
            return "feature units"
        return DISTANCE_UNITS.get(self.metric, self.metric)

    @property
    def n(self) -> int:
        """Number of classes."""
        return len(self.names)

    @cached_property
    def children(self) -> IntArray:
        """``[n - 1, 2]`` child nodes of each merge, first drawn first."""
        return self.linkage[:, :2].astype(np.intp)

    @cached_property
    def parents(self) -> IntArray:
        """``[2n - 1]`` parent of each node, -1 for the root."""
        parents = np.full(2 * self.n - 1, -1, dtype=np.intp)
        parents[self.children] = self.n + np.arange(self.n - 1)[:, None]
        return parents

    @cached_property
    def sizes(self) -> IntArray:
        """``[2n - 1]`` number of classes below each node."""
        return node_sizes(self.linkage)

    @cached_property
    def first_place(self) -> IntArray:
        """``[2n - 1]`` rank in ``order`` of the first leaf below each node; its leaves follow one another."""
        first, sizes, children = [0] * (2 * self.n - 1), self.sizes.tolist(), self.children.tolist()
        for row in range(self.n - 2, -1, -1):
            left, right = children[row]
            first[left] = first[self.n + row]
            first[right] = first[left] + sizes[left]
        return np.array(first, dtype=np.intp)

    @cached_property
    def top_heights(self) -> FloatArray:
        """``[n - 1]`` highest merge at or below each merge; above the merge's own height only under inversions."""
        top = [0.0] * self.n + self.linkage[:, 2].tolist()
        for row, (left, right) in enumerate(self.children.tolist(), start=self.n):
            top[row] = max(top[row], top[left], top[right])
        return np.array(top[self.n :], dtype=np.float64)

    @cached_property
    def is_flat(self) -> bool:
        """Whether the tree says nothing: all distances, or all merge heights, are equal to a relative 1e-6.

        So with one-hot vectors, and with one or two classes, for which there is only one tree.
        """
        return _all_equal(self.distances) or _all_equal(self.linkage[:, 2])

    @cached_property
    def default_groups(self) -> int:
        """Number of groups that the tree is cut into where nobody has chosen one, see :func:`.first_cut.first_groups`; 1 for a
        flat tree and for one class, 2 for two."""
        if self.n < 3 or self.is_flat:
            return self.n if self.n < 3 else 1
        return first_groups(self.top_heights)

    @cached_property
    def has_inversions(self) -> bool:
        """Whether some merge lies below one of its parts, as centroid and median linkage can make it."""
        own = self.linkage[:, 2]
        return bool((self.top_heights - own > TIE_TOLERANCE * self.top_heights).any())

    @property
    def inversion_note(self) -> str:
        """What a reader of a tree with inversions must know; empty for one without."""
        if not self.has_inversions:
            return ""
        return "Some merges lie below one of their parts (inversions), as this linkage allows; average has none."

    def cut_nodes(self, k: int | None = None, height: float | None = None) -> IntArray:
        """Top nodes of the groups of a cut, in leaf order; arguments and errors as for :meth:`cut`."""
        inside = np.ones(2 * self.n - 1, dtype=bool)  # nodes that lie within a group
        if (k is None) == (height is None):
            raise AnalysisError(f"A cut was given k={k!r} and height={height!r}; it takes one of the two.")
        if k is not None:
            inside[self.n + (self.n - self._group_count(k)) :] = False
        else:
            assert height is not None
            if not height >= 0:
                raise AnalysisError(f"A tree cannot be cut at the height {height!r}.", "Heights are numbers from 0.")
            inside[self.n :] = self.top_heights <= height
        parents = self.parents
        tops = np.flatnonzero(inside & ((parents < 0) | ~inside[parents]))
        result: IntArray = tops[np.argsort(self.first_place[tops])]
        return result

    def cut(self, k: int | None = None, height: float | None = None) -> IntArray:
        """Group number of each class, counted from 0 in leaf order.

        Args:
            k: Number of groups, 1 to n. The last k - 1 merges are undone, so that there are k groups under ties and
                inversions too.
            height: Classes are in one group when all merges of the clade that joins them lie at or below this height,
                as in scipy's ``fcluster(criterion="distance")``.

        Returns:
            ``[n]`` labels in class order.

        Raises:
            AnalysisError: Not exactly one of the two is given; k is no whole number from 1 to n; the height is negative
                or nan.
        """
        tops = self.cut_nodes(k, height)
        labels = np.empty(self.n, dtype=np.intp)
        labels[self.order] = np.repeat(np.arange(len(tops)), self.sizes[tops])
        return labels

    def height_for(self, k: int) -> float:
        """A height whose cut gives the same k groups as ``cut(k=k)``, halfway between two merges; nan when ties leave
        none.

        For k = 1 it lies just above the root.

        Raises:
            AnalysisError: k is no whole number from 1 to n.
        """
        used = self.n - self._group_count(k)
        top = self.top_heights
        if used == self.n - 1:
            return 1.05 * float(top[-1]) if len(top) else 0.0
        below = float(top[:used].max(initial=0.0))
        above = float(top[used:].min())
        return (below + above) / 2 if above - below > TIE_TOLERANCE * float(top.max()) else float("nan")

    def members(self, node: int) -> IntArray:
        """Classes below a node, in leaf order."""
        first = int(self.first_place[self._node(node)])
        return self.order[first : first + int(self.sizes[node])]

    def clade_name(self, node: int, limit: int = 3) -> str:
        """A node in words, plain text: its class name, or ``"cat, dog, horse and 12 more"`` with at most ``limit``
        names."""
        members = self.members(node)
        names = [self.names[i] for i in members[: max(limit, 1)]]
        hidden = len(members) - len(names)
        if hidden:
            return f"{', '.join(names)} and {hidden:,} more"
        return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]

    def rows(self, classes: npt.ArrayLike) -> FloatArray:
        """Distances of some classes to all classes, ``[m, n]`` for m class indices."""
        i = np.asarray(classes, dtype=np.intp)[:, None]
        j = np.arange(self.n)
        low, high = np.minimum(i, j), np.maximum(i, j)
        where = low * (2 * self.n - low - 1) // 2 + high - low - 1
        apart = low != high
        out = np.zeros(apart.shape)
        out[apart] = self.distances[where[apart]]
        return out

    def square(self) -> FloatArray:
        """Distances between all classes, ``[n, n]``, in class order."""
        from scipy.spatial.distance import squareform

        out: FloatArray = squareform(self.distances)
        return out

    def nearest(self, i: int, count: int = 5) -> tuple[IntArray, FloatArray]:
        """The classes nearest to class i and their distances, nearest first, ties by class index; never class i itself.

        Raises:
            AnalysisError: There is no class i.
        """
        if not 0 <= i < self.n:
            raise AnalysisError(f"There is no class number {i!r}.", f"Classes are numbered 0 to {self.n - 1}.")
        away = self.rows([i])[0]
        others = np.delete(np.arange(self.n), i)
        found: IntArray = others[np.argsort(away[others], kind="stable")][: max(count, 0)]
        return found, away[found]

    def layout(self) -> Layout:
        """Coordinates of all nodes and brackets; computed once."""
        return self._layout

    def reordered(self, order: npt.ArrayLike) -> Hierarchy:
        """The same tree with its branches turned so that the leaves come in another order, e.g. to face a second tree.

        Node numbers stay what they are.

        Args:
            order: ``[n]`` class indices from the top leaf to the bottom one.

        Raises:
            AnalysisError: The order is not one that turning branches can reach.
        """
        wanted = np.asarray(order, dtype=np.intp)
        if wanted.shape != (self.n,) or not np.array_equal(np.sort(wanted), np.arange(self.n)):
            raise AnalysisError(f"The leaf order does not name each of the {self.n} classes once.")
        low = np.empty(2 * self.n - 1, dtype=np.intp)
        low[wanted] = np.arange(self.n)
        linkage, sizes = self.linkage.copy(), self.sizes
        for row, (left, right) in enumerate(self.children.tolist()):
            if low[left] > low[right]:
                left, right = right, left
                linkage[row, :2] = left, right
            if low[left] + sizes[left] != low[right]:
                apart = self.clade_name(self.n + row)
                raise AnalysisError(
                    f"In this leaf order the clade {apart} does not stay together.", "Turn branches only."
                )
            low[self.n + row] = low[left]
        return replace(self, linkage=linkage, order=wanted.copy(), optimal_order=False)

    def turned(self, nodes: Iterable[int]) -> Hierarchy:
        """The same tree with the two children of some merges drawn the other way round; each node once.

        Node numbers stay what they are.

        Raises:
            AnalysisError: A node that is no merge of this tree.
        """
        rows = sorted({self._node(node) - self.n for node in nodes})
        if rows and rows[0] < 0:
            raise AnalysisError(f"Node {rows[0] + self.n} is a class: it has no branches to turn.", "Turn a merge.")
        if not rows:
            return self
        linkage = self.linkage.copy()
        linkage[rows, :2] = linkage[rows, 1::-1]
        tree = replace(self, linkage=linkage, optimal_order=False)
        return replace(tree, order=np.argsort(tree.first_place[: self.n]))

    def path_to_root(self, node: int) -> list[int]:
        """A node, its parent and so on up to the root.

        Raises:
            AnalysisError: There is no such node.
        """
        path, parents = [self._node(node)], self.parents
        while parents[path[-1]] >= 0:
            path.append(int(parents[path[-1]]))
        return path

    def smallest_clade(self, classes: Iterable[int]) -> int:
        """The lowest node that holds all of these classes: a class itself when it is the only one.

        Raises:
            AnalysisError: No class is given, or one that the tree does not have.
        """
        members = sorted({int(i) for i in classes})
        if not members or not 0 <= members[0] <= members[-1] < self.n:
            raise AnalysisError(
                f"The classes {members} are not all in this tree.", f"Classes are numbered 0 to {self.n - 1}."
            )
        places = self.first_place[members]
        low, high = int(places.min()), int(places.max())
        node = members[0]
        while not (self.first_place[node] <= low and high < self.first_place[node] + self.sizes[node]):
            node = int(self.parents[node])
        return node

    def clade_of(self, names: Collection[str]) -> int | None:
        """The node whose classes are exactly these; None when they are no clade of this tree, or unknown to it."""
        if not names or not all(name in self._index for name in names):
            return None
        node = self.smallest_clade(self._index[name] for name in names)
        return node if self.sizes[node] == len(names) else None

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def _layout(self) -> Layout:
        n, children = self.n, self.children
        place = np.zeros(2 * n - 1)
        place[self.order] = np.arange(n)
        middle = place.tolist()
        for node, (left, right) in enumerate(children.tolist(), start=n):
            middle[node] = (middle[left] + middle[right]) / 2
        place = np.array(middle)
        height = np.concatenate([np.zeros(n), self.linkage[:, 2]])
        places, heights = place[children], height[children]
        own = height[n:]
        return Layout(
            place=place,
            height=height,
            bracket_places=places[:, [0, 0, 1, 1]],
            bracket_heights=np.stack([heights[:, 0], own, own, heights[:, 1]], axis=1),
        )

    def _group_count(self, k: int) -> int:
        try:
            count = -1 if isinstance(k, (bool, np.bool_)) else operator.index(k)
        except TypeError:
            count = -1
        if not 1 <= count <= self.n:
            allowed = "1" if self.n == 1 else f"a whole number from 1 to {self.n}"
            raise AnalysisError(f"A tree of {self.n} classes cannot be cut into k={k!r} groups.", f"k is {allowed}.")
        return count

    def _node(self, node: int) -> int:
        if not 0 <= node < 2 * self.n - 1:
            raise AnalysisError(
                f"There is no node {node!r} in this tree.", f"Nodes are numbered 0 to {2 * self.n - 2}."
            )
        return node


def check_rule(method: str, metric: str) -> None:
    """Check a linkage and a distance.

    Raises:
        AnalysisError: There is no such linkage or distance; ward, centroid or median without euclidean.
    """
    if method not in METHODS:
        raise AnalysisError(f"There is no linkage method {method!r}.", f"Use one of {', '.join(METHODS)}.")
    if metric not in (*METRICS, CONFUSION):
        raise AnalysisError(f"There is no distance {metric!r}.", f"Use one of {', '.join(METRICS)}.")
    if method in EUCLIDEAN_METHODS and metric != "euclidean":
        raise AnalysisError(
            f"{method.capitalize()} linkage is defined for Euclidean distances only, not for {metric!r}.",
            "Use the Euclidean distance, or average linkage.",
        )


def build_hierarchy(
    vectors: npt.ArrayLike,
    names: Sequence[str],
    method: str = "average",
    metric: str = "euclidean",
    *,
    optimal_limit: int = OPTIMAL_ORDER_LIMIT,
) -> Hierarchy:
    """Cluster class vectors into a tree.

    Args:
        vectors: ``[n, K]`` finite numbers, one row per class; n >= 1.
        names: n different class names.
        method: ``"single"``, ``"complete"``, ``"average"``, ``"weighted"``, ``"ward"``, ``"centroid"`` or ``"median"``.
        metric: ``"euclidean"``, ``"cosine"`` (1 - cosine similarity), ``"correlation"`` (1 - Pearson correlation), or
            ``"confusion"`` for the shares of a confusion matrix.
        optimal_limit: Above this number of classes the leaf order is the plain one of the linkage.

    Returns:
        The tree; distances and heights in float64, in the units of the metric.

    Raises:
        AnalysisError: unknown method or metric; ward, centroid or median without euclidean; vectors that are no matrix,
            not finite, or without direction under cosine or correlation; names that are too few, too many or not
            different.
    """
    check_rule(method, metric)
    labels = _checked_names(names)
    distances = class_distances(vectors, labels, metric)
    n, linkage = len(labels), np.zeros((0, 4))
    if n > 1:
        from scipy.cluster.hierarchy import linkage as scipy_linkage

        linkage = scipy_linkage(distances, method)
        if not np.isfinite(linkage).all():
            raise AnalysisError(
                f"{method.capitalize()} linkage of these vectors has no finite heights.", "Use average linkage."
            )
    tree = Hierarchy(
        linkage, np.arange(n), labels, method, metric, distances, optimal_order=n <= 2 or _all_equal(distances)
    )
    tree = replace(tree, order=np.argsort(tree.first_place[:n]))
    if tree.optimal_order or n > optimal_limit:
        return tree
    in_place = tree.square()[np.ix_(tree.order, tree.order)]
    order = tree.order[optimal_leaf_order(tree.children, tree.first_place, tree.sizes, in_place)]
    # An order and its mirror image are as good; the end with the lower class index comes first.
    return replace(tree.reordered(order if order[0] < order[-1] else order[::-1]), optimal_order=True)


def _checked_names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise AnalysisError(f"The names of the classes are one text ({names!r}).", "Give a list with one name a class.")
    labels = tuple(str(name) for name in names)
    twice = [name for name, times in Counter(labels).items() if times > 1]
    if twice:
        raise AnalysisError(
            f"The class name {twice[0]!r} is there more than once.", "Give each class a name of its own."
        )
    return labels


def _all_equal(values: FloatArray) -> bool:
    return len(values) < 2 or float(np.ptp(values)) <= FLAT_TOLERANCE * float(values.max())
