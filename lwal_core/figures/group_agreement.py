"""Fowlkes and Mallows' Bk of two trees per number of groups, with its expected value under shuffling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lwal_core.analysis.base.formatting import format_number
from lwal_core.figures import style
from lwal_core.figures.labels import heading
from lwal_core.figures.palette import OKABE_ITO, Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 300  # px
ONE_SIDED_95 = 1.645  # standard normal quantile

_FEW = 40  # points that are drawn as marks


class GroupAgreement(NamedTuple):
    """Bk at one number of groups.

    Attributes:
        groups: k.
        bk: 0 to 1.
        expected: Its mean when the classes are shuffled.
        line: What shuffled classes stay below in 95 % of cases (normal approximation); nan where the variance is
            undefined. At most 1.
    """

    groups: int
    bk: float
    expected: float
    line: float

    @classmethod
    def of(cls, groups: int, score: tuple[float, float, float]) -> GroupAgreement:
        """From what :func:`lwal_core.analysis.trees.fowlkes_mallows` gives."""
        bk, expected, variance = score
        return cls(groups, bk, expected, min(expected + ONE_SIDED_95 * math.sqrt(max(variance, 0.0)), 1.0))

    @property
    def beyond_chance(self) -> bool | None:
        """Whether Bk lies above the line; None where there is none."""
        return None if math.isnan(self.line) else self.bk > self.line


def group_agreement_figure(
    points: Sequence[GroupAgreement], *, chosen: int | None = None, theme: Theme = "light", title: str | None = None
) -> go.Figure:
    """Draw Bk against the number of groups.

    Args:
        points: By ascending number of groups.
        chosen: Number of groups that the page is cut at, ringed.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.
    """
    import plotly.graph_objects as go

    ks = [point.groups for point in points]
    muted, ink, blue = neutral("muted", theme), neutral("ink", theme), OKABE_ITO[0]
    note = "line: the two trees; grey: what shuffled classes give on average, and dashed what they stay below in 95 %"
    headline, top = heading(title, [note], theme)
    fig = go.Figure()
    common = {"type": "scatter", "cliponaxis": False}
    fig.add_trace(
        {**common, "name": "95 %", "mode": "lines", "x": ks, "y": [point.line for point in points],
         "line": {"color": muted, "width": 1, "dash": "dash"}, "hoverinfo": "skip"}
    )  # fmt: skip
    fig.add_trace(
        {**common, "name": "chance", "mode": "lines", "x": ks, "y": [point.expected for point in points],
         "line": {"color": muted, "width": 1.5}, "hoverinfo": "skip"}
    )  # fmt: skip
    texts = [
        f"<b>{point.groups:,} groups</b><br>Bk {format_number(point.bk)}<br>"
        f"chance {format_number(point.expected)}, 95 % below {format_number(point.line, reason='fewer than 4 classes')}"
        for point in points
    ]
    fig.add_trace(
        {**common, "name": "Bk", "mode": "lines+markers" if len(ks) <= _FEW else "lines", "x": ks,
         "y": [point.bk for point in points], "line": {"color": blue, "width": 2}, "marker": {"size": 7},
         "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>"}
    )  # fmt: skip
    at = next((point for point in points if point.groups == chosen), None)
    if at is not None:
        fig.add_trace(
            {**common, "name": "chosen", "mode": "markers", "x": [at.groups], "y": [at.bk], "hoverinfo": "skip",
             "marker": {"color": ink, "symbol": "circle-open", "size": 15, "line": {"width": 2}}}
        )  # fmt: skip
    style.apply(fig, theme=theme, height=HEIGHT)
    fig.update_layout(title=headline, margin={"l": 12, "r": 16, "t": top, "b": 8}, hovermode="closest")
    few = len(ks) <= 12
    fig.update_xaxes(
        title={"text": "Number of groups", "standoff": 8}, showgrid=False,
        **({"tickmode": "array", "tickvals": ks} if few else {}),
    )  # fmt: skip
    fig.update_yaxes(title={"text": "Agreement of the groups (Bk)", "standoff": 8}, range=[0, 1.04], nticks=6)
    return fig
