"""Figure of an icicle or a treemap.

Rectangles are bars: a browser tells which bar was clicked on, which it does not of plotly's own icicles and treemaps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number, format_percent
from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.figures import style
from lwal_core.figures.colouring import SCALE, scale_color
from lwal_core.figures.labels import heading, shown_name
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.space_filling.areas import Rectangles, icicle_rectangles, treemap_rectangles
from lwal_core.figures.tree_drawing import hover_texts, node_customdata, tip_names

if TYPE_CHECKING:
    import plotly.graph_objects as go

Kind = Literal["icicle", "treemap"]
ROW, LEAST, MOST = 20, 340, 1_600  # px of a row of an icicle; of all rows
TREEMAP_HEIGHT = 620  # px
SMALLEST = 10  # px of letters
_AXIS, _BAR = 50, 54  # px for the distance axis; for the colour bar, its ticks and its title
_LINE = 13  # px that a name takes
_APART = 0.006  # of the height, between the groups of a treemap
_HEAD = 0.045  # of the height, of the name of a group


@dataclass(frozen=True, eq=False)
class AreaColours:
    """What the colours of nodes say; either numbers or colours.

    Attributes:
        title: What they are, such as ``"Test accuracy"``; anybody's text.
        numbers: ``[2n - 1]``, nan where undefined; None for given colours.
        percent: Whether the numbers are shares from 0 to 1.
        colors: ``[2n - 1]`` colours, empty for none.
        texts: ``[2n - 1]`` what a node's colour stands for, plain text; empty for none.
    """

    title: str
    numbers: FloatArray | None = None
    percent: bool = False
    colors: Sequence[str] = ()
    texts: Sequence[str] = ()

    @property
    def limits(self) -> tuple[float, float]:
        """Numbers at the two ends of the scale."""
        known = np.zeros(0) if self.numbers is None else self.numbers[~np.isnan(self.numbers)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        return (low, high) if high - low > 1e-12 else (low - 0.5, high + 0.5)

    def of_nodes(self, nodes: Sequence[int], theme: Theme) -> list[str]:
        """Colour of each of these nodes; pale where there is none."""
        pale = neutral("grid", theme)
        if self.numbers is None:
            return [self.colors[node] or pale for node in nodes]
        low, high = self.limits
        values = self.numbers[np.asarray(nodes, dtype=np.intp)].tolist()
        return [pale if np.isnan(value) else scale_color((value - low) / (high - low)) for value in values]

    def said(self, node: int) -> str:
        """The value of a node for the reader, escaped; empty for none."""
        if self.numbers is not None:
            value = float(self.numbers[node])
            text = format_percent(value) if self.percent else format_number(value)
            return f"{style.escape(self.title)}: {text}"
        return style.escape(self.texts[node]) if self.texts else ""


def space_filling_figure(
    kind: Kind,
    part: TreePart,
    weights: npt.ArrayLike,
    colours: AreaColours,
    *,
    groups: Collection[int] = (),
    clade_names: Mapping[int, str] | None = None,
    proposed: Collection[int] = (),
    chosen: int | None = None,
    theme: Theme = "light",
    title: str | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """The tree as areas.

    Bars have ``customdata`` ``[node, number of classes, hover text]``.

    Args:
        kind: ``"icicle"``: merges at their heights from left to right, names on the right; ``"treemap"``: classes in
            rectangles, groups with their names above.
        part: What is drawn.
        weights: ``[C]`` what areas stand for; at least one above 0.
        colours: What colours stand for.
        groups: Top nodes of the groups of a cut, parted in a treemap.
        clade_names: Names of clades.
        proposed: Clades whose name is proposed, in italics.
        chosen: Node with a frame.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
        notes: Small lines under it, plain text.

    Raises:
        AnalysisError: The weights do not fit.
    """
    import plotly.graph_objects as go

    given = clade_names or {}
    h = part.tree
    hover = hover_texts(part, h.unit, given, None, proposed)
    said = [f"{text}<br>{value}" if text and (value := colours.said(node)) else text for node, text in enumerate(hover)]
    names = dict(zip(part.tips.tolist(), tip_names(part, given, proposed=proposed), strict=True))
    weight = np.asarray(weights, dtype=np.float64)
    empty = int((weight[h.members(part.root)] == 0).sum())
    said_empty = f"{empty:,} of {int(h.sizes[part.root]):,} classes without test samples: no area" if empty else ""
    headline, top = heading(title, [*notes, said_empty], theme)
    bar = colours.numbers is not None
    height = top + (_BAR if bar else 0)
    if kind == "icicle":
        rows = int(np.clip(ROW * len(part.tips), LEAST, MOST))
        height += rows + _AXIS
        traces, axes = _icicle(part, weight, colours, names, given, proposed, said, rows, chosen, theme)
    else:
        height += TREEMAP_HEIGHT
        traces, axes = _treemap(part, weight, colours, names, given, proposed, said, groups, chosen, theme)
    if bar:
        traces.append(_scale_trace(colours, theme, 1 - (top + _BAR / 2) / height))
    fig = go.Figure(traces)
    style.apply(fig, theme=theme, height=height)
    style.apply_layout(fig, axes)
    fig.update_layout(
        title=headline, barmode="overlay", bargap=0, hovermode="closest", hoverlabel={"align": "left"}, clickmode="event+select",
        margin={"l": 8, "r": 8, "t": top + (_BAR if bar else 0), "b": 8}, uniformtext={"minsize": SMALLEST, "mode": "hide"},
        uirevision=f"{kind} {h.n} {len(part.tips)} {part.root}",
    )  # fmt: skip
    if bar:
        fig.add_annotation(
            text=style.escape(colours.title), name="colour bar title", showarrow=False, x=0, xref="paper", xanchor="left",
            y=1, yref="paper", yanchor="bottom", yshift=_BAR // 2 + 10,
            font={"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
        )  # fmt: skip
    return fig


def _icicle(
    part: TreePart,
    weights: FloatArray,
    colours: AreaColours,
    names: Mapping[int, str],
    given: Mapping[int, str],
    proposed: Collection[int],
    hover: Sequence[str],
    rows: int,
    chosen: int | None,
    theme: Theme,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    boxes = icicle_rectangles(part, weights)
    texts = ["" if node in names else _inside(node, given, proposed) for node in boxes.nodes.tolist()]
    trace = {
        **_bars(part, boxes, colours, texts, hover, chosen, theme),
        "orientation": "h", "base": boxes.x_low, "x": boxes.x_high - boxes.x_low, "y": (boxes.y_low + boxes.y_high) / 2,
        "width": boxes.y_high - boxes.y_low,
    }  # fmt: skip
    tips = len(part.tips)
    roomy = (boxes.y_high - boxes.y_low)[:tips] * rows
    middles, shown, last = (boxes.y_low + boxes.y_high)[:tips] / 2, [], -1.0
    for rank in range(tips):  # names that would lie on the one before are in the hover text
        if roomy[rank] > 0 and (middles[rank] - last) * rows >= _LINE:
            shown.append(rank)
            last = float(middles[rank])
    h = part.tree
    unit = f" ({h.unit})" if h.unit else ""
    muted = neutral("muted", theme)
    end = float(boxes.x_high.max())
    axes = {
        "xaxis": {
            "range": [end, 0], "showgrid": False, "automargin": True,
            "title": {"text": HEIGHT_TITLES.get(h.method, "Height") + unit, "font": {"color": muted}},
        },
        "yaxis": {
            "range": [1, 0], "side": "right", "showgrid": False, "showline": False, "ticks": "", "automargin": True,
            "tickvals": middles[shown].tolist(), "ticktext": [names[int(part.tips[rank])] for rank in shown],
            "tickfont": {"color": neutral("ink", theme), "size": style.FONT_SIZE - (2 if tips <= 40 else 3)},
        },
    }  # fmt: skip
    return [trace], axes


def _treemap(
    part: TreePart,
    weights: FloatArray,
    colours: AreaColours,
    names: Mapping[int, str],
    given: Mapping[int, str],
    proposed: Collection[int],
    hover: Sequence[str],
    groups: Collection[int],
    chosen: int | None,
    theme: Theme,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    everything = treemap_rectangles(part, weights)
    count = len(part.tips)
    tips = everything.nodes[:count]
    frame = {
        node: tuple(float(values[i]) for values in everything[1:]) for i, node in enumerate(everything.nodes.tolist())
    }
    inside = [top for top in groups if top in frame and top not in names]
    heads: list[tuple[int, float, float, float, float]] = []
    corners = np.stack([values[:count] for values in everything[1:]], axis=1)
    h = part.tree
    for top in inside if len(groups) > 1 else ():
        x0, x1, y0, y1 = frame[top]
        low, high = int(h.first_place[top]), int(h.first_place[top] + h.sizes[top])
        own = (h.first_place[tips] >= low) & (h.first_place[tips] < high)
        band = _HEAD if y1 - y0 > 4 * _HEAD else 0.0
        new = np.array([x0 + _APART, x1 - _APART, y0 + _APART, y1 - _APART - band])
        if new[1] <= new[0] or new[3] <= new[2]:
            continue
        for low_column, start, stop, a, b in ((0, x0, x1, new[0], new[1]), (2, y0, y1, new[2], new[3])):
            for column in (low_column, low_column + 1):
                corners[own, column] = a + (corners[own, column] - start) / (stop - start) * (b - a)
        if band:
            heads.append((top, new[0], new[1], new[3], y1 - _APART))
    boxes = Rectangles(tips, *corners.T)
    texts = [names[node] for node in boxes.nodes.tolist()]
    trace = {**_bars(part, boxes, colours, texts, hover, chosen, theme), **_upright(boxes), "textangle": 0}
    traces = [trace]
    if heads:
        table = np.array([head[1:] for head in heads])
        tops = np.array([head[0] for head in heads], dtype=np.intp)
        bands = Rectangles(tops, *table.T)
        plain = neutral("grid", theme)
        labels = [_inside(top, given, proposed) or shown_name(h.clade_name(top, 2), 40) for top in tops.tolist()]
        quiet = AreaColours("", colors=[plain] * (2 * h.n - 1))
        strip = {
            **_bars(part, bands, quiet, labels, hover, chosen, theme),
            **_upright(bands),
            "name": "groups",
            "textangle": 0,
        }
        traces.append(strip)
    hidden = {"visible": False, "fixedrange": True}
    width = float(everything.x_high.max())
    return traces, {"xaxis": {**hidden, "range": [0, width]}, "yaxis": {**hidden, "range": [0, 1]}}


def _upright(boxes: Rectangles) -> dict[str, Any]:
    return {
        "orientation": "v", "base": boxes.y_low, "y": boxes.y_high - boxes.y_low, "x": (boxes.x_low + boxes.x_high) / 2,
        "width": boxes.x_high - boxes.x_low,
    }  # fmt: skip


def _inside(node: int, given: Mapping[int, str], proposed: Collection[int]) -> str:
    """Name of a clade as it stands in its rectangle; empty without one."""
    if node not in given:
        return ""
    return f"<i>{shown_name(given[node])}</i>" if node in proposed else shown_name(given[node])


def _bars(
    part: TreePart,
    boxes: Rectangles,
    colours: AreaColours,
    texts: Sequence[str],
    hover: Sequence[str],
    chosen: int | None,
    theme: Theme,
) -> dict[str, Any]:
    nodes = boxes.nodes.tolist()
    picked = [node == chosen for node in nodes]
    many = len(nodes) > 200
    marker: dict[str, Any] = {
        "line": {
            "color": [neutral("ink" if on else "surface", theme) for on in picked],
            "width": [3 if on else (0.3 if many else 1) for on in picked],
        },
        "opacity": 1,
    }
    marker["color"] = colours.of_nodes(nodes, theme)
    same = {"marker": {"opacity": 1}}
    return {
        "type": "bar", "name": "areas", "text": list(texts), "textposition": "inside", "insidetextanchor": "middle",
        "constraintext": "inside", "marker": marker, "customdata": node_customdata(part, boxes.nodes, hover),
        "hovertemplate": "%{customdata[2]}<extra></extra>", "selected": same, "unselected": same,
        "textfont": {"size": style.FONT_SIZE - 2, "color": [ink_on(color) for color in marker["color"]]},
    }  # fmt: skip


def ink_on(color: str) -> str:
    """Black or white, whichever stands out more against ``#rrggbb`` (relative luminance,
    https://www.w3.org/TR/WCAG22/#dfn-relative-luminance): at least 4.5 to 1."""
    parts = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#FFFFFF"


def _scale_trace(colours: AreaColours, theme: Theme, y: float) -> dict[str, Any]:
    """The colour bar, without a point: a bar of no number would have the colour of the scale's middle."""
    low, high = colours.limits
    return {
        "type": "scatter", "name": "scale", "mode": "markers", "x": [None], "y": [None], "hoverinfo": "skip",
        "marker": {
            "color": [low], "cmin": low, "cmax": high, "colorscale": SCALE, "showscale": True,
            "colorbar": {
                "orientation": "h", "thickness": 8, "lenmode": "pixels", "len": 220, "x": 0, "xanchor": "left", "xpad": 0,
                "ypad": 0, "outlinewidth": 0, "ticks": "", "nticks": 5, "tickformat": ".0%" if colours.percent else "",
                "tickfont": {"color": neutral("muted", theme), "size": style.FONT_SIZE - 2},
                "yref": "container", "y": y, "yanchor": "middle",
            },
        },
    }  # fmt: skip
