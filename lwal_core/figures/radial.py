"""Radial dendrogram."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.figures import style
from lwal_core.figures.clade_labels import names_with_room, text_width
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.labels import heading, shown_length, step_for, thinning_note
from lwal_core.figures.leaf_strips import strip_traces, with_looks
from lwal_core.figures.palette import OKABE_ITO, Theme, neutral
from lwal_core.figures.support_lines import support_traces
from lwal_core.figures.tree_drawing import (
    LARGE,
    LINE_WIDTH,
    GroupMark,
    TreeCut,
    crowd_trace,
    extent,
    merge_labels,
    node_customdata,
    overlay_traces,
    path_corners,
    tip_names,
    tree_strokes,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 640  # px
NAME_CHARS = 14  # of a leaf name: the wheel shares a phone's width with names on both sides
MOST_NAMES = 72  # that can stand around the wheel in 400 px
_PHONE_WHEEL = 196  # px from the middle to the edge of a figure on a phone
_RING_NUMBER, _ABOVE = 34, 9  # px of the number on a ring, from a merge up to the middle of its name

_STEP = math.radians(3)  # of an arc
_STRIP, _STRIPS = 0.06, 0.085  # from the leaves to a strip, from one strip to the next, of the radius
_CLEAR = 0.95  # of the radius, to which names of clades may reach
_GAP = 0.02  # turns left free between the last leaf and the first
_NAME_AWAY = 0.05  # from the leaves to their names, of the radius
_PICTURE = 0.15  # side of a leaf's picture where there is room, of the radius
_AROUND = 0.1  # from what is outermost beside the leaves to where a name's room begins, of the radius
_PER_CHAR = 0.0465  # room for a character of a name, of the radius at which its room begins: 5.5 px or more on a phone


class _Wheel:
    """Places and heights as x and y: leaves at radius 1, the top of the drawing in the middle."""

    def __init__(self, part: TreePart) -> None:
        self.count = len(part.tips)
        self.top = extent(part)

    def angle(self, places: FloatArray) -> FloatArray:
        """Radians, clockwise from the top."""
        found: FloatArray = 2 * math.pi * (_GAP / 2 + (1 - _GAP) * (np.asarray(places) + 0.5) / self.count)
        return found

    def radius(self, heights: FloatArray) -> FloatArray:
        found: FloatArray = 1 - np.asarray(heights) / self.top
        return found

    def xy(self, places: FloatArray, heights: FloatArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        angle, radius = self.angle(places), self.radius(heights)
        return (radius * np.sin(angle)).astype(np.float32), (radius * np.cos(angle)).astype(np.float32)

    def trace_xy(self, places: FloatArray, heights: FloatArray) -> dict[str, Any]:
        return dict(zip("xy", self.xy(places, heights), strict=True))

    def line(self, places: FloatArray, heights: FloatArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """One line through corners, along arcs where the place changes."""
        turns = np.abs(np.diff(self.angle(places)))
        pieces = np.maximum(1, np.ceil(turns / _STEP)).astype(int)
        corner = np.repeat(np.arange(len(pieces)), pieces)
        start = np.concatenate([[0], np.cumsum(pieces)[:-1]])
        share = (np.arange(len(corner)) - start[corner]) / pieces[corner]
        along = [np.append(v[corner] + share * np.diff(v)[corner], v[-1:]) for v in (places, heights)]
        return self.xy(along[0], along[1])

    def lines(self, places: FloatArray, heights: FloatArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Rows of corners as separate lines, nan between them."""
        rows, corners = places.shape
        if not rows:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.float32)
        x, y = self.line(places.ravel(), heights.ravel())
        # The line from the end of one row to the start of the next is cut out.
        turns = np.abs(np.diff(self.angle(places.ravel())))
        pieces = np.maximum(1, np.ceil(turns / _STEP)).astype(int)
        between = np.zeros(len(pieces), dtype=bool)
        between[corners - 1 :: corners] = True
        corner = np.repeat(np.arange(len(pieces)), pieces)
        inside = between[corner]
        starts = np.concatenate([[0], np.cumsum(pieces)[:-1]])
        inside[starts[between]] = False  # the end of a row is a corner of it
        keep = np.append(~inside, True)
        gap_after = np.zeros(len(keep), dtype=bool)
        gap_after[starts[between]] = True
        at = np.flatnonzero(gap_after[keep]) + 1
        return np.insert(x[keep], at, np.nan), np.insert(y[keep], at, np.nan)


