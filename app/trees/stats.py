"""Numbers and sentences about two class trees, for the Trees page. Computed once a pair of trees and kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import streamlit as st

from app.common import run_cache
from app.common.selection import all_groups, group_titles
from app.common.widgets import plain
from app.tree.stats import GLYPHS, LISTED_GROUPS, TreeKey, counted, listed, short
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import (
    CladeRecovery,
    bakers_gamma,
    clade_recovery,
    clades,
    cophenetic_correlation,
    fowlkes_mallows,
    robinson_foulds,
)
from lwal_core.analysis.trees.discordant_classes import Placement, placements
from lwal_core.analysis.trees.matching import Facing, Matched, common_cuts, face, matched, taxonomy_tree
from lwal_core.export.tables import table_csv
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.group_agreement import GroupAgreement
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.runs import SOURCE_TITLES, RunSummary, open_run
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy, fitting_taxonomy

MISPLACED = 10
"""Most misplaced classes listed on the page; the download has all."""


class TaxonomyKey(NamedTuple):
    """A reference taxonomy as one side of the comparison, by its name, and what it says."""

    name: str
    digest: str = ""


Key = TreeKey | TaxonomyKey


class Score(NamedTuple):
    """One row of the table: plain text, with the value as a number for the download (nan: undefined)."""

    title: str
    value: float
    text: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Pair:
    """Two trees matched by class name and turned to face each other.

    Attributes:
        keys: What the sides are.
        labels: What to call them, plain text.
        matched: The trees over the shared classes, as they come.
        facing: The same turned.
    """

    keys: tuple[Key, Key]
    labels: tuple[str, str]
    matched: Matched
    facing: Facing

    @property
    def n(self) -> int:
        """Number of shared classes."""
        return self.matched.left.n

    @property
    def names(self) -> tuple[str, ...]:
        """The shared classes in the order of their numbers."""
        return self.matched.left.names

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Numbers of groups that both trees can be cut into."""
        return common_cuts(self.matched.left, self.matched.right)

    @cached_property
    def clades(self) -> tuple[int, int, int]:
        """Number of clades of the left tree, of the right tree, and of those in both."""
        a, b = (clades(h.linkage).masks for h in (self.matched.left, self.matched.right))
        return len(a), len(b), len(a & b)

    @cached_property
    def placements(self) -> list[Placement]:
        """All classes, the most misplaced first."""
        return placements(self.matched.left, self.matched.right)

    @cached_property
    def tree_scores(self) -> tuple[float, float, float]:
        """Cophenetic correlation, Baker's gamma, Robinson-Foulds normalised."""
        a, b = self.matched.left.linkage, self.matched.right.linkage
        return cophenetic_correlation(a, b), bakers_gamma(a, b), robinson_foulds(a, b, normalized=True)

    @cached_property
    def recovery(self) -> CladeRecovery | None:
        """How the tree of a run treats the groups of a taxonomy; None when not just one side is a taxonomy."""
        is_taxonomy = [isinstance(key, TaxonomyKey) for key in self.keys]
        if sum(is_taxonomy) != 1:
            return None
        trees = [self.matched.left, self.matched.right]
        reference, tree = trees if is_taxonomy[0] else trees[::-1]
        return clade_recovery(clades(reference.linkage), tree.linkage)

    @property
    def flat(self) -> tuple[str, ...]:
        """Names of the sides that join all classes at one height."""
        trees = (self.matched.left, self.matched.right)
        return tuple(label for label, h in zip(self.labels, trees, strict=True) if h.n > 2 and h.is_flat)

    def groups(self, k: int) -> tuple[list[frozenset[int]], list[frozenset[int]]]:
        """The groups of both trees at a cut, top to bottom in the figure."""
        left, right = (
            [frozenset(h.members(top).tolist()) for top in h.cut_nodes(k=k).tolist()]
            for h in (self.facing.left, self.facing.right)
        )
        return left, right


@st.cache_resource(max_entries=100, show_spinner="Matching the trees")
def pair(left: Key, right: Key, labels: tuple[str, str], method: str) -> Pair:
    """Match two trees and untangle them; shared by all readers, never change it.

    Raises:
        LwalError: A tree cannot be made, or they have no class in common.
    """
    found: list[Hierarchy | None] = [_run_tree(key) if isinstance(key, TreeKey) else None for key in (left, right)]
    for i, key in enumerate((left, right)):
        if isinstance(key, TaxonomyKey):
            other, taxonomy = found[1 - i], find_taxonomy(key.name)
            found[i] = taxonomy_tree(taxonomy, taxonomy.classes if other is None else other.names)
    a, b = found
    assert a is not None and b is not None
    both = matched(a, b)
    return Pair((left, right), labels, both, face(both.left, both.right, method))


