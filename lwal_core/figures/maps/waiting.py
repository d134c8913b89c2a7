"""A picture that waits for the next one, with a mark that says what is being computed: pale where it is the last one, at full
strength where it stands in for the first."""

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
    mark = _mark(text, theme) | {"x": 0.5, "y": 0.5, "xanchor": "center", "yanchor": "middle"}
    new["layout"] = _with_mark(new["layout"], mark)
    return go.Figure(new, skip_invalid=True)


def stand_in(fig: go.Figure, text: str, theme: Theme = "light") -> go.Figure:
    """A copy of a picture that is read until the one that was asked for is there: as strong as that one, with a mark in its
    corner, and without titles of axes, for which the next one may have no room.

    Args:
        fig: The picture that is there; not changed.
        text: What is shown, and what comes, plain text.
        theme: ``"light"`` or ``"dark"``.
    """
    import plotly.graph_objects as go

    new = fig.to_dict()
    bare = {
        axis: {**new["layout"][axis], "title": {"text": ""}} for axis in ("xaxis", "yaxis") if axis in new["layout"]
    }
    mark = _mark(text, theme) | {"x": 1, "y": 1, "xanchor": "right", "yanchor": "top"}
    new["layout"] = _with_mark({**new["layout"], **bare}, mark)
    return go.Figure(new, skip_invalid=True)


def _mark(text: str, theme: Theme) -> dict[str, Any]:
    return {
        "name": MARK, "text": style.escape(text), "showarrow": False, "xref": "paper", "yref": "paper",
        "borderpad": 8, "borderwidth": 1, "bordercolor": neutral("line", theme),
        "bgcolor": neutral("surface", theme), "font": {"size": style.FONT_SIZE, "color": neutral("ink", theme)},
    }  # fmt: skip


def _with_mark(layout: dict[str, Any], mark: dict[str, Any]) -> dict[str, Any]:
    return {**layout, "annotations": [*layout.get("annotations", ()), mark]}
