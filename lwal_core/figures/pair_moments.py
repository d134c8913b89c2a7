"""History of class pairs: one strip per pair, one mark per epoch.

A large mark says that the two are a clade of their own, a small one that they are in one group. ``customdata`` of a
mark is the two class indices, so that a click tells which pair was meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.trees.class_history import PairMoments
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import heading, one_line, shown_name
from lwal_core.figures.palette import Theme, class_color, class_symbol, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 30
"""Pairs drawn at most."""

_ROW, _BELOW = 24, 48  # px of a pair, of the epoch axis
_NAME_CHARS, _CHAR = 14, 6.6  # characters of a name, px of each


def pair_moments_figure(
    moments: PairMoments,
    pairs: Sequence[tuple[int, int]],
    names: Sequence[str],
    *,
    one: bool = False,
    epoch: int | None = None,
    chosen: Sequence[int] = (),
    theme: Theme = "light",
    title: str | None = None,
) -> go.Figure:
    """Draw the epochs at which pairs of classes belong together.

    Args:
        moments: Clades of two and groups by epoch.
        pairs: Class indices, top row first; at most ``MOST_ROWS`` are drawn.
        names: C class names, untrusted text.
        one: All pairs have the same first class, which is then left out of their names and lends no colour.
        epoch: The epoch that is looked at, marked by a line; None for none.
        chosen: Classes whose pairs are set in bold.
        theme: ``"light"`` or ``"dark"``.
        title: The finding, plain text.

    Raises:
        AnalysisError: No pair, or the names do not fit the classes.
    """
    import plotly.graph_objects as go

    if not pairs or len(names) != moments.partner.shape[1]:
        raise AnalysisError(f"{len(pairs)} pairs with {len(names)} names cannot be drawn.")
    drawn = list(pairs[:MOST_ROWS])
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "name": name, "mode": "lines", "x": [], "y": [], "hoverinfo": "skip",
         "line": {"width": width, "color": neutral("line", theme)}}
        for name, width in (("in one group", 2), ("a clade of their own", 4))
    ]  # fmt: skip
    marks: dict[str, list[Any]] = {key: [] for key in ("x", "y", "color", "symbol", "size", "custom", "text")}
    labels = []
    for row, (i, j) in enumerate(drawn):
        clade, group = moments.clade_epochs(i, j), moments.group_epochs(i, j)
        for trace, held in zip(traces, (group, clade), strict=True):
            for first, last in _stretches(held):
                trace["x"] += [moments.epochs[first], moments.epochs[last], None]
                trace["y"] += [row, row, None]
        both = f"{shown_name(names[i], 40)} and {shown_name(names[j], 40)}"
        for at in np.flatnonzero(clade | group).tolist():
            marks["x"].append(moments.epochs[at])
            marks["y"].append(row)
            marks["color"].append(class_color(j) if one else neutral("ink", theme))
            marks["symbol"].append(class_symbol(j) if one else "circle")
            marks["size"].append(10 if clade[at] else 5)
            marks["custom"].append([i, j])
            what = "are a clade of their own" if clade[at] else "are in one group"
            marks["text"].append(f"Epoch {moments.epochs[at]}: {both} {what}")
        shorts = [shown_name(names[k], _NAME_CHARS) for k in ((j,) if one else (i, j))]
        label = " · ".join(shorts)
        labels.append(f"<b>{label}</b>" if set(chosen) & ({j} if one else {i, j}) else label)
    marker = {"symbol": marks["symbol"], "size": marks["size"], "color": marks["color"], "opacity": 1}
    traces.append(
        {"type": "scatter", "name": "epochs", "mode": "markers", "x": marks["x"], "y": marks["y"], "marker": marker,
         **style.emphasis(10), "customdata": marks["custom"], "cliponaxis": False,
         "hovertext": marks["text"], "hovertemplate": "%{hovertext}<extra></extra>"}
    )  # fmt: skip
    fig = go.Figure(traces)
    notes = ["large marks: a clade of their own, small ones: in one group"]
    if len(drawn) < len(pairs):
        notes.append(f"{len(drawn)} of {len(pairs):,} pairs shown")
    headline, top = heading(title, notes, theme)
    style.apply(fig, theme=theme, height=top + _ROW * len(drawn) + _BELOW)
    widest = max(
        sum(min(len(one_line(names[k])), _NAME_CHARS) for k in ((j,) if one else (i, j))) + 3 * (not one)
        for i, j in drawn
    )
    fig.update_layout(
        title=headline, margin={"l": round(_CHAR * widest) + 16, "r": 16, "t": top, "b": _BELOW}, hovermode="closest"
    )
    first, last = moments.epochs[0], moments.epochs[-1]
    room = 0.04 * max(last - first, 1)
    fig.update_xaxes(
        range=[first - room, last + room],
        title={"text": "Epoch", "standoff": 6},
        nticks=8,
        tickformat="d",
        showgrid=False,
    )
    if last - first < 8:
        fig.update_xaxes(dtick=1)
    fig.update_yaxes(
        range=[len(drawn) - 0.5, -0.5], tickvals=list(range(len(drawn))), ticktext=labels, automargin=False, showgrid=True,
        tickfont={"color": neutral("ink", theme), "size": style.FONT_SIZE - 2},
    )  # fmt: skip
    if epoch is not None and last > first:
        fig.add_vline(x=epoch, line={"color": neutral("line", theme), "width": 1, "dash": "dot"}, layer="below")
    return fig


def _stretches(held: np.ndarray) -> list[tuple[int, int]]:
    """First and last place of each unbroken stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
