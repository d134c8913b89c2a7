"""The class tree as a figure.

Lines are drawn from the tree's own layout as one trace a colour: brackets one after the other with a gap between.
Merges and leaves are marker traces on top, so that both can be hovered and clicked (a web frame reports no clicks on
lines); their ``customdata`` is ``[[node, number of classes, hover text], ...]`` with the node numbers of
:mod:`lwal_core.analysis.hierarchy`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.formatting import DISTANCE_UNITS, HEIGHT_TITLES, format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.clade_colors import clade_colors
from lwal_core.figures.labels import NAME_CHARS, heading, one_line, shown_members, shown_name, step_for, thinning_note
from lwal_core.figures.palette import OKABE_ITO, Theme, class_color, class_symbol, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]
Orientation = Literal["right", "left", "top", "bottom"]

ROW_HEIGHT = 22  # px a leaf while the figure is lower than MAX_HEIGHT
MIN_HEIGHT, MAX_HEIGHT = 320, 2_400  # px
UPRIGHT_HEIGHT = 520  # px for leaves above or below
UPRIGHT_NAMES = 22  # names side by side that fit 400 px
UPRIGHT_FLAT = 6  # up to so many names side by side may lie flat where the width allows it
LARGE = 2_000  # leaves above which clades have two colours and the markers are drawn by WebGL as one trace
LINE_WIDTH = 1.5  # px

_PHONE_WIDTH = 320  # px that a 400 px figure has for leaves side by side
_AXIS_HEIGHT = 50  # px for the distance axis and its title
_LINE_OF_TEXT = 13  # px a name takes at the small size
_HOVER_NAMES, _HOVER_NAMES_LARGE = 5, 2


@dataclass(frozen=True, eq=False)
class _Cut:
    """A cut ready to be drawn: top nodes of its groups (None without a cut), its height (nan: none), what to say about
    it."""

    tops: IntArray | None = None
    height: float = math.nan
    note: str = ""


@dataclass(frozen=True)
class _Frame:
    """How places and heights become x and y."""

    orientation: Orientation

    @property
    def sideways(self) -> bool:
        """Whether the leaves are on the left or right, so that heights run along x."""
        return self.orientation in ("left", "right")

    def xy(self, places: Any, heights: Any) -> dict[str, Any]:
        return {"x": heights, "y": places} if self.sideways else {"x": places, "y": heights}


def dendrogram_figure(
    h: Hierarchy,
    cut: int | float | None = None,
    orientation: Orientation = "right",
    *,
    theme: Theme = "light",
    height: int | None = None,
    title: str | None = None,
    class_colors: Sequence[str] | None = None,
    unit: str | None = None,
    max_labels: int | None = None,
    clade_names: Mapping[int, str] | None = None,
    support: Sequence[float] | None = None,
) -> go.Figure:
    """Draw a class tree.

    A clade below the cut has the colour of :func:`lwal_core.figures.clade_colors.clade_colors`, which does not change
    when the cut moves or branches are turned; lines above the cut are grey. Above ``LARGE`` classes the clades share
    two colours instead of seven and leaves and merges share one marker trace, so that there are at most four traces.

    Args:
        h: The tree, n classes.
        cut: None, a number of groups (``int``) or a height (``float``) in the units of the distance axis.
        orientation: Side of the leaves.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels; None for 22 px a leaf within 320 to 2,400 (520 when leaves are above or below).
        title: The finding, plain text.
        class_colors: Colour of each class; None for :func:`lwal_core.figures.palette.class_color` by class index.
        unit: Unit of the distance axis; None for that of the tree's metric.
        max_labels: Most leaf names to show, 0 for none; None for as many as fit. A page that knows its width can show
            more than the 22 names that fit a phone when leaves are above or below.
        clade_names: Names that people gave to nodes, for the hover text.
        support: ``[n - 1]`` fraction from 0 to 1 of each merge (nan: none), shown in percent at the merges where there
            is room.

    Returns:
        The figure. Traces named ``"merges"`` and ``"leaves"`` (or ``"nodes"``) are the markers.

    Raises:
        AnalysisError: A cut, orientation, number of colours or of support values that does not fit the tree.
    """
    if orientation not in get_args(Orientation):
        raise AnalysisError(
            f"There is no orientation {orientation!r}.", f"Use one of {', '.join(get_args(Orientation))}."
        )
    for what, values, needed in (("class colours", class_colors, h.n), ("support values", support, h.n - 1)):
        if values is not None and len(values) != needed:
            raise AnalysisError(f"There are {len(values)} {what} for a tree that needs {needed}.")
    import plotly.graph_objects as go

    unit = DISTANCE_UNITS.get(h.metric, h.metric) if unit is None else unit
    frame, drawn = _Frame(orientation), _resolve_cut(h, cut)
    flat = (
        "one class: nothing to join"
        if h.n == 1
        else "all distances are equal: this tree says nothing"
        if h.n > 2 and h.is_flat
        else ""
    )
    # How many names fit depends on the height that the heading leaves, so the heading is laid out twice.
    notes = [flat, drawn.note]
    pixels, step = _room_for_names(h.n, frame, height, heading(title, [*notes, "names"], theme)[1], max_labels)
    headline, top_margin = heading(title, [*notes, thinning_note(h.n, step)], theme)

    tints = _tints(h, drawn)
    colors = [neutral("line", theme), *OKABE_ITO]
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "name": "lines", "mode": "lines", "hoverinfo": "skip", **frame.xy(places, heights),
         "line": {"color": colors[tint + 1], "width": LINE_WIDTH}}
        for tint, (places, heights) in sorted(_paths(h, drawn, tints).items())
    ]  # fmt: skip
    leaf_colors = [class_color(i) for i in range(h.n)] if class_colors is None else list(class_colors)
    node_colors = leaf_colors + [colors[tint + 1] for tint in tints[h.n :].tolist()]
    traces += _markers(h, frame, node_colors, _hover_texts(h, unit, clade_names or {}, support), support, theme, pixels)
    fig = go.Figure(traces)

    style.apply(fig, theme=theme, height=pixels)
    extent = _extent(h, drawn)
    margins = {"l": 12, "r": 12, "t": top_margin, "b": 8}
    if orientation == "top":  # plotly makes room for names above the tree, but not below a title
        longest = max((len(style.shorten(name, NAME_CHARS)) for name in h.names), default=0)
        margins["t"] += 12 + 7 * longest if step else 0
    if math.isfinite(drawn.height) and drawn.height <= extent:
        margins["t" if frame.sideways else "r"] += 20 if frame.sideways else 72
        _draw_cut(fig, frame, drawn, extent, theme)
    fig.update_layout(
        title=headline, margin=margins, hovermode="closest", hoverlabel={"align": "left"},
        uirevision=f"{orientation} {h.n} {h.method} {h.metric}",
    )  # fmt: skip
    _draw_axes(fig, h, frame, extent, step, pixels, f"{HEIGHT_TITLES.get(h.method, h.method.capitalize())} ({unit})")
    return fig


def _resolve_cut(h: Hierarchy, cut: int | float | None) -> _Cut:
    if cut is None:
        return _Cut()
    if isinstance(cut, (bool, np.bool_)) or not isinstance(cut, (int, float, np.integer, np.floating)):
        raise AnalysisError(f"A tree cannot be cut at {cut!r}.", "Give a number of groups (int) or a height (float).")
    if isinstance(cut, (int, np.integer)):
        tops, at = h.cut_nodes(k=int(cut)), h.height_for(int(cut))
    else:
        tops, at = h.cut_nodes(height=float(cut)), float(cut)
    groups = "1 group" if len(tops) == 1 else f"{len(tops):,} groups"
    if h.n == 1:
        return _Cut(tops)
    if math.isnan(at):
        return _Cut(tops, at, f"{groups}, but no height gives them: merges are tied")
    if at > _extent(h, _Cut()):
        return _Cut(tops, math.nan, f"the cut at {format_number(at)} lies above the tree: {groups}")
    return _Cut(tops, at)


def _extent(h: Hierarchy, drawn: _Cut) -> float:
    """The height at which the drawing ends."""
    top = float(h.linkage[:, 2].max(initial=0.0))
    return 1.08 * top if top > 0 else 1.0


def _tints(h: Hierarchy, drawn: _Cut) -> IntArray:
    """Index into the palette of every node by the group that it is in, -1 for neutral, ``[2n - 1]``."""
    tints = np.full(2 * h.n - 1, -1, dtype=np.intp)
    if drawn.tops is None:
        return tints
    colors = clade_colors(h, 2 if h.n > LARGE else len(OKABE_ITO))
    # A group's leaves follow one another, so the group at a node's first leaf holds the node, or else the node holds
    # the group.
    sizes = h.sizes[drawn.tops]
    top_at_place = np.repeat(drawn.tops, sizes)
    tops = top_at_place[h.first_place]
    inside = h.sizes <= h.sizes[tops]
    tints[inside] = colors[tops[inside]]
    return tints


def _paths(
    h: Hierarchy, drawn: _Cut, tints: IntArray
) -> dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Places and heights of the lines of each tint, with nan between separate lines. Float32 is finer than any
    screen."""
    layout = h.layout()
    heights = layout.bracket_heights.copy()
    own_tints = tints[h.n :]
    pieces: dict[int, list[tuple[FloatArray, FloatArray]]] = {}
    for child, corner in ((0, 0), (1, 3)):
        node = h.children[:, child]
        # From the cut to the top of a group its stem has the group's colour, above it is neutral.
        stem = (own_tints < 0) & (tints[node] >= 0)
        upper, lower = heights[stem, 1], heights[stem, corner].copy()
        turns = (
            upper
            if math.isnan(drawn.height)
            else np.clip(drawn.height, np.minimum(lower, upper), np.maximum(lower, upper))
        )
        heights[stem, corner] = turns
        place = layout.place[node[stem]]
        for tint in np.unique(tints[node[stem]]):
            here = tints[node[stem]] == tint
            stems = np.stack([place, place], axis=1)[here], np.stack([turns, lower], axis=1)[here]
            pieces.setdefault(int(tint), []).append(stems)
    for tint in np.unique(own_tints):
        here = own_tints == tint
        pieces.setdefault(int(tint), []).append((layout.bracket_places[here], heights[here]))
    return {
        tint: (np.concatenate([_with_gaps(p) for p, _ in parts]), np.concatenate([_with_gaps(q) for _, q in parts]))
        for tint, parts in pieces.items()
    }


