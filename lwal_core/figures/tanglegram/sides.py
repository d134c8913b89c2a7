"""One tree of a tanglegram: its brackets, its closed clades, its merges and leaves with their names, and the scale of colours by
which clades say how well they correspond to one of the other tree."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import Multiway, company
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.correspondence import Correspondence
from lwal_core.figures import style
from lwal_core.figures.clade_colors import GroupMark
from lwal_core.figures.labels import one_line, shown_members, shown_name
from lwal_core.figures.palette import BLUE, ORANGE, Theme, neutral
from lwal_core.figures.tree_drawing import CLOSED_HALF, tip_names

NAME_CHARS = 18
"""Longest name shown: two of them and some line between fit the middle of a 400 px figure."""
LINE_WIDTH = 1.5  # px
LINE_OF_TEXT = 13  # px a name takes at the small size
ROOMY = 16  # px a row from which names and markers have their full size

MATCH_STEPS = 20
"""Steps that a figure tells apart, so that branches are few traces."""
MATCH_GLYPH = "■"

_HOVER_NAMES = 5
_LEAST_INSIDE = 0.04  # of the height drawn that the mark of a closed clade is away from the edge
_SHARED, _OWN, _ROOT = "diamond", "circle-open", "circle"


@dataclass(frozen=True, eq=False)
class Side:
    """A tree ready to be drawn.

    Attributes:
        h: The tree, n classes.
        part: What of it is drawn.
        tree: Its drawn nodes; places are those of rows that both sides share.
        whole: Its nodes, drawn or not.
        label: What it is, plain text.
        unit: Of its heights.
        group: ``[2n - 1]`` group of the left tree that holds all classes of a node, -1 when there is none.
        shared: ``[2n - 1]`` whether the other tree has the node's clade, too.
        alike: Which clade there is most like each one here; None where nobody asks.
        colors: ``[2n - 1]`` colour of each node's branches.
        cut: Height of the cut; nan for none.
        axis: ``"x"`` or ``"x2"``.
    """

    h: Hierarchy
    part: TreePart
    tree: Multiway
    whole: Multiway
    label: str
    unit: str
    group: IntArray
    shared: npt.NDArray[np.bool_]
    alike: Correspondence | None
    colors: list[str]
    cut: float
    axis: str

    @property
    def name(self) -> str:
        """``"left"`` or ``"right"``."""
        return "left" if self.axis == "x" else "right"

    @property
    def extent(self) -> float:
        """The height at which the drawing ends."""
        top = float(self.part.height[self.part.merges].max(initial=0.0))
        return 1.06 * top if top > 0 else 1.0


def tree_lines(side: Side, grey: str) -> list[dict[str, Any]]:
    """The brackets of a tree as one trace a colour; a group has its colour from the cut downwards."""
    height, places = side.part.height.tolist(), side.tree.places.tolist()
    group, colors = side.group.tolist(), side.colors
    points: dict[str, list[tuple[float, float]]] = {}
    gap = (math.nan, math.nan)
    for node, children in side.tree.children.items():
        top = height[node]
        own = points.setdefault(colors[node], [])
        ends = []
        for child in children:
            low = height[child]
            turn = low
            if group[node] < 0 <= group[child]:
                turn = top if math.isnan(side.cut) else min(max(side.cut, min(low, top)), max(low, top))
                points.setdefault(colors[child], []).extend([(turn, places[child]), (low, places[child]), gap])
            ends.append(turn)
        first, last = places[children[0]], places[children[-1]]
        own += [(ends[0], first), (top, first), (top, last), (ends[-1], last), gap]
        for child, end in zip(children[1:-1], ends[1:-1], strict=True):
            own += [(top, places[child]), (end, places[child]), gap]
    return [
        {
            "type": "scatter", "name": f"{side.name} tree", "mode": "lines", "hoverinfo": "skip", "xaxis": side.axis, "yaxis": "y",
            **dict(zip(("x", "y"), np.array(path, dtype=np.float32).T.copy(), strict=True)),
            "line": {"color": color, "width": LINE_WIDTH},
        }
        for color, path in sorted(points.items(), key=lambda item: item[0] != grey)
        if path
    ]  # fmt: skip


def closed_clades(side: Side) -> list[dict[str, Any]]:
    """A filled triangle for each closed clade, from its merge to its row; one trace a colour."""
    by_color: dict[str, list[int]] = {}
    for node in side.part.closed.tolist():
        by_color.setdefault(side.colors[node], []).append(node)
    traces = []
    for color, nodes in by_color.items():
        height, place = side.part.height[nodes], side.tree.places[nodes]
        half, nothing, gap = np.full(len(nodes), CLOSED_HALF), np.zeros(len(nodes)), np.full(len(nodes), np.nan)
        x = np.stack([height, nothing, nothing, height, gap], axis=1)
        y = np.stack([place, place - half, place + half, place, gap], axis=1)
        traces.append(
            {"type": "scatter", "name": f"{side.name} closed clades", "mode": "lines", "hoverinfo": "skip", "fill": "toself",
             "xaxis": side.axis, "yaxis": "y", "x": x.ravel().astype(np.float32), "y": y.ravel().astype(np.float32),
             "opacity": 0.6, "line": {"color": color, "width": 1}, "fillcolor": color}
        )  # fmt: skip
    return traces


def markers(
    side: Side, other: Side, in_left: IntArray, marks: Sequence[GroupMark], theme: Theme, step: int, row: float
) -> list[dict[str, Any]]:
    """Marker traces of a tree's merges, closed clades and leaves, the last two with their names."""
    n, roomy, ink = side.h.n, row >= ROOMY, neutral("ink", theme)
    traces = []
    if side.tree.children:
        inner = list(side.tree.children)
        shared = side.shared[inner].tolist()
        grey = neutral("line", theme)
        color = [_merge_color(side, node, grey, ink) for node in inner]
        big, small = (9, 6) if roomy else (6, 4)
        symbols = [_SHARED if both else _OWN for both in shared]
        symbols[-1] = _ROOT if inner[-1] == 2 * n - 2 else symbols[-1]
        look = {
            "color": color, "symbol": symbols, "size": [big if both else small for both in shared],
            "line": {"color": color, "width": 1},
        }  # fmt: skip
        traces.append(_trace(side, "merges", inner, [_merge_text(side, other, node) for node in inner], look))
    ranks = {tip: rank for rank, tip in enumerate(side.part.tips.tolist())}
    names = dict(zip(ranks, tip_names(side.part, {}, NAME_CHARS), strict=True))

    def named(trace: dict[str, Any], nodes: list[int]) -> dict[str, Any]:
        if not step:
            return trace
        font: dict[str, Any] = {"size": style.FONT_SIZE - (2 if roomy else 4), "color": ink}
        if row < LINE_OF_TEXT:  # the line above runs through the name
            font["shadow"] = ", ".join([f"0 0 2px {neutral('surface', theme)}"] * 4)
        return trace | {
            "mode": "markers+text", "text": ["" if ranks[node] % step else names[node] for node in nodes],
            "textposition": "top right" if side.name == "left" else "top left", "textfont": font,
            "unselected": {"marker": {"opacity": 1}, "textfont": {"color": ink}},
        }  # fmt: skip

    closed = sorted(side.part.closed.tolist())
    if closed:
        look = {
            "color": [side.colors[node] for node in closed], "size": 9 if roomy else 6,
            "symbol": "triangle-left" if side.name == "left" else "triangle-right",
        }  # fmt: skip
        texts = [f"{_merge_text(side, other, node)}<br><i>closed: click to open it</i>" for node in closed]
        traces.append(_trace(side, "closed", closed, texts, look))
        if step:
            written = named(_trace(side, "names", closed, texts, {}), closed)
            hidden = {"marker": {"opacity": 0}}  # as large as a leaf's: it keeps the name off its line
            written |= {"marker": {"opacity": 0, "size": 9 if roomy else 4}, "selected": hidden, "hoverinfo": "skip"}
            written["unselected"] = {**hidden, "textfont": {"color": ink}}
            traces.append({**written, "hovertemplate": None, "customdata": None})
    leaves = [tip for tip in ranks if tip < n]
    leaves.sort()
    if leaves:
        grey = neutral("line", theme)
        mine = [marks[in_left[i]] if in_left[i] >= 0 else GroupMark(-1, grey, "circle") for i in leaves]
        look = {"color": [m.color for m in mine], "symbol": [m.symbol for m in mine], "size": 7 if roomy else 4}
        texts = [_leaf_text(side, other, i) for i in leaves]
        traces.append(named(_trace(side, "leaves", leaves, texts, look), leaves))
    return traces


