"""Names beside merges that do not run over each other."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.figures.labels import shown_length
from lwal_core.figures.tree_drawing import CLADE_CHARS, extent

PHONE_WIDTH = 320
"""px that a 400 px figure has for leaves side by side."""

_CHAR, _LINE = 5.2, 12.0  # px of a character and of a line at the size of these names
_GAP = 4.0  # px between two names of one line


_NAME_CHAR = 6.2  # px of a character of a leaf's name
_WHOLE, _LEAST_TREE = 368.0, 120.0  # px of a figure on a phone without its margins, and of a tree in it at least


def text_width(name: str) -> float:
    """px of a name beside a merge."""
    return _CHAR * min(len(name), CLADE_CHARS)


def places_of_names(
    part: TreePart, pixels: float, *, sideways: bool, wide: float = PHONE_WIDTH
) -> dict[int, tuple[float, float]]:
    """Where the name of each drawn merge begins on a figure as narrow as a phone's, px along and across its line.

    Args:
        part: What is drawn.
        pixels: Height of the figure without its heading.
        sideways: Whether the leaves are on the left or right.
        wide: px of the tree from side to side; less than a phone's where names and strips stand beside the leaves.
    """
    step = (pixels if sideways else wide) / len(part.tips)
    deep = (wide if sideways else pixels) / max(extent(part), 1e-12)
    found = {}
    for node in part.merges.tolist():
        where = (float(part.height[node]) * deep, float(part.place[node]) * step)
        found[node] = where if sideways else where[::-1]
    return found


def tree_width(names: Sequence[str], away: float) -> float:
    """px from the leaves to the root on a phone where the leaves are on the left or right.

    Args:
        names: Of the leaves as they are shown.
        away: What stands between leaves and names, as a share of the tree's extent.
    """
    longest = max(map(shown_length, names), default=0)
    return max(_WHOLE - _NAME_CHAR * longest, _LEAST_TREE) / (1 + away)


def names_with_room(
    part: TreePart,
    names: Mapping[int, str],
    proposed: Collection[int],
    places: Mapping[int, tuple[float, float]],
    end: float = math.inf,
    taken: Sequence[tuple[float, float, float]] = (),
) -> dict[int, str]:
    """Leave out proposed names that would lie on others or on what else is written, or be cut at the figure's edge.

    Args:
        part: What is drawn.
        names: Names of nodes, given and proposed; of two the one of the larger clade stays.
        proposed: The nodes of which the name is proposed; given names all stay.
        places: Where each name begins, px along and across its line; names of other nodes stay.
        end: px along a line after which nothing is seen.
        taken: What else is written: where it begins and ends along its line, and its line.

    Returns:
        The names that are left.
    """
    sizes = part.tree.sizes
    kept: dict[int, str] = {}
    lines = list(taken)
    for node in sorted(names, key=lambda node: (node in proposed, -int(sizes[node]), node)):
        if node in places:
            along, across = places[node]
            to = along + text_width(names[node])
            covers = any(abs(across - y) < _LINE and along < last and first < to + _GAP for first, last, y in lines)
            if (covers or to > end) and node in proposed:
                continue
            lines.append((along, to + _GAP, across))
        kept[node] = names[node]
    return kept


def turn_inwards(
    traces: Sequence[dict[str, Any]],
    part: TreePart,
    names: Mapping[int, str],
    places: Mapping[int, tuple[float, float]],
    end: float,
) -> None:
    """Let names beside merges that would be cut at the figure's edge stand on the side of the leaves instead.

    Args:
        traces: Of the figure, with ``"merges"`` among them, which is changed.
        part: What is drawn.
        names: Names of nodes that are shown.
        places: As :func:`places_of_names` gives them for leaves on the left or right.
        end: px along a line after which nothing is seen.
    """
    far = {node for node, (along, _) in places.items() if node in names and along + text_width(names[node]) > end}
    other = {"top left": "top right", "top right": "top left"}
    for trace in traces if far else ():
        if trace["name"] == "merges" and "text" in trace:
            usual = trace["textposition"]
            trace["textposition"] = [other[usual] if node in far else usual for node in part.merges.tolist()]