def _with_gaps(corners: FloatArray) -> npt.NDArray[np.float32]:
    gaps = np.full((len(corners), 1), np.nan)
    return np.concatenate([corners, gaps], axis=1).astype(np.float32).ravel()


def _markers(
    h: Hierarchy,
    frame: _Frame,
    colors: list[str],
    hover: list[str],
    support: Sequence[float] | None,
    theme: Theme,
    pixels: int,
) -> list[dict[str, Any]]:
    """Marker traces of merges and leaves from what is known of each node; one trace for both above ``LARGE``
    classes."""
    n, layout = h.n, h.layout()
    roomy = (pixels if frame.sideways else _PHONE_WIDTH) / n >= 9
    # An array of objects, because plotly would look at every entry of a list several times.
    custom = np.empty((2 * n - 1, 3), dtype=object)
    custom[:, 0], custom[:, 1], custom[:, 2] = range(2 * n - 1), h.sizes.tolist(), hover

    def trace(name: str, nodes: slice, marker: dict[str, Any]) -> dict[str, Any]:
        return {
            **frame.xy(layout.place[nodes].astype(np.float32), layout.height[nodes].astype(np.float32)),
            "type": "scatter", "name": name, "mode": "markers", "cliponaxis": False,
            "customdata": custom[nodes], "hovertemplate": "%{customdata[2]}<extra></extra>",
            "marker": {"opacity": 1, "line": {"width": 0}, **marker},
            "selected": {"marker": {"size": 12}}, "unselected": {"marker": {"opacity": 1}},
        }  # fmt: skip

    if n > LARGE:
        known = list(dict.fromkeys(colors))
        number = {color: i for i, color in enumerate(known)}
        # Numbers with a scale of as many flat steps: twenty thousand colours as text would be checked one by one.
        scale = [[step / len(known), color] for i, color in enumerate(known) for step in (i, i + 1)]
        codes = np.array([number[color] for color in colors], dtype=np.int16)
        marker = {
            "color": codes,
            "colorscale": scale,
            "cmin": -0.5,
            "cmax": len(known) - 0.5,
            "showscale": False,
            "size": 3,
        }
        together = trace("nodes", slice(None), marker)
        del together["cliponaxis"]
        return [{**together, "type": "scattergl"}]
    symbols = [class_symbol(i) for i in range(n)]
    leaves = trace("leaves", slice(n), {"color": colors[:n], "symbol": symbols, "size": 9 if roomy else 5})
    if n == 1:
        return [leaves]
    merges = trace("merges", slice(n, None), {"color": colors[n:], "size": 6 if roomy else 4})
    if support is not None and roomy:
        muted = neutral("muted", theme)
        merges["mode"] = "markers+text"
        merges["text"] = ["" if math.isnan(value) else f"{100 * value:.0f}" for value in support]
        merges["textposition"] = (
            "top left"
            if frame.orientation == "right"
            else "bottom right"
            if frame.orientation == "top"
            else "top right"
        )
        merges["textfont"] = {"size": style.FONT_SIZE - 4, "color": muted}
        merges["unselected"]["textfont"] = {"color": muted}
    return [merges, leaves]


