"""Tanglegram figure: two class trees with a line between equal classes.

Three plots side by side share the rows: the left tree, the lines, the right tree. Lines and clades are coloured by the
left tree's groups at the cut, also in the right tree, as far as a clade there stays within one group; or clades by how well
they correspond to one of the other tree. Names stand on their lines, which run level under them, so that they fit any width.
Clades can be closed on either side: then a line stands for the classes that two branches share, thicker for more. Merges,
closed clades and leaves are marker traces with ``customdata`` ``[[node, number of classes, hover text, side], ...]`` and the
node numbers of :mod:`lwal_core.analysis.hierarchy`; tied merges are one node.
"""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import HEIGHT_TITLES
from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import Multiway, multiway
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees import clades
from lwal_core.analysis.trees.correspondence import Correspondence, connections, tips_of_classes
from lwal_core.analysis.trees.matching import TAXONOMY, groups_of_nodes, node_masks, renumbered
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.labels import heading, one_line, step_for, thinning_note
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.tanglegram.lines import connecting_lines, picked_lines
from lwal_core.figures.tanglegram.sides import (
    LINE_OF_TEXT,
    LINE_WIDTH,
    MATCH_GLYPH,
    NAME_CHARS,
    Side,
    closed_clades,
    markers,
    match_color,
    picked_trace,
    tree_lines,
    with_scale,
)
from lwal_core.figures.tree_drawing import tip_names

if TYPE_CHECKING:
    import plotly.graph_objects as go

ColorBy = Literal["groups", "match"]


ROW_HEIGHT = 22  # px a row while the figure is lower than MAX_HEIGHT
MIN_HEIGHT, MAX_HEIGHT = 320, 2_400  # px

_PHONE_WIDTH = 376  # px that a 400 px figure has to draw in
_CHAR_WIDTH = 5.6  # px of an average letter at the small size
_LEAST_RUN = 44  # px of line between two names at phone width
_SIDE_TITLE, _SIDE_LINE = 24, 16  # px of a title of one line, and of each further one
_SIDE_CHARS = 26  # of a line: two of them fit a 400 px figure side by side
_AXIS_HEIGHT = 64  # px for the distance axes and their titles of two lines


