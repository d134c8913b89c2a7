"""Sentences about two class trees (markdown, names escaped)."""

from __future__ import annotations

from app.common.wording import counted, listed, marked, shortened
from app.tree.stats import LISTED_GROUPS
from app.trees.pair import Pair, TaxonomyKey
from lwal_core.analysis.trees.discordant_classes import Placement
from lwal_core.figures.clade_colors import group_marks


def answer(found: Pair) -> str:
    """The page's answer (markdown), at most twelve words: what the two trees have in common."""
    if found.keys[0] == found.keys[1]:
        return "Both sides show the same tree."
    if found.n == 1:
        return f"The trees share one class, {shortened(found.names[0])}: nothing to compare."
    if found.n == 2:
        return "Of two classes in common only one tree of them is possible."
    if len(found.flat) == 2:
        return "Both trees join all classes at one height: nothing to compare."
    if found.flat:
        return f"{shortened(found.flat[0])} joins all classes at one height."
    left, right, both = found.clades
    if found.recovery is not None and found.recovery.total:
        known = found.recovery
        reference = found.labels[0] if isinstance(found.keys[0], TaxonomyKey) else found.labels[1]
        return f"{known.recovered} of the {counted(known.total, 'group')} of {shortened(reference)} are clades."
    if both == left == right:
        return f"Both trees have the same {counted(left, 'clade')}."
    return f"{finding(found)}."


def details(found: Pair, groups: int | None) -> str:
    """What the answer leaves out (markdown): what to do, groups in common, the most misplaced class; empty for nothing."""
    if found.keys[0] == found.keys[1]:
        return "Choose another tree under *Left tree* or *Right tree*."
    if found.n == 2:
        return f"The classes: {listed(found.names)}."
    if len(found.flat) == 1:
        return "There is no tree in it to compare with. Its class means may have one: *Left tree* and *Right tree* have them."
    if found.n < 3 or found.flat:
        return ""
    left, right, both = found.clades
    said = []
    if found.recovery is not None and found.recovery.total:
        known = found.recovery
        said.append(f"{known.contradictions} of {counted(known.clades, 'clade')} cut across its groups.")
    elif both == left == right:
        said.append("They differ at most in heights.")
    if groups is not None and both < max(left, right):
        a, b = found.groups(groups)
        said.append(f"{len(set(a) & set(b))} of {counted(groups, 'group')} are the same.")
    worst = found.placements[0]
    if worst.tau < 1:
        said.append(f"{_worst(found, worst)}.")
    return " ".join(said)


def _worst(found: Pair, worst: Placement) -> str:
    def joined(members: tuple[int, ...]) -> str:
        return listed([found.names[i] for i in members], 2)

    name = f"Most misplaced is {shortened(found.names[worst.index])}"
    if set(worst.left[0]) == set(worst.right[0]):
        return name
    return f"{name}: joined with {joined(worst.left[0])} on the left, with {joined(worst.right[0])} on the right"


def finding(found: Pair) -> str | None:
    """How many clades the trees have in common, plain text; None where they have none to compare."""
    left, right, both = found.clades
    if found.n < 3 or not left or not right:
        return None
    if both == 0:
        return "No clade is in both trees"
    verb = "is" if both == 1 else "are"
    if left == right:
        return f"{both} of {left} clades {verb} in both trees"
    return f"{counted(both, 'clade')} {verb} in both trees, of {left} and {right}"


def group_lines(found: Pair, groups: int) -> list[tuple[str, list[str]]]:
    """Groups that only the left tree has, and that only the right one has: heads and lines of markdown."""
    left, right = found.groups(groups)
    marks = dict(zip(left, group_marks(found.facing.left, groups), strict=True))

    def line(group: frozenset[int]) -> str:
        mark = marks.get(group)
        glyph = f"{marked(mark.color, mark.symbol)} " if mark else ""
        return glyph + listed([found.names[i] for i in sorted(group)], max(4, 60 // groups))

    parts = (
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