def picked_trace(side: Side, nodes: Collection[int], theme: Theme) -> list[dict[str, Any]]:
    """Rings around nodes that somebody picked, as far as they are drawn."""
    shown = [node for node in nodes if not math.isnan(side.tree.places[node])]
    if not shown:
        return []
    return [
        {
            "type": "scatter", "name": f"{side.name} picked", "mode": "markers", "hoverinfo": "skip", "xaxis": side.axis,
            "yaxis": "y", "cliponaxis": False, "x": side.part.height[shown].tolist(), "y": side.tree.places[shown].tolist(),
            "marker": {"symbol": "circle-open", "size": 17, "color": neutral("ink", theme), "line": {"width": 2}},
            "unselected": {"marker": {"opacity": 1}},
        }
    ]  # fmt: skip


def _trace(side: Side, what: str, nodes: list[int], texts: list[str], marker: dict[str, Any]) -> dict[str, Any]:
    custom = [[node, int(side.h.sizes[node]), text, side.name] for node, text in zip(nodes, texts, strict=True)]
    height = side.part.height[nodes]
    if what == "closed":  # within the triangle: on the edge to the lines a press would be theirs
        height = np.maximum(height / 2, _LEAST_INSIDE * side.extent)
    elif what == "names":  # where a leaf's stands
        height = np.zeros(len(nodes))
    still = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}
    return {
        "type": "scatter", "name": f"{side.name} {what}", "mode": "markers", "xaxis": side.axis, "yaxis": "y",
        "cliponaxis": False, "hovertemplate": "%{customdata[2]}<extra></extra>", "x": height.astype(np.float32),
        "y": side.tree.places[nodes].astype(np.float32), "customdata": custom, "marker": {"opacity": 1, **marker}, **still,
    }  # fmt: skip


