"""First answer of Home: what the labels of the newest run came to mean, and the tree that says it."""

from __future__ import annotations

import math
from typing import NamedTuple

from app.common import curves_cache, run_cache
from app.common.selection import Selection
from app.common.wording import counted, plain, word_count
from app.tree.cuts import current_cut
from app.tree.stats import SIGNIFICANT, TreeKey, answer, group_names, groups, proposals, spelled_groups, tree_key
from lwal_core.analysis.base.formatting import format_mean_sd, format_number
from lwal_core.analysis.comparison.claims import Meaning
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.clade_names import shown_names
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import LwalError
from lwal_core.results.run_tree import names_of_nodes, run_taxonomy
from lwal_core.runs import Run, RunSummary, one_per_seed, open_run

MOST_WORDS = 12
"""Words of the answer."""


class Names(NamedTuple):
    """Names of a tree's clades, by node: those that somebody gave, and those that are proposed for others."""

    given: tuple[tuple[int, str], ...] = ()
    proposed: tuple[tuple[int, str], ...] = ()

    def all(self) -> dict[int, str]:
        """Both, by node."""
        return dict(self.proposed) | dict(self.given)


class RunTree(NamedTuple):
    """The tree of a run as *Hierarchy* has it: cut at the same groups, with the same names.

    Attributes:
        summary: The run in the list.
        run: The run.
        key: What the tree is made of.
        h: The tree.
        cut: Where it is cut.
        names: Of its clades.
    """

    summary: RunSummary
    run: Run
    key: TreeKey
    h: Hierarchy
    cut: CutAt
    names: Names

    @property
    def learned(self) -> bool:
        """Whether its vectors are labels that were learned or brought; else they are class means."""
        return self.summary.learns_labels or self.summary.imported


def preview_run(chosen: Selection) -> RunSummary | None:
    """The run that Home tells of: of the newest finished group that learns labels the first seed; where there is none, one that still
    trains, then one of another method, then the baseline."""
    shown = chosen.runs()
    labels = [run for run in shown if run.learns_labels or run.imported]
    finished = [run for run in labels if run.status == "done" or run.imported]
    for runs in (finished, labels, [run for run in shown if not run.is_baseline], shown):
        if runs:
            newest = max(runs, key=lambda run: run.created)
            return next(run for run in runs if run.group == newest.group)
    return None


def run_tree(summary: RunSummary) -> RunTree:
    """The tree of a run.

    Raises:
        LwalError: The run has none, or a file of it is damaged.
    """
    run = open_run(summary.id)
    spec, h, cut = current_cut(run)
    key = tree_key(spec)
    return RunTree(summary, run, key, h, cut, _names(run, key, h))


def _names(run: Run, key: TreeKey, h: Hierarchy) -> Names:
    """Names of clades; none where what they are taken from cannot be read."""
    try:
        given = names_of_nodes(h, run_cache.notes(run))
        proposed = shown_names(proposals(key, h, run_taxonomy(run)), h.n)
    except LwalError:
        return Names()
    return Names(tuple(given.items()), tuple((node, name) for node, name in proposed.items() if node not in given))


def meaning_of(chosen: Selection, summary: RunSummary) -> Meaning | None:
    """How all seeds of a run's group agree with the taxonomy of its classes; None without one.

    Raises:
        LwalError: A file of a run is damaged.
    """
    group = next((group for group in chosen.groups if group.key == summary.group), None)
    members = one_per_seed(group.runs) if group is not None else []
    return curves_cache.meaning(members) if members else None


def meaning_sentence(tree: RunTree, meaning: Meaning | None) -> str:
    """What the labels came to mean (markdown), in at most twelve words: the groups of the tree by their names, or that there is none.

    Args:
        tree: The tree.
        meaning: Of :func:`meaning_of`.
    """
    h, names = tree.h, tree.names.all()
    if h.n < 3 or h.is_flat:
        return answer(tree.key, h, tree.cut, names)
    who = "Labels" if tree.learned else "Class means"
    if meaning is not None and meaning.p > SIGNIFICANT:
        return f"The groups of {who.lower()} are not shown to be better than chance."
    found = groups(tree.key, h, tree.cut)
    named = [group for group in found if group.node >= h.n and group.node in names]
    spelled, made = spelled_groups(found, h, names), f"{who} make {counted(len(found), 'group')}"
    short = f"{who} put apart: {spelled}." if named else f"{made}: {spelled}."
    if (not named or ";" in spelled) and spelled and word_count(short) <= MOST_WORDS:
        return short  # small groups without a name, by their classes
    if not named:
        return f"{made}; none of them has a name."
    single = [group for group in found if group.node < h.n]
    rest = [group for group in found if group not in named and group not in single]
    told = group_names([*named, *single, *rest], h, names)
    said = f"{who} put apart: "
    for count in range(len(told), 0, -1):
        sentence = f"{said}{_listed(told[:count], len(told) - count)}."
        if len(sentence.split()) <= MOST_WORDS:
            return sentence
    first = " ".join(told[0].split()[: MOST_WORDS - 6])
    return f"{said}{_listed([f'{first}…'], len(told) - 1)}."


def _listed(names: list[str], more: int) -> str:
    parts = [*names, *([f"{more:,} more"] if more else [])]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def meaning_evidence(tree: RunTree, meaning: Meaning | None) -> str:
    """How it is known (markdown)."""
    who = f"{plain(tree.summary.method_label)}" + ("" if tree.summary.imported else f", seed {tree.summary.seed}")
    told = f"{counted(len(groups(tree.key, tree.h, tree.cut)), 'group')} of the tree of {who}, cut as on *Hierarchy*."
    if meaning is None:
        return told + " No taxonomy fits these classes, so nothing says whether the groups are chance."
    taus = [tau for tau in meaning.taus.values() if not math.isnan(tau)]
    p = "not tested" if math.isnan(meaning.p) else f"p {format_number(meaning.p, digits=2)} against shuffled classes"
    return f"{told} Kendall's tau with {plain(meaning.taxonomy)} {format_mean_sd(taus) if taus else 'undefined'}, {p}."
