"""Dendrogram figure.

Lines are drawn from the tree's own layout as one trace a colour: brackets one after the other with a gap between.
Merges and leaves are marker traces on top, so that both can be hovered and clicked (a web frame reports no clicks on
lines); their ``customdata`` is ``[[node, number of classes, hover text], ...]`` with the node numbers of
:mod:`lwal_core.analysis.hierarchy`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.clade_colors import leaf_symbols
from lwal_core.figures.clade_labels import PHONE_WIDTH, names_with_room, places_of_names, tree_width, turn_inwards
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.labels import NAME_CHARS, heading, step_for, thinning_note
from lwal_core.figures.leaf_strips import round_steps, strip_traces, with_looks
from lwal_core.figures.palette import OKABE_ITO, Theme, class_color, neutral
from lwal_core.figures.support_lines import support_traces
from lwal_core.figures.tree_drawing import (
    CLOSED_HALF,
    LARGE,
    LINE_WIDTH,
    GroupMark,
    TreeCut,
    crowd_trace,
    cut_handles,
    extent,
    hover_texts,
    merge_labels,
    node_customdata,
    node_tints,
    overlay_traces,
    path_corners,
    resolve_cut,
    tip_names,
    tree_strokes,
    with_gaps,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

Side = Literal["right", "left", "top", "bottom"]
Orientation = Literal["right", "left", "top", "bottom", "radial"]

ROW_HEIGHT = 22  # px a leaf while the figure is lower than MAX_HEIGHT
PICTURE_ROW_HEIGHT = 28  # px a leaf with a picture of its class
MIN_HEIGHT, MAX_HEIGHT = 320, 2_400  # px
UPRIGHT_HEIGHT = 520  # px for leaves above or below
UPRIGHT_NAMES = 22  # names side by side that fit 400 px
UPRIGHT_FLAT = 6  # up to so many names side by side may lie flat where the width allows it
MOST_PICTURES = {"right": 150, "left": 150, "top": 60, "bottom": 60, "radial": 72}  # leaves with a picture

_AXIS_HEIGHT = 50  # px for the distance axis and its title
_LINE_OF_TEXT = 13  # px a name takes at the small size
_HANDLES_APART = 0.02  # of the extent
_HANDLE_ROOM = 0.4  # rows beyond the handles of the cut: the pointer is not seen on the very edge
_STRIP_AWAY = 0.075  # of the extent, from the leaves to the squares beside them: clear of the leaves on a phone
_STRIP_STEP = 0.065  # of the extent, from one strip to the next
_TICKS = 6  # numbers of the distance axis, at most
_LEAST_AWAY = 0.1  # of the extent, from which on the axis would have numbers below 0
_PICTURE_AWAY = 0.04  # of the extent, from the leaves to their pictures
_MARGIN = 12  # px left and right
_PICTURE_ROOM = PICTURE_ROW_HEIGHT + 4  # px from the leaves to their names
_AXIS_ROOM = 60  # px below the leaves, for the distances and their title


@dataclass(frozen=True)
class _Frame:
    """How places and heights become x and y."""

    orientation: Side

    @property
    def sideways(self) -> bool:
        """Whether the leaves are on the left or right, so that heights run along x."""
        return self.orientation in ("left", "right")

    def xy(self, places: Any, heights: Any) -> dict[str, Any]:
        return {"x": heights, "y": places} if self.sideways else {"x": places, "y": heights}


def dendrogram_figure(
    h: Hierarchy,
    cut: CutAt | None = None,
    orientation: Orientation = "right",
    *,
    part: TreePart | None = None,
    theme: Theme = "light",
    height: int | None = None,
    title: str | None = None,
    class_colors: Sequence[str] | None = None,
    class_symbols: Sequence[str] | None = None,
    unit: str | None = None,
    max_labels: int | None = None,
    clade_names: Mapping[int, str] | None = None,
    proposed_names: Mapping[int, str] | None = None,
    support: Sequence[float] | None = None,
    chosen: int | None = None,
    pictures: Sequence[str] | None = None,
    strips: Sequence[Colouring] = (),
    looks: LeafLooks | None = None,
    marks: Sequence[GroupMark] = (),
    handles: int = 0,
) -> go.Figure:
    """Draw a class tree.

    A clade below the cut, with its leaves, has the colour of :func:`lwal_core.figures.clade_colors.clade_colors`, which does not change
    when the cut moves, branches are turned, or only a part is drawn; lines above the cut are grey. Above ``LARGE``
    classes the clades share two colours instead of seven and leaves and merges share one marker trace, so that there
    are at most four traces.

    Args:
        h: The tree, n classes.
        cut: None, a number of groups (``int``), a height (``float``) or top nodes in the units of the distance axis.
        orientation: Side of the leaves, or ``"radial"`` for leaves on a circle around the root.
        part: What of ``h`` to draw, from :func:`lwal_core.analysis.hierarchy.subtree.tree_part`; None for all. Closed clades
            are triangles.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels; None for 22 px a leaf within 320 to 2,400 (520 when leaves are above or below).
        title: The finding, plain text.
        class_colors: Colour of each leaf; None for that of its group, and without a cut for
            :func:`lwal_core.figures.palette.class_color` by class index.
        class_symbols: Plotly symbol of each leaf, likewise.
        unit: Unit of the distance axis; None for that of the tree's metric.
        max_labels: Most leaf names to show, 0 for none; None for as many as fit. A page that knows its width can show
            more than the 22 names that fit a phone when leaves are above or below.
        clade_names: Names that people gave to nodes, shown beside them where there is room and in the hover text.
        proposed_names: Names for further nodes that nobody gave yet, shown alike in italics.
        support: ``[n - 1]`` fraction from 0 to 1 of each merge (nan: none), shown in percent at the merges where there
            is room, and by the thickness of the branch above it.
        chosen: Node with a ring around it and its way up to the root drawn in ink.
        pictures: ``[n]`` data address of each class's picture (empty: none), drawn between leaf and name up to
            ``MOST_PICTURES`` leaves.
        strips: Numbers or categories of all classes, drawn as squares and shapes beside their leaves, the first nearest
            to the tree; not above ``LARGE`` classes. Labels are left out.
        looks: Colours of the names, and what stands after them.
        marks: Of the groups of the cut, drawn where the cut meets them.
        handles: Cuts from 2 up to so many groups can be clicked on along the edge; their ``customdata`` is
            ``[[-groups, groups, hover text], ...]``.

    Returns:
        The figure. Traces named ``"merges"``, ``"leaves"`` and ``"closed"`` (or ``"nodes"``) are the markers.

    Raises:
        AnalysisError: A cut, orientation, part, number of colours or of support values that does not fit the tree.
    """
    if orientation not in get_args(Orientation):
        raise AnalysisError(
            f"There is no orientation {orientation!r}.", f"Use one of {', '.join(get_args(Orientation))}."
        )
    for what, values, needed in (
        ("class colours", class_colors, h.n),
        ("class symbols", class_symbols, h.n),
        ("support values", support, h.n - 1),
        ("pictures", pictures, h.n),
    ):
        if values is not None and len(values) != needed:
            raise AnalysisError(f"There are {len(values)} {what} for a tree that needs {needed}.")
    part = tree_part(h) if part is None else part
    if part.tree is not h:
        raise AnalysisError("The part to be drawn is of another tree.", "Make it from the tree that is drawn.")
    import plotly.graph_objects as go

    unit = h.unit if unit is None else unit
    named, drawn, count = {**(proposed_names or {}), **(clade_names or {})}, resolve_cut(part, cut), len(part.tips)
    proposed = named.keys() - (clade_names or {}).keys()
    flat = (
        "one class: nothing to join"
        if h.n == 1
        else "all distances are equal: this tree says nothing"
        if h.n > 2 and h.is_flat
        else ""
    )
    too_many = f"columns are shown beside up to {LARGE:,} leaves" if strips and h.n > LARGE else ""
    strips = [] if h.n > LARGE else [strip for strip in strips if strip.kind != "label"]
    away_of = [-(_STRIP_AWAY + i * _STRIP_STEP) for i in range(len(strips))]
    numbered = len(strips) > 1
    legends = [line for i, strip in enumerate(strips) for line in strip.legend_lines(f"{i + 1} " if numbered else "")]
    most = MOST_PICTURES[orientation]
    wanted = pictures if pictures and any(pictures) else None
    shown_pictures = wanted if count <= most else None
    crowded = f"pictures are shown for up to {most} branches" if wanted and shown_pictures is None else ""
    notes = [flat, drawn.note, too_many, crowded]
    tints = node_tints(h, drawn)
    colors = [neutral("line", theme), *OKABE_ITO]
    node_colors = [colors[tint + 1] for tint in tints.tolist()]
    if class_colors is not None or cut is None:
        node_colors[: h.n] = class_colors or [class_color(i) for i in range(h.n)]
    symbols = list(class_symbols or leaf_symbols(h, cut))
    hover = hover_texts(part, unit, named, support, proposed)
    axis_title = f"{HEIGHT_TITLES.get(h.method, h.method.capitalize())} ({unit})"
    if orientation == "radial":
        from lwal_core.figures.radial import radial_figure

        return radial_figure(
            part, drawn, tints, node_colors, hover, named, support, proposed,
            chosen=chosen, strips=strips, looks=looks, legends=legends,
            marks=marks, theme=theme, height=height, title=title, notes=notes, axis_title=axis_title,
            max_labels=max_labels, pictures=shown_pictures, symbols=symbols,
        )  # fmt: skip

    frame = _Frame(orientation)
    row_height = PICTURE_ROW_HEIGHT if shown_pictures else ROW_HEIGHT
    # How many names fit depends on the height that the heading leaves, so the heading is laid out twice.
    above = heading(title, [*notes, "names"], theme, legends)[1]
    pixels, step = _room_for_names(count, frame, height, above, max_labels, row_height)
    headline, top_margin = heading(title, [*notes, thinning_note(count, step)], theme, legends)

    traces: list[dict[str, Any]] = [
        {"type": "scatter", "name": "lines", "mode": "lines", "hoverinfo": "skip",
         **frame.xy(np.concatenate([with_gaps(p) for p, _ in parts]), np.concatenate([with_gaps(q) for _, q in parts])),
         "line": {"color": colors[tint + 1], "width": LINE_WIDTH}}
        for tint, parts in tree_strokes(part, drawn, tints).items()
    ]  # fmt: skip
    if support is not None:
        traces += support_traces(
            part, support, drawn, tints, colors, lambda places, heights: frame.xy(with_gaps(places), with_gaps(heights))
        )
    if chosen is not None:
        places, heights = path_corners(part, chosen)
        traces.append(
            {"type": "scatter", "name": "path", "mode": "lines", "hoverinfo": "skip", **frame.xy(places, heights),
             "line": {"color": neutral("ink", theme), "width": 2 * LINE_WIDTH}}
        )  # fmt: skip
    top = extent(part)
    away = (-away_of[-1] + 0.8 * _STRIP_AWAY if strips else _PICTURE_AWAY if shown_pictures else 0.012) * top
    names = with_looks(tip_names(part, named, proposed=proposed), part, looks, theme)
    wide = tree_width(names[:: step or 1] if step else (), away / top) if frame.sideways else PHONE_WIDTH
    places_at = places_of_names(part, pixels - above, sideways=frame.sideways, wide=wide)
    beside = names_with_room(part, named, proposed, places_at, wide + _MARGIN)
    labels = merge_labels(part, beside, support, proposed)
    traces += _markers(part, frame, node_colors, symbols, hover, labels, theme, pixels)
    if frame.sideways:
        turn_inwards(traces, part, beside, places_at, wide + _MARGIN)
    if strips:
        room = (pixels if frame.sideways else PHONE_WIDTH) / count
        strip_heights = [at * top for at in away_of]
        size, numbers_at = min(13, int(0.7 * room)), -0.75 if frame.sideways else count - 0.3
        traces += strip_traces(part, strips, strip_heights, size, tip_names(part, {}), frame.xy, theme, numbers_at)
    if handles > 1 and not h.is_flat:
        traces.append(_handles_trace(part, frame, handles, top, theme))
    fig = go.Figure([*traces, *overlay_traces(part, drawn, marks, chosen, theme, frame.xy)])

    style.apply(fig, theme=theme, height=pixels)
    margins = {"l": _MARGIN, "r": _MARGIN, "t": top_margin, "b": 8}
    if orientation == "top":  # plotly makes room for names above the tree, but not below a title
        longest = max((len(style.shorten(name, NAME_CHARS)) for name in h.names), default=0)
        margins["t"] += (12 + 7 * longest if step else 0) + (_PICTURE_ROOM if shown_pictures else 0)
    if math.isfinite(drawn.height) and drawn.height <= top:
        margins["t" if frame.sideways else "r"] += 20 if frame.sideways else 72
        _draw_cut(fig, frame, drawn, top, theme)
    fig.update_layout(
        title=headline, margin=margins, hovermode="closest", hoverlabel={"align": "left"},
        uirevision=f"{orientation} {h.n} {count} {part.root} {h.method} {h.metric}",
    )  # fmt: skip
    _draw_axes(
        fig, part, frame, top, away, step, pixels, axis_title, names, row_height,
        _HANDLE_ROOM if (handles > 1 and not h.is_flat) or len(strips) > 1 else 0.0,
    )  # fmt: skip
    if shown_pictures:
        _draw_pictures(fig, part, orientation, shown_pictures)
    return fig


def _markers(
    part: TreePart,
    frame: _Frame,
    colors: list[str],
    symbols: list[str],
    hover: list[str],
    labels: list[str],
    theme: Theme,
    pixels: int,
) -> list[dict[str, Any]]:
    """Marker traces of merges, leaves and closed clades from what is known of each node; one trace for all above
    ``LARGE`` tips."""
    n = part.tree.n
    roomy = (pixels if frame.sideways else PHONE_WIDTH) / len(part.tips) >= 9

    def trace(name: str, nodes: IntArray, marker: dict[str, Any], heights: FloatArray | None = None) -> dict[str, Any]:
        at = part.height[nodes] if heights is None else heights
        return {
            **frame.xy(part.place[nodes].astype(np.float32), at.astype(np.float32)),
            "type": "scatter", "name": name, "mode": "markers", "cliponaxis": False,
            "customdata": node_customdata(part, nodes, hover), "hovertemplate": "%{customdata[2]}<extra></extra>",
            "marker": {"opacity": 1, "line": {"width": 0}, **marker},
            "selected": {"marker": {"size": 12}}, "unselected": {"marker": {"opacity": 1}},
        }  # fmt: skip

    if len(part.tips) > LARGE:
        return [crowd_trace(part, colors, hover, frame.xy)]
    traces = []
    if len(part.closed):
        traces += _triangles(part, frame, colors)
        ends = {"color": [colors[node] for node in part.closed.tolist()], "symbol": "square", "size": 8 if roomy else 5}
        traces.append(trace("closed", part.closed, ends, np.zeros(len(part.closed))))
    leaves = part.tips[part.tips < n]
    leaves = np.sort(leaves)
    if len(leaves):
        marker = {
            "color": [colors[i] for i in leaves.tolist()], "symbol": [symbols[i] for i in leaves.tolist()],
            "size": 9 if roomy else 5,
        }  # fmt: skip
        traces.append(trace("leaves", leaves, marker))
    if not len(part.merges):
        return traces
    merges = trace(
        "merges", part.merges, {"color": [colors[node] for node in part.merges.tolist()], "size": 6 if roomy else 4}
    )
    if any(labels) and roomy:
        muted = neutral("muted", theme)
        merges["mode"] = "markers+text"
        merges["text"] = labels
        merges["textposition"] = (
            "top left"
            if frame.orientation == "right"
            else "bottom right"
            if frame.orientation == "top"
            else "top right"
        )
        merges["textfont"] = {"size": style.FONT_SIZE - 4, "color": muted, "shadow": style.halo(theme)}
        merges["unselected"]["textfont"] = {"color": muted}
    return [merges, *traces]


def _triangles(part: TreePart, frame: _Frame, colors: list[str]) -> list[dict[str, Any]]:
    """Closed clades as triangles from their merge down to the leaves, one trace a colour."""
    traces = []
    by_color: dict[str, list[int]] = {}
    for node in part.closed.tolist():
        by_color.setdefault(colors[node], []).append(node)
    for color, nodes in by_color.items():
        place, height = part.place[nodes], part.height[nodes]
        nothing = np.zeros(len(nodes))
        places = np.stack([place, place - CLOSED_HALF, place + CLOSED_HALF, place], axis=1)
        heights = np.stack([height, nothing, nothing, height], axis=1)
        traces.append(
            {"type": "scatter", "name": "closed clades", "mode": "lines", "hoverinfo": "skip", "fill": "toself",
             **frame.xy(with_gaps(places), with_gaps(heights)), "opacity": 0.6,
             "line": {"color": color, "width": 1}, "fillcolor": color}
        )  # fmt: skip
    return traces


def _handles_trace(part: TreePart, frame: _Frame, most: int, top: float, theme: Theme) -> dict[str, Any]:
    found = cut_handles(part, most, _HANDLES_APART * top)
    custom = np.empty((len(found), 3), dtype=object)
    custom[:, 0], custom[:, 1] = [-k for k, _ in found], [k for k, _ in found]
    custom[:, 2] = [f"cut here: {k} groups" for k, _ in found]
    symbol = "triangle-down" if frame.sideways else "triangle-left"
    edge = -0.6 if frame.sideways else len(part.tips) - 0.4  # inside the ranges, which end at _HANDLE_ROOM
    return {
        "type": "scatter", "name": "cuts", "mode": "markers", "cliponaxis": False,
        **frame.xy(np.full(len(found), edge), np.array([at for _, at in found], dtype=np.float32)),
        "customdata": custom, "hovertemplate": "%{customdata[2]}<extra></extra>",
        "marker": {"symbol": symbol, "size": 9, "color": neutral("muted", theme), "opacity": 1},
        "selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}},
    }  # fmt: skip


def _draw_pictures(fig: go.Figure, part: TreePart, side: Side, pictures: Sequence[str]) -> None:
    """Pictures of the classes between the leaves and their names, one row high where rows are low: there is room for no more."""
    edge = 1.0 if side in ("right", "top") else 0.0
    outwards = {"right": "left", "left": "right", "top": "bottom", "bottom": "top"}[side]
    if side in ("right", "left"):
        row = max((fig.layout.height - fig.layout.margin.t - _AXIS_ROOM) / len(part.tips), 1.0)  # px
        at = {
            "xref": "paper",
            "yref": "y",
            "x": edge,
            "xanchor": outwards,
            "yanchor": "middle",
            "sizex": 0.2,
            "sizey": 0.86 * min(1.0, PICTURE_ROW_HEIGHT / row),
        }
        along = "y"
    else:
        share = PICTURE_ROW_HEIGHT / (0.6 * fig.layout.height)  # of the plot, which names and title leave some 60 %
        at = {
            "xref": "x",
            "yref": "paper",
            "y": edge,
            "xanchor": "center",
            "yanchor": outwards,
            "sizex": 0.86,
            "sizey": share,
        }
        along = "x"
    fig.update_layout(
        images=[
            {"source": pictures[tip], along: place, **at, "sizing": "contain", "layer": "above"}
            for place, tip in enumerate(part.tips.tolist())
            if tip < part.tree.n and pictures[tip]
        ]
    )
    (fig.update_yaxes if along == "y" else fig.update_xaxes)(ticklen=_PICTURE_ROOM)


def _room_for_names(
    n: int, frame: _Frame, height: int | None, above: int, max_labels: int | None, row_height: int
) -> tuple[int, int]:
    """Height of the figure in px, and every how many-th name is shown (0: none)."""
    chrome = above + _AXIS_HEIGHT
    if frame.sideways:
        pixels = min(max(MIN_HEIGHT, row_height * n + chrome), MAX_HEIGHT) if height is None else height
        fit = max(int((pixels - chrome) / _LINE_OF_TEXT), 1)
    else:
        pixels = UPRIGHT_HEIGHT if height is None else height
        fit = UPRIGHT_NAMES
    if max_labels is not None:
        fit = min(fit, max_labels) if frame.sideways else max_labels
    return pixels, step_for(n, fit)


def _draw_cut(fig: go.Figure, frame: _Frame, drawn: TreeCut, top: float, theme: Theme) -> None:
    """The dashed line of the cut with its height, beside the tree so that no line runs through the text."""
    at = drawn.height
    line = {"color": neutral("muted", theme), "width": 1.5, "dash": "dash"}
    across = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    if not frame.sideways:
        across = {"y0": at, "y1": at, "x0": 0, "x1": 1, "yref": "y", "xref": "paper"}
    fig.add_shape(type="line", line=line, layer="below", **across)
    font = {"size": style.FONT_SIZE - 2, "color": neutral("ink", theme)}
    if frame.sideways:
        from_left = at / top if frame.orientation == "left" else 1 - at / top
        anchor = "left" if from_left < 0.33 else "right" if from_left > 0.67 else "center"
        where = {"x": at, "xref": "x", "y": 1, "yref": "paper", "xanchor": anchor, "yanchor": "bottom"}
        text = f"cut at {format_number(at)}: {drawn.groups}"
    else:
        where = {
            "y": at, "yref": "y", "x": 1, "xref": "paper", "xanchor": "left", "yanchor": "middle", "align": "left",
            "xshift": 4,
        }  # fmt: skip
        text = f"cut at {format_number(at)}<br>{drawn.groups}"
    fig.add_annotation(text=text, showarrow=False, font=font, **where)


def _draw_axes(
    fig: go.Figure,
    part: TreePart,
    frame: _Frame,
    top: float,
    away: float,
    step: int,
    pixels: int,
    title: str,
    tips: list[str],
    row_height: int,
    room: float,
) -> None:
    """Distance axis and leaf names; ``away`` is the room on the leaves' side of height 0, ``room`` that beside the first
    leaf (the last, where they stand side by side), in rows."""
    count = len(tips)
    shown = range(0, count, step) if step else range(0)
    small = (frame.sideways and count * row_height > pixels) or (not frame.sideways and len(shown) > UPRIGHT_NAMES // 2)
    names = {
        "tickmode": "array", "tickvals": list(shown), "ticktext": [tips[place] for place in shown],
        "side": frame.orientation, "showgrid": False, "showline": False, "title": None,
        "ticks": "outside", "ticklen": 7, "tickcolor": "rgba(0,0,0,0)",
        "tickfont": {"size": style.FONT_SIZE - (3 if small else 1), "color": fig.layout.font.color},
    }  # fmt: skip
    # The first leaf is at the top or left; heights grow away from the leaves.
    rising = frame.orientation in ("left", "bottom")
    distance = {
        "range": [-away, top] if rising else [top, -away], "title": {"text": style.escape(title), "standoff": 8},
        "nticks": _TICKS, "showgrid": True, "showline": False, "side": "bottom" if frame.sideways else "left",
    }  # fmt: skip
    if away > _LEAST_AWAY * top:  # no numbers under what stands beside the leaves
        distance |= {"tickmode": "array", "tickvals": round_steps(top, _TICKS)}
    if frame.sideways:
        fig.update_yaxes(range=[count - 0.4, -0.6 - room], **names)
        fig.update_xaxes(**distance)
    else:
        angle = {"tickangle": -90} if count > UPRIGHT_FLAT else {"autotickangles": [0, -90]}
        fig.update_xaxes(range=[-0.6, count - 0.4 + room], **angle, **names)
        fig.update_yaxes(**distance)