def _hover_texts(h: Hierarchy, unit: str, clade_names: Mapping[int, str], support: Sequence[float] | None) -> list[str]:
    """Hover text of every node, escaped, ``[2n - 1]``; in the short form above ``LARGE`` classes, where it is most of
    the figure."""
    n, sizes, first, parents, children = (
        h.n,
        h.sizes.tolist(),
        h.first_place.tolist(),
        h.parents.tolist(),
        h.children.tolist(),
    )
    large = n > LARGE
    limit = _HOVER_NAMES_LARGE if large else _HOVER_NAMES
    in_order = [style.shorten(one_line(h.names[i]), NAME_CHARS) for i in h.order.tolist()]
    suffix = f" {style.escape(unit)}" if unit and not large else ""
    heights = [f"{format_number(value)}{suffix}" for value in h.linkage[:, 2].tolist()]
    texts = []
    for leaf in range(n):
        text = f"<b>{shown_name(h.names[leaf], 40)}</b>"
        if n > 1 and not large:
            row = parents[leaf] - n
            beside = children[row][1] if children[row][0] == leaf else children[row][0]
            members = in_order[first[beside] : first[beside] + min(sizes[beside], 2)]
            text += f"<br>joins {shown_members(members, sizes[beside])}<br>at {heights[row]}"
        texts.append(text)
    for node in range(n, 2 * n - 1):
        size, start = sizes[node], first[node]
        given = clade_names.get(node)
        text = f"<b>{shown_name(given, 40)}</b><br>" if given else ""
        text += f"{size:,} classes, joined at {heights[node - n]}<br>"
        text += shown_members(in_order[start : start + min(size, limit)], size)
        if support is not None:
            text += f"<br>support {format_percent(support[node - n])}"
        texts.append(text)
    return texts


