"""Curves under a film of class trees: taxonomy agreement and share of final clades per epoch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.trees.emergence import Emergence
from lwal_core.figures import style
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LINE = 15  # px of a line of a label


class EpochCurves:
    """The curves of one film.

    Args:
        e: The trees of the epochs.
        theme: ``"light"`` or ``"dark"``.
        taxonomy: What to call the taxonomy, plain text.

    Attributes:
        any: Whether there is a curve to draw: more than one epoch, and agreement or a share that is defined.
    """

    def __init__(self, e: Emergence, theme: Theme, taxonomy: str) -> None:
        self.e, self.theme, self.taxonomy = e, theme, taxonomy
        self.share = e.share
        self.has_tau = bool(np.isfinite(e.tau).any())
        self.has_share = bool(np.isfinite(self.share).any())
        self.any = len(e.epochs) > 1 and (self.has_tau or self.has_share)
        lowest = float(np.nanmin(e.tau)) if self.has_tau else 0.0
        self.range = [min(-0.06, lowest - 0.08), 1.08]
        self.kinds = [("tau", e.tau, "circle", neutral("ink", theme))] if self.has_tau else []
        if self.has_share:
            self.kinds.append(("clades", self.share, "diamond", neutral("muted", theme)))

    def lines(self) -> list[dict[str, Any]]:
        """The curves over all epochs."""
        traces = []
        for name, values, symbol, color in self.kinds if self.any else ():
            texts = [self._text(name, at) for at in range(len(values))]
            traces.append(
                {"type": "scatter", "name": name, "mode": "lines+markers" if len(values) <= 40 else "lines",
                 "xaxis": "x2", "yaxis": "y2", "x": list(self.e.epochs), "y": _numbers(values),
                 "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>", "cliponaxis": False,
                 "line": {"color": color, "width": 1.5}, "marker": {"symbol": symbol, "size": 5, "color": color}}
            )  # fmt: skip
        return traces

    def now(self, at: int) -> list[dict[str, Any]]:
        """Marks at one epoch."""
        if not self.any:
            return []
        epoch, color = self.e.epochs[at], neutral("line", self.theme)
        traces: list[dict[str, Any]] = [
            {"type": "scatter", "name": "now", "mode": "lines", "hoverinfo": "skip", "xaxis": "x2", "yaxis": "y2",
             "x": [epoch, epoch], "y": self.range, "line": {"color": color, "width": 1}}
        ]  # fmt: skip
        for _, values, symbol, own in self.kinds:
            traces.append(
                {"type": "scatter", "name": "now", "mode": "markers", "hoverinfo": "skip", "xaxis": "x2",
                 "yaxis": "y2", "x": [epoch], "y": _numbers(values[at : at + 1]), "cliponaxis": False,
                 "marker": {"symbol": symbol, "size": 12, "color": own, "opacity": 1}}
            )  # fmt: skip
        return traces

    def lay_out(self, fig: go.Figure, height: float, pixels: float) -> None:
        """Axes, ceiling and direct labels; ``height`` is the share of the plot that the curves have."""
        e, ink, muted = self.e, neutral("ink", self.theme), neutral("muted", self.theme)
        span = max(e.epochs[-1] - e.epochs[0], 1)
        ends = [e.epochs[0] - 0.03 * span, e.epochs[-1] + 0.03 * span]
        fig.update_layout(
            xaxis2={"range": ends, "nticks": 8, "tickformat": "d", "showgrid": False, "fixedrange": True,
                    "automargin": False, "title": {"text": "Epoch", "standoff": 4}},
            yaxis2={"domain": [0, height], "range": self.range, "nticks": 4, "fixedrange": True,
                    "automargin": False, "showgrid": True, "title": {"text": "0 to 1", "standoff": 6}},
        )  # fmt: skip
        if span < 8:
            fig.update_layout(xaxis2={"dtick": 1})
        title = style.escape(style.shorten(one_line(self.taxonomy), 16))
        said = {"tau": f"● agreement with<br>{title}<br>(tau)", "clades": "◆ share of the<br>final clades"}
        labels = [(_last(values), said[name], color) for name, values, _, color in self.kinds]
        if self.has_tau and math.isfinite(e.ceiling):
            labels.append((e.ceiling, f"╌ ceiling of tau<br>{format_number(e.ceiling)}", ink))
            fig.add_shape(
                type="line", xref="x2 domain", x0=0, x1=1, yref="y2", y0=e.ceiling, y1=e.ceiling, layer="below",
                line={"color": muted, "width": 1.2, "dash": "dash"},
            )  # fmt: skip
        scale = pixels / (self.range[1] - self.range[0])
        centres = _apart([y * scale for y, _, _ in labels], [_LINE * (1 + text.count("<br>")) for _, text, _ in labels])
        for centre, (_, text, color) in zip(centres, labels, strict=True):
            fig.add_annotation(
                text=text, x=1, xref="paper", xanchor="left", xshift=8, y=centre / scale, yref="y2", yanchor="middle",
                align="left", showarrow=False, font={"size": style.FONT_SIZE - 3, "color": color},
            )  # fmt: skip

    def _text(self, name: str, at: int) -> str:
        e, epoch = self.e, self.e.epochs[at]
        if name == "tau":
            title = style.escape(style.shorten(one_line(self.taxonomy), 40))
            return f"Epoch {epoch}: tau {format_number(float(e.tau[at]))} with {title}"
        return f"Epoch {epoch}: {e.shared[at]:,} of {e.clades:,} final clades ({format_percent(float(self.share[at]))})"


def _numbers(values: FloatArray) -> list[float | None]:
    """Values for JSON, with gaps where they are undefined."""
    return [round(value, 4) if math.isfinite(value) else None for value in values.tolist()]


def _last(values: FloatArray) -> float:
    return float(values[np.isfinite(values)][-1])


def _apart(wanted: list[float], sizes: list[float]) -> list[float]:
    """Centres of labels as near to where they are wanted as not covering each other allows, in px from below."""
    placed = [0.0] * len(wanted)
    ceiling = math.inf
    for at in sorted(range(len(wanted)), key=lambda i: -wanted[i]):
        placed[at] = min(wanted[at], ceiling - sizes[at] / 2)
        ceiling = placed[at] - sizes[at] / 2
    return placed