def radial_figure(
    part: TreePart,
    cut: TreeCut,
    tints: IntArray,
    colors: Sequence[str],
    hover: Sequence[str],
    clade_names: Mapping[int, str],
    support: Sequence[float] | None,
    proposed: Collection[int],
    *,
    chosen: int | None,
    strips: Sequence[Colouring],
    looks: LeafLooks | None,
    legends: Sequence[str],
    marks: Sequence[GroupMark],
    theme: Theme,
    height: int | None,
    title: str | None,
    notes: Sequence[str],
    axis_title: str,
    max_labels: int | None = None,
    pictures: Sequence[str] | None = None,
    symbols: Sequence[str],
) -> go.Figure:
    """The wheel; called by :func:`lwal_core.figures.dendrogram.dendrogram_figure`, which explains the arguments.

    ``colors`` and ``hover`` are of every node, ``tints`` the index of its group's colour, ``symbols`` of the leaves.
    """
    import plotly.graph_objects as go

    n, count, wheel = part.tree.n, len(part.tips), _Wheel(part)
    fit = MOST_NAMES if max_labels is None else min(MOST_NAMES, max_labels)
    step = step_for(count, fit)
    headline, top_margin = heading(
        title, [*notes, thinning_note(count, step), f"from rim to middle: {axis_title}"], theme, legends
    )
    palette = [neutral("line", theme), *OKABE_ITO]

    traces: list[dict[str, Any]] = []
    for tint, pieces in tree_strokes(part, cut, tints).items():
        drawn = [wheel.lines(places, heights) for places, heights in pieces]
        x, y = (np.concatenate([piece[axis] for piece in _separated(drawn)]) for axis in (0, 1))
        line = {"color": palette[tint + 1], "width": LINE_WIDTH}
        traces.append(
            {"type": "scatter", "name": "lines", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y, "line": line}
        )
    if support is not None:

        def spokes(places: FloatArray, heights: FloatArray) -> dict[str, Any]:
            return dict(zip("xy", wheel.lines(places, heights), strict=True))

        traces += support_traces(part, support, cut, tints, palette, spokes)
    if chosen is not None:
        places, heights = path_corners(part, chosen)
        if len(places):
            x, y = wheel.line(places, heights)
            line = {"color": neutral("ink", theme), "width": 2 * LINE_WIDTH}
            traces.append(
                {"type": "scatter", "name": "path", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y, "line": line}
            )
    names = tip_names(part, clade_names, NAME_CHARS, proposed)
    plain_names, names = names, with_looks(names, part, looks, theme)
    apart = _STRIP if len(strips) == 1 else _STRIPS
    rim = 1.0 + apart * len(strips)
    side = min(_PICTURE, 0.8 * 2 * math.pi * rim / count) if pictures is not None else 0.0
    outermost = rim + 0.04 + 1.3 * side if side else rim  # a square's corner lies further out than its side
    longest = max(map(shown_length, names[:: step or 1]), default=0) if step else 0
    shown = min(longest, NAME_CHARS * (2 if looks is not None and looks.texts else 1))
    edge = (outermost + _AROUND) * (1 + _PER_CHAR * shown)
    rings, pixels = _rings(wheel), _PHONE_WHEEL / edge
    begins = _places_of_names(part, wheel, clade_names, pixels)
    inside = {
        node: name for node, name in clade_names.items() if node not in proposed or _within(begins, node, name, pixels)
    }
    lines = [pixels * (1 - height / wheel.top) - _ABOVE for height in rings]
    numbers = [(-_RING_NUMBER / 2, _RING_NUMBER / 2, line) for line in lines]
    beside = names_with_room(part, inside, proposed, begins, taken=numbers)
    traces += _markers(part, wheel, colors, symbols, hover, merge_labels(part, beside, support, proposed), theme)
    if strips:
        strip_heights = [-apart * (i + 1) * wheel.top for i in range(len(strips))]
        size = min(12 if len(strips) == 1 else 7, int(900 / count))
        traces += strip_traces(part, strips, strip_heights, size, plain_names, wheel.trace_xy, theme)
    fig = go.Figure([*traces, *overlay_traces(part, cut, marks, chosen, theme, wheel.trace_xy)])
    style.apply(fig, theme=theme, height=HEIGHT if height is None else height)
    if math.isfinite(cut.height):
        radius = float(wheel.radius(np.array(cut.height)))
        dashed = {"color": neutral("muted", theme), "width": 1.5, "dash": "dash"}
        fig.add_shape(type="circle", x0=-radius, x1=radius, y0=-radius, y1=radius, line=dashed, layer="below")
    if pictures is not None:
        _draw_pictures(fig, part, wheel, pictures, rim + 0.04 + 0.6 * side, side)
    _draw_names(fig, wheel, names, step, outermost)
    fig.update_xaxes(visible=False, range=[-edge, edge], constrain="domain")
    fig.update_yaxes(visible=False, range=[-edge, edge], scaleanchor="x", constrain="domain")
    _draw_rings(fig, wheel, rings, theme)
    fig.update_layout(
        title=headline, margin={"l": 4, "r": 4, "t": top_margin, "b": 4}, hovermode="closest",
        hoverlabel={"align": "left"}, uirevision=f"radial {n} {count} {part.root}",
    )  # fmt: skip
    return fig


