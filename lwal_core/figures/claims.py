"""Figure of a claim: value and interval per method, beside the line between yes and no."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lwal_core.analysis.comparison.claims import Point
from lwal_core.figures import style
from lwal_core.figures.palette import Theme, method_colors, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROW, FRAME = 30, 34  # px a method, px of the axis below
LINE_CHARS = 12  # characters of a name beside a row, on each of two lines
FAR_TIMES = 4.0
"""Ratios beyond this are off the axis: an interval from two seeds on a busy machine may reach hundreds, and nothing else
could be seen."""


def claim_figure(
    points: Sequence[Point], *, unit: str, line: float = 0.0, rows: int | None = None, theme: Theme = "light"
) -> go.Figure:
    """Dots with whiskers, one row per method, the first on top.

    Args:
        points: Values and interval ends; nan ends draw no whisker.
        unit: Title of the axis.
        line: Where the dividing line stands.
        rows: Rows that the figure has room for, so that figures beside each other are equally tall.
        theme: ``"light"`` or ``"dark"``.
    """
    import plotly.graph_objects as go

    colors = method_colors([point.label for point in points])
    names = [_two_lines(point.label) for point in points]
    fig = go.Figure()
    for row, point in enumerate(points):
        known = not math.isnan(point.low)
        above, below = (point.high - point.value, point.value - point.low) if known else (0.0, 0.0)
        color = colors[point.label][0]
        interval = f" ({point.low:.3g} to {point.high:.3g})" if known else ""
        fig.add_scatter(
            x=[point.value],
            y=[row],
            mode="markers",
            marker={"color": color, "size": 9},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [above],
                "arrayminus": [below],
                "color": color,
                "width": 0,
                "thickness": 2,
            },
            hovertemplate=f"{style.escape(point.label)}: {point.value:.3g}{interval} {unit}<extra></extra>",
            showlegend=False,
        )
    fig.add_vline(x=line, line={"color": neutral("muted", theme), "width": 1, "dash": "dot"})
    ends = [line, *(e for p in points for e in (p.value, p.low, p.high) if math.isfinite(e))]
    if unit == "times":
        ends = [min(end, max(FAR_TIMES, *(p.value for p in points))) for end in ends]
    air = 0.08 * (max(ends) - min(ends)) or 0.5
    count = max(rows or 0, len(points), 1)
    style.apply(fig, theme=theme, height=ROW * count + FRAME)
    fig.update_layout(margin={"l": 78, "r": 8, "t": 4, "b": FRAME}, showlegend=False)
    fig.update_xaxes(
        range=[min(ends) - air, max(ends) + air], title={"text": unit, "standoff": 2}, nticks=4, automargin=False
    )
    fig.update_yaxes(
        range=[count - 0.5, -0.5],
        tickvals=list(range(len(points))),
        ticktext=names,
        showgrid=False,
        automargin=False,
    )
    return fig


def _two_lines(label: str) -> str:
    """A method's name on at most two short lines, escaped; the hover box has the whole of it."""
    lines = textwrap.wrap(label, LINE_CHARS) or [label]
    shown = [style.shorten(line, LINE_CHARS) for line in lines[:2]]
    if len(lines) > 2:
        shown[1] = shown[1].rstrip(" ,")[: LINE_CHARS - 1] + "…"
    return "<br>".join(map(style.escape, shown))
