"""One of two pictures of the same classes: each in the colour of how much its neighbourhood differs from the other picture's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.errors import AnalysisError
from lwal_core.figures.embedding import embedding_figure
from lwal_core.figures.palette import SKY, VERMILLION, Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 460
"""Pixels."""
MARKED = "marked"
"""Name of the trace of rings around the classes that are picked."""


def change_color(change: float) -> str:
    """Blue for a class that keeps all of its neighbours, vermillion for one that keeps none.

    Args:
        change: 0 to 1.
    """
    low, high = (tuple(int(color[i : i + 2], 16) for i in (1, 3, 5)) for color in (SKY, VERMILLION))
    share = min(max(float(change), 0.0), 1.0)
    return "#" + "".join(f"{round(a + share * (b - a)):02X}" for a, b in zip(low, high, strict=True))


def side_figure(
    points: ArrayLike,
    names: Sequence[str],
    change: Sequence[float],
    *,
    hover: Sequence[str] | None = None,
    chosen: Sequence[int] = (),
    frame: ArrayLike | None = None,
    width: float | None = None,
    theme: Theme = "light",
    title: str | None = None,
) -> go.Figure:
    """Draw one side.

    Args:
        points: ``[C, 2]``.
        names: C class names, untrusted text.
        change: How much each class differs, 0 to 1.
        hover: Lines under the class's name, already escaped.
        chosen: Classes with a ring.
        frame: Points of the other side, so that both have one scale.
        width: Pixels that the picture is wide, where they are known.
        theme: ``"light"`` or ``"dark"``.
        title: What is drawn, plain text.

    Raises:
        AnalysisError: Numbers of points, names and changes do not fit each other.
    """
    P = np.asarray(points, dtype=np.float64)
    if len(change) != len(names) or any(not 0 <= i < len(names) for i in chosen):
        raise AnalysisError(f"{len(change)} differences and {list(chosen)} picked of {len(names)} classes.")
    # The most different classes are named first where there is no room for all.
    order = sorted(range(len(names)), key=lambda i: (i not in chosen, -change[i], i))
    fig = embedding_figure(
        P[order], [names[i] for i in order], colors=[change_color(change[i]) for i in order],
        symbols=["diamond" if change[i] == 1 else "circle" for i in order],
        hover=None if hover is None else [hover[i] for i in order], frame=frame, names_width=width, theme=theme, height=HEIGHT,
        title=title,
    )  # fmt: skip
    classes = next(trace for trace in fig.data if trace.name == "classes")
    classes.customdata = [[i] for i in order]
    if len(chosen):
        at = P[list(chosen)]
        fig.add_scatter(
            x=at[:, 0], y=at[:, 1], mode="markers", name=MARKED, hoverinfo="skip", cliponaxis=False,
            marker={"symbol": "circle-open", "size": 22, "color": neutral("ink", theme), "line": {"width": 2}},
        )  # fmt: skip
    return fig