def _room_for_names(n: int, frame: _Frame, height: int | None, above: int, max_labels: int | None) -> tuple[int, int]:
    """Height of the figure in px, and every how many-th name is shown (0: none)."""
    chrome = above + _AXIS_HEIGHT
    if frame.sideways:
        pixels = min(max(MIN_HEIGHT, ROW_HEIGHT * n + chrome), MAX_HEIGHT) if height is None else height
        fit = max(int((pixels - chrome) / _LINE_OF_TEXT), 1)
    else:
        pixels = UPRIGHT_HEIGHT if height is None else height
        fit = UPRIGHT_NAMES
    if max_labels is not None:
        fit = min(fit, max_labels) if frame.sideways else max_labels
    return pixels, step_for(n, fit)


def _draw_cut(fig: go.Figure, frame: _Frame, drawn: _Cut, extent: float, theme: Theme) -> None:
    """The dashed line of the cut with its height, beside the tree so that no line runs through the text."""
    at = drawn.height
    line = {"color": neutral("muted", theme), "width": 1.5, "dash": "dash"}
    across = {"x0": at, "x1": at, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
    if not frame.sideways:
        across = {"y0": at, "y1": at, "x0": 0, "x1": 1, "yref": "y", "xref": "paper"}
    fig.add_shape(type="line", line=line, layer="below", **across)
    groups = f"{len(cast(IntArray, drawn.tops)):,} group{'' if len(cast(IntArray, drawn.tops)) == 1 else 's'}"
    font = {"size": style.FONT_SIZE - 2, "color": neutral("ink", theme)}
    if frame.sideways:
        from_left = at / extent if frame.orientation == "left" else 1 - at / extent
        anchor = "left" if from_left < 0.33 else "right" if from_left > 0.67 else "center"
        where = {"x": at, "xref": "x", "y": 1, "yref": "paper", "xanchor": anchor, "yanchor": "bottom"}
        text = f"cut at {format_number(at)}: {groups}"
    else:
        where = {
            "y": at,
            "yref": "y",
            "x": 1,
            "xref": "paper",
            "xanchor": "left",
            "yanchor": "middle",
            "align": "left",
            "xshift": 4,
        }
        text = f"cut at {format_number(at)}<br>{groups}"
    fig.add_annotation(text=text, showarrow=False, font=font, **where)


def _draw_axes(fig: go.Figure, h: Hierarchy, frame: _Frame, extent: float, step: int, pixels: int, title: str) -> None:
    """Distance axis and leaf names."""
    shown = range(0, h.n, step) if step else range(0)
    small = (frame.sideways and h.n * ROW_HEIGHT > pixels) or (not frame.sideways and len(shown) > UPRIGHT_NAMES // 2)
    names = {
        "tickmode": "array", "tickvals": list(shown), "ticktext": [shown_name(h.names[h.order[place]]) for place in shown],
        "side": frame.orientation, "showgrid": False, "showline": False, "title": None,
        "ticks": "outside", "ticklen": 7, "tickcolor": "rgba(0,0,0,0)",
        "tickfont": {"size": style.FONT_SIZE - (3 if small else 1), "color": fig.layout.font.color},
    }  # fmt: skip
    away = -0.012 * extent  # room for half a marker
    # The first leaf is at the top or left; heights grow away from the leaves.
    rising = frame.orientation in ("left", "bottom")
    distance = {
        "range": [away, extent] if rising else [extent, away], "title": {"text": style.escape(title), "standoff": 8},
        "nticks": 6, "showgrid": True, "showline": False, "side": "bottom" if frame.sideways else "left",
    }  # fmt: skip
    if frame.sideways:
        fig.update_yaxes(range=[h.n - 0.4, -0.6], **names)
        fig.update_xaxes(**distance)
    else:
        angle = {"tickangle": -90} if h.n > UPRIGHT_FLAT else {"autotickangles": [0, -90]}
        fig.update_xaxes(range=[-0.6, h.n - 0.4], **angle, **names)
        fig.update_yaxes(**distance)
