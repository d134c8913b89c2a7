"""Support of clades as the thickness of the branches above them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.figures.clade_colors import LARGE
from lwal_core.figures.tree_drawing import TreeCut

WIDTHS = (1.5, 2.5, 3.5, 5.0, 7.0)
"""Pixels of a branch by the share of trees that have the clade below it: up to a fifth, two fifths, and so on."""


def support_width(share: float) -> float:
    """Pixels of the branch above a clade with this share, 0 to 1."""
    return WIDTHS[min(max(math.ceil(share * len(WIDTHS)) - 1, 0), len(WIDTHS) - 1)]


def support_traces(
    part: TreePart,
    support: Sequence[float],
    cut: TreeCut,
    tints: IntArray,
    palette: Sequence[str],
    lines: Callable[[FloatArray, FloatArray], dict[str, Any]],
) -> list[dict[str, Any]]:
    """Traces named ``"support"``, one a thickness and colour, to lie on the thin lines of the tree.

    Args:
        part: What is drawn.
        support: ``[n - 1]`` share of each merge, 0 to 1; nan where it says nothing.
        cut: Where the colours of the groups begin.
        tints: ``[2n - 1]`` index of each node's colour, -1 for neutral.
        palette: The neutral colour, then those of the indices.
        lines: Turns places and heights, ``[m, 2]`` each, into a trace's ``x`` and ``y``.

    Returns:
        The traces; none above ``LARGE`` classes, of which the lines are too near each other.
    """
    h = part.tree
    if h.n > LARGE:
        return []
    pieces: dict[tuple[float, str], list[tuple[float, float, float]]] = {}
    for node in (*part.merges.tolist(), *part.closed.tolist()):
        above = int(h.parents[node])
        if node == part.root or above < 0 or math.isnan(support[node - h.n]):
            continue
        width, place = support_width(float(support[node - h.n])), float(part.place[node])
        lower, upper = float(part.height[node]), float(part.height[above])
        own, around = int(tints[node]), int(tints[above])
        turn = lower  # below it the branch has the group's colour
        if own >= 0:
            turn = upper if around >= 0 else _turn(lower, upper, cut)
        for begin, end, tint in ((lower, turn, own), (turn, upper, around)):
            if begin != end:
                pieces.setdefault((width, palette[tint + 1]), []).append((place, begin, end))
    traces = []
    for (width, color), found in sorted(pieces.items()):
        places, begins, ends = (np.array(column) for column in zip(*found, strict=True))
        where = lines(np.stack([places, places], axis=1), np.stack([begins, ends], axis=1))
        traces.append(
            {"type": "scatter", "name": "support", "mode": "lines", "hoverinfo": "skip", **where,
             "line": {"color": color, "width": width}}
        )  # fmt: skip
    return traces


def _turn(lower: float, upper: float, cut: TreeCut) -> float:
    """Height at which the branch above a group takes its colour, as the thin lines do."""
    if cut.several:
        return (lower + upper) / 2
    if math.isnan(cut.height):
        return upper
    return min(max(cut.height, min(lower, upper)), max(lower, upper))
