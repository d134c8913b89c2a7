"""The tree, the map and the curves of a report as inline SVG.

Colours that depend on the cut are set by the script, and once here for readers without one; the rest comes from the
style, so that light and dark are one file. Every drawing has a title and a description for screen readers.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from lwal_core.analysis.base.formatting import DISTANCE_UNITS, HEIGHT_TITLES, format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.export.pictures.text import drawable, shorten_middle
from lwal_core.export.report.content import Curve, Map

WIDTH = 600  # of a drawing, in its own units; the page scales it
MOST_ROWS = 60  # of a roomy tree; past that lines come closer
NAME_CHARACTERS = 40
_CHARACTER = 7.2  # units that one takes on average at 13 units
_TOP, _AXIS = 18, 44


def shown_name(name: str) -> str:
    """A class name as drawings and tables show it: on one line, without characters that turn text around."""
    return drawable(name) or "(no name)"


class TreeDrawing(NamedTuple):
    """The dendrogram, and what the script needs to draw on it: x of height 0, units a height, y of every node."""

    svg: str
    zero: float
    unit: float
    rows: list[float]


def tree_svg(h: Hierarchy) -> TreeDrawing:
    """The dendrogram: leaves on the right, the distance axis below, one path above each node, a mark on each merge."""
    layout = h.layout()
    line = 20 if h.n <= MOST_ROWS else 16
    names = [shorten_middle(shown_name(name), NAME_CHARACTERS) for name in h.names]
    room = min(max(_CHARACTER * max(_columns(name) for name in names) + 22, 60), WIDTH * 0.45)
    zero, bottom = round(WIDTH - room, 2), _TOP + line * h.n
    high = float(h.top_heights[-1]) if h.n > 1 else 0.0
    unit = (zero - 14) / high if high > 0 else 0.0
    x = [round(zero - unit * height, 2) for height in layout.height.tolist()]
    y = [round(_TOP + line * (place + 0.5), 2) for place in layout.place.tolist()]
    parents = h.parents.tolist()
    parts = [_open("tree", WIDTH, bottom + _AXIS, f"Dendrogram of {h.n:,} classes", _tree_words(h), role="group")]
    for tick in nice_ticks(0, high, 6):
        at = round(zero - unit * tick, 2)
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{at}" y="{bottom + 16}">{escape(format_number(tick))}</text>')
    if h.n > 1:
        title = f"{HEIGHT_TITLES.get(h.method, h.method)} ({DISTANCE_UNITS.get(h.metric, h.metric)})"
        parts.append(f'<text class="tick" x="{(zero + 14) / 2:.0f}" y="{bottom + 36}">{escape(title)}</text>')
    edges = [
        f'<path class="edge" data-node="{node}" d="M{x[node]} {y[node]}H{x[parents[node]]}V{y[parents[node]]}"/>'
        for node in range(2 * h.n - 2)
    ]
    parts += ["<g>", *reversed(edges), '</g><g id="stems"></g>']  # from the root down: colours lie over grey
    parts.append(f'<line id="cut" x1="0" x2="0" y1="{_TOP - 12}" y2="{bottom}"/>')
    for node in range(h.n, 2 * h.n - 1):
        parts.append(f'<circle class="merge" data-node="{node}" cx="{x[node]}" cy="{y[node]}" r="4.5"/>')
    for i in h.order.tolist():
        parts.append(
            f'<circle class="leaf" data-class="{i}" cx="{zero + 7}" cy="{y[i]}" r="4.5"/>'
            f'<text class="name" data-class="{i}" x="{zero + 17}" y="{y[i] + 4.5:.2f}">{escape(names[i])}</text>'
        )
    return TreeDrawing("".join([*parts, "</svg>"]), zero, unit, y)


def map_svg(found: Map, names: Sequence[str]) -> str:
    """Classes with their names over a quiet cloud of samples, both axes to one scale."""
    tall, margin = 480, 40
    points = np.vstack([found.classes, found.samples])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.ones(2))
    scale = min(
        (WIDTH - 2 * margin - 60) / max(high[0] - low[0], 1e-12), (tall - 2 * margin) / max(high[1] - low[1], 1e-12)
    )
    middle = (low + high) / 2

    def at(point: np.ndarray) -> tuple[float, float]:
        return (
            round(float(WIDTH / 2 + (point[0] - middle[0]) * scale), 1),
            round(float((tall - 20) / 2 - (point[1] - middle[1]) * scale), 1),
        )

    words = f"{len(names):,} classes and {len(found.samples):,} test samples by {found.axes[0]} and {found.axes[1]}."
    parts = [_open("map", WIDTH, tall, "Map of the classes", words), '<g class="samples">']
    for point, i in zip(found.samples, found.sample_classes.tolist(), strict=True):
        if np.isfinite(point).all():
            sx, sy = at(point)
            parts.append(f'<circle data-class="{i}" cx="{sx}" cy="{sy}" r="2.2"/>')
    parts.append("</g>")
    taken: list[tuple[float, float, float]] = []
    for i, point in enumerate(found.classes):
        if not np.isfinite(point).all():
            continue
        cx, cy = at(point)
        name = shorten_middle(shown_name(names[i]), 18)
        parts.append(
            f'<circle class="leaf" data-class="{i}" cx="{cx}" cy="{cy}" r="6">'
            f"<title>{escape(shown_name(names[i]))}</title></circle>"
        )
        width = _CHARACTER * _columns(name)
        places = [
            (cx + 10, cy + 4.5),
            (cx - 10 - width, cy + 4.5),
            (cx - width / 2, cy - 11),
            (cx - width / 2, cy + 20),
        ]
        free = next((p for p in places if _is_free(p, width, taken)), None)
        if free is not None:  # a name that has no room is in the dot's title
            taken.append((*free, width))
            parts.append(f'<text class="name" x="{free[0]:.1f}" y="{free[1]:.1f}">{escape(name)}</text>')
    parts.append(f'<text class="tick" x="{WIDTH / 2}" y="{tall - 8}">{escape(found.axes[0])} →</text>')
    parts.append(
        f'<text class="tick" transform="translate(14 {tall / 2}) rotate(-90)">{escape(found.axes[1])} →</text></svg>'
    )
    return "".join(parts)


def _is_free(place: tuple[float, float], width: float, taken: list[tuple[float, float, float]]) -> bool:
    x, y = place
    inside = x >= 24 and x + width <= WIDTH
    return inside and all(abs(y - b) > 14 or x > a + wide or a > x + width for a, b, wide in taken)


def curves_svg(curves: Sequence[Curve]) -> str:
    """Shares by epoch, each line with its name at its end."""
    tall, left, top, bottom = 290, 52, 14, 244
    right = WIDTH - 150
    last = max((max(curve.epochs) for curve in curves if len(curve.epochs)), default=1) or 1
    known = [value for curve in curves for value in curve.values if math.isfinite(value)]
    low = min(math.floor(10 * min(known, default=0)) / 10, 0.9)

    def x(epoch: float) -> float:
        return round(left + (right - left) * epoch / last, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * (value - low) / (1 - low), 1)

    drawn = [
        (curve, [(x(e), y(v)) for e, v in zip(curve.epochs, curve.values, strict=True) if math.isfinite(v)])
        for curve in curves
    ]
    drawn = sorted(((curve, points) for curve, points in drawn if points), key=lambda each: each[1][-1][1])
    words = "; ".join(f"{curve.title}: {100 * curve.values[-1]:.1f} % at the end" for curve, _ in drawn)
    parts = [_open("curves", WIDTH, tall, "Test accuracy by epoch", words)]
    for share in nice_ticks(low, 1, 6):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(share)}" y2="{y(share)}"/>')
        parts.append(f'<text class="tick end" x="{left - 8}" y="{y(share) + 4}">{100 * share:.0f} %</text>')
    for tick in nice_ticks(0, last, 8):
        if tick == int(tick):
            parts.append(f'<text class="tick" x="{x(tick)}" y="{bottom + 18}">{int(tick):,}</text>')
    parts.append(f'<text class="tick" x="{(left + right) / 2:.0f}" y="{bottom + 38}">epoch</text>')
    under = -math.inf
    for curve, points in drawn:
        line = "M" + "L".join(f"{a} {b}" for a, b in points)
        parts.append(f'<path class="curve" d="{line}" stroke="{curve.color}"/>')
        under = max(points[-1][1] + 4, under + 17)  # names stand under one another
        label = shorten_middle(shown_name(curve.title), 20)
        parts.append(f'<circle cx="{points[-1][0] + 12}" cy="{under - 4:.1f}" r="4" fill="{curve.color}"/>')
        parts.append(f'<text class="name" x="{points[-1][0] + 20}" y="{under:.1f}">{escape(label)}</text>')
    return "".join([*parts, "</svg>"])


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` round numbers from ``low`` to ``high``, 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return []
    rough = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step * (1 + 1e-12)) + 1)]


def _open(name: str, width: float, tall: float, title: str, words: str, *, role: str = "img") -> str:
    return (
        f'<svg id="{name}" viewBox="0 0 {width:.0f} {tall:.0f}" role="{role}" aria-labelledby="{name}-t {name}-d" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{name}-t">{escape(drawable(title))}</title>'
        f'<desc id="{name}-d">{escape(drawable(words))}</desc>'
    )


def _tree_words(h: Hierarchy) -> str:
    if h.n == 1:
        return "One class: there is nothing to merge."
    last = h.n + h.n - 2
    left, right = h.children[-1].tolist()
    return (
        f"The last merge, at {format_number(float(h.linkage[last - h.n, 2]))}, joins {h.clade_name(left)} "
        f"with {h.clade_name(right)}."
    )


def _columns(text: str) -> int:
    """Characters that a text takes the room of; East Asian ones take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
