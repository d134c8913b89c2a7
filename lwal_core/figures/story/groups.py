"""Groups of a taxonomy in the story: which were found, their colours, and the list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from lwal_core.figures.palette import OKABE_ITO


@dataclass(frozen=True)
class StoryGroup:
    """A group of the taxonomy.

    Attributes:
        title: Its name.
        members: Indices of its classes.
        found: In how many runs it is a clade of the tree.
        runs: How many runs there are.
        told: Whether the story tells of it: it was found in every run or, where that is so for no group, in most.
        color: Its colour where the story tells of it, on branches and in the list; else None. A group inside another one that
            is told of has the other's.
        depth: How many groups lie around it.
    """

    title: str
    members: frozenset[int]
    found: int
    runs: int
    told: bool = False
    color: str | None = None
    depth: int = 0


def story_groups(
    titles: Mapping[frozenset[int], str], found: Mapping[frozenset[int], int], runs: int
) -> list[StoryGroup]:
    """The groups in the order of a list: each after the one around it, those of one depth by name.

    Args:
        titles: Name of each group, by the indices of its classes; two groups are apart or one is in the other.
        found: In how many runs each is a clade; a group that is not there was found in none.
        runs: How many runs there are.
    """
    around = {own: [each for each in titles if own < each] for own in titles}

    def place(own: frozenset[int]) -> tuple[str, ...]:
        return (*(titles[each] for each in sorted(around[own], key=len, reverse=True)), titles[own])

    least = fewest_told([found.get(own, 0) for own in titles], runs)
    colors: dict[frozenset[int], str] = {}
    ordered = sorted(titles, key=place)
    for own in ordered:
        if found.get(own, 0) >= least:
            outer = next((colors[each] for each in around[own] if each in colors), None)
            colors[own] = outer or OKABE_ITO[len(set(colors.values())) % len(OKABE_ITO)]
    return [
        StoryGroup(titles[own], own, found.get(own, 0), runs, own in colors, colors.get(own), len(around[own]))
        for own in ordered
    ]


def fewest_told(found: Sequence[int], runs: int) -> int:
    """In how many runs a group has to be found to be told of: in all where one was, else in most, and in one at least.

    Args:
        found: In how many runs each group was found.
        runs: How many runs there are.
    """
    return max(1, runs if runs in found else runs // 2 + 1)


def list_of_groups(groups: Sequence[StoryGroup], names: Sequence[str], source: str) -> str:
    """The taxonomy as a list (HTML): bold and in its colour what the story tells of.

    Args:
        groups: From :func:`story_groups`.
        names: C class names.
        source: What the taxonomy is called, such as "the groups of pictograms".
    """
    items = []
    for group in groups:
        inner = {each for other in groups if other.members < group.members for each in other.members}
        members = ", ".join(names[i] for i in sorted(group.members - inner))
        title = f"<b>{escape(group.title)}</b>" if group.told else escape(group.title)
        partly = f" <small>in {group.found} of {group.runs}</small>" if 0 < group.found < group.runs else ""
        edge = group.color or "transparent"
        items.append(
            f'<li style="margin-left:{group.depth * 16}px;border-left-color:{edge}">{title}{partly}<br>'
            f"<small>{escape(members)}</small></li>"
        )
    runs, told = groups[0].runs if groups else 0, [group.found for group in groups if group.told]
    found = "found" if runs == 1 else f"found in all {runs} runs" if runs in told else "found in most runs"
    return f'<p class="lws-source">{escape(source[:1].upper() + source[1:])}; <b>bold</b>: {found}</p><ul>{"".join(items)}</ul>'
