"""Tanglegram figure: two class trees with a line between equal classes.

Three plots side by side share the rows: the left tree, the lines, the right tree. Lines and clades are coloured by the
left tree's groups at the cut, also in the right tree, as far as a clade there stays within one group. Names stand on
their lines, which run level under them, so that they fit any width. Merges and leaves are marker traces with
``customdata`` ``[[node, number of classes, hover text], ...]`` and the node numbers of
:mod:`lwal_core.analysis.hierarchy`; tied merges are one node.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number
from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import Multiway, company, multiway
from lwal_core.analysis.trees import clades
from lwal_core.analysis.trees.matching import TAXONOMY, groups_of_nodes, node_masks, renumbered
from lwal_core.figures import style
from lwal_core.figures.clade_colors import GroupMark, group_marks
from lwal_core.figures.labels import heading, one_line, shown_members, shown_name, step_for, thinning_note
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROW_HEIGHT = 22  # px a leaf while the figure is lower than MAX_HEIGHT
MIN_HEIGHT, MAX_HEIGHT = 320, 2_400  # px
LINE_WIDTH = 1.5  # px
NAME_CHARS = 18
"""Longest name shown: two of them and some line between fit the middle of a 400 px figure."""
AGREEING_OPACITY = 0.35
"""Of lines within a group that both trees have, so that what differs is what one sees."""

_PHONE_WIDTH = 376  # px that a 400 px figure has to draw in
_CHAR_WIDTH = 5.6  # px of an average letter at the small size
_LEAST_RUN = 44  # px of line between two names at phone width
_SIDE_TITLE, _SIDE_LINE = 24, 16  # px of a title of one line, and of each further one
_SIDE_CHARS = 26  # of a line: two of them fit a 400 px figure side by side
_AXIS_HEIGHT = 64  # px for the distance axes and their titles of two lines
_LINE_OF_TEXT = 13  # px a name takes at the small size
_ROOMY = 16  # px a row from which names and markers have their full size
_HOVER_NAMES = 5
_CURVE = 12  # points of the bend of a line
_SHARED, _OWN, _ROOT = "diamond", "circle-open", "circle"


@dataclass(frozen=True, eq=False)
class _Side:
    """A tree ready to be drawn.

    Attributes:
        group: ``[2n - 1]`` group of the left tree that holds all classes of a node, -1 when there is none.
        shared: ``[2n - 1]`` whether the other tree has the node's clade, too.
        cut: Height of the cut; nan for none.
        axis: ``"x"`` or ``"x2"``.
    """

    h: Hierarchy
    tree: Multiway
    label: str
    unit: str
    group: IntArray
    shared: npt.NDArray[np.bool_]
    cut: float
    axis: str

    @property
    def extent(self) -> float:
        """The height at which the drawing ends."""
        top = float(self.h.linkage[:, 2].max(initial=0.0))
        return 1.06 * top if top > 0 else 1.0


def tanglegram_figure(
    left: Hierarchy,
    right: Hierarchy,
    groups: int | None = None,
    *,
    theme: Theme = "light",
    height: int | None = None,
    title: str | None = None,
    labels: tuple[str, str] = ("Left", "Right"),
    units: tuple[str | None, str | None] = (None, None),
) -> go.Figure:
    """Draw two trees of the same classes face to face, leaf orders as they come.

    Classes are matched by name. The branches are not turned here: see :func:`lwal_core.analysis.trees.matching.face`.

    Args:
        left: The tree on the left, root on the far left.
        right: The tree on the right, root on the far right, over the same classes in any order.
        groups: Number of groups to cut both trees into, 1 to n; None for no cut and no colours.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels; None for 22 px a leaf within 320 to 2,400.
        title: The finding, plain text.
        labels: What each tree is, plain text.
        units: Units of the two distance axes; None for that of the tree's metric.

    Returns:
        The figure. Traces are named ``"left tree"``, ``"right tree"`` (one a colour), ``"lines"`` (one a colour, and
        one for its pale form), ``"left merges"``, ``"right merges"``, ``"left leaves"`` and ``"right leaves"``.

    Raises:
        AnalysisError: Different classes, or a number of groups that does not fit.
    """
    right = renumbered(right, left.names)
    n = left.n
    marks = [] if groups is None else group_marks(left, groups)
    in_left = np.full(n, -1, dtype=np.intp)
    for number, mark in enumerate(marks):
        in_left[left.members(mark.node)] = number
    in_right = None if groups is None else right.cut(k=groups)
    units_ = tuple(h.unit if unit is None else unit for h, unit in zip((left, right), units, strict=True))
    cuts = [math.nan if groups is None or n < 2 else h.height_for(groups) for h in (left, right)]
    common = clades(left.linkage).masks & clades(right.linkage).masks
    sides = [
        _Side(h, multiway(h), label, unit, groups_of_nodes(h, in_left), _marked(h, common), cut, axis)
        for h, label, unit, cut, axis in zip((left, right), labels, units_, cuts, ("x", "x2"), strict=True)
    ]

    notes = [_flat_note(sides), _how_to_read(groups, cuts, bool(n > 2))]
    titles = [_side_title(label) for label in labels]
    side_title = _SIDE_TITLE + _SIDE_LINE * (max(map(len, titles)) - 1)
    pixels, step = _room_for_names(n, height, heading(title, [*notes, "names"], theme)[1] + side_title)
    headline, top_margin = heading(title, [*notes, thinning_note(n, step)], theme)
    row = (pixels - top_margin - side_title - _AXIS_HEIGHT) / n

    import plotly.graph_objects as go

    grey = neutral("line", theme)
    middle, flat = _middle(left.names if step else ())
    width = LINE_WIDTH if row >= _LINE_OF_TEXT else 1.0
    traces = _lines(sides, in_left, in_right, marks, flat, grey, width)
    for side in sides:
        traces += _tree_lines(side, marks, grey)
    for side, other in zip(sides, sides[::-1], strict=True):
        traces += _markers(side, other, in_left, marks, theme, step, row)
    fig = go.Figure(traces, layout={"xaxis2": {"anchor": "y"}, "xaxis3": {"anchor": "y"}})

    style.apply(fig, theme=theme, height=pixels)
    fig.update_layout(
        title=headline, margin={"l": 12, "r": 12, "t": top_margin + side_title, "b": 8}, hovermode="closest",
        hoverlabel={"align": "left"}, uirevision=style.escape(f"{n} {labels[0]} {labels[1]}"),
    )  # fmt: skip
    _draw_axes(fig, sides, middle, theme)
    return fig


def _marked(h: Hierarchy, common: frozenset[int]) -> npt.NDArray[np.bool_]:
    """Whether the classes below each node are one of the clades, given as bits, ``[2n - 1]``."""
    return np.array([mask in common for mask in node_masks(h)])


def _flat_note(sides: Sequence[_Side]) -> str:
    if sides[0].h.n == 1:
        return "one class: nothing to compare"
    flat = [side.label for side in sides if side.h.n > 2 and side.h.is_flat]
    if len(flat) == 2:
        return "both trees join all classes at one height: they say nothing"
    return f"{flat[0]} joins all classes at one height: this tree says nothing" if flat else ""


def _how_to_read(groups: int | None, cuts: Sequence[float], with_clades: bool) -> str:
    if not with_clades:
        return ""
    text = "◆ clades in both trees, ○ in one only"
    if groups is None:
        return text
    text += ". Colours: groups of the left tree"
    if groups > 1:
        text += ", pale where the right tree has the same group"
    if any(math.isnan(cut) for cut in cuts):
        text += f". No height gives {groups} groups in both: merges are tied"
    return text


def _room_for_names(n: int, height: int | None, above: int) -> tuple[int, int]:
    """Height of the figure in px, and every how many-th name is shown."""
    chrome = above + _AXIS_HEIGHT
    pixels = min(max(MIN_HEIGHT, ROW_HEIGHT * n + chrome), MAX_HEIGHT) if height is None else height
    return pixels, step_for(n, max(int((pixels - chrome) / _LINE_OF_TEXT), 1))


def _middle(names: Sequence[str]) -> tuple[float, float]:
    """Share of the width between the trees, and the share of that which lines run level at each end."""
    longest = max((min(len(one_line(name)), NAME_CHARS) for name in names), default=0)
    wide = 8 + _CHAR_WIDTH * longest
    middle = min(max((2 * wide + _LEAST_RUN) / _PHONE_WIDTH, 0.34), 0.64)
    return middle, min(max(wide / (middle * _PHONE_WIDTH), 0.08), 0.42)


def _lines(
    sides: Sequence[_Side],
    in_left: IntArray,
    in_right: IntArray | None,
    marks: Sequence[GroupMark],
    flat: float,
    grey: str,
    width: float,
) -> list[dict[str, Any]]:
    """The lines between equal classes, one trace for each colour and for its pale form."""
    left, right = sides
    n = left.h.n
    t = np.linspace(0, 1, _CURVE)
    x = np.concatenate([[0], flat + (1 - 2 * flat) * t, [1, np.nan]])
    bend = np.concatenate([[0], t * t * (3 - 2 * t), [1, np.nan]])
    start, end = left.tree.places[:n], right.tree.places[:n]
    curves: dict[str, list[int]] = {}
    agreeing: set[int] = set()
    if in_right is not None and len(marks) > 1:
        there = {frozenset(np.flatnonzero(in_right == g).tolist()) for g in range(len(marks))}
        for g in range(len(marks)):
            members = np.flatnonzero(in_left == g).tolist()
            if frozenset(members) in there:
                agreeing.update(members)
    for i in range(n):
        color = grey if in_left[i] < 0 else marks[in_left[i]].color
        curves.setdefault(_pale(color) if i in agreeing else color, []).append(i)
    return [
        {
            "type": "scatter", "name": "lines", "mode": "lines", "hoverinfo": "skip", "xaxis": "x3", "yaxis": "y",
            "x": np.tile(x, len(members)).astype(np.float32),
            "y": (start[members, None] + (end - start)[members, None] * bend).astype(np.float32).ravel(),
            "line": {"color": color, "width": width}, "cliponaxis": False,
        }
        for color, members in sorted(curves.items(), key=lambda item: not item[0].startswith("rgba"))
    ]  # fmt: skip


def _pale(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{AGREEING_OPACITY})"


def _tree_lines(side: _Side, marks: Sequence[GroupMark], grey: str) -> list[dict[str, Any]]:
    """The brackets of a tree as one trace a colour; a group has its colour from the cut downwards."""
    h, tree = side.h, side.tree
    height = np.concatenate([np.zeros(h.n), h.linkage[:, 2]]).tolist()
    places, group = tree.places.tolist(), side.group.tolist()
    colors = [grey if g < 0 else marks[g].color for g in group]
    points: dict[str, list[tuple[float, float]]] = {}
    gap = (math.nan, math.nan)
    for node, children in tree.children.items():
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
    name = "left tree" if side.axis == "x" else "right tree"
    return [
        {
            "type": "scatter", "name": name, "mode": "lines", "hoverinfo": "skip", "xaxis": side.axis, "yaxis": "y",
            **dict(zip(("x", "y"), np.array(path, dtype=np.float32).T.copy(), strict=True)),
            "line": {"color": color, "width": LINE_WIDTH},
        }
        for color, path in sorted(points.items(), key=lambda item: item[0] != grey)
        if path
    ]  # fmt: skip


def _markers(
    side: _Side, other: _Side, in_left: IntArray, marks: Sequence[GroupMark], theme: Theme, step: int, row: float
) -> list[dict[str, Any]]:
    """Marker traces of a tree's merges and leaves, the leaves with their names."""
    h, tree, n = side.h, side.tree, side.h.n
    roomy = row >= _ROOMY
    ink, grey = neutral("ink", theme), neutral("line", theme)
    name = "left" if side.axis == "x" else "right"
    at = np.concatenate([np.zeros(n), h.linkage[:, 2]])
    common: dict[str, Any] = {
        "type": "scatter", "xaxis": side.axis, "yaxis": "y", "cliponaxis": False,
        "hovertemplate": "%{customdata[2]}<extra></extra>",
    }  # fmt: skip

    def trace(what: str, nodes: list[int], texts: list[str], marker: dict[str, Any]) -> dict[str, Any]:
        custom = [[node, int(h.sizes[node]), text] for node, text in zip(nodes, texts, strict=True)]
        x, y = at[nodes].astype(np.float32), tree.places[nodes].astype(np.float32)
        marker = {"opacity": 1, **marker}
        return {**common, "name": f"{name} {what}", "mode": "markers", "x": x, "y": y, "customdata": custom,
                "marker": marker}  # fmt: skip

    traces = []
    if tree.children:
        inner = list(tree.children)
        shared = side.shared[inner].tolist()
        color = [
            (marks[side.group[node]].color if side.group[node] >= 0 else ink) if both else grey
            for node, both in zip(inner, shared, strict=True)
        ]
        big, small = (9, 6) if roomy else (6, 4)
        traces.append(
            trace(
                "merges",
                inner,
                [_merge_text(side, node) for node in inner],
                {
                    "color": color,
                    "symbol": [_SHARED if both else _OWN for both in shared[:-1]] + [_ROOT],
                    "size": [big if both else small for both in shared],
                    "line": {"color": color, "width": 1},
                },
            )
        )
    mine = [marks[g] if g >= 0 else GroupMark(-1, grey, "circle") for g in in_left.tolist()]
    leaves = trace(
        "leaves",
        list(range(n)),
        [_leaf_text(side, other, i) for i in range(n)],
        {"color": [m.color for m in mine], "symbol": [m.symbol for m in mine], "size": 7 if roomy else 4},
    )
    if step:
        place = tree.places[:n].astype(int).tolist()
        names = ["" if place[i] % step else shown_name(h.names[i], NAME_CHARS) for i in range(n)]
        leaves |= {
            "mode": "markers+text", "text": names, "textposition": "top right" if name == "left" else "top left",
            "textfont": {"size": style.FONT_SIZE - (2 if roomy else 4), "color": ink},
        }  # fmt: skip
        if row < _LINE_OF_TEXT:  # the line above runs through the name
            leaves["textfont"]["shadow"] = ", ".join([f"0 0 2px {neutral('surface', theme)}"] * 4)
    return [*traces, leaves]


