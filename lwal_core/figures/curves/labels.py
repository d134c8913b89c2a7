"""Direct labels at line ends, none overlapping."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lwal_core.figures import style
from lwal_core.figures.curves.drawing import Canvas, Panel, rgba
from lwal_core.figures.curves.lines import Line, usual_seeds
from lwal_core.figures.palette import Theme, neutral

MAX_LABELS = 12  # line ends that can be named before names stand far from their lines
EARLY, BESIDE = 0.1, 0.02
"""Shares of the axis: of a line that ends so far from the right edge the name stands beside its end, so far from it."""
LABEL_CHARS, LABEL_PX, _CHAR_PX = 15, 17, 7.4  # direct labels: characters and pixels a line, pixels a character


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


@dataclass(frozen=True)
class Label:
    """A name at the right edge: ``text`` is escaped, with <br>; ``y`` the axis value of its centre (log10 if log)."""

    text: str
    widest: int  # characters of its longest text line
    y: float
    end: tuple[float, float] | None  # where its line ends, in axis values; None for a level, which ends at the edge
    level: float
    color: str
    ink: str


def place_labels(
    lines: Sequence[Line],
    panel: Panel,
    theme: Theme,
    *,
    levels: Sequence[tuple[float, str, str]] = (),
    prefer: str | None = None,
    lowest_first: bool = False,
    most: int = MAX_LABELS,
    overhang: float = 8.0,
) -> list[Label]:
    """Names beside the panel, none over another; when not all fit, levels, the baseline and the best lines go first."""
    usual = usual_seeds(lines)
    ranked = sorted(lines, key=lambda line: (line.label != prefer, _last(line) if lowest_first else -_last(line)))
    muted, ink = neutral("muted", theme), neutral("ink", theme)
    asked: list[tuple[str, float, Line | None]] = [(text, y, None) for y, text, _ in levels]
    for line in ranked[:most]:
        count = "" if line.seeds == usual else f" (n={line.seeds})"
        asked.append((style.shorten(line.label, 2 * LABEL_CHARS) + count, _last(line), line))
    room = panel.pixels + 2 * overhang  # a label may stand so many pixels over either end
    chosen: list[tuple[list[str], float, Line | None]] = []
    for text, y, of in asked:
        wrapped = textwrap.wrap(text, LABEL_CHARS, break_on_hyphens=False) or [""]
        room -= LABEL_PX * len(wrapped)
        if room < 0:
            break
        chosen.append((wrapped, y, of))
    wanted = [panel.to_pixels(y) for _, y, _ in chosen]
    heights = [float(LABEL_PX * len(wrapped)) for wrapped, _, _ in chosen]
    centres = spread_labels(wanted, heights, -overhang, panel.pixels + overhang)
    return [
        Label(
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


def _last(line: Line) -> float:
    return float(line.y[np.flatnonzero(np.isfinite(line.y))[-1]])


def draw_labels(
    canvas: Canvas, labels: Sequence[Label], panel: Panel, x_range: tuple[float, float], *, log_x: bool = False
) -> None:
    """Names in text colour, each tied to its line's end by a thin line in the line's colour: at the right edge, or, where the line
    ends long before it, right beside its end, so that nothing leads through epochs that nobody trained."""
    low, high = x_range
    # Shapes take the values themselves, also on a logarithmic axis whose range is in exponents.
    edge = 10**high if log_x else high
    for label in labels:
        near = high - 0.02 * (high - low)
        end_x, end_y = label.end or (10**near if log_x else near, label.level)
        place = math.log10(end_x) if log_x else end_x
        early = high - place > EARLY * (high - low)
        beside = place + BESIDE * (high - low)
        to = (10**beside if log_x else beside) if early else edge
        canvas.shapes.append(
            {
                "type": "line", "layer": "below", "xref": "x", "yref": panel.yref,
                "x0": end_x, "y0": end_y, "x1": to, "y1": 10**label.y if panel.log else label.y,
                "line": {"color": rgba(label.color, 0.7), "width": 1, "dash": "solid"},
            }
        )  # fmt: skip
        where = (
            {"xref": "x", "x": beside, "bgcolor": rgba(neutral("surface", canvas.theme), 0.75)} if early else {"x": 1}
        )
        canvas.text(
            label.text, **where, xanchor="left", xshift=3, yref=panel.yref, y=label.y, yanchor="middle", align="left",
            font={"size": style.FONT_SIZE - 1, "color": label.ink},
        )  # fmt: skip


def right_margin(labels: Sequence[Label]) -> int:
    """Pixels that the names need."""
    return 12 + math.ceil(max((label.widest for label in labels), default=0) * _CHAR_PX)