def _merge_color(side: Side, node: int, grey: str, ink: str) -> str:
    if side.alike is not None and side.group[node] < 0 and side.colors[node] != grey:
        return side.colors[node]
    if not side.shared[node]:
        return grey
    return side.colors[node] if side.group[node] >= 0 else ink


def _merge_text(side: Side, other: Side, node: int) -> str:
    members = side.h.members(node)
    joined = f"{len(members):,} classes, joined at {_distance(side, side.h.linkage[node - side.h.n, 2])}"
    text = f"{joined}<br>{_members(side, members)}"
    if len(members) == side.h.n:
        return text
    if side.shared[node]:
        return f"{text}<br>In both trees"
    text += "<br>Not a clade of the other tree"
    if side.alike is not None:
        there = other.h.members(int(side.alike.node[node]))
        score = format_number(float(side.alike.jaccard[node]))
        text += f"<br>Most like it there (Jaccard {score}):<br>{_members(other, there)}"
    return text


def _members(side: Side, members: IntArray) -> str:
    names = [style.shorten(one_line(side.h.names[i]), NAME_CHARS) for i in members[:_HOVER_NAMES]]
    return shown_members(names, len(members))


def _leaf_text(side: Side, other: Side, i: int) -> str:
    text = f"<b>{shown_name(side.h.names[i], 40)}</b>"
    for each in (side, other) if side.axis == "x" else (other, side):
        beside, height = company(each.h, each.whole, i)
        if len(beside):
            names = [style.shorten(one_line(each.h.names[j]), NAME_CHARS) for j in beside[:2]]
            label = style.escape(style.shorten(one_line(each.label), 40))
            text += f"<br>{label}: joins {shown_members(names, len(beside))}<br>at {_distance(each, height)}"
    return text


def _distance(side: Side, height: float) -> str:
    value = format_number(float(height))
    return f"{value} {style.escape(side.unit)}" if side.unit else value


def match_color(jaccard: float) -> str:
    """Hex colour of a Jaccard index: orange at 0, blue at 1, the same in both themes and for readers who do not tell red from
    green."""
    share = round(min(max(jaccard, 0.0), 1.0) * MATCH_STEPS) / MATCH_STEPS
    low, high = (tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in (ORANGE, BLUE))
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return f"#{red:02X}{green:02X}{blue:02X}"


def with_scale(text: str) -> str:
    """A heading whose squares have the colours of the scale, from 0 to 1."""
    count = text.count(MATCH_GLYPH)
    pieces = text.split(MATCH_GLYPH)
    shown = pieces[0]
    for i, piece in enumerate(pieces[1:]):
        shown += f'<span style="color:{match_color(i / max(count - 1, 1))}">{MATCH_GLYPH}</span>{piece}'
    return shown
