"""Lines of a tanglegram: from each drawn branch on the left to those on the right that it shares classes with."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from lwal_core.analysis.base.linkage import IntArray
from lwal_core.figures.clade_colors import GroupMark
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.tanglegram.sides import Side

AGREEING_OPACITY = 0.35
"""Of lines within a group that both trees have, so that what differs is what one sees."""
WIDTHS = (0.0, 1.5, 3.0, 4.5)
"""px added to a line of one class, and to lines of several by their share of the thickest: four widths, few traces."""

_CURVE = 12  # points of the bend of a line


def connecting_lines(
    sides: Sequence[Side], links: IntArray, agreeing: Collection[int], marks: Sequence[GroupMark], flat: float, grey: str,
    width: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """The lines between branches, one trace for each colour and width, and for its pale form.

    Args:
        sides: Left and right.
        links: ``[m, 3]`` tip on the left, on the right, number of classes in both.
        agreeing: Groups of the left tree that the right tree has, whose lines are pale.
        marks: Colour of each group.
        flat: Share of the way that a line runs level at each end.
        grey: Colour of lines of no group.
        width: px of a line of one class.
    """
    most = int(links[:, 2].max(initial=1))
    group = sides[0].group
    kinds: dict[tuple[str, float], list[int]] = {}
    for at, (tip, _, count) in enumerate(links.tolist()):
        number = int(group[tip])
        color = grey if number < 0 else marks[number].color
        level = 0 if count == 1 else min(1 + int(3 * math.sqrt((count - 1) / max(most - 1, 1))), 3)
        kinds.setdefault((_pale(color) if number in agreeing else color, WIDTHS[level]), []).append(at)
    return [
        {**_curves(sides, links[rows], flat), "name": "lines", "line": {"color": color, "width": width + more}}
        for (color, more), rows in sorted(kinds.items(), key=lambda item: not item[0][0].startswith("rgba"))
    ]


def picked_lines(sides: Sequence[Side], links: IntArray, flat: float, theme: Theme) -> list[dict[str, Any]]:
    """Lines that somebody picked, on top of the others."""
    if not len(links):
        return []
    line = {"color": neutral("ink", theme), "width": 2.5}
    return [{**_curves(sides, links, flat), "name": "picked lines", "line": line}]


def _curves(sides: Sequence[Side], links: IntArray, flat: float) -> dict[str, Any]:
    t = np.linspace(0, 1, _CURVE)
    x = np.concatenate([[0], flat + (1 - 2 * flat) * t, [1, np.nan]])
    bend = np.concatenate([[0], t * t * (3 - 2 * t), [1, np.nan]])
    start, end = sides[0].tree.places[links[:, 0]], sides[1].tree.places[links[:, 1]]
    return {
        "type": "scatter", "mode": "lines", "hoverinfo": "skip", "xaxis": "x3", "yaxis": "y", "cliponaxis": False,
        "x": np.tile(x, len(links)).astype(np.float32),
        "y": (start[:, None] + (end - start)[:, None] * bend).astype(np.float32).ravel(),
    }  # fmt: skip


def _pale(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{AGREEING_OPACITY})"
