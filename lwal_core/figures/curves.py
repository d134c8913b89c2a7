"""Accuracy and loss over epochs, samples or seconds: one line a method, a band for its seeds, names at the line ends.

The figures draw what :func:`lwal_core.analysis.speed.band` computes. Where only some seeds go on, the line turns
pale; one seed has no band; smoothing leaves the raw mean visible; and a line under the title says what the band is
and over how many seeds.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.formatting import format_accuracy, format_spread, inline_label
from lwal_core.analysis.speed import (
    Band,
    BandKind,
    Curve,
    Quantity,
    XAxis,
    common_grid,
    smooth,
)
from lwal_core.analysis.speed import (
    band as seed_band,
)
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.palette import Theme, method_colors, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

FloatArray = npt.NDArray[np.float64]
LossQuantity = Literal["loss", "pull", "push"]

ACCURACY_HEIGHT = 440  # px
PANEL_HEIGHT = 210  # px of each of several loss panels
MAX_POINTS = 500  # per line; more than the pixels of a usual plot tell apart
TOTAL_POINTS = 20_000  # of all lines together, which a browser redraws without a pause
UNIFIED_HOVER_GROUPS = 20  # one hover box for all groups stays readable up to here
MANY_GROUPS = 10  # from here on lines are thin and epochs are not marked
MAX_LABELS = 12  # line ends that can be named before names stand far from their lines
_MARKER_POINTS = 25  # up to so many epochs each is marked, so that measured and drawn can be told apart
_LABEL_CHARS, _LABEL_PX, _CHAR_PX = 15, 17, 7.4  # direct labels: characters and pixels a line, pixels a character
_TITLE_CHARS, _NOTE_CHARS = 46, 58  # fit 400 px
_LEFT, _BOTTOM = 66, 48  # px for the axes; fixed, so that nothing jumps when values change

_LOSS_NAMES = {
    "loss": "Total loss",
    "pull": "Pull loss (cross-entropy, nats)",
    "push": "Push loss (mean cosine)",
}
# Tick labels that no accuracy has.
_NO_ACCURACY = {f"{t / 10:g} %": "" for t in range(1001, 1300)} | {f"−{t / 10:g} %": "" for t in range(1, 300)}
_BAND_NAMES = {"sd": "± 1 sd", "interval": "95 % interval of the mean", "minmax": "lowest to highest"}


@dataclass(frozen=True, eq=False)
class _Line:
    """One group ready to be drawn: ``band`` is in drawn units, ``y`` its mean after smoothing."""

    label: str
    color: str
    dash: str
    band: Band
    y: FloatArray
    curves: Sequence[Curve]

    @property
    def seeds(self) -> int:
        return int(self.band.n.max())


@dataclass(frozen=True)
class _Axis:
    """How x is drawn: raw values are divided by ``scale``."""

    name: XAxis
    title: str
    scale: float
    hover: str


@dataclass
class _Canvas:
    """What goes into a figure, collected first because plotly checks everything again with each thing that is added."""

    theme: Theme
    traces: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def text(self, text: str, **place: Any) -> None:
        """Add text that is already escaped."""
        self.annotations.append({"text": text, "showarrow": False, "xref": "paper", "yref": "paper", **place})

    def figure(self, height: int, layout: dict[str, Any], axes: dict[str, dict[str, Any]]) -> go.Figure:
        import plotly.graph_objects as go

        given = {**layout, **axes, "shapes": self.shapes, "annotations": self.annotations}
        fig = style.apply(go.Figure(self.traces, given), theme=self.theme, height=height)
        fixed = {f"{name}_automargin": False for name in axes}
        return fig.update_layout(margin=layout["margin"], **fixed)


def _suffix(row: int) -> str:
    return "" if row == 1 else str(row)


@dataclass(frozen=True)
class _Panel:
    """Where a set of lines goes: its number, its height in pixels, its y range in drawn units (log10 when ``log``)."""

    row: int
    pixels: float
    low: float
    high: float
    log: bool = False

    @property
    def yref(self) -> str:
        return f"y{_suffix(self.row)}"

    def to_pixels(self, y: float) -> float:
        return ((math.log10(y) if self.log else y) - self.low) / (self.high - self.low) * self.pixels

    def from_pixels(self, pixels: float) -> float:
        """The axis value at a height, in log10 when the axis is logarithmic."""
        return self.low + pixels / self.pixels * (self.high - self.low)


def accuracy_figure(
    groups: Mapping[str, Sequence[Curve]],
    *,
    x: XAxis = "epoch",
    band: BandKind = "sd",
    smoothing: float = 0.0,
    theme: Theme = "light",
    height: int = ACCURACY_HEIGHT,
    title: str | None = None,
    baseline: str | None = None,
    target: float | None = None,
    floor: float | None = None,
    show_seeds: bool = False,
    x_max: float | None = None,
    y_range: tuple[float, float] | None = None,
) -> go.Figure:
    """Test accuracy of each group, mean over its seeds.

    Args:
        groups: Runs by label; groups without values are named under the title and not drawn.
        x: ``"epoch"``, ``"samples"`` or ``"seconds"`` (of training alone).
        band: What the band shows, see :func:`lwal_core.analysis.speed.band`. Hover always tells mean ± sd (n).
        smoothing: Weight of the moving average in [0, 1); the raw mean stays visible behind it.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels.
        title: The finding, plain text.
        baseline: Label of the baseline; without ``target`` its mean best accuracy is drawn as the line to reach.
        target: Accuracy to reach as a fraction; a dashed line.
        floor: Accuracy of the untrained network as a fraction; a dotted line.
        show_seeds: Draw each seed as a thin line too.
        x_max: Where x will end (epochs, samples or seconds), so that a running training fills a fixed frame.
        y_range: Lowest and highest accuracy of the axis as fractions, for the same reason; ``None`` fits the data.
    """
    axis = _x_axis(groups, x, x_max)
    lines = _lines(groups, "accuracy", axis, band, smoothing, y_scale=100.0)
    target, target_name = _target(groups, baseline, target)
    levels = [(100 * target, f"{target_name} {_unbroken(target)}", "dash")] if target is not None else []
    levels += [(100 * floor, f"untrained {_unbroken(floor)}", "dot")] if floor is not None else []
    if y_range is None:
        low, high = _fit(lines, [y for y, _, _ in levels], clip=(0.0, 100.0))
    else:
        low, high = 100 * y_range[0], 100 * y_range[1]
    x_range = _x_range(lines, axis, x_max)
    notes = _notes(lines, groups, band, smoothing, axis)
    heading, top = _heading(title, notes, theme)
    panel = _Panel(1, height - top - _BOTTOM, low, high)
    labels = _labels(lines, panel, theme, levels=levels, prefer=baseline)
    named = len(labels) - len(levels)
    if named < len(lines):  # a longer heading leaves less room, so the labels are placed again
        heading, top = _heading(title, [*notes, _naming_note(named, len(lines))], theme)
        panel = _Panel(1, height - top - _BOTTOM, low, high)
        labels = _labels(lines, panel, theme, levels=levels, prefer=baseline, most=named)
    canvas = _Canvas(theme)
    for line in lines:
        _draw(canvas, line, axis, panel, "%", groups=len(lines), show_seeds=show_seeds, smoothed=smoothing > 0)
    for y, _, dash in levels:
        canvas.shapes.append(
            {"type": "line", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y,
             "line": {"color": neutral("muted", theme), "width": 1.2, "dash": dash}}
        )  # fmt: skip
    _end_labels(canvas, labels, panel, x_range)
    if not lines:
        canvas.text("No accuracy measured yet" if groups else "No runs chosen", x=0.5, y=0.5)
    visible = bool(lines) or x_max is not None
    layout = {
        "title": heading,
        "margin": {"l": _LEFT, "r": _right_margin(labels), "t": top, "b": _BOTTOM},
        "hovermode": _hover_mode(len(lines)),
        "uirevision": x,
    }
    yaxis = {
        "title": {"text": "Test accuracy", "standoff": 6},
        "ticksuffix": " %",
        "range": [low, high],
        # The axis leaves air above 100 %, but no accuracy is there.
        "labelalias": _NO_ACCURACY,
        "visible": visible,
    }
    return canvas.figure(
        height, layout, {"xaxis": _x_layout(axis, x_range, len(lines), theme, visible=visible), "yaxis": yaxis}
    )


def loss_figure(
    groups: Mapping[str, Sequence[Curve]],
    *,
    quantities: Sequence[LossQuantity] = ("loss", "pull", "push"),
    x: XAxis = "epoch",
    band: BandKind = "sd",
    smoothing: float = 0.0,
    theme: Theme = "light",
    height: int | None = None,
    title: str | None = None,
    log_y: bool = False,
    show_seeds: bool = False,
    x_max: float | None = None,
) -> go.Figure:
    """Training losses, one panel a quantity, stacked over a common x axis.

    Panels that no group has values for (pull and push of one-hot runs) are left out. With ``log_y`` a panel that
    holds values of 0 or below stays linear and says so.

    Args:
        groups: Runs by label, as in :func:`accuracy_figure`, which also explains the other arguments.
        quantities: Which losses; one name gives one panel.
        height: Pixels; ``None`` gives each panel the same height whatever their number.
        log_y: Logarithmic y axes.
    """
    unknown = [name for name in quantities if name not in _LOSS_NAMES]
    if unknown or not quantities:
        raise AnalysisError(f"Unknown losses {unknown!r}.", f"Choose from {', '.join(_LOSS_NAMES)}.")
    axis = _x_axis(groups, x, x_max)
    drawn = {name: _lines(groups, name, axis, band, smoothing) for name in quantities}
    drawn = {name: lines for name, lines in drawn.items() if lines}
    every = [line for lines in drawn.values() for line in lines]
    most = max(drawn.values(), key=len, default=[])
    logarithmic = {name: log_y and all(np.nanmin(line.band.mean) > 0 for line in drawn[name]) for name in drawn}
    notes = _notes(most, groups, band, smoothing, axis)
    notes += [f"{name} axis linear: values of 0 or below" for name in drawn if log_y and not logarithmic[name]]
    rows, name_px = max(len(drawn), 1), 24  # each panel's name stands above it
    usual = PANEL_HEIGHT if height is None and rows > 1 else ((height or ACCURACY_HEIGHT) - _BOTTOM - 60) / rows
    panels = {
        name: _Panel(row, usual - name_px, *_fit(lines, [], log=logarithmic[name]), logarithmic[name])
        for row, (name, lines) in enumerate(drawn.items(), start=1)
    }
    labels = {
        name: _labels(lines, panels[name], theme, lowest_first=True, overhang=0.0) for name, lines in drawn.items()
    }
    fewest = min(drawn, key=lambda name: len(labels[name]) - len(drawn[name]), default=None)
    if fewest and len(labels[fewest]) < len(drawn[fewest]):
        notes.append(_naming_note(len(labels[fewest]), len(drawn[fewest])))
    heading, top = _heading(title, notes, theme)
    if height is None:
        height = ACCURACY_HEIGHT if rows == 1 else top + _BOTTOM + rows * PANEL_HEIGHT
    area = height - top - _BOTTOM
    x_range = _x_range(every, axis, x_max)
    visible = bool(every) or x_max is not None
    canvas = _Canvas(theme)
    axes: dict[str, dict[str, Any]] = {}
    for name, lines in drawn.items():
        panel = panels[name]
        for line in lines:
            _draw(canvas, line, axis, panel, "", groups=len(lines), show_seeds=show_seeds, smoothed=smoothing > 0)
        _end_labels(canvas, labels[name], panel, x_range)
        ceiling = 1 - (panel.row - 1) / rows - name_px / area
        canvas.text(
            _LOSS_NAMES[name], x=0, xanchor="left", y=ceiling, yanchor="bottom", yshift=3,
            font={"size": style.FONT_SIZE - 1, "color": neutral("muted", theme)},
        )  # fmt: skip
        axes[f"yaxis{_suffix(panel.row)}"] = {
            "range": [panel.low, panel.high],
            "domain": [max(1 - panel.row / rows, 0.0), ceiling],
            **(_log_ticks(panel) if panel.log else {"nticks": 6}),
        }
    if not every:
        canvas.text("No loss recorded yet" if groups else "No runs chosen", x=0.5, y=0.5)
        axes["yaxis"] = {"title": {"text": "Loss"}, "visible": visible}
    xaxis = _x_layout(axis, x_range, len(most), theme, visible=visible)
    axes["xaxis"] = {**xaxis, "anchor": f"y{_suffix(rows)}"}
    layout = {
        "title": heading,
        "margin": {"l": _LEFT, "r": max(map(_right_margin, labels.values()), default=12), "t": top, "b": _BOTTOM},
        "hovermode": _hover_mode(len(most)),
        "uirevision": x,
    }
    return canvas.figure(height, layout, axes)


def spread_labels(wanted: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Centres for labels on a line so that none overlap, moved as little as possible (least squares), order kept.

    Args:
        wanted: Where each would like to be, pixels.
        heights: Their heights, pixels.
        low: Lower end of the room.
        high: Upper end; when the labels do not fit between the two they run over the upper end.
    """
    order = np.argsort(np.asarray(wanted, dtype=np.float64), kind="stable")
    size = np.asarray(heights, dtype=np.float64)[order]
    stacked = np.cumsum(size) - size / 2
    # Without gaps the centres would be at `stacked`; what is left over must not decrease: an isotonic regression.
    blocks: list[list[float]] = []  # [mean, count]
    for value in np.asarray(wanted, dtype=np.float64)[order] - stacked:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2:]
            blocks[-2:] = [[(a * m + b * n) / (m + n), m + n]]
    level = np.repeat([mean for mean, _ in blocks], [int(count) for _, count in blocks]) if blocks else np.empty(0)
    centres = np.empty(len(order))
    centres[order] = np.maximum(np.minimum(level, high - size.sum()), low) + stacked
    return [float(centre) for centre in centres]


