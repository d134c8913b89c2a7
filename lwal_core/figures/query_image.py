"""Query image in a projection: a star, its name, and lines to its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

NAME = "tried"
ROOM = 0.06
"""Share of the picture left free beyond something that lies outside of its axes."""

_AWAY = 34  # px from the star to its name


def with_query_image(
    fig: go.Figure,
    place: ArrayLike,
    *,
    text: str,
    hover: str = "",
    between: ArrayLike | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """A copy of a picture with a star in it; the axes grow, with their scale kept, where it lies outside.

    Args:
        fig: From :func:`lwal_core.figures.embedding_figure`, in two or three dimensions; it is not changed.
        place: ``[d]``.
        text: What stands beside the star, plain text.
        hover: Further lines of its hover text, already escaped.
        between: ``[k, d]`` points to which dotted lines go; None for none.
        theme: ``"light"`` or ``"dark"``.

    Returns:
        The copy; the star's trace is the last and named ``"tried"``.

    Raises:
        AnalysisError: The place is not of 2 or 3 finite numbers.
    """
    import plotly.graph_objects as go

    P = np.asarray(place, dtype=np.float64)
    if P.shape not in ((2,), (3,)) or not np.isfinite(P).all():
        raise AnalysisError(f"There is no place {P.tolist()} in a picture.", "Take another image or projection.")
    flat = len(P) == 2
    kind, ink, surface = "scatter" if flat else "scatter3d", neutral("ink", theme), neutral("surface", theme)
    new = go.Figure(fig)
    traces: list[dict[str, Any]] = []
    if between is not None and np.size(between):
        ends = np.asarray(between, dtype=np.float64)
        line = np.full((len(ends), 3, len(P)), np.nan)
        line[:, 0], line[:, 1] = P, ends
        traces.append(
            {"type": kind, "name": "between", "mode": "lines", "hoverinfo": "skip", **_axes(line.reshape(-1, len(P))),
             "line": {"color": neutral("line", theme), "width": 1 if flat else 2, "dash": "dot"}}
        )  # fmt: skip
    shown = style.escape(style.shorten(text, 60))
    marker = {
        "symbol": "star" if flat else "diamond", "size": 18 if flat else 8, "color": ink,
        "line": {"width": 1.5, "color": surface}, "opacity": 1,
    }  # fmt: skip
    star: dict[str, Any] = {
        "type": kind, "name": NAME, "mode": "markers" if flat else "markers+text", **_axes(P[None]), "marker": marker,
        "hovertext": [f"<b>{shown}</b>" + f"<br>{hover}" * bool(hover)], "hovertemplate": "%{hovertext}<extra></extra>",
    }  # fmt: skip
    if flat:
        star |= {"cliponaxis": False, **style.emphasis(18)}
    else:
        star |= {"text": [shown], "textposition": "bottom center", "textfont": {"color": ink}}
    new.add_traces([*traces, star])
    _make_room(new, P, flat)
    if flat:
        x, y = new.layout.xaxis.range, new.layout.yaxis.range
        # Towards the middle, so that the name is never cut off at the edge.
        new.add_annotation(
            x=P[0], y=P[1], text=f"<b>{shown}</b>", showarrow=True, arrowhead=0, arrowcolor=ink, standoff=9,
            ax=_AWAY if P[0] < (x[0] + x[1]) / 2 else -_AWAY, ay=_AWAY if P[1] > (y[0] + y[1]) / 2 else -_AWAY,
            xanchor="left" if P[0] < (x[0] + x[1]) / 2 else "right", font={"color": ink, "size": style.FONT_SIZE - 1},
            bgcolor=surface, bordercolor=neutral("line", theme), borderpad=3, opacity=0.94, name=NAME,
        )  # fmt: skip
    return new


def _axes(points: np.ndarray) -> dict[str, Any]:
    return {axis: points[:, k] for k, axis in enumerate("xyz"[: points.shape[1]])}


def _make_room(fig: go.Figure, place: np.ndarray, flat: bool) -> None:
    axes = [fig.layout.xaxis, fig.layout.yaxis] if flat else [getattr(fig.layout.scene, f"{a}axis") for a in "xyz"]
    ranges = np.array([axis.range for axis in axes], dtype=np.float64)
    room = ROOM * float((ranges[:, 1] - ranges[:, 0]).max())
    low, high = np.minimum(ranges[:, 0], place - room), np.maximum(ranges[:, 1], place + room)
    if (low == ranges[:, 0]).all() and (high == ranges[:, 1]).all():
        return
    for axis, start, end in zip(axes, low.tolist(), high.tolist(), strict=True):
        axis.range = [start, end]
    if not flat:
        sides = (high - low) / float((high - low).max())
        fig.layout.scene.aspectratio = dict(zip("xyz", sides.tolist(), strict=True))