def _run_tree(key: TreeKey) -> Hierarchy:
    return run_cache.hierarchy(open_run(key.run_id), key.epoch, key.source, key.method, key.metric, optimal=key.optimal)


def taxonomies(runs: Sequence[RunSummary]) -> dict[str, str]:
    """The reference taxonomies that fit the classes of some run, and own ones that know two of them: names, titles."""
    found: dict[str, str] = {}
    own = [find_taxonomy(known.name) for known in all_taxonomies() if known.own]
    for names in {tuple(open_run(run.id).class_names): None for run in {run.group: run for run in runs}.values()}:
        fitting = fitting_taxonomy(names)
        if fitting is not None:
            found[fitting.name] = taxonomy_title(fitting)
        found |= {taxonomy.name: taxonomy_title(taxonomy) for taxonomy in own if len(taxonomy.kept(names)) > 1}
    return found


def taxonomy_title(taxonomy: Taxonomy) -> str:
    """What to call a taxonomy at the beginning of a line, plain text."""
    return taxonomy.title[:1].upper() + taxonomy.title[1:]


def side_labels(left: Key, right: Key) -> tuple[str, str]:
    """What to call two trees: the method and whatever else tells them apart, plain text."""
    parts = [_label_parts(key) for key in (left, right)]
    if isinstance(left, TaxonomyKey) or isinstance(right, TaxonomyKey):
        a, b = (f"{p[0]} ({p[3]})" if p[3] else p[0] for p in parts)
        return (a, b) if a != b else (f"{a} (left)", f"{b} (right)")
    if parts[0][0] == parts[1][0] and parts[0][1] != parts[1][1]:  # same method, other options
        parts = [(title, "", *rest) for _, title, *rest in parts]
    labels = []
    for own, other in (parts, parts[::-1]):
        more = [text for i, text in enumerate(own) if i > 1 and text and (i == 3 or text != other[i])]
        labels.append(f"{own[0]} ({', '.join(more)})")
    return labels[0], labels[1]


def _label_parts(key: Key) -> Any:
    """Method, group, seed, epoch, vectors, linkage, distance."""
    if isinstance(key, TaxonomyKey):
        return (taxonomy_title(find_taxonomy(key.name)), *[""] * 6)
    run = open_run(key.run_id)
    title = group_titles(all_groups()).get(run.group, run.config.method_label())
    if run.config.imported:
        return (title, *[""] * 4, key.method, key.metric)
    return (
        run.config.method_label(), title, f"seed {run.config.training.seed}", f"epoch {key.epoch}",
        SOURCE_TITLES[key.source].lower(), key.method, key.metric,
    )  # fmt: skip


# --- scores --------------------------------------------------------------------------------------------------------


def scores(found: Pair, groups: int | None) -> list[Score]:
    """The rows of the table of scores; undefined ones say why."""
    cophenetic, gamma, rf = found.tree_scores
    why = "fewer than 3 classes" if found.n < 3 else "a tree joins all classes at one height"
    left, right, _ = found.clades
    floor = abs(left - right) / (left + right) if left + right else math.nan
    rf_meaning = "Share of the clades of both trees that only one of them has: 0 the same tree, 1 nothing in common."
    if left != right and not math.isnan(floor):
        rf_meaning += f" With {left} and {right} clades it cannot fall below {format_number(floor)}."
    rows = [
        Score(
            "Cophenetic correlation", cophenetic, format_number(cophenetic, reason=why),
            "Do both join the same pairs of classes at similar heights? 1 the same up to scale, 0 unrelated.",
        ),
        Score(
            "Baker's gamma", gamma, format_number(gamma, reason=why),
            "Do both join the pairs in the same order, whatever the heights? 1 the same order, 0 unrelated.",
        ),
        Score(
            "Robinson–Foulds, normalised", rf,
            format_number(rf, reason="fewer than 3 classes" if found.n < 3 else "neither tree has a clade"), rf_meaning,
        ),
        _bk(found, groups),
    ]  # fmt: skip
    if found.recovery is not None:
        known = found.recovery
        share = "undefined (it has no group of these classes)"
        if known.total:
            share = f"{format_percent(known.recall)} ({known.recovered} of {known.total})"
        rows += [
            Score(
                "Recovered groups of the taxonomy", known.recall, share,
                "Share of the taxonomy's groups that are clades of the tree. The taxonomy does not say how a group "
                "divides further, so this judges a tree better than Robinson–Foulds does.",
            ),
            Score(
                "Contradictions of the taxonomy", known.contradictions,
                f"{known.contradictions} of {counted(known.clades, 'clade')}",
                "Clades of the tree that cut across a group of the taxonomy. Clades within a group are no error.",
            ),
        ]  # fmt: skip
    tangled = found.facing.after
    rows.append(
        Score(
            "Entanglement as drawn", tangled, format_number(tangled),
            "How far the lines are from level: 0 all level, 1 mirrored. About this drawing, not about the trees; never "
            "rank trees by it.",
        )
    )  # fmt: skip
    return rows