def _merge_text(side: _Side, node: int) -> str:
    members = side.h.members(node)
    names = [style.shorten(one_line(side.h.names[i]), NAME_CHARS) for i in members[:_HOVER_NAMES]]
    joined = f"{len(members):,} classes, joined at {_distance(side, side.h.linkage[node - side.h.n, 2])}"
    text = f"{joined}<br>{shown_members(names, len(members))}"
    if len(members) == side.h.n:
        return text
    return f"{text}<br>{'In both trees' if side.shared[node] else 'Not a clade of the other tree'}"


def _leaf_text(side: _Side, other: _Side, i: int) -> str:
    text = f"<b>{shown_name(side.h.names[i], 40)}</b>"
    for each in (side, other) if side.axis == "x" else (other, side):
        beside, height = company(each.h, each.tree, i)
        if len(beside):
            names = [style.shorten(one_line(each.h.names[j]), NAME_CHARS) for j in beside[:2]]
            label = style.escape(style.shorten(one_line(each.label), 40))
            text += f"<br>{label}: joins {shown_members(names, len(beside))}<br>at {_distance(each, height)}"
    return text


def _distance(side: _Side, height: float) -> str:
    value = format_number(float(height))
    return f"{value} {style.escape(side.unit)}" if side.unit else value


def _side_title(label: str) -> list[str]:
    """What a tree is, in as many lines as two of them need side by side on a phone."""
    return textwrap.wrap(style.shorten(one_line(label), 3 * _SIDE_CHARS), _SIDE_CHARS)[:4] or [""]


