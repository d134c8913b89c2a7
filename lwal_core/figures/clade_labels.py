"""Names beside merges that do not run over each other."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.figures.tree_drawing import CLADE_CHARS, extent

PHONE_WIDTH = 320
"""px that a 400 px figure has for leaves side by side."""

_CHAR, _LINE = 5.2, 12.0  # px of a character and of a line at the size of these names
_GAP = 4.0  # px between two names of one line


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


def names_with_room(
    part: TreePart,
    names: Mapping[int, str],
    proposed: Collection[int],
    places: Mapping[int, tuple[float, float]],
    end: float = math.inf,
) -> dict[int, str]:
    """Leave out proposed names that would lie on others, or be cut at the figure's edge.

    Args:
        part: What is drawn.
        names: Names of nodes, given and proposed; of two the one of the larger clade stays.
        proposed: The nodes of which the name is proposed; given names all stay.
        places: Where each name begins, px along and across its line; names of other nodes stay.
        end: px along a line after which nothing is seen.

    Returns:
        The names that are left.
    """
    sizes = part.tree.sizes
    kept: dict[int, str] = {}
    lines: list[tuple[float, float, float]] = []
    for node in sorted(names, key=lambda node: (node in proposed, -int(sizes[node]), node)):
        if node in places:
            along, across = places[node]
            to = along + text_width(names[node])
            taken = any(abs(across - y) < _LINE and along < last and first < to + _GAP for first, last, y in lines)
            if (taken or to > end) and node in proposed:
                continue
            lines.append((along, to + _GAP, across))
        kept[node] = names[node]
    return kept
