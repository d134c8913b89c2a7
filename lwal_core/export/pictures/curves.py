"""Accuracy curves as SVG, PDF or PNG, by matplotlib.

The colours and dashes are those of the interactive figure; text stays text, and the same input gives the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_accuracy, inline_label
from lwal_core.analysis.comparison.bands import BAND_TITLES, BandKind, band, common_grid, smooth
from lwal_core.analysis.comparison.curve import Curve, Quantity, XAxis
from lwal_core.errors import ExportError
from lwal_core.export.pictures.file import DRAWING, SETTINGS, Format, check_picture, check_pixels, render, write_picture
from lwal_core.export.pictures.rows import MARGIN, MM, SMALL, SMALL_LINE
from lwal_core.export.pictures.text import TextMeasure, drawable, shown_name
from lwal_core.figures.palette import Theme, method_colors, neutral
from lwal_core.figures.style import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE, TITLE_LINE = 10.0, 13.0  # points
AXES_HEIGHT = 200.0  # points; the plot without title, names and caption
MAX_GROUPS = 60  # a legend of more would be taller than the plot
MAX_NAME_CHARACTERS = 120
_LEFT, _BELOW = 46.0, 34.0  # points for the axes' numbers and titles

AXIS_TITLES: dict[XAxis, str] = {
    "epoch": "Epoch", "step": "Optimiser steps", "samples": "Training samples seen", "seconds": "Training time (s)",
}  # fmt: skip
QUANTITY_TITLES: dict[Quantity, str] = {
    "accuracy": "Test accuracy (%)", "loss": "Total loss", "pull": "Pull loss (nats)", "push": "Push loss (mean cosine)",
}  # fmt: skip
_DASHES: dict[str, Any] = {
    "solid": "-", "dash": (0, (5, 2)), "dot": (0, (1, 1.5)), "dashdot": (0, (5, 2, 1, 2)), "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 2, 1, 2)),
}  # fmt: skip


def curves_picture(
    groups: Mapping[str, Sequence[Curve]],
    path_or_buffer: str | os.PathLike[str] | IO[bytes],
    format: Format = "svg",
    *,
    quantity: Quantity = "accuracy",
    x: XAxis = "epoch",
    kind: BandKind = "sd",
    smoothing: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    title: str = "",
    caption: str = "",
    target: float | None = None,
    floor: float | None = None,
    colors: Mapping[str, tuple[str, str]] | None = None,
    show_seeds: bool = False,
    measure: str = "",
    measured: str = "",
    width_mm: float = 160,
    dpi: int = 300,
    theme: Theme = "light",
) -> None:
    """Draw the curves as they would stand in a paper: a line per group, a band for its seeds, names below.

    Args:
        groups: Runs by label; groups without values are left out.
        path_or_buffer: File name, or an object with ``write`` for bytes.
        format: ``"svg"``, ``"pdf"`` or ``"png"``, whatever the file is called.
        quantity: Which column.
        x: Which axis; seconds are of training alone.
        kind: What the band shows, see :func:`lwal_core.analysis.comparison.bands.band`.
        smoothing: Weight of the moving average in [0, 1); the raw mean stays as a thin line.
        log_x: Logarithmic x axis, on which the untrained network at 0 has no place.
        log_y: Logarithmic y axis; only for losses, and only where all means are above 0.
        title: The finding, plain text.
        caption: Plain text below: method, seeds, data and versions as the caller knows them.
        target: Accuracy to reach, a fraction; a dashed line.
        floor: Accuracy of the untrained network by nearest class mean, a fraction; a dotted line.
        colors: Colour and plotly dash by label; those of the methods when left out.
        show_seeds: Whether each run is a thin line of its own.
        measure: Name of what programs measured besides, to be drawn in place of the loss.
        measured: What the accuracy of the curves is, if not that on the test set.
        width_mm: Width, 40 to 2000 mm; the height follows from what there is to say.
        dpi: Dots per inch of a PNG, 50 to 1200.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        ExportError: An unknown format or theme, a size out of range, no group with values, more than
            :data:`MAX_GROUPS`, or a file that cannot be written.
    """
    check_picture(format, theme, width_mm, None, dpi)
    heading = f"{measured} (%)" if measured else QUANTITY_TITLES[quantity]
    if measure:
        groups = {label: [curve.with_measure(measure) for curve in curves] for label, curves in groups.items()}
        heading = shorten(drawable(measure), MAX_NAME_CHARACTERS)
    drawn = {label: curves for label, curves in groups.items() if _has_values(curves, quantity, x)}
    if not drawn:
        raise ExportError("No run has values to draw.", "Wait for the first epoch, or choose another quantity.")
    if len(drawn) > MAX_GROUPS:
        raise ExportError(f"{len(drawn)} groups are more than a picture can name.", f"Select at most {MAX_GROUPS}.")
    with DRAWING:
        import matplotlib

        with matplotlib.rc_context(SETTINGS):
            names = {label: shorten(shown_name(label), MAX_NAME_CHARACTERS) for label in drawn}
            sizes = TextMeasure(
                [*names.values(), drawable(title), *map(drawable, caption.splitlines()), heading, "±·−"]
            )
            picture = _Picture(sizes, width_mm * MM, theme)
            seeds = {len({curve.seed for curve in curves}) for curves in drawn.values()}
            how = f"Mean, band: {BAND_TITLES[kind]}." if max(seeds) > 1 else "One seed each, no bands."
            how += f" Smoothed with weight {smoothing:g}; thin lines: raw." if smoothing else ""
            levels = [(target, "target", "dash")] if target is not None else []
            levels += [(floor, "untrained network", "dot")] if floor is not None else []
            how += "".join(f" {_DASH_NAMES[dash]} line: {name}, {format_accuracy(at)}." for at, name, dash in levels)
            legend = [f"{names[label]} (n={len({curve.seed for curve in curves})})" for label, curves in drawn.items()]
            axes = picture.lay_out(drawable(title), legend, [how, *map(drawable, caption.splitlines())])
            looks = method_colors(list(groups)) if colors is None else dict(colors)
            _draw(axes, drawn, looks, quantity, x, kind, smoothing, log_x)
            if show_seeds:
                _draw_seeds(axes, drawn, looks, quantity, x, log_x)
            for at, _, dash in levels:
                axes.axhline(100 * at, color=picture.muted, linewidth=0.8, linestyle=_DASHES[dash], zorder=1)
            picture.name_lines([looks[label] for label in drawn])
            picture.style(axes, AXIS_TITLES[x], heading)
            if log_x:
                axes.set_xscale("log")
            positive = all((np.asarray(line.get_ydata(), dtype=np.float64) > 0).all() for line in axes.lines)
            if log_y and quantity != "accuracy" and positive:
                axes.set_yscale("log")
            if format == "png":
                check_pixels(picture.width, picture.height, dpi)
            title_text = f"{heading.partition(' (')[0]} of {', '.join(map(inline_label, names.values()))}"
            data = render(picture.figure, title_text, format, dpi)
    write_picture(data, path_or_buffer)


_DASH_NAMES = {"dash": "Dashed", "dot": "Dotted"}


def _has_values(curves: Sequence[Curve], quantity: Quantity, x: XAxis) -> bool:
    return any((np.isfinite(getattr(c, quantity)) & np.isfinite(getattr(c, x))).any() for c in curves)


def _draw(
    axes: Axes,
    groups: Mapping[str, Sequence[Curve]],
    looks: Mapping[str, tuple[str, str]],
    quantity: Quantity,
    x: XAxis,
    kind: BandKind,
    smoothing: float,
    log_x: bool,
) -> None:
    scale = 100.0 if quantity == "accuracy" else 1.0
    everyone = [curve for curves in groups.values() for curve in curves]
    grid = None if x == "epoch" else common_grid(everyone, quantity, x)
    for label, curves in groups.items():
        data = band(curves, quantity, x, kind, grid=grid)
        keep = (data.n > 0) & ((data.x > 0) | (not log_x))
        xs, mean = data.x[keep], data.mean[keep] * scale
        color, dash = looks[label]
        low, high = data.low[keep] * scale, data.high[keep] * scale
        if quantity == "accuracy":
            low, high = np.clip(low, 0, 100), np.clip(high, 0, 100)
        axes.fill_between(xs, low, high, color=color, alpha=0.15, linewidth=0, zorder=2)
        if smoothing:
            axes.plot(xs, mean, color=color, alpha=0.4, linewidth=0.7, zorder=3)
        marker = "o" if xs.size == 1 else ""
        axes.plot(
            xs, smooth(mean, smoothing), color=color, linewidth=1.5, linestyle=_DASHES[dash], marker=marker, zorder=4
        )


def _draw_seeds(
    axes: Axes,
    groups: Mapping[str, Sequence[Curve]],
    looks: Mapping[str, tuple[str, str]],
    quantity: Quantity,
    x: XAxis,
    log_x: bool,
) -> None:
    scale = 100.0 if quantity == "accuracy" else 1.0
    for label, curves in groups.items():
        for curve in curves:
            xs, ys = getattr(curve, x), scale * getattr(curve, quantity)
            keep = np.isfinite(xs) & np.isfinite(ys) & ((xs > 0) | (not log_x))
            axes.plot(xs[keep], ys[keep], color=looks[label][0], linewidth=0.6, alpha=0.6, zorder=3)


class _Picture:
    """A page of fixed width whose height is what title, plot, names and caption need; all in points."""

    def __init__(self, measure: TextMeasure, width: float, theme: Theme) -> None:
        self.measure, self.width, self.height = measure, width, 0.0
        self.ink, self.muted, self.line = (neutral(role, theme) for role in ("ink", "muted", "line"))
        self.surface = neutral("surface", theme)
        self.legend: list[tuple[float, float]] = []

    def lay_out(self, title: str, legend: Sequence[str], below: Sequence[str]) -> Axes:
        """Place everything but the lines, and return the axes to draw them on."""
        from matplotlib.figure import Figure

        room = self.width - 2 * MARGIN
        titles = self.measure.wrap(title, TITLE, room) if title else []
        small = [line for text in below if text for line in self.measure.wrap(text, SMALL, room)]
        placed, rows = self._place(legend, room)
        caption_height = len(small) * SMALL_LINE
        legend_height = rows * SMALL_LINE + 6
        bottom = MARGIN + caption_height + 6 + legend_height + _BELOW
        self.height = bottom + AXES_HEIGHT + 8 + len(titles) * TITLE_LINE + MARGIN
        self.figure = Figure(figsize=(self.width / 72, self.height / 72), dpi=72, facecolor=self.surface)
        for row, text in enumerate(titles):
            self._text(MARGIN, self.height - MARGIN - TITLE - row * TITLE_LINE, text, TITLE, self.ink)
        for row, text in enumerate(small):
            self._text(MARGIN, MARGIN + 2 + (len(small) - 1 - row) * SMALL_LINE, text, SMALL, self.muted)
        top = MARGIN + caption_height + 6 + legend_height - SMALL_LINE
        for x, row, text in placed:
            y = top - row * SMALL_LINE
            # A name wider than the page goes on in further lines of its own.
            self.legend.append((MARGIN + x, y + 0.3 * SMALL))
            for number, part in enumerate(self.measure.wrap(text, SMALL, room - _SWATCH)):
                self._text(MARGIN + x + _SWATCH, y - number * SMALL_LINE, part, SMALL, self.ink)
        right = self.width - _LEFT - 2 * MARGIN
        place = (
            (MARGIN + _LEFT) / self.width, bottom / self.height, right / self.width, AXES_HEIGHT / self.height,
        )  # fmt: skip
        return self.figure.add_axes(place, facecolor=self.surface)

    def _place(self, legend: Sequence[str], room: float) -> tuple[list[tuple[float, int, str]], int]:
        placed, x, row = [], 0.0, 0
        for text in legend:
            wide = _SWATCH + self.measure.width(text, SMALL)
            if x and x + wide > room:
                x, row = 0.0, row + 1
            placed.append((x, row, text))
            if wide > room:
                row, x = row + len(self.measure.wrap(text, SMALL, room - _SWATCH)), 0.0
            else:
                x += wide + 14
        return placed, row + (x > 0)

    def name_lines(self, looks: Sequence[tuple[str, str]]) -> None:
        """A piece of each line before its name."""
        from matplotlib.lines import Line2D

        for (x, y), (color, dash) in zip(self.legend, looks, strict=True):
            xs, ys = [x / self.width, (x + _SWATCH - 4) / self.width], [y / self.height] * 2
            self.figure.add_artist(Line2D(xs, ys, color=color, linewidth=1.5, linestyle=_DASHES[dash]))

    def style(self, axes: Axes, x_title: str, y_title: str) -> None:
        """Quiet axes with their titles."""
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color(self.line)
        axes.tick_params(labelsize=SMALL, colors=self.muted, labelcolor=self.ink, width=0.6, length=3)
        axes.grid(axis="y", color=self.line, alpha=0.25, linewidth=0.5)
        axes.set_xlabel(x_title, fontsize=SMALL, color=self.ink)
        axes.set_ylabel(y_title, fontsize=SMALL, color=self.ink)

    def _text(self, x: float, y: float, text: str, size: float, color: str) -> None:
        # Other people's text: with parse_math a dollar sign would start a formula.
        self.figure.text(
            x / self.width, y / self.height, text, fontsize=size, color=color, ha="left", va="baseline",
            family=self.measure.families, parse_math=False, usetex=False,
        )  # fmt: skip


_SWATCH = 22.0  # points of line before a name
