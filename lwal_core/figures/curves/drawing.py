"""Traces, bands and axes of a figure of curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_spread
from lwal_core.analysis.comparison.bands import Band
from lwal_core.analysis.comparison.intervals import FloatArray
from lwal_core.figures import style
from lwal_core.figures.curves.lines import MAX_POINTS, TOTAL_POINTS, Line, XScale, decimate
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

UNIFIED_HOVER_GROUPS = 20  # one hover box for all groups stays readable up to here
MANY_GROUPS = 10  # from here on lines are thin and epochs are not marked
MARKER_POINTS = 25  # up to so many epochs each is marked, so that measured and drawn can be told apart


@dataclass
class Canvas:
    """What goes into a figure, collected first because plotly checks everything again with each thing that is added."""

    theme: Theme
    traces: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def text(self, text: str, **place: Any) -> None:
        """Add text that is already escaped."""
        self.annotations.append({"text": text, "showarrow": False, "xref": "paper", "yref": "paper", **place})

    def join_lines(self) -> None:
        """Make one trace of all that look the same: a browser finds the point under the pointer trace by trace."""
        alike: dict[str, list[dict[str, Any]]] = {}
        for trace in self.traces:
            alike.setdefault(repr([trace.get(part) for part in _LOOK]), []).append(trace)
        self.traces = [_joined(same) for same in alike.values()]

    def figure(self, height: int, layout: dict[str, Any], axes: dict[str, dict[str, Any]]) -> go.Figure:
        """The figure of everything that was collected, ``height`` in pixels."""
        import plotly.graph_objects as go

        given = {**layout, **axes, "shapes": self.shapes, "annotations": self.annotations}
        fig = style.apply(go.Figure(self.traces, given), theme=self.theme, height=height)
        fixed = {f"{name}_automargin": False for name in axes}
        return fig.update_layout(margin=layout["margin"], **fixed)


_LOOK = ("mode", "yaxis", "line", "marker", "opacity", "fill", "fillcolor", "hoverinfo", "hovertemplate")
"""What makes two traces look and answer the same; the rest is names and values."""
_VALUES = ("x", "y", "customdata")


def _joined(traces: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Traces of one look as a single one, with a gap after each."""
    first = traces[0]
    if len(traces) == 1:
        return first
    joined = {part: value for part, value in first.items() if part != "legendgroup"}
    joined["name"] = f"{first['name']} and {len(traces) - 1} more"
    for part in _VALUES:
        if part in first:
            pieces = [np.append(np.asarray(trace[part], dtype=np.float64), np.nan) for trace in traces]
            joined[part] = np.concatenate(pieces)[:-1]
    if "text" in first:
        joined["text"] = [text for trace in traces for text in (*trace["text"], "")][:-1]
    return joined


def suffix(row: int) -> str:
    """What plotly appends to the name of a panel's axis."""
    return "" if row == 1 else str(row)


@dataclass(frozen=True)
class Panel:
    """Where a set of lines goes: its number, its height in pixels, its y range in drawn units (log10 when ``log``)."""

    row: int
    pixels: float
    low: float
    high: float
    log: bool = False

    @property
    def yref(self) -> str:
        """Plotly's name of the panel's y axis."""
        return f"y{suffix(self.row)}"

    def to_pixels(self, y: float) -> float:
        """The height above the panel's lower edge at which a value stands."""
        return ((math.log10(y) if self.log else y) - self.low) / (self.high - self.low) * self.pixels

    def from_pixels(self, pixels: float) -> float:
        """The axis value at a height, in log10 when the axis is logarithmic."""
        return self.low + pixels / self.pixels * (self.high - self.low)


