"""Where classes lie densely, and names of their clusters: for maps of more classes than can be named one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.figures.labels import shown_name
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

CLUSTER = "cluster"
"""Name of the annotations."""
DENSITY = "density"
"""Name of the trace."""
_CHAR, _LINE = 7.6, 24.0  # px of a letter and a line of a name


def with_clusters(
    fig: go.Figure,
    points: ArrayLike,
    groups: ArrayLike,
    titles: Sequence[str],
    *,
    width: float = 800,
    theme: Theme = "light",
) -> go.Figure:
    """A copy of a map in the plane with the density of its classes under them and the names of clusters on them.

    A name stands at the class nearest to the median of its cluster; of names that would cover each other that of the larger cluster
    stays.

    Args:
        fig: From :func:`lwal_core.figures.embedding_figure`; not changed.
        points: ``[C, 2]``.
        groups: Cluster of each class, ``[C]``, from 0.
        titles: Name of each cluster, anybody's text.
        width: Pixels that the picture is wide.
        theme: ``"light"`` or ``"dark"``.
    """
    import plotly.graph_objects as go

    P, own = np.asarray(points, dtype=np.float64), np.asarray(groups, dtype=np.intp)
    new = fig.to_dict()
    layout = new["layout"]
    low, high = (np.array([layout[axis]["range"][end] for axis in ("xaxis", "yaxis")], dtype=float) for end in (0, 1))
    scale = min(width / (high - low)[0], layout["height"] / (high - low)[1])
    ink = neutral("muted", theme)
    density: dict[str, Any] = {
        "type": "histogram2dcontour", "name": DENSITY, "x": P[:, 0], "y": P[:, 1], "nbinsx": 40, "nbinsy": 40, "ncontours": 8,
        "showscale": False, "hoverinfo": "skip", "opacity": 0.35, "line": {"width": 0}, "showlegend": False,
        "colorscale": [[0, "rgba(0,0,0,0)"], [1, ink]],
    }  # fmt: skip
    placed: list[tuple[np.ndarray, np.ndarray]] = []
    marks: list[dict[str, Any]] = []
    for group in sorted(range(len(titles)), key=lambda g: (-int((own == g).sum()), g)):
        members = np.flatnonzero(own == group)
        if not len(members):
            continue
        middle = np.median(P[members], axis=0)
        at = P[members[int(np.argmin(((P[members] - middle) ** 2).sum(axis=1)))]]
        text = shown_name(titles[group], 28)
        half = np.array([len(text) * _CHAR, _LINE]) / 2
        centre = (at - low) * scale
        if any((np.abs(centre - other) < half + their).all() for other, their in placed):
            continue
        placed.append((centre, half))
        marks.append(
            {"name": CLUSTER, "x": at[0], "y": at[1], "text": text, "showarrow": False, "borderpad": 2, "opacity": 0.92,
             "bgcolor": neutral("surface", theme), "font": {"size": 13, "color": neutral("ink", theme)}}
        )  # fmt: skip
    new["data"] = [density, *new["data"]]
    new["layout"] = {**layout, "annotations": [*layout.get("annotations", ()), *marks]}
    return go.Figure(new, skip_invalid=True)
