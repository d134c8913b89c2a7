"""Numbers and sentences about a class tree.

Computed once per tree and kept; a tree is known by its :class:`TreeKey`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.wording import EQUIDISTANT_LABELS, counted, listed, plain, shortened, word_count
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.first_cut import widest_gap
from lwal_core.analysis.trees import (
    cophenetic_distance_correlation,
    default_permutations,
    kendall_tau_ceiling,
    kendall_tau_permutation_p,
)
from lwal_core.analysis.trees.clade_names import ProposedName, proposed_names
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.results.run_tree import taxonomy_agreement
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.taxonomy import Taxonomy

LISTED_GROUPS, LISTED_PAIRS = 12, 5
MOST_NAMED, _LONGEST_NAME = 4, 20
"""Groups that the answer names, and characters of each name."""
MOST_SPELLED, _SPELLED_WORDS, _SPELLED_CHARACTERS = 5, 9, 60
"""Classes of a group without a name that the answer lists, and words and characters of all groups together."""
_SHARE = re.compile(r" (\d+)/(\d+)$")
"""How much of a group of the taxonomy a proposed name is for."""
SIGNIFICANT = 0.05

_BY_CONTENT: dict[str | type[Any], Callable[[Any], Any]] = {Taxonomy: run_cache.taxonomy_digest}


class TreeKey(NamedTuple):
    """Cache key of a tree: its specification, whether its leaf order is optimal, the time of its file, turned branches."""

    spec: TreeSpec
    optimal: bool
    stamp: int
    turned: tuple[int, ...] = ()

    @property
    def unturned(self) -> TreeKey:
        """The key without leaf order and turned branches, which change neither node numbers nor clades."""
        return TreeKey(self.spec, True, self.stamp)


def tree_key(spec: TreeSpec, *, optimal: bool = True) -> TreeKey:
    """Key of a tree as its file is now, no branch turned."""
    return TreeKey(spec, optimal, run_cache.spec_stamp(spec))


@dataclass(frozen=True)
class TreeStats:
    """Numbers of a tree.

    Attributes:
        pairs: The nearest pairs of classes with their distances.
        faithfulness: Cophenetic correlation of the tree with the distances.
        widest: Number of groups at the widest gap between two merges; None where all are alike.
    """

    pairs: tuple[tuple[int, int, float], ...]
    faithfulness: float
    widest: int | None


@dataclass(frozen=True)
class Agreement:
    """How the distances and the tree agree with a reference taxonomy.

    Attributes:
        title: What to call it in a sentence.
        source: Where the taxonomy is from.
        tau: Mean over the classes of Kendall's tau-b between distances here and hops there; nan when undefined.
        ceiling: The largest tau that its ties allow.
        p: Share of shuffles that agree as well; nan when not tested.
        defined: Number of classes with a tau.
        left_out: Classes that the taxonomy does not have.
        found: Groups of the taxonomy that are clades of the tree, ``(name, members)``.
        missing: Those that are not.
    """

    title: str
    source: str
    tau: float
    ceiling: float
    p: float
    defined: int
    left_out: tuple[str, ...]
    found: tuple[tuple[str, tuple[str, ...]], ...]
    missing: tuple[tuple[str, tuple[str, ...]], ...]


class Group(NamedTuple):
    """A group at the cut: top node, colour, glyph of its shape, classes in leaf order."""

    node: int
    color: str
    symbol: str
    members: tuple[int, ...]


@st.cache_data(max_entries=300, show_spinner=False)
def tree_stats(key: TreeKey, _h: Hierarchy) -> TreeStats:
    """Numbers of a tree; see :class:`TreeStats`."""
    h, n = _h, _h.n
    nearest = np.argsort(h.distances, kind="stable")[:LISTED_PAIRS]
    starts = np.concatenate([[0], np.cumsum(np.arange(n - 1, 0, -1))])
    rows = np.searchsorted(starts, nearest, side="right") - 1
    columns = nearest - starts[rows] + rows + 1
    pairs = tuple(zip(rows.tolist(), columns.tolist(), h.distances[nearest].tolist(), strict=True))
    faithfulness = cophenetic_distance_correlation(h.linkage, h.distances)
    return TreeStats(pairs, faithfulness, widest_gap(h.top_heights) if n > 3 and not h.is_flat else None)


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=_BY_CONTENT)
def proposals(key: TreeKey, _h: Hierarchy, taxonomy: Taxonomy | None) -> list[ProposedName | None]:
    """A name for each merge by a taxonomy or the class names, ``[n - 1]``."""
    return proposed_names(_h, taxonomy)


@st.cache_data(max_entries=300, show_spinner=False, hash_funcs=_BY_CONTENT)
def agreement(key: TreeKey, _h: Hierarchy, taxonomy: Taxonomy) -> Agreement | None:
    """Agreement with a reference taxonomy; None where a tree of so few classes, or one that joins all at one height,
    has nothing to agree with."""
    h = _h
    if h.n < 3 or h.is_flat:
        return None
    beside = taxonomy_agreement(h.names, h.square(), taxonomy)
    assert beside is not None  # a taxonomy is given
    kept, names = beside.kept, beside.names
    defined = ~np.isnan(beside.taus)
    shuffles = default_permutations(len(names))
    found, missing = beside.groups_in(h.linkage)
    return Agreement(
        title=taxonomy.title,
        source=taxonomy.source,
        tau=beside.tau,
        ceiling=float(np.nanmean(kendall_tau_ceiling(beside.hops)[defined])) if defined.any() else math.nan,
        p=kendall_tau_permutation_p(beside.own, beside.hops, shuffles) if shuffles and defined.any() else math.nan,
        defined=int(defined.sum()),
        left_out=tuple(c for i, c in enumerate(h.names) if i not in kept),
        found=tuple(found),
        missing=tuple(missing),
    )


@st.cache_data(max_entries=600, show_spinner=False)
def groups(key: TreeKey, _h: Hierarchy, cut: CutAt) -> list[Group]:
    """Groups at a cut (a number of groups, a height or top nodes), in leaf order. A colour that comes again comes with the next shape."""
    return [Group(*marked, tuple(_h.members(marked.node).tolist())) for marked in group_marks(_h, cut)]


# --- sentences (markdown, names escaped) ---------------------------------------------------------------------------


def answer(key: TreeKey, h: Hierarchy, cut: CutAt, names: Mapping[int, str]) -> str:
    """The page's answer (markdown), about twelve words at most: the groups at the cut, or why there is no tree.

    Args:
        key: What the tree is made of.
        h: The tree.
        cut: Where it is cut.
        names: Names of nodes. A group without one is called by its first class and how many it has.
    """
    if h.n == 1:
        return f"There is one class, {shortened(h.names[0])}: nothing to group."
    if h.n == 2:
        return f"Of two classes, {listed(h.names)}, only one tree is possible."
    if h.is_flat:
        return f"At epoch {key.spec.epoch} all classes are equally far apart: no tree."
    found = groups(key, h, cut)
    if spelled := spelled_groups(found, h, names):
        return f"At {counted(len(found), 'group')}: {spelled}."
    told = group_names(found if len(found) <= MOST_NAMED else found[: MOST_NAMED - 1], h, names)
    text = ", ".join(told)
    if len(found) > len(told):
        text += f" and {len(found) - len(told):,} more"
    return f"At {counted(len(found), 'group')}: {text}."


def group_names(shown: Sequence[Group], h: Hierarchy, names: Mapping[int, str]) -> list[str]:
    """What groups are called in a sentence (markdown): by their name, else by their first class and how many there are.

    Args:
        shown: The groups.
        h: The tree.
        names: Names of nodes.
    """
    told: list[str] = []
    for group in shown:
        told.append(_group_name(group, h, names, unit="" if any("classes" in each for each in told) else " classes"))
    return told


def spelled_groups(found: Sequence[Group], h: Hierarchy, names: Mapping[int, str]) -> str:
    """The groups by their names, those without one by all their classes (markdown): ``"cat, dog; deer, horse; vehicle"``; empty where
    that is more than an answer holds.

    Args:
        found: All groups.
        h: The tree.
        names: Names of nodes.
    """
    told = []
    for group in found:
        if group.node in names or len(group.members) == 1:
            told.append(_group_name(group, h, names, unit=""))
        elif len(group.members) <= MOST_SPELLED:
            told.append(", ".join(plain(shorten(one_line(h.names[i]), _LONGEST_NAME)) for i in group.members))
        else:
            return ""
    text = ("; " if any(", " in each for each in told) else ", ").join(told)
    return text if word_count(text) <= _SPELLED_WORDS and len(text) <= _SPELLED_CHARACTERS else ""


def _group_name(group: Group, h: Hierarchy, names: Mapping[int, str], unit: str) -> str:
    """``"face (2 of 3)"`` by its name, else ``"aircraft… (21 classes)"`` by its first class."""
    given = names.get(group.node) if group.node >= h.n else None
    if given:
        text = shorten(one_line(given), _LONGEST_NAME)
        return plain(_SHARE.sub(r" (\1 of \2)", text))
    first, size = h.names[min(group.members)], len(group.members)
    return plain(shorten(one_line(first), _LONGEST_NAME) + (f"… ({size:,}{unit})" if size > 1 else ""))


def flat_help(key: TreeKey, h: Hierarchy, one_hot: bool) -> str | None:
    """What to do about vectors without a tree (markdown); None where there is one."""
    return EQUIDISTANT_LABELS if h.n > 2 and h.is_flat and one_hot and key.spec.vectors == "labels" else None


def agreement_sentence(found: Agreement) -> str:
    """``"The distances agree with WordNet better than chance (tau 0.59, ceiling 0.95, p = 0.001)."``"""
    if math.isnan(found.tau):
        return f"Agreement with {found.title} is undefined: for no class do the distances differ."
    if math.isnan(found.p):
        return f"Agreement of the distances with {found.title}: {agreement_numbers(found)}."
    agree = "agree" if found.p <= SIGNIFICANT else "are not shown to agree"
    return f"The distances {agree} with {found.title} better than chance ({agreement_numbers(found)})."


def agreement_numbers(found: Agreement) -> str:
    """``"tau 0.59, ceiling 0.95, p = 0.001"``."""
    text = f"tau {format_number(found.tau)}, ceiling {format_number(found.ceiling)}"
    return text if math.isnan(found.p) else f"{text}, p = {format_number(found.p, digits=2)}"


def finding(h: Hierarchy, key: TreeKey) -> str | None:
    """Title of the figure, plain text."""
    if h.n < 3 or h.is_flat:
        return None
    i, j, distance = tree_stats(key, h).pairs[0]
    return f"{h.names[i]} and {h.names[j]} join first, at {format_number(distance)}"