def draw_line(
    canvas: Canvas,
    line: Line,
    axis: XScale,
    panel: Panel,
    unit: str,
    *,
    groups: int,
    show_seeds: bool,
    smoothed: bool,
) -> None:
    """The traces of one group, from back to front: band, seeds, raw mean, mean."""
    data, scale = line.band, 100.0 if unit == "%" else 1.0
    many, each = groups > MANY_GROUPS, groups <= UNIFIED_HOVER_GROUPS
    base: dict[str, Any] = {"type": "scatter", "mode": "lines", "yaxis": panel.yref, "legendgroup": line.label}
    quiet = {**base, "hoverinfo": "skip"}
    thin = {"line": {"color": line.color, "width": 1}, "opacity": 0.4}
    xs, ys = _outline(data, panel, percent=unit == "%")
    if xs:
        fill = {"fill": "toself", "fillcolor": rgba(line.color, 0.15), "line": {"width": 0}}
        canvas.traces.append({**quiet, **fill, "x": xs, "y": ys, "name": f"{line.label} band"})
    if show_seeds and len(line.curves) > 1:
        seeds_x, seeds_y = _seed_lines(line, axis, scale, TOTAL_POINTS // groups)
        canvas.traces.append({**quiet, **thin, "x": seeds_x, "y": seeds_y, "name": f"{line.label} seeds"})
    if smoothed:
        canvas.traces.append({**quiet, **thin, "x": data.x, "y": data.mean, "name": f"{line.label} raw"})
    marked = data.x.size == 1 or (axis.name == "epoch" and data.x.size <= MARKER_POINTS and not many and not smoothed)
    trace = {
        **base,
        "mode": "lines+markers" if marked else "lines",
        "line": {"color": line.color, "width": 1.2 if many else 2.5, "dash": "solid" if many else line.dash},
        "marker": {"color": line.color, "size": 8 if data.x.size == 1 else 5},
        "name": line.label,
        "opacity": 0.7 if many else 1.0,
        **_hover(line, scale, unit, each=each),
    }
    partial = data.n < data.n.max()
    if partial.any():
        # The line is pale where only some seeds go on. It joins the last full point, whose hover the full line has.
        beside = partial | np.append(partial[1:], False) | np.insert(partial[:-1], 0, False)
        pale = {
            "opacity": 0.4,
            "y": np.where(beside, line.y, np.nan),
        }
        if each:  # one box holds all traces at an x, so a point must not answer in two of them
            pale["hovertemplate"] = [trace["hovertemplate"] if only else "" for only in partial]
            pale["hoverinfo"] = ["text" if only else "skip" for only in partial]
        canvas.traces.append({**trace, **pale, "x": data.x, "name": f"{line.label} some seeds"})
    canvas.traces.append({**trace, "x": data.x, "y": np.where(partial, np.nan, line.y)})


def _hover(line: Line, scale: float, unit: str, *, each: bool) -> dict[str, Any]:
    """What hovering tells: mean ± sd (n) written out for every point, or the mean alone when there are many lines."""
    name = style.escape(style.shorten(line.label))
    data = line.band
    if not each:
        shown = "%{customdata:.1f} %" if unit == "%" else "%{customdata:.3~g}"
        template = f"<b>%{{text}}</b><br>%{{xaxis.title.text}} %{{x}}: {shown}<extra></extra>"
        return {"customdata": data.mean, "text": [name] * data.x.size, "hovertemplate": template}
    texts = [
        format_spread(mean / scale, sd / scale, int(n), unit)
        for mean, sd, n in zip(data.mean, data.sd, data.n, strict=True)
    ]
    return {"text": texts, "hovertemplate": f"<b>{name}</b>  %{{text}}<extra></extra>"}


def _outline(data: Band, panel: Panel, *, percent: bool) -> tuple[list[float | None], list[float | None]]:
    """The band as closed polygons, one for each stretch without gaps, separated by ``None``."""
    low, high = data.low, data.high
    if percent:
        low, high = np.clip(low, 0, 100), np.clip(high, 0, 100)
    if panel.log:
        low, high = (np.maximum(side, 10**panel.low) for side in (low, high))
    known = np.isfinite(low) & np.isfinite(high)
    xs: list[float | None] = []
    ys: list[float | None] = []
    for stretch in np.split(np.arange(known.size), np.flatnonzero(np.diff(known.astype(np.int8))) + 1):
        if stretch.size and known[stretch[0]]:
            xs += [*data.x[stretch], *data.x[stretch][::-1], None]
            ys += [*low[stretch], *high[stretch][::-1], None]
    return xs[:-1], ys[:-1]


def _seed_lines(line: Line, axis: XScale, y_scale: float, budget: int) -> tuple[FloatArray, FloatArray]:
    """All seeds of a group as one polyline with gaps, together of about ``budget`` points."""
    each = min(max(budget // len(line.curves), 60), MAX_POINTS)
    xs, ys = [], []
    for curve in line.curves:
        y = getattr(curve, line.band.quantity)
        chosen = decimate(y, each)
        xs += [getattr(curve, axis.name)[chosen] / axis.scale, [np.nan]]
        ys += [y[chosen] * y_scale, [np.nan]]
    return np.concatenate(xs), np.concatenate(ys)


def log_ticks(panel: Panel) -> dict[str, Any]:
    """Decades, and under two decades 2 and 5 between them, each written out."""
    short = panel.high - panel.low < 2
    return {"type": "log", "dtick": "D2" if short else 1, **({"minorloglabels": "complete"} if short else {})}


def x_layout(axis: XScale, x_range: tuple[float, float], groups: int, theme: Theme, *, visible: bool) -> dict[str, Any]:
    """The x axis: whole epochs, short numbers for steps and samples, decades on a logarithmic axis."""
    ticks: dict[str, Any] = {"nticks": 8}
    if axis.log:
        short = x_range[1] - x_range[0] < 2
        ticks = {
            "type": "log",
            "dtick": "D2" if short else 1,
            "tickformat": "~s" if axis.name in ("step", "samples") else "~g",
        }
        ticks |= {"minorloglabels": "complete"} if short else {}
    elif axis.name == "epoch":
        ticks = {"tick0": 0, "dtick": _epoch_step(x_range[1] - x_range[0], x_range[1]), "tickformat": ",d"}
    elif axis.name in ("step", "samples"):
        ticks = {"nticks": 6, "tickformat": "~s"}
    # plotly outlines the guide line of the hover box in white on a transparent page: no line in the dark.
    guide = {"showspikes": True, "spikemode": "across", "spikethickness": 1, "spikedash": "solid"}
    guided = theme == "light" and groups <= UNIFIED_HOVER_GROUPS
    return {
        "range": list(x_range),
        "title": {"text": axis.title, "standoff": 8},
        "showgrid": False,
        "tickangle": 0,
        "unifiedhovertitle": {"text": axis.hover},
        "visible": visible,
        **ticks,
        **({**guide, "spikecolor": neutral("line", theme)} if guided else {"showspikes": False}),
    }


def hover_mode(groups: int) -> str:
    """One box that compares all groups at one x, or the nearest line alone when a box would be too tall."""
    return "x unified" if groups <= UNIFIED_HOVER_GROUPS else "closest"


def _epoch_step(span: float, last: float) -> int:
    """Epochs between ticks: whole ones, as many as a phone has room for."""
    most = 11 if last < 100 else 6
    steps = (base * 10**power for power in range(12) for base in (1, 2, 5))
    return next(step for step in steps if span / step <= most)


def rgba(color: str, alpha: float) -> str:
    """A hex colour with an opacity in [0, 1]."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
