"""Legend of a map: a click hides an entry with its classes and samples, a double click leaves it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.errors import AnalysisError
from lwal_core.figures.labels import shown_name
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ENTRIES = 40
"""Entries up to which a legend is drawn."""
ENTRY = "entry"
"""Name space of the groups that tie an entry to its points."""
_BY_POINT = ("x", "y", "z", "text", "textposition", "hovertext", "customdata")
_MARKER_BY_POINT = ("color", "symbol", "size", "opacity")


def with_legend(
    fig: go.Figure, entry_of: ArrayLike, entries: Sequence[tuple[str, str, str]], theme: Theme = "light"
) -> go.Figure:
    """A copy of a map with a legend under it. The traces of classes and samples become one for each entry, under the same names.

    Args:
        fig: From :func:`lwal_core.figures.embedding_figure`; not changed.
        entry_of: Entry of each class, ``[C]``, from 0.
        entries: Title (anybody's text), colour and shape of each, in the legend's order.
        theme: ``"light"`` or ``"dark"``.

    Raises:
        AnalysisError: A class has an entry that is not there.
    """
    import plotly.graph_objects as go

    own = np.asarray(entry_of, dtype=np.intp)
    if len(own) and not 0 <= own.min() <= own.max() < len(entries):
        raise AnalysisError(f"There are {len(entries)} entries of a legend, and a class has number {int(own.max())}.")
    layout = fig.layout.to_plotly_json()
    data: list[dict[str, Any]] = []
    for trace in (each.to_plotly_json() for each in fig.data):
        if trace.get("name") not in ("classes", "samples"):
            data.append({**trace, "showlegend": False})
            continue
        of_point = own[[point[0] for point in trace["customdata"]]]
        for number in range(len(entries)):
            rows = np.flatnonzero(of_point == number)
            if len(rows):
                data.append({**_part(trace, rows), "legendgroup": f"{ENTRY} {number}", "showlegend": False})
    flat = not any(trace["type"] == "scatter3d" for trace in data)
    for number, (title, color, symbol) in enumerate(entries):
        place = {"x": [None], "y": [None]} | ({} if flat else {"z": [None]})
        data.append(
            {"type": "scatter" if flat else "scatter3d", "mode": "markers", "name": shown_name(title, 32), "showlegend": True,
             "legendgroup": f"{ENTRY} {number}", "hoverinfo": "skip", **place,
             "marker": {"color": color, "symbol": symbol if flat else "circle", "size": 10}}
        )  # fmt: skip
    titled = bool(layout.get("xaxis", {}).get("title", {}).get("text"))
    legend = {
        "orientation": "h", "x": 0, "xanchor": "left", "y": -0.06 if titled else -0.01, "yanchor": "top", "itemsizing": "constant",
        "itemclick": "toggle", "itemdoubleclick": "toggleothers", "uirevision": f"{len(entries)} entries",
        "font": {"color": neutral("ink", theme), "size": 12}, "bgcolor": "rgba(0,0,0,0)",
    }  # fmt: skip
    return go.Figure({"data": data, "layout": {**layout, "showlegend": True, "legend": legend}}, skip_invalid=True)


def _part(trace: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    """The points of a trace that are among these rows."""
    found = {
        key: _taken(value, rows) if key in _BY_POINT and not isinstance(value, str) else value
        for key, value in trace.items()
    }
    marker = dict(trace["marker"])
    for key in _MARKER_BY_POINT:
        if isinstance(marker.get(key), list | tuple | np.ndarray):
            marker[key] = _taken(marker[key], rows)
    found["marker"] = marker
    if trace.get("selectedpoints") is not None:
        found["selectedpoints"] = np.flatnonzero(np.isin(rows, list(trace["selectedpoints"]))).tolist()
    return found


def _taken(values: Any, rows: np.ndarray) -> Any:
    return values[rows] if isinstance(values, np.ndarray) else [values[i] for i in rows.tolist()]