def _bk(found: Pair, groups: int | None) -> Score:
    meaning = "Of the pairs of classes in one group, how many are so in both trees? 1 the same groups."
    if groups is None:
        why = "fewer than 3 classes" if found.n < 3 else "no number of groups that both trees have"
        return Score("Fowlkes–Mallows Bk", math.nan, format_number(math.nan, reason=why), meaning)
    score = fowlkes_mallows(found.matched.left.linkage, found.matched.right.linkage, groups)
    point = GroupAgreement.of(groups, score)
    text = f"{format_number(point.bk)} (chance {format_number(point.expected)})"
    if point.line < 1:
        meaning += f" Shuffled classes stay below {format_number(point.line)} in 95 % of cases."
    return Score(f"Fowlkes–Mallows Bk at {counted(groups, 'group')}", point.bk, text, meaning)


def scores_csv(found: Pair, groups: int | None) -> bytes:
    """The table of scores as a file."""
    rows = [(row.title, row.value, row.text, row.meaning) for row in scores(found, groups)]
    return table_csv(["score", "value", "as shown", "meaning"], rows).encode()


def misplaced_csv(found: Pair) -> bytes:
    """Every class with its placement in both trees, the most misplaced first."""
    names = found.names
    columns = [
        "class", "tau", "left joins", "left height", "right joins", "right height", "moved against",
        "left height with it", "right height with it",
    ]  # fmt: skip
    rows = [
        (
            names[p.index], p.tau, "; ".join(names[i] for i in p.left[0]), p.left[1],
            "; ".join(names[i] for i in p.right[0]), p.right[1],
            None if p.moved is None else names[p.moved], p.moved_left, p.moved_right,
        )
        for p in found.placements
    ]  # fmt: skip
    return table_csv(columns, rows).encode()


def misplaced_table(found: Pair) -> dict[str, list[Any]]:
    """The most misplaced classes for a data frame, names as plain text."""
    names = found.names
    shown = [p for p in found.placements if not math.isnan(p.tau)][:MISPLACED]
    both = "{} → {}".format

    def joins(members: tuple[int, ...], height: float) -> str:
        text = ", ".join(shorten(one_line(names[i]), 24) for i in members[:2])
        more = f" and {len(members) - 2:,} more" if len(members) > 2 else ""
        return f"{text}{more}, at {format_number(height)}"

    return {
        "Class": [one_line(names[p.index]) for p in shown],
        "Agreement": [format_number(p.tau) for p in shown],
        "Joins on the left": [joins(*p.left) for p in shown],
        "Joins on the right": [joins(*p.right) for p in shown],
        "Moved most against": ["" if p.moved is None else one_line(names[p.moved]) for p in shown],
        "Joined with it at, left → right": [
            "" if p.moved is None else both(format_number(p.moved_left), format_number(p.moved_right)) for p in shown
        ],
    }


