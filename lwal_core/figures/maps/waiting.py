"""A picture that waits for the next one: pale, with a mark that says what is being computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lwal_core.figures import style
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

PALE = 0.35
"""Opacity of what stands in for the next picture."""
MARK = "waiting"


def waiting(fig: go.Figure, text: str, theme: Theme = "light") -> go.Figure:
    """A pale copy of a picture with a mark in its middle; nothing in it moves or changes its size.

    Args:
        fig: The picture that is there; not changed.
        text: What is being computed, plain text.
        theme: ``"light"`` or ``"dark"``.
    """
    import plotly.graph_objects as go

    new = fig.to_dict()
    new["data"] = [{**trace, "opacity": PALE * float(trace.get("opacity") or 1.0)} for trace in new["data"]]
    mark: dict[str, Any] = {
        "name": MARK, "text": style.escape(text), "showarrow": False, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5,
        "xanchor": "center", "yanchor": "middle", "borderpad": 8, "borderwidth": 1, "bordercolor": neutral("line", theme),
        "bgcolor": neutral("surface", theme), "font": {"size": style.FONT_SIZE, "color": neutral("ink", theme)},
    }  # fmt: skip
    layout = new["layout"]
    new["layout"] = {**layout, "annotations": [*layout.get("annotations", ()), mark]}
    return go.Figure(new, skip_invalid=True)
