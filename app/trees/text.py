"""Sentences about two class trees (markdown, names escaped)."""

from __future__ import annotations

from app.common.wording import counted, listed, marked, plain, shortened
from app.tree.stats import LISTED_GROUPS
from app.trees.pair import Pair, TaxonomyKey
from lwal_core.analysis.trees.discordant_classes import Placement
from lwal_core.figures.clade_colors import group_marks


def answer(found: Pair, groups: int | None) -> str:
    """The page's answer (markdown): clades and groups in common, and the most misplaced class."""
    names = [plain(label) for label in found.labels]
    if found.keys[0] == found.keys[1]:
        return "Both sides show the same tree; choose another one on one of them."
    if found.n == 1:
        return f"The trees share one class, {shortened(found.names[0])}: nothing to compare."
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

    name = f"Most misplaced is {shortened(found.names[worst.index])}"
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
        glyph = f"{marked(mark.color, mark.symbol)} " if mark else ""
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
