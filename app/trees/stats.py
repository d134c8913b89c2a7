"""Scores and tables of two class trees, for the Trees page and its downloads."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from app.common.wording import counted
from app.trees.pair import Pair
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.trees import (
    fowlkes_mallows,
)
from lwal_core.export.tables import joined_members, table_csv
from lwal_core.figures.group_agreement import GroupAgreement
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten

MISPLACED = 10
"""Most misplaced classes listed on the page; the download has all."""


class Score(NamedTuple):
    """One row of the table: plain text, with the value as a number for the download (nan: undefined)."""

    title: str
    value: float
    text: str
    meaning: str


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
        Score(
            "Mean best match", found.mean_match,
            format_number(found.mean_match, reason="fewer than 3 classes" if found.n < 3 else "neither tree has a clade"),
            "Mean over the clades of both trees of the Jaccard index with the most similar clade of the other tree: 1 the same "
            "clades; a class that strays lowers it a little, where Robinson–Foulds counts the whole clade.",
        ),
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
            names[p.index], p.tau, joined_members(names[i] for i in p.left[0]), p.left[1],
            joined_members(names[i] for i in p.right[0]), p.right[1],
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
