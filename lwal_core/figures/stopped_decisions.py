"""Accuracy against what decisions still say when they may stop at a group of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.stopping import StoppedDecisions
from lwal_core.figures import style
from lwal_core.figures.labels import heading
from lwal_core.figures.palette import Theme, method_colors

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 380  # px


def stopped_decisions_figure(
    groups: Mapping[str, Sequence[StoppedDecisions]], *, theme: Theme = "light", title: str | None = None
) -> go.Figure:
    """Draw a line for each group, from the plain decision at the right to the surest at the left.

    Args:
        groups: By label, untrusted text; entries in ascending order of sureness, the plain decision first.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
    """
    import plotly.graph_objects as go

    looks = method_colors(list(groups))
    traces: list[dict[str, Any]] = []
    for label, found in groups.items():
        color, dash = looks[label]
        name = style.escape(style.shorten(label))
        texts = [
            f"<b>{name}</b><br>{'a class for every sample' if not each.sureness else f'sure of {100 * each.sureness:.3g} %'}<br>"
            f"right: {format_percent(each.accuracy)}<br>a single class named: {format_percent(each.named)}"
            for each in found
        ]
        traces.append(
            {"type": "scatter", "mode": "lines+markers", "x": [100 * each.specificity for each in found],
             "y": [100 * each.accuracy for each in found], "name": name, "line": {"color": color, "width": 2, "dash": dash},
             "marker": {"color": color, "size": [11, *[7] * (len(found) - 1)]}, "hovertext": texts, "cliponaxis": False,
             "hovertemplate": "%{hovertext}<extra></extra>"}
        )  # fmt: skip
    headline, top = heading(title, [], theme)
    fig = style.apply(go.Figure(traces), theme=theme, height=HEIGHT)
    fig.update_layout(
        title=headline, margin={"l": 8, "r": 12, "t": top + 28, "b": 8}, hovermode="closest", showlegend=True,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )  # fmt: skip
    fig.update_xaxes(title={"text": "Specificity: 100 % names a class, 0 nothing", "standoff": 6}, ticksuffix=" %")
    fig.update_yaxes(title={"text": "Right", "standoff": 6}, ticksuffix=" %")
    return fig