def _separated(
    pieces: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    gap = np.array([np.nan], dtype=np.float32)
    return [part for piece in pieces for part in (piece, (gap, gap))]


def _places_of_names(
    part: TreePart, wheel: _Wheel, names: Mapping[int, str], pixels: float
) -> dict[int, tuple[float, float]]:
    """Where the name above each drawn merge begins, px along and across its line; ``pixels`` are those of the wheel's radius."""
    x, y = wheel.xy(part.place[part.merges], part.height[part.merges])
    return {
        node: (pixels * float(a) - text_width(names.get(node, "")) / 2, pixels * float(b))
        for node, a, b in zip(part.merges.tolist(), x, y, strict=True)
    }


def _within(places: Mapping[int, tuple[float, float]], node: int, name: str, pixels: float) -> bool:
    """Whether the name of a merge does not reach the leaves, which would cover it."""
    if node not in places:
        return True
    begin, line = places[node]
    return all(math.hypot(x, line + _ABOVE) < _CLEAR * pixels for x in (begin, begin + text_width(name)))


def _markers(
    part: TreePart,
    wheel: _Wheel,
    colors: Sequence[str],
    symbols: Sequence[str],
    hover: Sequence[str],
    labels: Sequence[str],
    theme: Theme,
) -> list[dict[str, Any]]:
    n = part.tree.n
    roomy = len(part.tips) <= 120
    if len(part.tips) > LARGE:
        return [crowd_trace(part, colors, hover, wheel.trace_xy)]

    def trace(name: str, nodes: IntArray, marker: dict[str, Any], heights: FloatArray | None = None) -> dict[str, Any]:
        x, y = wheel.xy(part.place[nodes], part.height[nodes] if heights is None else heights)
        return {
            "type": "scatter", "name": name, "mode": "markers", "x": x, "y": y,
            "customdata": node_customdata(part, nodes, hover), "hovertemplate": "%{customdata[2]}<extra></extra>",
            "marker": {"opacity": 1, "line": {"width": 0}, "color": [colors[i] for i in nodes.tolist()], **marker},
            "selected": {"marker": {"size": 12}}, "unselected": {"marker": {"opacity": 1}},
        }  # fmt: skip

    traces = []
    leaves = np.sort(part.tips[part.tips < n])
    if len(part.merges):
        merges = trace("merges", part.merges, {"size": 6 if roomy else 3})
        if any(labels) and roomy:
            muted = neutral("muted", theme)
            merges |= {"mode": "markers+text", "text": list(labels), "textposition": "top center"}
            merges["textfont"] = {"size": style.FONT_SIZE - 4, "color": muted, "shadow": style.halo(theme)}
            merges["unselected"]["textfont"] = {"color": muted}
        traces.append(merges)
    if len(part.closed):
        # A closed clade is a thick stem from its merge to the rim with a square at the end.
        place, height = part.place[part.closed], part.height[part.closed]
        x, y = wheel.lines(np.stack([place, place], axis=1), np.stack([height, np.zeros(len(height))], axis=1))
        stems = {"color": neutral("muted", theme), "width": 4}
        traces.append(
            {"type": "scatter", "name": "closed clades", "mode": "lines", "hoverinfo": "skip", "x": x, "y": y,
             "line": stems, "opacity": 0.5}
        )  # fmt: skip
        traces.append(trace("closed", part.closed, {"symbol": "square", "size": 8}, np.zeros(len(height))))
    if len(leaves):
        marker = {"symbol": [symbols[i] for i in leaves.tolist()], "size": 9 if roomy else 4}
        traces.append(trace("leaves", leaves, marker))
    return traces


def _draw_pictures(
    fig: go.Figure, part: TreePart, wheel: _Wheel, pictures: Sequence[str], radius: float, side: float
) -> None:
    """Pictures of the classes on a circle around the leaves, upright squares of this side in units of the wheel."""
    fig.update_layout(
        images=[
            {"source": pictures[tip], "xref": "x", "yref": "y", "x": radius * math.sin(angle), "y": radius * math.cos(angle),
             "xanchor": "center", "yanchor": "middle", "sizex": side, "sizey": side, "sizing": "contain", "layer": "above"}
            for tip, angle in zip(part.tips.tolist(), wheel.angle(np.arange(wheel.count, dtype=np.float64)).tolist(), strict=True)
            if tip < part.tree.n and pictures[tip]
        ]
    )  # fmt: skip


def _draw_names(fig: go.Figure, wheel: _Wheel, names: Sequence[str], step: int, rim: float) -> None:
    """Names along the spokes, read from left to right on both sides."""
    size = style.FONT_SIZE - (2 if len(names) <= 60 else 4)
    half = 0.65 * size + 1  # px, half the height of a line of text with its padding
    notes = []
    for place in range(0, len(names), step) if step else ():
        angle = float(wheel.angle(np.array(place)))
        x, y = (rim + _NAME_AWAY) * math.sin(angle), (rim + _NAME_AWAY) * math.cos(angle)
        right, upper = (1 if x >= 0 else -1), (1 if y >= 0 else -1)
        steep, level = abs(math.cos(angle)), abs(math.sin(angle))
        # plotly anchors the box around the tilted text; the shifts bring the middle of the text's inner end to the spoke.
        notes.append(
            {"x": x, "y": y, "text": names[place], "showarrow": False, "font": {"size": size},
             "textangle": math.degrees(angle) - (90 if right > 0 else 270),
             "xanchor": "left" if right > 0 else "right", "yanchor": "bottom" if upper > 0 else "top",
             "xshift": -right * half * steep, "yshift": -upper * half * level}
        )  # fmt: skip
    fig.update_layout(annotations=[*fig.layout.annotations, *notes])


def _rings(wheel: _Wheel) -> list[float]:
    """Heights of up to three rings."""
    raw = wheel.top / 4
    unit = 10 ** math.floor(math.log10(raw))
    nice = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [height for height in (nice, 2 * nice, 3 * nice) if height < wheel.top]


def _draw_rings(fig: go.Figure, wheel: _Wheel, heights: Sequence[float], theme: Theme) -> None:
    """Faint rings with their heights, in the gap between the last leaf and the first."""
    faint = {"color": neutral("grid", theme), "width": 1}
    for height in heights:
        radius = 1 - height / wheel.top
        fig.add_shape(type="circle", x0=-radius, x1=radius, y0=-radius, y1=radius, line=faint, layer="below")
        fig.add_annotation(
            x=0, y=radius, text=format_number(height), showarrow=False, yanchor="middle",
            font={"size": style.FONT_SIZE - 5, "color": neutral("muted", theme)},
            bgcolor=neutral("surface", theme), borderpad=0,
        )  # fmt: skip
