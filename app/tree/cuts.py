"""Current cut of the class tree, for every page that shows groups.

The Hierarchy page chooses (:func:`keep_chosen`), other pages ask (:func:`current_groups`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import streamlit as st

from app.common import run_cache
from app.tree.stats import TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt, CutRule, cut_by_rule, cut_tops
from lwal_core.errors import AnalysisError
from lwal_core.results.cuts import ClassGroups, groups_at, groups_of
from lwal_core.results.run_tree import names_of_nodes, proposed_names_of_nodes
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, run_folder
from lwal_core.runs.cuts import Cuts, read_cuts
from lwal_core.runs.paths import CUTS

CHOSEN = "tree_cut_chosen"
"""Session key: the cut that was chosen last, :class:`ChosenCut`."""


class ChosenCut(NamedTuple):
    """A cut as the Hierarchy page has it.

    Attributes:
        spec: The tree that was looked at.
        rule: How it is cut.
        parted: Of a cut by hand the classes below each merge that is undone.
    """

    spec: TreeSpec
    rule: CutRule
    parted: tuple[frozenset[str], ...] = ()


def keep_chosen(spec: TreeSpec, h: Hierarchy, rule: CutRule) -> None:
    """Let other pages have the cut that is looked at."""
    parted = tuple(frozenset(h.names[i] for i in h.members(merge)) for merge in rule.merges)
    st.session_state[CHOSEN] = ChosenCut(spec, rule, parted)


def cut_of_rule(key: TreeKey, rule: CutRule, h: Hierarchy) -> CutAt:
    """Where a rule cuts a tree, computed once.

    Args:
        key: What the tree is made of.
        rule: The rule.
        h: The tree.

    Raises:
        AnalysisError: The tree has no such cut.
    """
    return _cut_of_rule(key.unturned, rule, h)


def current_groups(run: Run, epoch: int | None = None, kept: str | None = None) -> ClassGroups:
    """Groups of a run's classes at the cut that was chosen on Hierarchy, in the colours that they have there.

    Before anything was chosen, and where the rule does not fit this tree, there are as many groups as
    :attr:`Hierarchy.default_groups`.

    Args:
        run: The run.
        epoch: Epoch of the class vectors; None for the newest.
        kept: Name of a kept cut to take in place of the chosen one.

    Raises:
        LwalError: The run has no tree, or no such kept cut.
    """
    if kept is not None:
        return groups_of(run, kept)
    spec, h, at = current_cut(run, epoch)
    names = _names(run.id, spec, run_cache.spec_stamp(spec), run_cache.file_stamp(run.id, "annotations.json"), run, h)
    return groups_at(h, at, names)


def current_cut(run: Run, epoch: int | None = None) -> tuple[TreeSpec, Hierarchy, CutAt]:
    """The tree of a run that was looked at on Hierarchy and where it is cut there; else that of the newest class means, at the widest gap.

    Raises:
        LwalError: The run has no tree.
    """
    chosen: ChosenCut | None = st.session_state.get(CHOSEN)
    if chosen is None:
        spec = TreeSpec.of(run, epoch)
    else:
        vectors = chosen.spec.vectors if chosen.spec.vectors in run.sources(confusion=True) else None
        distance = "euclidean" if chosen.spec.distance == "confusion" else chosen.spec.distance
        spec = TreeSpec.of(run, epoch, vectors, chosen.spec.linkage, distance)
    h = run_cache.hierarchy(spec)
    at: CutAt = h.default_groups
    if chosen is not None:
        try:
            at = tuple(cut_tops(h, cut_by_rule(h, rule_for(h, chosen))).tolist())
        except AnalysisError:
            at = h.default_groups
    return spec, h, at


def rule_for(h: Hierarchy, chosen: ChosenCut) -> CutRule:
    """The chosen rule for another tree; of a cut by hand the merges that this tree has, too."""
    if chosen.rule.how != "merges":
        return chosen.rule
    nodes = (h.clade_of(members) for members in chosen.parted)
    return chosen.rule._replace(merges=tuple(sorted(node for node in nodes if node is not None)))


def kept_cuts(run: Run) -> Cuts:
    """Cuts that are kept with a run, by name.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _cuts(run.id, run_cache.file_stamp(run.id, CUTS))


@st.cache_data(max_entries=300, show_spinner=False)
def _cut_of_rule(key: TreeKey, rule: CutRule, _h: Hierarchy) -> CutAt:
    return cut_by_rule(_h, rule)


@st.cache_resource(max_entries=100, show_spinner=False)
def _cuts(run_id: str, stamp: int) -> Cuts:
    return read_cuts(run_folder(run_id))


@st.cache_resource(max_entries=100, show_spinner=False)
def _names(run_id: str, spec: TreeSpec, stamp: int, notes: int, _run: Run, _h: Hierarchy) -> Mapping[int, str]:
    return {**proposed_names_of_nodes(_run, _h), **names_of_nodes(_h, run_cache.notes(_run))}
