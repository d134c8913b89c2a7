"""Support per clade: one row per clade, one marker per kind of support."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lwal_core.analysis.base.formatting import format_percent
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import heading, one_line, shown_name
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

MAX_ROWS = 40
MIN_HEIGHT = 190  # px

GLYPHS = {"circle": "●", "diamond": "◆", "square": "■", "triangle-up": "▲"}
"""Marker symbols that a series can have, with the character that stands for them in the heading."""

_AXIS_HEIGHT = 46  # px for the axis of shares
_MARKER, _APART = 8, 9  # px of a marker, and from one to the next in a row, so that equal values do not hide each other
_BETWEEN_ROWS, _LOWEST_ROW = 14, 20  # px
_CLADE_CHARS = 38


class SupportSeries(NamedTuple):
    """One kind of support.

    Attributes:
        name: What it is a share of, plain text, for example ``"4 other seeds"``.
        values: Share of each clade, 0 to 1, or nan for none.
        color: Hex colour.
        symbol: A key of :data:`GLYPHS`.
    """

    name: str
    values: Sequence[float]
    color: str
    symbol: str


def support_figure(
    clades: Sequence[str], series: Sequence[SupportSeries], *, theme: Theme = "light", title: str | None = None
) -> go.Figure:
    """Draw the support of clades.

    Args:
        clades: What to call each clade, plain text, from the top row down; those past ``MAX_ROWS`` are left out and
            counted under the title.
        series: One to four kinds of support with one value per clade.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.

    Raises:
        AnalysisError: A number of values that does not fit, values outside 0 to 1, or an unknown symbol.
    """
    for part in series:
        if len(part.values) != len(clades):
            raise AnalysisError(f"{part.name!r} has {len(part.values)} values for {len(clades)} clades.")
        if any(not (math.isnan(value) or 0 <= value <= 1) for value in part.values):
            raise AnalysisError(f"{part.name!r} has values outside 0 to 1.", "Support is a share of trees.")
        if part.symbol not in GLYPHS:
            raise AnalysisError(f"There is no symbol {part.symbol!r} here.", f"Use one of {', '.join(GLYPHS)}.")
    import plotly.graph_objects as go

    rows = min(len(clades), MAX_ROWS)
    row_height = max(_APART * (len(series) - 1) + _BETWEEN_ROWS, _LOWEST_ROW)
    key = [f"{GLYPHS[part.symbol]} {one_line(part.name)}" for part in series]
    hidden = f"the {rows} highest of {len(clades):,} clades" if rows < len(clades) else ""
    headline, top = heading(title, [*key, hidden], theme)
    for part in series:  # the key names the marks in their own colours
        glyph = GLYPHS[part.symbol]
        headline["text"] = str(headline["text"]).replace(glyph, f'<span style="color:{part.color}">{glyph}</span>', 1)
    names = [shown_name(name, _CLADE_CHARS) for name in clades[:rows]]
    traces: list[dict[str, Any]] = []
    for number, part in enumerate(series):
        offset = _APART * (number - (len(series) - 1) / 2) / row_height
        shown = [row for row in range(rows) if not math.isnan(part.values[row])]
        told = style.escape(one_line(part.name))
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": told, "cliponaxis": False,
                "x": [100 * part.values[row] for row in shown], "y": [row + offset for row in shown],
                "marker": {"color": part.color, "symbol": part.symbol, "size": _MARKER, "opacity": 1, "line": {"width": 0}},
                "hovertext": [
                    f"<b>{shown_name(clades[row], 60)}</b><br>{format_percent(part.values[row])}: {told}" for row in shown
                ],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        )  # fmt: skip
    fig = style.apply(go.Figure(traces), theme=theme, height=max(MIN_HEIGHT, row_height * rows + top + _AXIS_HEIGHT))
    fig.add_shape(
        type="line", x0=50, x1=50, y0=0, y1=1, xref="x", yref="paper", layer="below",
        line={"color": neutral("muted", theme), "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    fig.update_layout(
        title=headline, margin={"l": 12, "r": 20, "t": top, "b": 8}, hovermode="closest", hoverlabel={"align": "left"}
    )
    fig.update_xaxes(
        range=[-2, 102], tickvals=[0, 50, 100], ticktext=["0 %", "50 %", "100 %"],
        title={"text": "Support", "standoff": 8}, showgrid=True, showline=False,
    )  # fmt: skip
    fig.update_yaxes(
        range=[rows - 0.4, -0.6], tickmode="array", tickvals=list(range(rows)), ticktext=names, showgrid=True,
        showline=False, ticklen=6, ticks="outside", tickcolor="rgba(0,0,0,0)",
        tickfont={"size": style.FONT_SIZE - 2, "color": fig.layout.font.color},
    )  # fmt: skip
    return fig
