"""Names that are proposed for clades: the group of a taxonomy that they are, else a word of their classes' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.clade_titles import clade_titles
from lwal_core.taxonomy import UNNAMED, Taxonomy
from lwal_core.taxonomy.class_names import words_of

TELLING = 0.5
"""Jaccard index of a clade with a group below which the group's name says too little of it."""
SHORTEST_WORD = 3
"""Letters of a word that can name a clade."""


class ProposedName(NamedTuple):
    """A name for a clade that nobody has kept yet.

    Attributes:
        name: Of a group of the taxonomy, or a word of class names.
        inside: Classes of the clade that the group holds, or that have the word.
        of: Classes of the tree that the group holds, or that have the word.
        size: Classes of the clade.
        is_word: Whether it is a word of class names.
    """

    name: str
    inside: int
    of: int
    size: int
    is_word: bool = False

    @property
    def jaccard(self) -> float:
        """Shared classes over those of clade and group together, above 0 to 1."""
        return self.inside / (self.of + self.size - self.inside)

    @property
    def text(self) -> str:
        """The name, with how much of the group the clade holds where it is not just that group."""
        return self.name if self.inside == self.of == self.size else f"{self.name} {self.inside:,}/{self.of:,}"


def proposed_names(h: Hierarchy, taxonomy: Taxonomy | None) -> list[ProposedName | None]:
    """Propose a name for each merge.

    The first of these that there is: the lowest group of the taxonomy that holds all classes of the clade; the group
    that is most like the clade (Jaccard index of the classes, :data:`TELLING` or more), for clades with a class that the
    taxonomy lacks or has elsewhere; the word of class names that is most like it in the same sense.

    Args:
        h: The tree, n classes.
        taxonomy: The taxonomy; None for words alone.

    Returns:
        n - 1 names in the order of the linkage's rows; None where there is none.
    """
    if h.n < 2:
        return []
    sizes = h.sizes[h.n :].tolist()
    found: list[ProposedName | None] = [None] * (h.n - 1)
    if taxonomy is not None:
        for row, title in enumerate(clade_titles(h, taxonomy)):
            if title is not None:
                found[row] = ProposedName(title.name, title.inside, title.of, sizes[row])
    missing = np.flatnonzero([name is None for name in found[:-1]])  # of all classes a part says nothing
    for named, is_word in ((_groups(h, taxonomy), False), (_words(h.names), True)):
        for row, name in _most_alike(h, missing, named, is_word).items():
            found[row] = name
        missing = missing[[found[row] is None for row in missing.tolist()]] if missing.size else missing
    return found


def shown_names(names: Sequence[ProposedName | None], n: int) -> dict[int, str]:
    """The proposed names that a picture of the tree shows: telling ones, each beside the merge that it fits best, none
    beside the highest merge.

    Args:
        names: As :func:`proposed_names` gives them.
        n: Number of classes.

    Returns:
        Texts by node.
    """
    best: dict[tuple[str, bool], tuple[float, int, int]] = {}
    for row, name in enumerate(names[:-1]):
        if name is not None and name.jaccard >= TELLING:
            key = (name.name, name.is_word)
            best[key] = max(best.get(key, (0.0, 0, 0)), (name.jaccard, name.size, row))
    rows = [row for _, _, row in best.values()]
    return {n + row: name.text for row in sorted(rows) if (name := names[row]) is not None}


def _groups(h: Hierarchy, taxonomy: Taxonomy | None) -> dict[str, list[int]]:
    if taxonomy is None:
        return {}
    kept = taxonomy.kept(h.names)
    number = {h.names[i]: i for i in kept}
    clades = taxonomy.named_clades([h.names[i] for i in kept]) if kept else {}
    return {title: [number[name] for name in members] for members, title in clades.items() if title != UNNAMED}


def _words(names: Sequence[str]) -> dict[str, list[int]]:
    """Classes that have each word; words that several have, but not all."""
    found: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        for word in dict.fromkeys(word.casefold() for word in words_of(name)):
            if len(word) >= SHORTEST_WORD and word.isalpha():
                found.setdefault(word, []).append(i)
    return {word: members for word, members in found.items() if 1 < len(members) < len(names)}


def _most_alike(
    h: Hierarchy, rows: npt.NDArray[np.int64], named: Mapping[str, Sequence[int]], is_word: bool
) -> dict[int, ProposedName]:
    """For the merges of some rows the name whose classes are most like theirs; of equals the one of fewer classes."""
    if not rows.size or not named:
        return {}
    nodes = h.n + rows
    start, size = h.first_place[nodes], h.sizes[nodes]
    place = np.empty(h.n, dtype=np.int64)
    place[h.order] = np.arange(h.n)
    best, which, shared = np.zeros(len(rows)), np.full(len(rows), -1), np.zeros(len(rows), dtype=np.int64)
    ordered = sorted(named.items(), key=lambda item: (len(item[1]), item[0]))
    for i, (_, members) in enumerate(ordered):
        before = np.concatenate([[0], np.cumsum(np.bincount(place[list(members)], minlength=h.n))])
        inside = before[start + size] - before[start]
        alike = inside / (len(members) + size - inside)
        better = (alike > best) & (inside > 1)
        best[better], which[better], shared[better] = alike[better], i, inside[better]
    return {
        int(rows[at]): ProposedName(ordered[i][0], int(shared[at]), len(ordered[i][1]), int(size[at]), is_word)
        for at, i in enumerate(which.tolist())
        if i >= 0 and best[at] >= TELLING
    }
