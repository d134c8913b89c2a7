"""Reference hierarchies of well-known class sets: how far apart classes are for people, and which groups they form.

The taxonomies are JSON files in ``lwal_core/taxonomies``, each with its source and how it was made. Distances are
hops: edges on a path between two classes. Those from WordNet are shipped as a matrix, because a noun can have several
hypernyms and the shortest path between two may leave any tree; the groups (clades) always come from a tree with one
parent a node.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np

from lwal_core.analysis.linkage import FloatArray
from lwal_core.errors import AnalysisError

_LISTED = 12  # names spelled out in an error before "and N more"
_FEWEST_MATCHES = 3  # fewer classes have neither a clade nor a Kendall tau
_SHARE_UNMATCHED = 5  # a taxonomy is offered when at most one name in five is unknown to it (Fashion-MNIST: two of ten)


@dataclass(frozen=True, eq=False)
class Taxonomy:
    """A reference hierarchy of a set of classes; get one from :func:`load_taxonomy`.

    Attributes:
        name: What it is loaded by, such as ``"cifar10"``.
        source: Where it is from, one sentence.
        made: How distances and tree were made from that, to be shown on request.
        classes: Its class names.
        synsets: WordNet 3.0 synset of each class that has one, such as ``"cat": "cat.n.01"``.
    """

    name: str
    source: str
    made: str
    classes: tuple[str, ...]
    synsets: dict[str, str]
    _aliases: dict[str, tuple[str, ...]]
    _parent_of_class: dict[str, str]
    _parent_of_node: dict[str, str | None]
    _hops: FloatArray | None

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
        index = {name: i for i, name in enumerate(self.classes)}
        wanted = [index[name] for name in self._classes_of(names)]
        return self._all_hops[np.ix_(wanted, wanted)]

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

        Where several nodes hold the same given classes, the lowest one names them.
        """
        tree = self._restricted(names)
        inner = {members: node for node, members in tree.items() if 2 <= len(members) < len(names)}
        return {frozenset(names[i] for i in members): node for members, node in inner.items()}

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
        depth = {group: sum(group < other for other in groups) for group in groups}
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

    def _find(self, name: str) -> str | None:
        exact = self._spellings.get(_key(name))
        if exact is not None:
            return exact
        found = {self._singulars[form] for form in _forms(name) if form in self._singulars}
        return found.pop() if len(found) == 1 else None

    def _classes_of(self, names: Sequence[str]) -> list[str]:
        mapping, unmatched = self.match(names)
        if unmatched:
            raise AnalysisError(
                f"The taxonomy {self.name!r} does not have the classes {_listed(unmatched)}.",
                f"Leave them out; it has {_listed(self.classes)}.",
            )
        found = [mapping[name] for name in names]
        twice = sorted({name for name in names if found.count(mapping[name]) > 1})
        if twice:
            raise AnalysisError(
                f"In the taxonomy {self.name!r} {_listed(twice)} are one class.", "Give each class once."
            )
        return found

    def _ancestors(self, name: str) -> list[str]:
        """Nodes from a class's parent up to the root."""
        path = []
        node: str | None = self._parent_of_class[name]
        while node is not None:
            path.append(node)
            node = self._parent_of_node[node]
        return path

    def _restricted(self, names: Sequence[str]) -> dict[str, frozenset[int]]:
        """Indices of the given classes below each node that has any; higher nodes first."""
        members: dict[str, set[int]] = {}
        depth: dict[str, int] = {}
        for i, name in enumerate(self._classes_of(names)):
            path = self._ancestors(name)
            for above, node in enumerate(reversed(path)):
                members.setdefault(node, set()).add(i)
                depth[node] = above
        return {node: frozenset(members[node]) for node in sorted(members, key=depth.__getitem__)}

    @cached_property
    def _all_hops(self) -> FloatArray:
        if self._hops is not None:
            return self._hops
        paths = [self._ancestors(name) for name in self.classes]
        hops = np.zeros((len(paths), len(paths)))
        for i, j in combinations(range(len(paths)), 2):
            shared = len(set(paths[i]) & set(paths[j]))
            hops[i, j] = hops[j, i] = len(paths[i]) + len(paths[j]) - 2 * shared + 2
        return hops

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Class meant by each known spelling, reduced to its key; class names win over further names."""
        further = {_key(alias): name for name, aliases in self._aliases.items() for alias in aliases}
        return further | {_key(name): name for name in self.classes}

    @cached_property
    def _singulars(self) -> dict[str, str]:
        """Class meant by each form of a known spelling, if it is only one."""
        meant: dict[str, set[str]] = {}
        for spelling, name in self._spellings.items():
            for form in _forms(spelling):
                meant.setdefault(form, set()).add(name)
        return {form: names.pop() for form, names in meant.items() if len(names) == 1}


def available_taxonomies() -> tuple[str, ...]:
    """Names of the shipped taxonomies, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(".json") for entry in _folder().iterdir() if entry.name.endswith(".json"))
    )