# Preparing the lines.


def _x_axis(groups: Mapping[str, Sequence[Curve]], x: XAxis, x_max: float | None) -> _Axis:
    if x == "epoch":
        return _Axis(x, "Epoch", 1.0, "epoch %{x}")
    if x == "samples":
        return _Axis(x, "Training samples seen", 1.0, "%{x:,.0f} samples")
    ends = [float(np.nanmax(c.seconds)) for curves in groups.values() for c in curves if np.isfinite(c.seconds).any()]
    longest = max([*ends, x_max or 0.0])
    scale, unit = (1.0, "s") if longest < 180 else (60.0, "min") if longest < 3 * 3600 else (3600.0, "h")
    return _Axis(x, f"Training time ({unit})", scale, f"%{{x:.3~r}} {unit}")


def _lines(
    groups: Mapping[str, Sequence[Curve]],
    quantity: Quantity,
    axis: _Axis,
    kind: BandKind,
    smoothing: float,
    y_scale: float = 1.0,
) -> list[_Line]:
    colors = method_colors(list(groups))
    # One grid for all groups, so that the hover box can compare them at the same second.
    everyone = [curve for curves in groups.values() for curve in curves]
    limit = min(max(TOTAL_POINTS // max(len(groups), 1), 60), MAX_POINTS)
    grid = None if axis.name == "epoch" else common_grid(everyone, quantity, axis.name, limit)
    lines = []
    for label, curves in groups.items():
        raw = seed_band(curves, quantity, axis.name, kind, grid=grid)
        keep = np.flatnonzero(raw.n > 0)
        if not keep.size:
            continue
        smoothed = smooth(raw.mean[keep], smoothing)
        chosen = decimate(smoothed, limit)
        rows = keep[chosen]
        scaled = Band(
            x=raw.x[rows] / axis.scale,
            mean=raw.mean[rows] * y_scale,
            low=raw.low[rows] * y_scale,
            high=raw.high[rows] * y_scale,
            n=raw.n[rows],
            sd=raw.sd[rows] * y_scale,
            x_name=axis.name,
            quantity=quantity,
            kind=kind,
        )
        lines.append(_Line(label, *colors[label], scaled, smoothed[chosen] * y_scale, curves))
    return lines


def decimate(y: FloatArray, limit: int) -> npt.NDArray[np.int64]:
    """Indices of at most ``limit`` points that keep the ends and, in equal stretches, the lowest and the highest
    value.

    Args:
        y: Values, ``[n]``; nan counts as lowest.
        limit: At least 4.
    """
    if y.size <= limit:
        return np.arange(y.size)
    edges = np.linspace(1, y.size - 1, (limit - 2) // 2 + 1).astype(np.int64)
    filled = np.where(np.isfinite(y), y, -np.inf)
    keep = {0, y.size - 1}
    for start, stop in pairwise(edges.tolist()):
        stretch = filled[start:stop]
        keep.update((start + int(stretch.argmin()), start + int(stretch.argmax())))
    return np.array(sorted(keep), dtype=np.int64)


def _target(
    groups: Mapping[str, Sequence[Curve]], baseline: str | None, target: float | None
) -> tuple[float | None, str]:
    curves = groups.get(baseline, []) if baseline is not None else []
    bests = [float(np.nanmax(c.accuracy)) for c in curves if np.isfinite(c.accuracy).any()]
    mean = float(np.mean(bests)) if bests else None
    if baseline is None or mean is None or (target is not None and abs(target - mean) > 1e-9):
        return target, "target"
    return mean, f"{inline_label(style.shorten(baseline))}'s best"


def _fit(
    lines: Sequence[_Line],
    levels: Sequence[float],
    *,
    clip: tuple[float, float] = (-math.inf, math.inf),
    log: bool = False,
) -> tuple[float, float]:
    """A y range that holds lines, bands and levels with a little air; log10 when ``log``."""
    parts = [np.asarray(levels, dtype=np.float64)]
    for line in lines:
        parts += [line.band.mean, line.y, np.clip(line.band.low, *clip), np.clip(line.band.high, *clip)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not values.size:
        return (0.0, 100.0) if math.isfinite(clip[1]) else (0.0, 1.0)
    if log:
        values = np.log10(values)
    low, high = float(values.min()), float(values.max())
    least = 2.0 if math.isfinite(clip[1]) else 0.1 if log else max(0.02 * abs(high), 1e-6)
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    span = high - low
    return low - 0.04 * span, high + 0.05 * span


def _x_range(lines: Sequence[_Line], axis: _Axis, x_max: float | None) -> tuple[float, float]:
    ends = [float(end) for line in lines for end in (line.band.x[0], line.band.x[-1])]
    if x_max is not None:
        ends += [0.0, x_max / axis.scale]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    span = (high - low) or 1.0
    return low - 0.02 * span, high + 0.035 * span


# Drawing.


def _draw(
    canvas: _Canvas,
    line: _Line,
    axis: _Axis,
    panel: _Panel,
    unit: str,
    *,
    groups: int,
    show_seeds: bool,
    smoothed: bool,
) -> None:
    """The traces of one group, from back to front: band, seeds, raw mean, mean."""
    data, scale = line.band, 100.0 if unit == "%" else 1.0
    many = groups > MANY_GROUPS
    base: dict[str, Any] = {"type": "scatter", "mode": "lines", "yaxis": panel.yref, "legendgroup": line.label}
    quiet = {**base, "hoverinfo": "skip"}
    thin = {"line": {"color": line.color, "width": 1}, "opacity": 0.4}
    xs, ys = _outline(data, panel, percent=unit == "%")
    if xs:
        fill = {"fill": "toself", "fillcolor": _rgba(line.color, 0.15), "line": {"width": 0}}
        canvas.traces.append({**quiet, **fill, "x": xs, "y": ys, "name": f"{line.label} band"})
    if show_seeds and len(line.curves) > 1:
        seeds_x, seeds_y = _seed_lines(line, axis, scale, TOTAL_POINTS // groups)
        canvas.traces.append({**quiet, **thin, "x": seeds_x, "y": seeds_y, "name": f"{line.label} seeds"})
    if smoothed:
        canvas.traces.append({**quiet, **thin, "x": data.x, "y": data.mean, "name": f"{line.label} raw"})
    marked = data.x.size == 1 or (axis.name == "epoch" and data.x.size <= _MARKER_POINTS and not many and not smoothed)
    trace = {
        **base,
        "mode": "lines+markers" if marked else "lines",
        "line": {"color": line.color, "width": 1.2 if many else 2.5, "dash": "solid" if many else line.dash},
        "marker": {"color": line.color, "size": 8 if data.x.size == 1 else 5},
        "name": line.label,
        "opacity": 0.7 if many else 1.0,
        **_hover(line, scale, unit, each=groups <= UNIFIED_HOVER_GROUPS),
    }
    partial = data.n < data.n.max()
    if partial.any():
        # The line is pale where only some seeds go on. It joins the last full point, whose hover the full line has.
        beside = partial | np.append(partial[1:], False) | np.insert(partial[:-1], 0, False)
        pale = {
            "opacity": 0.4,
            "y": np.where(beside, line.y, np.nan),
            "hovertemplate": [trace["hovertemplate"] if only else "" for only in partial],
            "hoverinfo": ["text" if only else "skip" for only in partial],
        }
        canvas.traces.append({**trace, **pale, "x": data.x, "name": f"{line.label} some seeds"})
    canvas.traces.append({**trace, "x": data.x, "y": np.where(partial, np.nan, line.y)})


def _hover(line: _Line, scale: float, unit: str, *, each: bool) -> dict[str, Any]:
    """What hovering tells: mean ± sd (n) written out for every point, or the mean alone when there are many lines."""
    name = f"<b>{style.escape(style.shorten(line.label))}</b>"
    data = line.band
    if not each:
        shown = "%{customdata:.1f} %" if unit == "%" else "%{customdata:.3~g}"
        template = f"{name}<br>%{{xaxis.title.text}} %{{x}}: {shown}<extra></extra>"
        return {"customdata": data.mean, "hovertemplate": template}
    texts = [
        format_spread(mean / scale, sd / scale, int(n), unit)
        for mean, sd, n in zip(data.mean, data.sd, data.n, strict=True)
    ]
    return {"text": texts, "hovertemplate": f"{name}  %{{text}}<extra></extra>"}


def _outline(data: Band, panel: _Panel, *, percent: bool) -> tuple[list[float | None], list[float | None]]:
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


def _seed_lines(line: _Line, axis: _Axis, y_scale: float, budget: int) -> tuple[FloatArray, FloatArray]:
    """All seeds of a group as one polyline with gaps, together of about ``budget`` points."""
    each = min(max(budget // len(line.curves), 60), MAX_POINTS)
    xs, ys = [], []
    for curve in line.curves:
        y = getattr(curve, line.band.quantity)
        chosen = decimate(y, each)
        xs += [getattr(curve, axis.name)[chosen] / axis.scale, [np.nan]]
        ys += [y[chosen] * y_scale, [np.nan]]
    return np.concatenate(xs), np.concatenate(ys)


@dataclass(frozen=True)
class _Label:
    """A name at the right edge: ``text`` is escaped, with <br>; ``y`` the axis value of its centre (log10 if log)."""

    text: str
    widest: int  # characters of its longest text line
    y: float
    end: tuple[float, float] | None  # where its line ends, in axis values; None for a level, which ends at the edge
    level: float
    color: str
    ink: str


def _labels(
    lines: Sequence[_Line],
    panel: _Panel,
    theme: Theme,
    *,
    levels: Sequence[tuple[float, str, str]] = (),
    prefer: str | None = None,
    lowest_first: bool = False,
    most: int = MAX_LABELS,
    overhang: float = 8.0,
) -> list[_Label]:
    """Names beside the panel, none over another; when not all fit, levels, the baseline and the best lines go first."""
    usual = _usual_seeds(lines)
    ranked = sorted(lines, key=lambda line: (line.label != prefer, _last(line) if lowest_first else -_last(line)))
    muted, ink = neutral("muted", theme), neutral("ink", theme)
    asked: list[tuple[str, float, _Line | None]] = [(text, y, None) for y, text, _ in levels]
    for line in ranked[:most]:
        count = "" if line.seeds == usual else f" (n={line.seeds})"
        asked.append((style.shorten(line.label, 2 * _LABEL_CHARS) + count, _last(line), line))
    room = panel.pixels + 2 * overhang  # a label may stand so many pixels over either end
    chosen: list[tuple[list[str], float, _Line | None]] = []
    for text, y, of in asked:
        wrapped = textwrap.wrap(text, _LABEL_CHARS, break_on_hyphens=False) or [""]
        room -= _LABEL_PX * len(wrapped)
        if room < 0:
            break
        chosen.append((wrapped, y, of))
    wanted = [panel.to_pixels(y) for _, y, _ in chosen]
    heights = [float(_LABEL_PX * len(wrapped)) for wrapped, _, _ in chosen]
    centres = spread_labels(wanted, heights, -overhang, panel.pixels + overhang)
    return [
        _Label(
            text="<br>".join(map(style.escape, wrapped)),
            widest=max(map(len, wrapped)),
            y=panel.from_pixels(centre),
            end=None if of is None else (float(of.band.x[-1]), y),
            level=y,
            color=muted if of is None else of.color,
            ink=muted if of is None else ink,
        )
        for (wrapped, y, of), centre in zip(chosen, centres, strict=True)
    ]


def _unbroken(accuracy: float) -> str:
    """An accuracy whose unit is never wrapped to the next line."""
    return format_accuracy(accuracy).replace(" ", "\N{NO-BREAK SPACE}")


def _usual_seeds(lines: Sequence[_Line]) -> int:
    """The number of seeds that most lines have, the larger one on a tie; 0 without lines."""
    counts = [line.seeds for line in lines]
    return max(counts, key=lambda n: (counts.count(n), n), default=0)


def _last(line: _Line) -> float:
    return float(line.y[np.flatnonzero(np.isfinite(line.y))[-1]])


def _end_labels(canvas: _Canvas, labels: Sequence[_Label], panel: _Panel, x_range: tuple[float, float]) -> None:
    """Names at the right edge in text colour, each tied to its line's end by a thin line in the line's colour."""
    low, high = x_range
    for label in labels:
        end_x, end_y = label.end or (high - 0.02 * (high - low), label.level)
        dash = "dot" if high - end_x > 0.1 * (high - low) else "solid"
        canvas.shapes.append(
            {
                "type": "line", "layer": "below", "xref": "x", "yref": panel.yref,
                "x0": end_x, "y0": end_y, "x1": high, "y1": 10**label.y if panel.log else label.y,
                "line": {"color": _rgba(label.color, 0.7), "width": 1, "dash": dash},
            }
        )  # fmt: skip
        canvas.text(
            label.text, x=1, xanchor="left", xshift=3, yref=panel.yref, y=label.y, yanchor="middle", align="left",
            font={"size": style.FONT_SIZE - 1, "color": label.ink},
        )  # fmt: skip


def _log_ticks(panel: _Panel) -> dict[str, Any]:
    """Decades, and under two decades 2 and 5 between them, each written out."""
    short = panel.high - panel.low < 2
    return {"type": "log", "dtick": "D2" if short else 1, **({"minorloglabels": "complete"} if short else {})}


def _x_layout(axis: _Axis, x_range: tuple[float, float], groups: int, theme: Theme, *, visible: bool) -> dict[str, Any]:
    ticks: dict[str, Any] = {"nticks": 8}
    if axis.name == "epoch":
        ticks = {"tick0": 0, "dtick": _epoch_step(x_range[1] - x_range[0], x_range[1]), "tickformat": ",d"}
    elif axis.name == "samples":
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


def _hover_mode(groups: int) -> str:
    return "x unified" if groups <= UNIFIED_HOVER_GROUPS else "closest"


def _epoch_step(span: float, last: float) -> int:
    """Epochs between ticks: whole ones, as many as a phone has room for."""
    most = 11 if last < 100 else 6
    steps = (base * 10**power for power in range(12) for base in (1, 2, 5))
    return next(step for step in steps if span / step <= most)


# Words around the plot.


def _notes(
    lines: Sequence[_Line], groups: Mapping[str, Sequence[Curve]], kind: BandKind, smoothing: float, axis: _Axis
) -> list[str]:
    """What the reader must know to read the lines, in a few words each."""
    notes = []
    usual = _usual_seeds(lines)
    if usual == 1 and all(line.seeds == 1 for line in lines):
        notes.append("one seed (n=1), no band" if len(lines) == 1 else "one seed each (n=1), no bands")
    elif usual:
        unless = "" if all(line.seeds == usual for line in lines) else " unless n says otherwise"
        notes.append(f"mean, band: {_BAND_NAMES[kind]}, {usual} seed{'s' if usual > 1 else ''}{unless}")
    if smoothing > 0 and lines:
        notes.append(f"smoothed {smoothing:g}, thin: raw")
    if any((line.band.n < line.band.n.max()).any() for line in lines):
        notes.append("pale: only some seeds")
    longest = max((curve.epoch.size for curves in groups.values() for curve in curves), default=0)
    if any(line.band.x.size > longest for line in lines):
        notes.append("read between epochs along straight lines")
    missing = [style.shorten(label) for label in groups if label not in {line.label for line in lines}]
    if missing and lines:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        notes.append(f"no values yet: {', '.join(missing[:3])}{more}")
    return notes


def _naming_note(named: int, lines: int) -> str:
    return f"{named} of {lines} lines named, hover names the rest"


def _heading(title: str | None, notes: Sequence[str], theme: Theme) -> tuple[dict[str, Any], int]:
    """Title and notes as one plotly title, wrapped to fit a phone, and the top margin that they need."""
    title_lines = _balanced(title, _TITLE_CHARS) if title else []
    note_lines: list[str] = []
    for note in notes:
        together = f"{note_lines[-1]} · {note}" if note_lines else note[:1].upper() + note[1:]
        if len(together) <= _NOTE_CHARS:
            note_lines[-1:] = [together]
        else:
            note_lines += textwrap.wrap(note if note_lines else together, _NOTE_CHARS, break_on_hyphens=False)
    muted = neutral("muted", theme)
    size = style.FONT_SIZE + 2 if title else style.FONT_SIZE - 2
    look = f'style="font-size:{style.FONT_SIZE - 2}px;color:{muted}"'
    small = [f"<span {look}>{style.escape(line)}</span>" for line in note_lines]
    text = "<br>".join([*map(style.escape, title_lines), *small])
    lines = len(title_lines) + len(note_lines)
    # plotly puts the first line of several higher than a single one, by the height of a capital letter.
    raised = 0.75 * size if lines > 1 else 0
    layout: dict[str, Any] = {
        "text": text, "x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
        "pad": {"l": 8, "t": 8 + raised}, "font": {"size": size, "color": neutral("ink", theme)},
    }  # fmt: skip
    return layout, 12 + (math.ceil(lines * size * 1.3) + 8 if lines else 0)


def _balanced(text: str, width: int) -> list[str]:
    """Wrapped into as few lines as ``width`` allows: after a comma if that works, otherwise of about equal length."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    if len(lines) == 2:
        head, comma, tail = text.rpartition(", ")
        if comma and len(head) < width and len(tail) <= width:
            return [f"{head},", tail]
    for narrower in range(max(len(text) // max(len(lines), 1), 1), width):
        tried = textwrap.wrap(text, narrower, break_on_hyphens=False)
        if len(tried) == len(lines):
            return tried
    return lines


def _right_margin(labels: Sequence[_Label]) -> int:
    return 12 + math.ceil(max((label.widest for label in labels), default=0) * _CHAR_PX)


def _rgba(color: str, alpha: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
