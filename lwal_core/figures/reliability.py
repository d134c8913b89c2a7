"""Reliability diagram: how often a method is right against how sure it is (arXiv:1706.04599)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.comparison.calibration import Calibration
from lwal_core.figures import style
from lwal_core.figures.palette import Theme, method_colors, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 380  # px
_SMALLEST, _LARGEST = 5.0, 16.0  # px of a marker


def reliability_figure(groups: Mapping[str, Calibration], *, theme: Theme = "light", height: int = HEIGHT) -> go.Figure:
    """Draw a line for each group: the share that is right in each interval of confidence, the marker by its samples.

    On the dotted diagonal a method is as often right as it is sure; below it, it is too sure.

    Args:
        groups: By label, untrusted text.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels.
    """
    import plotly.graph_objects as go

    looks = method_colors(list(groups))
    ideal = {"color": neutral("muted", theme), "width": 1.2, "dash": "dot"}
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "line": ideal, "hoverinfo": "skip", "showlegend": False}
    ]  # fmt: skip
    for label, found in groups.items():
        there = found.count > 0
        share = found.count[there] / found.count.sum()
        color, dash = looks[label]
        name = style.escape(style.shorten(label))
        texts = [
            f"<b>{name}</b><br>sure of {format_percent(float(sure))}: right in {format_percent(float(right))}<br>"
            f"{int(count):,} samples"
            for sure, right, count in zip(
                found.confidence[there], found.accuracy[there], found.count[there], strict=True
            )
        ]
        size = _SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(share)
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "x": 100 * found.confidence[there], "y": 100 * found.accuracy[there],
             "name": f"{name}, error {format_percent(found.error)}", "line": {"color": color, "width": 2, "dash": dash},
             "marker": {"color": color, "size": size.tolist()}, "hovertext": texts,
             "hovertemplate": "%{hovertext}<extra></extra>"}
        )  # fmt: skip
    fig = style.apply(go.Figure(traces), theme=theme, height=height)
    axis = {"range": [-2, 102], "ticksuffix": " %", "dtick": 20}
    fig.update_layout(
        margin={"l": 8, "r": 8, "t": 12, "b": 8}, hovermode="closest", showlegend=True,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )  # fmt: skip
    fig.update_xaxes(title={"text": "Confidence", "standoff": 6}, **axis)
    fig.update_yaxes(title={"text": "Right", "standoff": 6}, **axis)
    return fig
