"""Accuracy and loss per epoch, sample or second: one line per method, a band over seeds, direct labels.

The figures draw what :func:`lwal_core.analysis.comparison.bands.band` computes. Where only some seeds go on, the line turns
pale; one seed has no band; smoothing leaves the raw mean visible; and a line under the title says what the band is
and over how many seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lwal_core.analysis.comparison.bands import BandKind
from lwal_core.analysis.comparison.curve import Curve, XAxis
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.curves.drawing import (
    UNIFIED_HOVER_GROUPS,
    Canvas,
    Panel,
    draw_line,
    hover_mode,
    log_ticks,
    suffix,
    x_layout,
)
from lwal_core.figures.curves.labels import draw_labels, place_labels, right_margin
from lwal_core.figures.curves.lines import fit_range, fit_x, prepare_lines, target_level, x_axis
from lwal_core.figures.curves.text import heading_layout, naming_note, reading_notes, unbroken
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

LossQuantity = Literal["loss", "pull", "push"]

ACCURACY_HEIGHT = 440  # px
PANEL_HEIGHT = 210  # px of each of several loss panels
LEFT, BOTTOM = 66, 48  # px for the axes; fixed, so that nothing jumps when values change

_LOSS_NAMES = {
    "loss": "Total loss",
    "pull": "Pull loss (cross-entropy, nats)",
    "push": "Push loss (mean cosine)",
}
# Tick labels that no accuracy has.
_NO_ACCURACY = {f"{t / 10:g} %": "" for t in range(1001, 1300)} | {f"−{t / 10:g} %": "" for t in range(1, 300)}


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
    log_x: bool = False,
    colors: Mapping[str, tuple[str, str]] | None = None,
    measured: str = "Test accuracy",
) -> go.Figure:
    """Test accuracy of each group, mean over its seeds.

    Args:
        groups: Runs by label; groups without values are named under the title and not drawn.
        x: ``"epoch"``, ``"step"``, ``"samples"`` or ``"seconds"`` (of training alone).
        band: What the band shows, see :func:`lwal_core.analysis.comparison.bands.band`. Hover always tells mean ± sd (n).
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
        log_x: Logarithmic x axis; the untrained network, at 0, is then left out, and a note says so.
        colors: Colour and plotly dash by label; those of the methods when left out.
        measured: What stands at the y axis; another fraction is given in place of the accuracy of the curves.
    """
    axis = x_axis(groups, x, x_max, log=log_x)
    lines = prepare_lines(groups, "accuracy", axis, band, smoothing, y_scale=100.0, colors=colors)
    target, target_name = target_level(groups, baseline, target)
    levels = [(100 * target, f"{target_name} {unbroken(target)}", "dash")] if target is not None else []
    levels += [(100 * floor, f"untrained {unbroken(floor)}", "dot")] if floor is not None else []
    if y_range is None:
        low, high = fit_range(lines, [y for y, _, _ in levels], clip=(0.0, 100.0))
    else:
        low, high = 100 * y_range[0], 100 * y_range[1]
    x_range = fit_x(lines, axis, x_max)
    notes = reading_notes(lines, groups, band, smoothing, axis)
    heading, top = heading_layout(title, notes, theme)
    panel = Panel(1, height - top - BOTTOM, low, high)
    labels = place_labels(lines, panel, theme, levels=levels, prefer=baseline)
    named = len(labels) - len(levels)
    if named < len(lines):  # a longer heading leaves less room, so the labels are placed again
        heading, top = heading_layout(title, [*notes, naming_note(named, len(lines))], theme)
        panel = Panel(1, height - top - BOTTOM, low, high)
        labels = place_labels(lines, panel, theme, levels=levels, prefer=baseline, most=named)
    canvas = Canvas(theme)
    for line in lines:
        draw_line(canvas, line, axis, panel, "%", groups=len(lines), show_seeds=show_seeds, smoothed=smoothing > 0)
    if len(lines) > UNIFIED_HOVER_GROUPS:
        canvas.join_lines()
    for y, _, dash in levels:
        canvas.shapes.append(
            {"type": "line", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "yref": "y", "y0": y, "y1": y,
             "line": {"color": neutral("muted", theme), "width": 1.2, "dash": dash}}
        )  # fmt: skip
    draw_labels(canvas, labels, panel, x_range, log_x=log_x)
    if not lines:
        canvas.text("No accuracy measured yet" if groups else "No runs chosen", x=0.5, y=0.5)
    visible = bool(lines) or x_max is not None
    layout = {
        "title": heading,
        "margin": {"l": LEFT, "r": right_margin(labels), "t": top, "b": BOTTOM},
        "hovermode": hover_mode(len(lines)),
        "uirevision": f"{x} {log_x}",
    }
    yaxis = {
        "title": {"text": measured, "standoff": 6},
        "ticksuffix": " %",
        "range": [low, high],
        # The axis leaves air above 100 %, but no accuracy is there.
        "labelalias": _NO_ACCURACY,
        "visible": visible,
    }
    return canvas.figure(
        height, layout, {"xaxis": x_layout(axis, x_range, len(lines), theme, visible=visible), "yaxis": yaxis}
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
    log_x: bool = False,
    measure: str = "",
    colors: Mapping[str, tuple[str, str]] | None = None,
) -> go.Figure:
    """Training losses, one panel a quantity, stacked over a common x axis.

    Panels that no group has values for (pull and push of one-hot runs) are left out. With ``log_y`` a panel that
    holds values of 0 or below stays linear and says so.

    Args:
        groups: Runs by label, as in :func:`accuracy_figure`, which also explains the other arguments.
        quantities: Which losses; one name gives one panel.
        height: Pixels; ``None`` gives each panel the same height whatever their number.
        log_y: Logarithmic y axes.
        measure: Name of what programs measured besides, to be drawn in place of the losses.
        colors: Colour and plotly dash by label; those of the methods when left out.

    Raises:
        AnalysisError: An unknown loss, or none.
    """
    unknown = [name for name in quantities if name not in _LOSS_NAMES]
    if unknown or not quantities:
        raise AnalysisError(f"Unknown losses {unknown!r}.", f"Choose from {', '.join(_LOSS_NAMES)}.")
    names: dict[str, str] = dict(_LOSS_NAMES)
    if measure:
        groups = {label: [curve.with_measure(measure) for curve in curves] for label, curves in groups.items()}
        names["loss"] = style.escape(style.shorten(measure, 60))
    axis = x_axis(groups, x, x_max, log=log_x)
    drawn = {name: prepare_lines(groups, name, axis, band, smoothing, colors=colors) for name in quantities}
    drawn = {name: lines for name, lines in drawn.items() if lines}
    every = [line for lines in drawn.values() for line in lines]
    most = max(drawn.values(), key=len, default=[])
    logarithmic = {name: log_y and all(np.nanmin(line.band.mean) > 0 for line in drawn[name]) for name in drawn}
    notes = reading_notes(most, groups, band, smoothing, axis)
    notes += [f"{name} axis linear: values of 0 or below" for name in drawn if log_y and not logarithmic[name]]
    rows, name_px = max(len(drawn), 1), 24  # each panel's name stands above it
    usual = PANEL_HEIGHT if height is None and rows > 1 else ((height or ACCURACY_HEIGHT) - BOTTOM - 60) / rows
    panels = {
        name: Panel(row, usual - name_px, *fit_range(lines, [], log=logarithmic[name]), logarithmic[name])
        for row, (name, lines) in enumerate(drawn.items(), start=1)
    }
    labels = {
        name: place_labels(lines, panels[name], theme, lowest_first=True, overhang=0.0) for name, lines in drawn.items()
    }
    fewest = min(drawn, key=lambda name: len(labels[name]) - len(drawn[name]), default=None)
    if fewest and len(labels[fewest]) < len(drawn[fewest]):
        notes.append(naming_note(len(labels[fewest]), len(drawn[fewest])))
    heading, top = heading_layout(title, notes, theme)
    if height is None:
        height = ACCURACY_HEIGHT if rows == 1 else top + BOTTOM + rows * PANEL_HEIGHT
    area = height - top - BOTTOM
    x_range = fit_x(every, axis, x_max)
    visible = bool(every) or x_max is not None
    canvas = Canvas(theme)
    axes: dict[str, dict[str, Any]] = {}
    for name, lines in drawn.items():
        panel = panels[name]
        for line in lines:
            draw_line(canvas, line, axis, panel, "", groups=len(lines), show_seeds=show_seeds, smoothed=smoothing > 0)
        draw_labels(canvas, labels[name], panel, x_range, log_x=log_x)
        ceiling = 1 - (panel.row - 1) / rows - name_px / area
        canvas.text(
            names[name], x=0, xanchor="left", y=ceiling, yanchor="bottom", yshift=3,
            font={"size": style.FONT_SIZE - 1, "color": neutral("muted", theme)},
        )  # fmt: skip
        axes[f"yaxis{suffix(panel.row)}"] = {
            "range": [panel.low, panel.high],
            "domain": [max(1 - panel.row / rows, 0.0), ceiling],
            **(log_ticks(panel) if panel.log else {"nticks": 6}),
        }
    if len(most) > UNIFIED_HOVER_GROUPS:
        canvas.join_lines()
    if not every:
        canvas.text(
            f"No {'such measure' if measure else 'loss'} recorded yet" if groups else "No runs chosen", x=0.5, y=0.5
        )
        axes["yaxis"] = {"title": {"text": "Loss"}, "visible": visible}
    xaxis = x_layout(axis, x_range, len(most), theme, visible=visible)
    axes["xaxis"] = {**xaxis, "anchor": f"y{suffix(rows)}"}
    layout = {
        "title": heading,
        "margin": {"l": LEFT, "r": max(map(right_margin, labels.values()), default=12), "t": top, "b": BOTTOM},
        "hovermode": hover_mode(len(most)),
        "uirevision": f"{x} {log_x}",
    }
    return canvas.figure(height, layout, axes)
