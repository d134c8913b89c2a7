"""Inline SVG of a report: tree, map and curves. Places are computed here, the marks are templates.

Colours that depend on the cut are set by the script, and once here for readers without one; the rest comes from the
style, so that light and dark are one file. Every drawing has a title and a description for screen readers.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lwal_core.analysis.base.formatting import HEIGHT_TITLES, format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.export.pictures.text import shown_name
from lwal_core.export.rendering import render
from lwal_core.export.report.content import Curve, Map
from lwal_core.figures.style import shorten

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH = 600  # of a drawing, in its own units; the page scales it
MOST_ROWS = 60  # of a roomy tree; past that lines come closer
NAME_CHARACTERS = 40
_CHARACTER = 7.2  # units that one takes on average at 13 units
_TOP, _AXIS = 18, 44
_DOT, _RISE, _DROP = 6, 11, 3  # units of a class's radius, and of a name above and below its line
_FRAME = 24  # units that the titles of the map's axes take on the left and below


class TreeDrawing(NamedTuple):
    """Dendrogram, and what the script needs to draw on it: x of height 0, units per height, y of every node."""

    svg: Markup
    zero: float
    unit: float
    rows: list[float]


def tree_svg(h: Hierarchy) -> TreeDrawing:
    """Dendrogram: leaves on the right, the distance axis below, one path above each node, a mark on each merge."""
    layout = h.layout()
    line = 20 if h.n <= MOST_ROWS else 16
    names = [shorten(shown_name(name), NAME_CHARACTERS) for name in h.names]
    room = min(max(_CHARACTER * max(_columns(name) for name in names) + 22, 60), WIDTH * 0.45)
    zero = round(WIDTH - room, 2)
    high = float(h.top_heights[-1]) if h.n > 1 else 0.0
    unit = (zero - 14) / high if high > 0 else 0.0
    y = [round(_TOP + line * (place + 0.5), 2) for place in layout.place.tolist()]
    axis = f"{HEIGHT_TITLES.get(h.method, h.method)} ({h.unit})"
    svg = render(
        "tree.svg",
        title=f"Dendrogram of {h.n:,} classes",
        description=_tree_description(h),
        n=h.n,
        width=WIDTH,
        top=_TOP,
        bottom=_TOP + line * h.n,
        zero=zero,
        x=[round(zero - unit * height, 2) for height in layout.height.tolist()],
        y=y,
        parents=h.parents.tolist(),
        order=h.order.tolist(),
        names=names,
        ticks=[(round(zero - unit * tick, 2), format_number(tick)) for tick in nice_ticks(0, high, 6)],
        axis=axis if h.n > 1 else "",
    )
    return TreeDrawing(svg, zero, unit, y)


def map_svg(found: Map, names: Sequence[str]) -> Markup:
    """Classes with their names over a quiet cloud of samples, both axes to one scale."""
    height, margin = 480, 40
    points = np.vstack([found.classes, found.samples])
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.ones(2))
    span = np.maximum(high - low, 1e-12)
    scale = min((WIDTH - 2 * margin - 60) / span[0], (height - 2 * margin) / span[1])
    middle = (low + high) / 2

    def placed(points: np.ndarray, owners: Sequence[int]) -> list[tuple[int, float, float]]:
        """Class, x and y of every point that is finite."""
        where = np.array([WIDTH / 2, (height - 20) / 2]) + (points - middle) * [scale, -scale]
        finite = zip(owners, where.round(1).tolist(), strict=True)
        return [(i, x, y) for i, (x, y) in finite if math.isfinite(x) and math.isfinite(y)]

    classes = placed(found.classes, range(len(names)))
    return render(
        "map.svg",
        description=f"{len(names):,} classes and {len(found.samples):,} test samples "
        f"by {found.axes[0]} and {found.axes[1]}.",
        width=WIDTH,
        height=height,
        samples=placed(found.samples, found.sample_classes.tolist()),
        classes=[(i, x, y, shown_name(names[i])) for i, x, y in classes],
        labels=_labels([(x, y, shorten(shown_name(names[i]), 18)) for i, x, y in classes], height),
        axes=found.axes,
    )


class Label(NamedTuple):
    """A name on the map: where it stands, and which of its points stands there (SVG's ``text-anchor``)."""

    x: float
    y: float
    anchor: str
    name: str


class _Box(NamedTuple):
    """Left, right, top and bottom of a name."""

    left: float
    right: float
    top: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def _labels(dots: Sequence[tuple[float, float, str]], height: float) -> list[Label]:
    """Names beside their dots, within the frame and on no other dot; one that finds no room is left out."""
    taken = [_Box(x - _DOT, x + _DOT, y - _DOT, y + _DOT) for x, y, _ in dots]
    labels = []
    for x, y, name in dots:
        width = _width(name)
        places = [
            (Label(x + 10, y + 4.5, "start", name), x + 10),
            (Label(x - 10, y + 4.5, "end", name), x - 10 - width),
            (Label(x, y - 11, "middle", name), x - width / 2),
            (Label(x, y + 20, "middle", name), x - width / 2),
        ]
        for label, left in places:
            box = _Box(left, left + width, label.y - _RISE, label.y + _DROP)
            inside = left >= _FRAME and box.right <= WIDTH - 4 and box.top >= 2 and box.bottom <= height - _FRAME
            if inside and not any(map(box.meets, taken)):
                taken.append(box)
                labels.append(label._replace(x=round(label.x, 1), y=round(label.y, 1)))
                break
    return labels


def _width(text: str) -> float:
    """Units that a text takes at 13 units in the widest of the report's typefaces, which is DejaVu Sans."""
    return sum(
        13.5 if unicodedata.east_asian_width(char) in "WF"
        else 5.2 if char in "fijlrtI.,:;'|!()[]- "
        else 12.9 if char in "mwMW@%"
        else 10.3 if char.isupper()
        else 8.4
        for char in text
    )  # fmt: skip


def curves_svg(curves: Sequence[Curve]) -> Markup:
    """Shares by epoch, each line with its name at its end."""
    left, top, bottom, right = 52, 14, 244, WIDTH - 150
    last = max((max(curve.epochs) for curve in curves if len(curve.epochs)), default=1) or 1
    known = [value for curve in curves for value in curve.values if math.isfinite(value)]
    low = min(math.floor(10 * min(known, default=0)) / 10, 0.9)
    high = min(max(math.ceil(10 * max(known, default=1)) / 10, low + 0.1), 1)

    def x(epoch: float) -> float:
        return round(left + (right - left) * epoch / last, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - top) * (value - low) / (high - low), 1)

    drawn = [
        (curve, [(x(e), y(v)) for e, v in zip(curve.epochs, curve.values, strict=True) if math.isfinite(v)])
        for curve in curves
    ]
    drawn = sorted(((curve, points) for curve, points in drawn if points), key=lambda each: each[1][-1][1])
    lines = []
    under = -math.inf
    for curve, points in drawn:
        under = round(max(points[-1][1] + 4, under + 17), 1)  # names stand under one another
        lines.append((curve.color, points, under, shorten(shown_name(curve.title), 20)))
    return render(
        "curves.svg",
        description="; ".join(f"{curve.title}: {100 * curve.values[-1]:.1f} % at the end" for curve, _ in drawn),
        width=WIDTH,
        height=290,
        left=left,
        right=right,
        bottom=bottom,
        shares=[(y(share), f"{100 * share:.0f} %") for share in nice_ticks(low, high, 6)],
        epochs=[(x(tick), f"{int(tick):,}") for tick in nice_ticks(0, last, 8) if tick == int(tick)],
        lines=lines,
    )


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers for an axis, at most ``most``, from ``low`` to ``high``, 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return []
    rough = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step * (1 + 1e-12)) + 1)]


def _tree_description(h: Hierarchy) -> str:
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