def tanglegram_figure(
    left: Hierarchy,
    right: Hierarchy,
    groups: int | None = None,
    *,
    parts: tuple[TreePart, TreePart] | None = None,
    alike: tuple[Correspondence, Correspondence] | None = None,
    color_by: ColorBy = "groups",
    picked: tuple[Collection[int], Collection[int]] = ((), ()),
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
        parts: What of the two is drawn; None for all. The classes of both must then come in the same order.
        alike: Which clade of the other tree is most like each clade, left and right, for hover texts and colours.
        color_by: ``"groups"`` of the left tree at the cut, or ``"match"``: how much a clade is like its best match.
        picked: Nodes on the left and on the right that are ringed, with the lines of their classes on top.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels; None for 22 px a row within 320 to 2,400.
        title: The finding, plain text.
        labels: What each tree is, plain text.
        units: Units of the two distance axes; None for that of the tree's metric.

    Returns:
        The figure. Traces are named ``"left tree"``, ``"right tree"`` (one a colour), ``"lines"`` (one a colour and width, and
        one for its pale form), ``"picked lines"``, and for left and right ``"left closed clades"`` (one a colour),
        ``"left merges"``, ``"left closed"``, ``"left leaves"`` and ``"left picked"``.

    Raises:
        AnalysisError: Different classes, a number of groups that does not fit, parts of other trees, or colours by a match
            that is not given.
    """
    if color_by == "match" and alike is None:
        raise AnalysisError("Clades have no colours by their match, for no match is given.", "Give `alike`.")
    if parts is None:
        right = renumbered(right, left.names)
        parts = (tree_part(left), tree_part(right))
    elif parts[0].tree is not left or parts[1].tree is not right or left.names != right.names:
        raise AnalysisError("The parts are not of these two trees.", "Make them of the trees that are drawn.")
    n = left.n
    groups = None if color_by == "match" else groups
    marks = [] if groups is None else group_marks(left, groups)
    in_left = np.full(n, -1, dtype=np.intp)
    for number, mark in enumerate(marks):
        in_left[left.members(mark.node)] = number
    grey = neutral("line", theme)
    units_ = tuple(h.unit if unit is None else unit for h, unit in zip((left, right), units, strict=True))
    cuts = [math.nan if groups is None or n < 2 else h.height_for(groups) for h in (left, right)]
    common = clades(left.linkage).masks & clades(right.linkage).masks
    rows = max(len(part.tips) for part in parts)
    sides = []
    for at, (h, part) in enumerate(zip((left, right), parts, strict=True)):
        group = groups_of_nodes(h, in_left)
        own = alike[at] if alike is not None else None
        colors = [grey if g < 0 else marks[g].color for g in group.tolist()]
        if color_by == "match" and own is not None:
            scores = own.jaccard.tolist()
            colors = [grey if node < n else match_color(scores[node]) for node in range(2 * n - 1)]
        whole = multiway(h)
        drawn = whole if part.is_whole else multiway(h, part)
        sides.append(
            Side(h, part, _spread(drawn, len(part.tips), rows), whole, labels[at], units_[at], group, _marked(h, common), own,
                 colors, cuts[at], ("x", "x2")[at])
        )  # fmt: skip

    notes = [_flat_note(sides), _how_to_read(groups, cuts, color_by, n), _closed_note(parts)]
    titles = [_side_title(label) for label in labels]
    side_title = _SIDE_TITLE + _SIDE_LINE * (max(map(len, titles)) - 1)
    pixels, step = _room_for_names(rows, height, heading(title, [*notes, "names"], theme)[1] + side_title)
    headline, top_margin = heading(title, [*notes, thinning_note(n, step)], theme)
    headline["text"] = with_scale(str(headline["text"]))
    row = (pixels - top_margin - side_title - _AXIS_HEIGHT) / rows

    import plotly.graph_objects as go

    shown = [name for part in parts for name in tip_names(part, {}, NAME_CHARS)] if step else []
    middle, flat = _middle(max(map(_visible, shown), default=0))
    links = connections(*parts)
    agreeing = _agreeing(in_left, None if groups is None else right.cut(k=groups), len(marks))
    width = LINE_WIDTH if row >= LINE_OF_TEXT else 1.0
    traces = connecting_lines(sides, links, agreeing, marks, flat, grey, width)
    traces += picked_lines(sides, _links_of(links, parts, picked), flat, theme)
    for side in sides:
        traces += closed_clades(side)
        traces += tree_lines(side, grey)
    for side, other, nodes in zip(sides, sides[::-1], picked, strict=True):
        traces += picked_trace(side, nodes, theme)
        traces += markers(side, other, in_left, marks, theme, step, row)
    fig = go.Figure(traces, layout={"xaxis2": {"anchor": "y"}, "xaxis3": {"anchor": "y"}})

    style.apply(fig, theme=theme, height=pixels)
    drawn_as = f"{n} {labels[0]} {labels[1]} {[(part.root, len(part.tips)) for part in parts]}"
    fig.update_layout(
        title=headline, margin={"l": 12, "r": 12, "t": top_margin + side_title, "b": 8}, hovermode="closest",
        hoverlabel={"align": "left"}, clickmode="event+select", uirevision=style.escape(drawn_as),
    )  # fmt: skip
    _draw_axes(fig, sides, rows, middle, theme)
    return fig


def _spread(tree: Multiway, tips: int, rows: int) -> Multiway:
    """The same nodes over the rows of the side that has more of them."""
    if tips == rows:
        return tree
    if tips == 1:
        return replace(tree, places=tree.places + (rows - 1) / 2)
    return replace(tree, places=tree.places * ((rows - 1) / (tips - 1)))


def _visible(name: str) -> int:
    """Characters of a name as it is shown."""
    return len(html.unescape(name))


def _agreeing(in_left: IntArray, in_right: IntArray | None, count: int) -> set[int]:
    """Groups of the left tree that the right tree has, too; none of a single group, about which nothing is said."""
    if in_right is None or count < 2:
        return set()
    there = {frozenset(np.flatnonzero(in_right == g).tolist()) for g in range(count)}
    return {g for g in range(count) if frozenset(np.flatnonzero(in_left == g).tolist()) in there}


def _links_of(links: IntArray, parts: tuple[TreePart, TreePart], picked: Sequence[Collection[int]]) -> IntArray:
    """The lines that hold a class of the picked nodes."""
    classes = {
        int(i) for part, nodes in zip(parts, picked, strict=True) for node in nodes for i in part.tree.members(node)
    }
    if not classes:
        return links[:0]
    index = np.array(sorted(classes), dtype=np.intp)
    ends = {tuple(pair) for pair in np.stack([tips_of_classes(part)[index] for part in parts], axis=1).tolist()}
    return links[[tuple(pair) in ends for pair in links[:, :2].tolist()]]


def _marked(h: Hierarchy, common: frozenset[int]) -> npt.NDArray[np.bool_]:
    """Whether the classes below each node are one of the clades, given as bits, ``[2n - 1]``."""
    return np.array([mask in common for mask in node_masks(h)])


def _flat_note(sides: Sequence[Side]) -> str:
    if sides[0].h.n == 1:
        return "one class: nothing to compare"
    flat = [side.label for side in sides if side.h.n > 2 and side.h.is_flat]
    if len(flat) == 2:
        return "both trees join all classes at one height: they say nothing"
    return f"{flat[0]} joins all classes at one height: this tree says nothing" if flat else ""


def _how_to_read(groups: int | None, cuts: Sequence[float], color_by: ColorBy, n: int) -> str:
    if n < 3:
        return ""
    text = "◆ clade of both trees, ○ of one"
    if color_by == "match":
        return f"{text}. Jaccard index with the best match: 0 {MATCH_GLYPH * 7} 1"
    if groups is None:
        return text
    if groups > 1:
        text += "; pale: the same group"
    if any(math.isnan(cut) for cut in cuts):
        text += f". No height gives {groups} groups in both: merges are tied"
    return text


def _closed_note(parts: Sequence[TreePart]) -> str:
    if not any(len(part.closed) for part in parts):
        return ""
    return "triangles: closed clades; the thicker a line, the more classes"


def _room_for_names(rows: int, height: int | None, above: int) -> tuple[int, int]:
    """Height of the figure in px, and every how many-th name is shown."""
    chrome = above + _AXIS_HEIGHT
    pixels = min(max(MIN_HEIGHT, ROW_HEIGHT * rows + chrome), MAX_HEIGHT) if height is None else height
    return pixels, step_for(rows, max(int((pixels - chrome) / LINE_OF_TEXT), 1))


def _middle(longest: int) -> tuple[float, float]:
    """Share of the width between the trees, and the share of that which lines run level at each end."""
    wide = 8 + _CHAR_WIDTH * longest
    middle = min(max((2 * wide + _LEAST_RUN) / _PHONE_WIDTH, 0.34), 0.64)
    return middle, min(max(wide / (middle * _PHONE_WIDTH), 0.08), 0.42)


def _side_title(label: str) -> list[str]:
    """What a tree is, in as many lines as two of them need side by side on a phone."""
    return textwrap.wrap(style.shorten(one_line(label), 3 * _SIDE_CHARS), _SIDE_CHARS)[:4] or [""]


def _draw_axes(fig: go.Figure, sides: Sequence[Side], rows: int, middle: float, theme: Theme) -> None:
    """Distance axes, what each tree is, and the cut."""
    left_end, right_end = (1 - middle) / 2, (1 + middle) / 2
    fig.update_yaxes(range=[rows - 0.4, -0.8], showgrid=False, showline=False, showticklabels=False, ticks="")
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