def load_taxonomy(name: str) -> Taxonomy:
    """Get a shipped taxonomy.

    Args:
        name: One of :func:`available_taxonomies`; case, blanks, underscores and hyphens do not matter.

    Raises:
        AnalysisError: no such taxonomy.
    """
    by_key = {_key(known): known for known in available_taxonomies()}
    if not isinstance(name, str) or _key(name) not in by_key:
        raise AnalysisError(f"There is no taxonomy {name!r}.", f"Choose one of {', '.join(by_key.values())}.")
    return _read(by_key[_key(name)])


def taxonomy_for(class_names: Sequence[str]) -> str | None:
    """Name of the shipped taxonomy that covers a set of classes: all of them, or all but at most one in five.

    Args:
        class_names: Class names in any spelling.

    Returns:
        The taxonomy that knows most of them (of several the smallest), or None. :meth:`Taxonomy.match` tells which are
        left out.
    """
    best: tuple[int, int] | None = None
    chosen = None
    for name in available_taxonomies():
        taxonomy = load_taxonomy(name)
        mapping, _ = taxonomy.match(class_names)
        known = len(set(mapping.values()))
        if known < _FEWEST_MATCHES or (len(class_names) - known) * _SHARE_UNMATCHED > len(class_names):
            continue
        if best is None or (known, -len(taxonomy.classes)) > best:
            best, chosen = (known, -len(taxonomy.classes)), name
    return chosen


def _folder() -> Any:
    return files("lwal_core").joinpath("taxonomies")


@cache
def _read(name: str) -> Taxonomy:
    text = json.loads(_folder().joinpath(f"{name}.json").read_text(encoding="utf-8"))
    entries = text["classes"]
    return Taxonomy(
        name=text["name"],
        source=text["source"],
        made=text["made"],
        classes=tuple(entry["name"] for entry in entries),
        synsets={entry["name"]: entry["synset"] for entry in entries if "synset" in entry},
        _aliases={entry["name"]: tuple(entry.get("aliases", ())) for entry in entries},
        _parent_of_class={entry["name"]: entry["parent"] for entry in entries},
        _parent_of_node={entry["node"]: entry["parent"] for entry in text["tree"]},
        _hops=np.array(text["distances"], dtype=np.float64) if "distances" in text else None,
    )


def _key(name: str) -> str:
    """A name without what does not matter: case, blanks, underscores, hyphens."""
    return re.sub(r"[\s_\-]+", "", str(name).casefold())


def _forms(name: str) -> set[str]:
    """The key of a name and what it may be the English plural of."""
    key = _key(name)
    forms = {key}
    if key.endswith("s") and not key.endswith("ss"):
        forms.add(key[:-1])
    if key.endswith("es"):
        forms.add(key[:-2])
    if key.endswith("ies"):
        forms.add(key[:-3] + "y")
    if key.endswith("ves"):
        forms |= {key[:-3] + "f", key[:-3] + "fe"}
    return {form for form in forms if len(form) > 2 or form == key}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
