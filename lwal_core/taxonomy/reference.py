"""Taxonomy: a reference hierarchy of classes, with path lengths and groups.

The shipped taxonomies are JSON files in ``lwal_core/taxonomy/data``, each with its source and how it was made. Distances
are hops: edges on a path between two classes. Those from WordNet come as a matrix, or are counted on the graph of
hypernyms, because a noun can have several hypernyms and the shortest path between two may leave any tree; the groups
(clades) always come from a tree with one parent per node. :mod:`lwal_core.taxonomy.record` reads and writes the
format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.class_names import singular_forms, spelling_key
from lwal_core.taxonomy.path_lengths import hypernym_hops, tree_hops

_LISTED = 12  # names spelled out in an error before "and N more"

FEWEST_MATCHES = 3
"""Fewer classes have neither a clade nor a Kendall tau."""
UNNAMED = "unnamed group"
"""What a group without a name is called."""


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A reference hierarchy of a set of classes; :func:`load_taxonomy` gives a shipped one.

    Attributes:
        name: What it is loaded by, such as ``"cifar10"``.
        title: What to call it in a sentence, such as ``"WordNet"`` or ``"the superclasses of CIFAR-100"``.
        source: Where it is from, one sentence.
        made: How distances and tree were made from that, to be shown on request.
        classes: Its class names.
        synsets: WordNet 3.0 synset of each class that has one, such as ``"cat": "cat.n.01"``.
        data_set: Name of the data set whose classes these are; empty where there is none.
        offsets: WordNet 3.0 offset of each class that has a synset, such as ``"cat": "n02121620"``.
        parent_of_class: The node above each class.
        parent_of_node: The node above each node; None for the root.
        title_of_node: Titles of the nodes that are not called what they are known by; empty for one without a name.
        matches: Further names of classes that somebody gave by hand, each with the class that it means.
        aliases: Further names that come with the taxonomy, by class.
        hops: Hops between all classes where they are not those of the tree, ``[C, C]``.
        hypernyms: Offsets above each offset, where hops are counted on them.
        unmatched: Names that :func:`lwal_core.taxonomy.wordnet_taxonomy` was given and found no sense for; not stored.
    """

    name: str
    title: str
    source: str
    made: str
    classes: tuple[str, ...]
    parent_of_class: Mapping[str, str]
    parent_of_node: Mapping[str, str | None]
    synsets: Mapping[str, str] = field(default_factory=dict)
    data_set: str = ""
    offsets: Mapping[str, str] = field(default_factory=dict)
    title_of_node: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hops: FloatArray | None = None
    hypernyms: Mapping[str, tuple[str, ...]] | None = None
    unmatched: tuple[str, ...] = ()

    def match(self, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
        """Find the class of this taxonomy that each name means.

        Case, blanks, underscores and hyphens do not matter, nor does an English plural ending; some classes have
        further names.

        Args:
            names: Class names in any spelling.

        Returns:
            ``(mapping, unmatched)``: name as given to class name here, and the names that mean no class or more than
            one.
        """
        mapping: dict[str, str] = {}
        unmatched: list[str] = []
        for name in dict.fromkeys(names):
            found = self._find(name)
            if found is None:
                unmatched.append(name)
            else:
                mapping[name] = found
        return mapping, unmatched

    def distances(self, names: Sequence[str]) -> FloatArray:
        """Hops between classes.

        Args:
            names: n class names, in any spelling that :meth:`match` understands.

        Returns:
            ``[n, n]`` whole numbers as float64; symmetric, 0 on the diagonal.

        Raises:
            AnalysisError: names that are not in the taxonomy, or two names for one class.
        """
        wanted = self._classes_of(names)
        if self.hops is not None:
            index = {name: i for i, name in enumerate(self.classes)}
            rows = [index[name] for name in wanted]
            return self.hops[np.ix_(rows, rows)]
        if self.hypernyms is not None:
            return hypernym_hops([self.offsets[name] for name in wanted], self.hypernyms)
        return tree_hops([self.ancestors(name) for name in wanted])

    def clades(self, names: Sequence[str]) -> set[frozenset[str]]:
        """The groups that the taxonomy's tree makes of the given classes.

        Args:
            names: n class names, in any spelling that :meth:`match` understands.

        Returns:
            Sets of 2 to n - 1 of the names as given.

        Raises:
            AnalysisError: as :meth:`distances`.
        """
        return set(self.named_clades(names))

    def named_clades(self, names: Sequence[str]) -> dict[frozenset[str], str]:
        """The groups of :meth:`clades` with their name in the taxonomy, such as ``{cat, dog}: "carnivore"``.

        Where several nodes hold the same given classes, the lowest one with a name names them; a group without any is
        an :data:`UNNAMED` one.
        """
        found: dict[frozenset[int], str] = {}
        for node, members in self._restricted(names).items():
            if 2 <= len(members) < len(names):
                found[members] = self.node_title(node) or found.get(members, "")
        return {frozenset(names[i] for i in members): title or UNNAMED for members, title in found.items()}

    def linkage(self, names: Sequence[str]) -> FloatArray:
        """The taxonomy's tree of the given classes as a linkage, to be compared with other trees.

        A node's height is the tree's depth less the node's depth, after nodes with a single child are left out; the
        heights are thus an ultrametric. A node with several children becomes as many merges as it needs at one height,
        which the scores of :mod:`lwal_core.analysis.trees` read as one node.

        Args:
            names: n class names, in any spelling that :meth:`match` understands.

        Returns:
            ``[n - 1, 4]``, scipy's layout.

        Raises:
            AnalysisError: as :meth:`distances`, or no names.
        """
        if not names:
            raise AnalysisError("No classes were given.", "Give at least one class name.")
        tree = self._restricted(names)
        groups = sorted(
            {members for members in tree.values() if len(members) > 1}, key=lambda group: (len(group), min(group))
        )
        depth: dict[frozenset[int], int] = {}
        around = [0] * len(names)  # groups so far that hold a class; all of them hold each smaller group of that class
        for group in reversed(groups):
            depth[group] = around[next(iter(group))]
            for i in group:
                around[i] += 1
        height = 1 + max(depth.values(), default=0)
        top = {i: i for i in range(len(names))}  # class -> the node that it is joined into so far
        size = dict.fromkeys(range(len(names)), 1)
        rows: list[list[float]] = []
        for group in sorted(groups, key=lambda g: -depth[g]):
            nodes = sorted({top[i] for i in group})
            joined = nodes[0]
            for node in nodes[1:]:
                merged = len(names) + len(rows)
                size[merged] = size[joined] + size[node]
                rows.append([joined, node, height - depth[group], size[merged]])
                joined = merged
            top.update(dict.fromkeys(group, joined))
        return np.array(rows, dtype=np.float64).reshape(-1, 4)

    def kept(self, names: Sequence[str]) -> dict[int, str]:
        """Indices of the given names that mean a class of this taxonomy which no other of them means, with the class."""
        mapping, _ = self.match(names)
        counts = Counter(mapping[name] for name in names if name in mapping)
        return {i: mapping[name] for i, name in enumerate(names) if name in mapping and counts[mapping[name]] == 1}

    def with_matches(self, matches: Mapping[str, str]) -> Taxonomy:
        """This taxonomy with further names of its classes, which win over all others.

        Args:
            matches: The class that each name means; those that are no class here are left out.
        """
        known = {name: meant for name, meant in matches.items() if meant in self.parent_of_class}
        return replace(self, matches=known) if known != self.matches else self

    def ancestors(self, name: str) -> list[str]:
        """Nodes from a class's parent up to the root."""
        path = []
        node: str | None = self.parent_of_class[name]
        while node is not None:
            path.append(node)
            node = self.parent_of_node[node]
        return path

    def node_title(self, node: str) -> str:
        """What a node is called; empty for one without a name."""
        return self.title_of_node.get(node, node)

    @property
    def senses(self) -> Mapping[str, str]:
        """WordNet synset of each class that has one; what :func:`lwal_core.taxonomy.wordnet_taxonomy` takes as senses."""
        return self.synsets

    @property
    def groups(self) -> int:
        """Number of groups: nodes that hold several of the classes, but not all."""
        return len(self.clades(self.classes))

    @property
    def levels(self) -> int:
        """Edges from the root to the deepest class."""
        return max((len(self.ancestors(name)) for name in self.classes), default=0)

    def _find(self, name: str) -> str | None:
        exact = self._spellings.get(spelling_key(name))
        if exact is not None:
            return exact
        found = {self._singulars[form] for form in singular_forms(name) if form in self._singulars}
        return found.pop() if len(found) == 1 else None

    def _classes_of(self, names: Sequence[str]) -> list[str]:
        mapping, unmatched = self.match(names)
        if unmatched:
            raise AnalysisError(
                f"The taxonomy {self.name!r} does not have the classes {_listed(unmatched)}.",
                f"Leave them out; it has {_listed(self.classes)}.",
            )
        found = [mapping[name] for name in names]
        counts = Counter(found)
        twice = sorted({name for name in names if counts[mapping[name]] > 1})
        if twice:
            raise AnalysisError(
                f"In the taxonomy {self.name!r} {_listed(twice)} are one class.", "Give each class once."
            )
        return found

    def _restricted(self, names: Sequence[str]) -> dict[str, frozenset[int]]:
        """Indices of the given classes below each node that has any; higher nodes first."""
        members: dict[str, set[int]] = {}
        depth: dict[str, int] = {}
        for i, name in enumerate(self._classes_of(names)):
            path = self.ancestors(name)
            for above, node in enumerate(reversed(path)):
                members.setdefault(node, set()).add(i)
                depth[node] = above
        return {node: frozenset(members[node]) for node in sorted(members, key=depth.__getitem__)}

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Class meant by each known spelling, reduced to its key; those given by hand win over class names, and these
        over further names."""
        further = {spelling_key(alias): name for name, aliases in self.aliases.items() for alias in aliases}
        by_hand = {spelling_key(name): meant for name, meant in self.matches.items()}
        return further | {spelling_key(name): name for name in self.classes} | by_hand

    @cached_property
    def _singulars(self) -> dict[str, str]:
        """Class meant by each form of a known spelling, if it is only one."""
        meant: dict[str, set[str]] = {}
        for spelling, name in self._spellings.items():
            for form in singular_forms(spelling):
                meant.setdefault(form, set()).add(name)
        return {form: names.pop() for form, names in meant.items() if len(names) == 1}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
