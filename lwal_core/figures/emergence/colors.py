"""Group colours in a film of class trees: a group keeps its colour from frame to frame."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.palette import OKABE_ITO


def group_colors(trees: Sequence[Hierarchy], groups: int) -> list[dict[int, int]]:
    """Colours of the groups of a cut in trees that follow one another, so that a group keeps its colour.

    The last tree's groups have the colours that they have in the dendrogram. Going back, a group has the colour of the
    group that it shares most classes with in the next tree, each of which gives its colour once; a group of the same
    classes thus has the same colour. What is left takes the colour that its classes had later, or else a free one. A
    flat tree has no groups.

    Args:
        trees: In the order of the epochs.
        groups: Number of groups, at most that of the classes.

    Returns:
        For each tree, top node of a group to index into ``OKABE_ITO``. Up to seven groups of a tree differ.
    """
    found: list[dict[int, int]] = []
    known: dict[frozenset[int], int] = {}
    later: list[tuple[frozenset[int], int]] = []
    for tree in reversed(trees):
        colors: dict[int, int] = {}
        if not tree.is_flat:
            tops = {top: frozenset(tree.members(top).tolist()) for top in tree.cut_nodes(k=groups).tolist()}
            if not later:
                own = clade_colors(tree)
                colors = {top: int(own[top]) for top in tops}
            shared = sorted(
                (-len(members & other), min(members), top, at)
                for top, members in tops.items()
                for at, (other, _) in enumerate(later)
                if members & other
            )
            used: set[int] = set()
            for _, _, top, at in shared:
                if top not in colors and at not in used:
                    colors[top] = later[at][1]
                    used.add(at)
            for top, members in sorted(tops.items(), key=lambda item: min(item[1])):
                if top not in colors:
                    wanted = known.get(members, min(members) % len(OKABE_ITO))
                    order = [(wanted + step) % len(OKABE_ITO) for step in range(len(OKABE_ITO))]
                    colors[top] = next((color for color in order if color not in colors.values()), wanted)
            later = [(members, colors[top]) for top, members in tops.items()]
            known = dict(later) | known
        found.append(colors)
    return found[::-1]


def set_colors(trees: Sequence[Hierarchy], sets: Sequence[Collection[int]]) -> list[dict[int, int]]:
    """Colours of given groups of classes in trees that follow one another: a group is coloured in the trees that have it as a
    clade, always alike.

    The colour is that of the dendrogram of the last tree that has the group. A flat tree has no groups.

    Args:
        trees: In the order of the epochs.
        sets: Classes of each group.

    Returns:
        For each tree, top node of a group to index into ``OKABE_ITO``.

    Raises:
        AnalysisError: A group without classes, or with one that the trees do not have.
    """
    found: list[dict[int, int]] = []
    known: dict[int, int] = {}
    for tree in reversed(trees):
        own = clade_colors(tree)
        colors = {}
        for group, members in enumerate(sets):
            top = tree.smallest_clade(members)
            if tree.sizes[top] == len(members) and not tree.is_flat:
                colors[top] = known.setdefault(group, int(own[top]))
        found.append(colors)
    return found[::-1]
