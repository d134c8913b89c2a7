"""Distances of a class to its nearest classes through training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.trees.class_history import NeighbourHistory
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.curves.labels import spread_labels
from lwal_core.figures.labels import heading, shown_name
from lwal_core.figures.palette import Theme, class_color, class_symbol, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 340  # px

_NAME_CHARS, _CHAR, _LINE = 18, 7.0, 16  # of a name; px of a letter, of a line of text
_BELOW = 48  # px for the axis under the plot
_MARKERS_UP_TO = 40  # epochs; more make a band of markers


def class_history_figure(
    history: NeighbourHistory,
    names: Sequence[str],
    *,
    epoch: int | None = None,
    unit: str = "label units",
    theme: Theme = "light",
    height: int = HEIGHT,
    title: str | None = None,
) -> go.Figure:
    """Draw one line for each of the finally nearest classes, in the colour that the class has everywhere.

    Args:
        history: Distances by epoch.
        names: C class names, untrusted text.
        epoch: The epoch that is looked at, marked by a line; None for none.
        unit: Unit of the distances.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels.
        title: The finding, plain text.

    Raises:
        AnalysisError: The names do not fit the classes.
    """
    import plotly.graph_objects as go

    wanted = [history.index, *history.neighbours.tolist()]
    if max(wanted) >= len(names):
        raise AnalysisError(f"There are {len(names)} names for a class number {max(wanted)}.")
    epochs, D = np.array(history.epochs), history.distances
    traces: list[dict[str, Any]] = []
    for column, other in enumerate(history.neighbours.tolist()):
        name = style.escape(style.shorten(" ".join(names[other].split()) or "(no name)", 40))
        texts = [
            f"Epoch {at}: {format_number(d)} to {name}"
            for at, d in zip(epochs.tolist(), D[:, column].tolist(), strict=True)
        ]
        traces.append(
            {"type": "scatter", "name": name, "x": epochs, "y": D[:, column], "connectgaps": False, "cliponaxis": False,
             "mode": "lines+markers" if len(epochs) <= _MARKERS_UP_TO else "lines",
             "line": {"color": class_color(other), "width": 2 if column == 0 else 1.5},
             "marker": {"symbol": class_symbol(other), "size": 7, "color": class_color(other)},
             "customdata": [[other]] * len(epochs), "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>"}
        )  # fmt: skip
    fig = go.Figure(traces)
    gaps = int(np.isnan(D).all(axis=1).sum()) if D.size else 0
    notes = [f"{gaps:,} of {len(epochs):,} epochs undefined: vectors that are not finite" if gaps else ""]
    headline, top = heading(title, notes, theme)
    style.apply(fig, theme=theme, height=height)
    most = float(np.nanmax(D)) if np.isfinite(D).any() else 1.0
    high = 1.05 * most or 1.0
    shorts = [shown_name(names[other], _NAME_CHARS) for other in history.neighbours.tolist()]
    widest = max((len(name) for name in shorts), default=0)
    right = round(min(widest, _NAME_CHARS) * _CHAR) + 16
    fig.update_layout(title=headline, margin={"l": 8, "r": right, "t": top, "b": _BELOW}, hovermode="closest")
    room = 0.04 * max(epochs[-1] - epochs[0], 1)
    fig.update_xaxes(
        range=[epochs[0] - room, epochs[-1] + room], title={"text": "Epoch", "standoff": 6}, showgrid=False, nticks=8,
        tickformat="d",
    )  # fmt: skip
    if epochs[-1] - epochs[0] < 8:
        fig.update_xaxes(dtick=1)
    fig.update_yaxes(range=[0, high], title={"text": style.escape(f"Distance ({unit})"), "standoff": 6}, nticks=5)
    if epoch is not None and len(epochs) > 1:
        fig.add_vline(x=epoch, line={"color": neutral("line", theme), "width": 1, "dash": "dot"}, layer="below")
    _name_lines(fig, D, shorts, [class_color(c) for c in history.neighbours.tolist()], high, height - top - _BELOW)
    return fig


def _name_lines(fig: go.Figure, D: np.ndarray, names: list[str], colors: list[str], high: float, pixels: int) -> None:
    """Names at the right ends of the lines, moved apart where they would meet."""
    defined = [column for column in range(D.shape[1]) if np.isfinite(D[-1, column])]
    scale = pixels / high
    centres = spread_labels([float(D[-1, c]) * scale for c in defined], [_LINE] * len(defined), 0, pixels)
    for column, centre in zip(defined, centres, strict=True):
        fig.add_annotation(
            text=names[column], x=1, xref="paper", xanchor="left", xshift=6, y=centre / scale, yref="y", yanchor="middle",
            showarrow=False, font={"size": style.FONT_SIZE - 2, "color": colors[column]}, name="line",
        )  # fmt: skip
