"""Heat map of how alike runs are, alike ones side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.figures import style
from lwal_core.figures.heatmap import strength_scale
from lwal_core.figures.labels import heading
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROW, ROOM = 24, 90  # px of a row, and beside the rows
WITH_NUMBERS = 8
"""Runs up to which the values stand in the cells."""


def run_similarity_figure(
    values: npt.ArrayLike,
    labels: Sequence[str],
    *,
    what: str,
    distance: bool = False,
    theme: Theme = "light",
    title: str | None = None,
) -> go.Figure:
    """Draw a matrix of runs; the more alike, the stronger the colour.

    Args:
        values: ``[R, R]``, nan where undefined.
        labels: R names, untrusted text, in the order of the rows.
        what: Name of the measure.
        distance: Whether small values are alike.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
    """
    import plotly.graph_objects as go

    cells = np.asarray(values, dtype=np.float64)
    count = len(cells)
    between = cells[~np.eye(count, dtype=bool)]
    known = between[np.isfinite(between)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    numbers = [str(number) for number in range(1, count + 1)]
    rows = [f"{number} {style.escape(style.shorten(label, 24))}" for number, label in zip(numbers, labels, strict=True)]
    full = [style.escape(label) for label in labels]
    hover = [
        [f"{full[i]}<br>{full[j]}<br>{style.escape(what)} {_text(cells[i, j])}" for j in range(count)]
        for i in range(count)
    ]
    shown: dict[str, Any] = {}
    if count <= WITH_NUMBERS:
        text = [["" if i == j else _text(cells[i, j]) for j in range(count)] for i in range(count)]
        shown = {"text": text, "texttemplate": "%{text}", "textfont": {"size": style.FONT_SIZE - 3}}
    trace = go.Heatmap(
        x=numbers, y=rows, z=np.where(np.eye(count, dtype=bool), low if distance else high, cells), zmin=low, zmax=high,
        colorscale=strength_scale(theme, weak_first=not distance), showscale=False, hovertext=hover, xgap=1, ygap=1,
        hovertemplate="%{hovertext}<extra></extra>", **shown,
    )  # fmt: skip
    headline, top = heading(title, [f"{what} of each two runs; alike ones stand side by side"], theme)
    height = top + ROOM + ROW * count
    fig = style.apply(go.Figure(trace), theme=theme, height=height)
    fig.update_layout(title=headline, margin={"l": 8, "r": 8, "t": top + 26, "b": 8})
    fig.update_xaxes(side="top", showgrid=False, type="category", tickfont={"color": neutral("muted", theme)})
    fig.update_yaxes(autorange="reversed", showgrid=False, type="category", tickfont={"color": neutral("ink", theme)})
    return fig


def _text(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "undefined"