def lines_table(found: Pair, groups: int | None) -> dict[str, list[Any]]:
    """The numbers behind the tanglegram: place and group of each class on both sides, from the top of the left tree."""
    left, right = found.facing.left, found.facing.right
    place = {int(i): at + 1 for at, i in enumerate(right.order)}
    table: dict[str, list[Any]] = {
        "Class": [left.names[i] for i in left.order],
        "Place on the left": list(range(1, found.n + 1)),
        "Place on the right": [place[int(i)] for i in left.order],
    }
    if groups is not None:
        a, b = left.cut(k=groups), right.cut(k=groups)
        table["Group on the left"] = (a[left.order] + 1).tolist()
        table["Group on the right"] = (b[left.order] + 1).tolist()
    return table


# --- sentences -----------------------------------------------------------------------------------------------------


def answer(found: Pair, groups: int | None) -> str:
    """The page's answer (markdown): clades and groups in common, and the most misplaced class."""
    names = [plain(label) for label in found.labels]
    if found.keys[0] == found.keys[1]:
        return "Both sides show the same tree; choose another one on one of them."
    if found.n == 1:
        return f"The trees share one class, {short(found.names[0])}: nothing to compare."
    if found.n == 2:
        return f"The trees share two classes, {listed(found.names)}: only one tree of them is possible."
    if len(found.flat) == 2:
        return "Both trees join all classes at one height: they say nothing, so there is nothing to compare."
    if found.flat:
        return (
            f"{plain(found.flat[0])} joins all classes at one height: there is no tree in it to compare with. Its class "
            "means may have one; choose them under Options."
        )
    left, right, both = found.clades
    if found.recovery is not None and found.recovery.total:
        known = found.recovery
        tree = names[1] if isinstance(found.keys[0], TaxonomyKey) else names[0]
        reference = names[0] if isinstance(found.keys[0], TaxonomyKey) else names[1]
        text = (
            f"The tree of {tree} has {known.recovered} of the {counted(known.total, 'group')} of {reference}; "
            f"{known.contradictions} of its {counted(known.clades, 'clade')} cut across them"
        )
    elif both == left == right:
        text = f"Both trees have the same {counted(left, 'clade')}; they differ at most in heights"
    elif left == right:
        text = f"{names[0]} and {names[1]} have {both} of {counted(left, 'clade')} in common"
    else:
        text = f"{names[0]} ({counted(left, 'clade')}) and {names[1]} ({right}) have {both} in common"
    if groups is not None and both < max(left, right):
        a, b = found.groups(groups)
        text += f"; {len(set(a) & set(b))} of {counted(groups, 'group')} are the same"
    worst = found.placements[0]
    if worst.tau < 1:
        text += f". {_worst(found, worst)}"
    return text + "."


def _worst(found: Pair, worst: Placement) -> str:
    def joined(members: tuple[int, ...]) -> str:
        return listed([found.names[i] for i in members], 2)

    name = f"Most misplaced is {short(found.names[worst.index])}"
    if set(worst.left[0]) == set(worst.right[0]):
        return name
    return f"{name}: joined with {joined(worst.left[0])} on the left, with {joined(worst.right[0])} on the right"


def finding(found: Pair) -> str | None:
    """Title of the figure, plain text."""
    left, right, both = found.clades
    if found.n < 3 or not left or not right:
        return None
    if both == 0:
        return "No clade is in both trees"
    verb = "is" if both == 1 else "are"
    if left == right:
        return f"{both} of {left} clades {verb} in both trees"
    return f"{counted(both, 'clade')} {verb} in both trees: of {left} on the left, {right} on the right"


def group_lines(found: Pair, groups: int) -> list[tuple[str, list[str]]]:
    """Groups in both trees, only in the left one, only in the right one: heads and lines of markdown."""
    left, right = found.groups(groups)
    marks = dict(zip(left, group_marks(found.facing.left, groups), strict=True))

    def line(group: frozenset[int]) -> str:
        mark = marks.get(group)
        glyph = f':color[{GLYPHS[mark.symbol]}]{{foreground="{mark.color}"}} ' if mark else ""
        return glyph + listed([found.names[i] for i in sorted(group)], max(4, 60 // groups))

    parts = (
        ("In both trees", [g for g in left if g in right]),
        ("Only on the left", [g for g in left if g not in right]),
        ("Only on the right", [g for g in right if g not in left]),
    )
    result = []
    for title, members in parts:
        lines = [line(group) for group in members[:LISTED_GROUPS]]
        if len(members) > LISTED_GROUPS:
            lines.append(f"and {len(members) - LISTED_GROUPS:,} more")
        result.append((f"{title} ({len(members):,})", lines or ["none"]))
    return result