def _draw_axes(fig: go.Figure, sides: Sequence[_Side], middle: float, theme: Theme) -> None:
    """Distance axes, what each tree is, and the cut."""
    n, left_end, right_end = sides[0].h.n, (1 - middle) / 2, (1 + middle) / 2
    fig.update_yaxes(range=[n - 0.4, -0.8], showgrid=False, showline=False, showticklabels=False, ticks="")
    for side, domain, key in zip(sides, ((0, left_end), (right_end, 1)), ("xaxis", "xaxis2"), strict=True):
        taxonomy = side.h.method == TAXONOMY
        words = "Levels of the taxonomy" if taxonomy else HEIGHT_TITLES.get(side.h.method, side.h.method.capitalize())
        title = "Levels<br>of the taxonomy" if taxonomy else f"{words}<br>({style.escape(side.unit)})"
        ends = [side.extent, 0] if side.axis == "x" else [0, side.extent]
        settings: dict[str, Any] = {
            "domain": domain, "range": ends, "anchor": "y", "nticks": 4, "showgrid": True, "showline": False,
            "side": "bottom", "title": {"text": title, "standoff": 6, "font": {"size": style.FONT_SIZE - 3}},
            "tickfont": {"size": style.FONT_SIZE - 3}, "automargin": True,
        }  # fmt: skip
        fig.update_layout({key: settings})
        if not math.isnan(side.cut) and side.cut <= side.extent:
            fig.add_shape(
                type="line", x0=side.cut, x1=side.cut, y0=0, y1=1, xref=side.axis, yref="paper", layer="below",
                line={"color": neutral("muted", theme), "width": 1.5, "dash": "dash"},
            )  # fmt: skip
        left = side.axis == "x"
        fig.add_annotation(
            text="<br>".join(f"<b>{style.escape(line)}</b>" for line in _side_title(side.label)), showarrow=False,
            xref="paper", yref="paper", x=0 if left else 1, y=1, yanchor="bottom", yshift=2,
            xanchor="left" if left else "right", align="left" if left else "right",
            font={"size": style.FONT_SIZE - 1, "color": neutral("ink", theme)},
        )  # fmt: skip
    fig.update_layout(xaxis3={"domain": (left_end, right_end), "range": [0, 1], "visible": False, "fixedrange": True})
