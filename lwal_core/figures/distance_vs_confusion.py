"""Distance against confusion: one point per pair of classes.

Most pairs are never confused; they lie as quiet ticks in a band under the points. ``customdata`` of a point is the two
class indices, so that a click tells which pair was meant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.trees.distance_vs_confusion import PairConfusions, RankCorrelation
from lwal_core.errors import AnalysisError
from lwal_core.figures import style
from lwal_core.figures.labels import heading, one_line
from lwal_core.figures.palette import ACCENT, ORANGE, Theme, neutral

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 460  # px
WEBGL_ABOVE = 2_000
"""Pairs above which the points are drawn by WebGL."""
MOST_POINTS = 10_000
"""Points drawn at most: pairs that were confused before the others."""
NAMED_PAIRS = 6
SIGNIFICANT = 0.05

_WIDTHS = (250, 850)  # px of the plot on a phone and on a wide screen; names must not meet in either
_CHAR, _LINE, _MARKER = 6.6, 16.0, 6.0  # px: of a letter, of a line of text, from a marker's centre to its edge
_NAME_CHARS, _HOVER_CHARS = (15, 11, 8), 40  # of a name; a shorter form where the longer finds no place
# Where names may stand, best first: what of the text is fixed, and the signs of its offset in x and y.
_SIDES = (
    ("left", 1, 0), ("right", -1, 0), ("center", 0, 1), ("left", 1, 1), ("right", -1, 1), ("center", 0, -1),
    ("left", 1, -1), ("right", -1, -1),
)  # fmt: skip
_BAND = 0.07  # of the highest rate, under 0


def distance_vs_confusion_figure(
    pairs: PairConfusions,
    names: Sequence[str],
    correlation: RankCorrelation,
    *,
    chosen: Sequence[int] = (),
    unit: str = "label units",
    theme: Theme = "light",
    height: int = HEIGHT,
    title: str | None = None,
) -> go.Figure:
    """Draw the pairs.

    Args:
        pairs: Distance and confusion of each pair.
        names: C class names, untrusted text.
        correlation: Of distance and confusion; the title says it.
        chosen: Class indices: of one, its pairs are marked; of several, the pairs among them.
        unit: Unit of the distances.
        theme: ``"light"`` or ``"dark"``.
        height: Pixels.
        title: The finding, plain text; None for :func:`finding`.

    Returns:
        The figure, with the traces ``"never confused"``, ``"confused"`` and, when classes are chosen, ``"chosen"``.

    Raises:
        AnalysisError: The names do not fit the pairs.
    """
    import plotly.graph_objects as go

    if len(names) != pairs.classes:
        raise AnalysisError(f"There are {len(names)} names for {pairs.classes} classes.")
    drawn = drawn_pairs(pairs, chosen)
    confused, never = drawn[pairs.rates[drawn] > 0], drawn[pairs.rates[drawn] == 0]
    marked = drawn[_among(pairs, chosen)[drawn]]
    percent = 100 * pairs.rates
    most = float(percent[confused].max()) if len(confused) else 1.0
    kind = "scattergl" if len(drawn) > WEBGL_ABOVE else "scatter"
    hover = _Hover(pairs, names, unit)
    quiet, loud = neutral("line", theme), ACCENT
    y = np.where(pairs.rates > 0, percent, -_BAND / 2 * most)
    traces: list[dict[str, Any]] = [
        {"type": kind, "name": "never confused", **hover.points(never), "y": y[never], "opacity": 1,
         "marker": {"symbol": "line-ns-open", "size": 9, "color": quiet, "opacity": 0.6, "line": {"width": 1}}},
        {"type": kind, "name": "confused", **hover.points(confused), "y": y[confused],
         "marker": {"symbol": "circle", "size": 8, "color": loud, "opacity": 0.55 if len(marked) else 0.75}},
    ]  # fmt: skip
    if len(marked):
        traces.append(
            {"type": kind, "name": "chosen", **hover.points(marked), "y": y[marked],
             "marker": {"symbol": "circle", "size": 11, "color": ORANGE, "opacity": 1,
                        "line": {"width": 1, "color": neutral("surface", theme)}}}
        )  # fmt: skip
    for trace in traces:  # a click must not fade the other pairs
        trace |= style.emphasis(trace["marker"]["size"], rest=trace["marker"]["opacity"])
    fig = go.Figure(traces)
    headline, top = heading(finding(correlation) if title is None else title, _notes(pairs, drawn), theme)
    style.apply(fig, theme=theme, height=height)
    low, high = _x_range(pairs.distances[drawn])
    fig.update_layout(title=headline, margin={"l": 8, "r": 8, "t": top, "b": 8}, hovermode="closest")
    fig.update_xaxes(range=[low, high], title={"text": style.escape(f"Distance ({unit})"), "standoff": 8}, nticks=6)
    fig.update_yaxes(
        range=[-_BAND * most, 1.15 * most], title={"text": _axis_title(pairs), "standoff": 6}, nticks=6,
        ticksuffix=" %", tick0=0,
    )  # fmt: skip
    fig.add_shape(
        type="rect", xref="paper", x0=0, x1=1, yref="y", y0=-_BAND * most, y1=0, layer="below", line={"width": 0},
        fillcolor=neutral("grid", theme), opacity=0.5,
    )  # fmt: skip
    first = marked[np.argsort(-pairs.rates[marked], kind="stable")] if len(marked) else np.zeros(0, dtype=np.intp)
    others = pairs.most_confused(2 * NAMED_PAIRS)
    wanted = list(dict.fromkeys([*first[pairs.rates[first] > 0][:NAMED_PAIRS].tolist(), *others.tolist()]))
    _name_pairs(fig, pairs, names, wanted, y, (low, high), most, height - top - 60, theme)
    return fig


def finding(correlation: RankCorrelation) -> str:
    """``"Near labels are confused more: rank correlation −0.61, p = 0.001"``; plain text."""
    rho = correlation.rho
    if math.isnan(rho):
        return f"Whether near labels are confused more is undefined ({correlation.reason})"
    said = f"rank correlation {format_number(rho, digits=2)}"
    if math.isnan(correlation.p):
        more = (
            "are confused more" if rho < 0 else "are confused less" if rho > 0 else "are confused as often as far ones"
        )
        return f"Near labels {more}: {said} (chance not tested: too many classes)"
    said += f", p = {format_number(correlation.p, digits=2)}"
    if correlation.p > SIGNIFICANT:
        return f"Near labels are not clearly confused more: {said}"
    return f"{'Near' if rho < 0 else 'Far'} labels are confused more: {said}"


def drawn_pairs(pairs: PairConfusions, chosen: Sequence[int] = (), most: int = MOST_POINTS) -> IntArray:
    """Indices of the pairs that a figure shows: all, or ``most`` of them.

    The pairs of chosen classes come first, then the confused ones from the most confused down, then some of the others,
    evenly over their distances, both ends among them.
    """
    defined = pairs.defined
    if len(defined) <= most:
        return defined
    rates = pairs.rates[defined]
    first = ~_among(pairs, chosen)[defined]
    order = defined[np.lexsort((pairs.distances[defined], -rates, first))]
    loud = order[(pairs.rates[order] > 0) | _among(pairs, chosen)[order]][:most]
    never = np.setdiff1d(defined[rates == 0], loud)
    room = most - len(loud)
    if room and len(never):
        by_distance = never[np.argsort(pairs.distances[never], kind="stable")]
        never = by_distance[np.unique(np.linspace(0, len(never) - 1, min(room, len(never))).round().astype(np.intp))]
    else:
        never = never[:0]
    return np.sort(np.concatenate([loud, never]))


def _among(pairs: PairConfusions, chosen: Sequence[int]) -> np.ndarray:
    """Whether a pair is one of those that chosen classes mark, ``[P]``."""
    inside = np.zeros(pairs.classes, dtype=bool)
    inside[list(chosen)] = True
    one, other = inside[pairs.first], inside[pairs.second]
    marked: np.ndarray = one | other if len(set(chosen)) == 1 else one & other
    return marked


class _Hover:
    """Points with their hover text and click targets."""

    def __init__(self, pairs: PairConfusions, names: Sequence[str], unit: str) -> None:
        self.pairs, self.unit = pairs, style.escape(unit)
        self.names = [style.escape(style.shorten(one_line(name), _HOVER_CHARS)) for name in names]

    def points(self, which: IntArray) -> dict[str, Any]:
        p = self.pairs
        first, second = p.first[which].tolist(), p.second[which].tolist()
        joined = "taken for" if p.directed else "and"
        texts = [
            f"<b>{self.names[i]}</b> {joined} <b>{self.names[j]}</b><br>{wrong:,.0f} of {of:,.0f} test samples"
            f" ({format_percent(rate)})<br>{format_number(away)} {self.unit} apart"
            for i, j, wrong, of, rate, away in zip(
                first, second, p.mistakes[which].tolist(), p.samples[which].tolist(), p.rates[which].tolist(),
                p.distances[which].tolist(), strict=True,
            )
        ]  # fmt: skip
        return {
            "mode": "markers", "x": p.distances[which], "customdata": [[i, j] for i, j in zip(first, second, strict=True)],
            "hovertext": texts, "hovertemplate": "%{hovertext}<extra></extra>", "hoverlabel": {"align": "left"},
        }  # fmt: skip


def _axis_title(pairs: PairConfusions) -> str:
    return "Taken for the other, of the true class" if pairs.directed else "Confused, of both classes' samples"


def _notes(pairs: PairConfusions, drawn: IntArray) -> list[str]:
    defined = pairs.defined
    never = int((pairs.rates[defined] == 0).sum())
    notes = [f"{never:,} of {len(defined):,} pairs never confused: ticks at the bottom" if never else ""]
    if len(drawn) < len(defined):
        confused = int((pairs.rates > 0).sum())
        which = "the confused ones first" if confused <= len(drawn) else "the most confused ones"
        notes.append(f"showing {len(drawn):,} of {len(defined):,} pairs, {which}")
    missing = len(pairs.rates) - len(defined)
    if missing:
        notes.append(f"{missing:,} pairs undefined: {len(pairs.without):,} classes without test samples")
    return notes


def _x_range(distances: FloatArray) -> tuple[float, float]:
    if not len(distances):
        return 0.0, 1.0
    low, high = float(distances.min()), float(distances.max())
    room = 0.05 * (high - low) or 0.05 * high or 1.0
    return max(low - room, 0.0) if low > room else low - room, high + room


def _name_pairs(
    fig: go.Figure, pairs: PairConfusions, names: Sequence[str], wanted: Sequence[int], y: FloatArray,
    x_range: tuple[float, float], most: float, pixels: int, theme: Theme,
) -> None:  # fmt: skip
    """Write the names of some pairs beside their points, where they cover neither each other nor a confused point.

    A name must find its place on a phone and on a wide screen: the picture's width is its reader's.
    """
    low, high = x_range
    loud = np.flatnonzero(pairs.rates > 0)
    strongest = loud[np.argsort(-pairs.rates[loud], kind="stable")][:500]
    scale_y = pixels / ((1.15 + _BAND) * most)
    taken: list[list[np.ndarray]] = [[] for _ in _WIDTHS]
    markers = [_centres(pairs.distances[strongest], y[strongest], low, high, width, scale_y) for width in _WIDTHS]
    named = 0
    for index in wanted:
        if named == NAMED_PAIRS:
            break
        others = [points[strongest != index] for points in markers]
        at = [_centres(pairs.distances[[index]], y[[index]], low, high, width, scale_y)[0] for width in _WIDTHS]
        tries = [(chars, side, others) for chars in _NAME_CHARS for side in _SIDES]
        if not named:  # the first name must be there, on top of points where there is no free place
            tries += [(chars, side, []) for chars in _NAME_CHARS for side in _SIDES]
        for chars, (anchor, right, up), avoided in tries:
            text = _pair_name(pairs, names, index, chars)
            boxes = [_box(centre, anchor, right, up, len(text)) for centre in at]
            if all(
                _free(box, taken[k], avoided[k] if avoided else None, width, pixels)
                for k, (box, width) in enumerate(zip(boxes, _WIDTHS, strict=True))
            ):
                for k, box in enumerate(boxes):
                    taken[k].append(box)
                fig.add_annotation(
                    text=style.escape(text), x=float(pairs.distances[index]), y=float(y[index]), showarrow=False,
                    xanchor=anchor, yanchor="middle", xshift=right * _MARKER, yshift=up * _LINE, name="pair",
                    font={"size": style.FONT_SIZE - 2, "color": neutral("ink", theme)},
                )  # fmt: skip
                named += 1
                break


def _box(centre: np.ndarray, anchor: str, right: int, up: int, chars: int) -> np.ndarray:
    """Left, lower, right and upper edge in px of a text beside a point."""
    width = chars * _CHAR
    left = float(centre[0]) + right * _MARKER - {"left": 0.0, "center": width / 2, "right": width}[anchor]
    middle = float(centre[1]) + up * _LINE
    return np.array([left, middle - _LINE / 2, left + width, middle + _LINE / 2])


def _pair_name(pairs: PairConfusions, names: Sequence[str], index: int, chars: int) -> str:
    one, other = (style.shorten(one_line(names[int(c[index])]), chars) for c in (pairs.first, pairs.second))
    return f"{one} → {other}" if pairs.directed else f"{one}, {other}"


def _centres(x: FloatArray, y: FloatArray, low: float, high: float, width: float, scale_y: float) -> FloatArray:
    """Points in px from the lower left corner of the plot, ``[m, 2]``; 0 in y is a rate of 0."""
    return np.column_stack([(x - low) * width / (high - low), y * scale_y])


def _free(box: np.ndarray, taken: list[np.ndarray], markers: FloatArray | None, width: float, pixels: float) -> bool:
    """Whether a name's box lies in the plot and meets no other name and no marker."""
    if box[0] < 0 or box[2] > width or box[1] < 0 or box[3] > pixels:
        return False
    if any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in taken):
        return False
    if markers is None:
        return True
    x, y = markers[:, 0], markers[:, 1]
    meets = (x + _MARKER > box[0]) & (x - _MARKER < box[2]) & (y + _MARKER > box[1]) & (y - _MARKER < box[3])
    return not meets.any()
