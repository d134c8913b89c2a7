"""Drawing of a dendrogram with matplotlib: lines, marks and text, in points on the page.

There are no matplotlib axes: the distance axis is a handful of lines and numbers, and placing them by hand is what
guarantees that nothing overlaps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number
from lwal_core.export.pictures.rows import LINE, MARGIN, MAX_NAMES, SMALL, SMALL_LINE, Rows
from lwal_core.export.pictures.strips import STEP, Strips, draw_legend, draw_strips, name_color
from lwal_core.export.pictures.text import TextMeasure
from lwal_core.figures.palette import OKABE_ITO, Theme, class_color, class_symbol, neutral
from lwal_core.figures.tree_drawing import CLOSED_HALF, TreeCut, extent, tree_strokes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lwal_core.analysis.hierarchy.subtree import TreePart

FloatArray = npt.NDArray[np.float64]

NAME_GAP, MARK_GAP = 4.5, 7.0  # points between a leaf and its name, without and with the class's mark
MARK_SIZE = 3.4  # points
_STRIPS_AWAY = 2.0  # points from the leaves to the first strip
BASELINE = 0.36  # of the font size: how far below its middle a line of text begins

# matplotlib's markers for the names in palette.SHAPES.
MARKS = {
    "circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "cross": "P", "star": "*", "hexagon": "h",
    "triangle-down": "v", "x": "X", "pentagon": "p",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Cut:
    """A cut ready to be drawn.

    Attributes:
        tints: ``[2n - 1]`` index into the palette of the group that a node is in, -1 for none.
        height: Where the line is; nan when there is none to draw.
        label: What stands at the line.
        note: What is said below the tree instead.
        several: Whether each group begins at a height of its own.
    """

    tints: npt.NDArray[np.intp]
    height: float = math.nan
    label: str = ""
    note: str = ""
    several: bool = False


@dataclass(frozen=True, eq=False)
class Page:
    """Where everything stands, in points from the bottom left corner.

    Attributes:
        width: Of the page.
        height: Of the page.
        left: Where the tree begins, on the side of the root.
        right: Where the leaves are.
        bottom: Where the tree ends and the distance axis begins.
        rows: The leaves.
        axis_title: Lines under the numbers of the axis; none when there is no axis.
        axis_on_top: Whether the numbers are repeated above the tree.
        marks: Whether there is a mark in the class's colour and shape beside each name.
        below: Lines of caption and notes.
        strips: What stands between the leaves and their names.
    """

    width: float
    height: float
    left: float
    right: float
    bottom: float
    rows: Rows
    axis_title: list[str]
    axis_on_top: bool
    marks: bool
    below: list[str]
    strips: Strips

    @property
    def top(self) -> float:
        """Upper end of the tree."""
        return self.bottom + self.rows.height

    def y(self, places: npt.ArrayLike) -> FloatArray:
        """Heights on the page of leaf places (0 = first leaf, fractions in between)."""
        wanted = np.asarray(places, dtype=np.float64)
        return self.top - np.interp(wanted, np.arange(len(self.rows.centres)), self.rows.centres)


def draw(part: TreePart, cut: Cut, page: Page, measure: TextMeasure, theme: Theme) -> Figure:
    """Draw the page; nothing here decides where things go."""
    return _Drawing(part, cut, page, measure, theme).figure


class _Drawing:
    def __init__(self, part: TreePart, cut: Cut, page: Page, measure: TextMeasure, theme: Theme) -> None:
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.part, self.page, self.measure, self.theme = part, page, measure, theme
        self.count = len(part.tips)
        self.ink, self.muted = neutral("ink", theme), neutral("muted", theme)
        self.figure = Figure(figsize=(page.width / 72, page.height / 72), dpi=72, facecolor=neutral("surface", theme))
        self.points = Affine2D().scale(1 / 72) + self.figure.dpi_scale_trans
        if self.count > 1:
            self.axis()
        if not math.isnan(cut.height):
            self.cut_line(cut)
        self.tree(cut)
        self.names()
        if page.strips.columns:
            self.strips()
        for row, text in enumerate(page.below, start=1):
            self.text(MARGIN, MARGIN + 2 + (len(page.below) - row) * SMALL_LINE, text, SMALL, self.muted)

    def x(self, distances: npt.ArrayLike) -> FloatArray:
        """Distances as places on the page: 0 at the leaves on the right."""
        width = self.page.right - self.page.left
        return self.page.right - width * np.asarray(distances, dtype=np.float64) / extent(self.part)

    def lines(self, paths: Sequence[Any], color: str, width: float, **style: Any) -> None:
        from matplotlib.collections import LineCollection

        style = {"capstyle": "projecting", "joinstyle": "miter", **style}
        self.figure.add_artist(LineCollection(paths, colors=color, linewidths=width, transform=self.points, **style))

    def text(self, x: float, y: float, text: str, size: float, color: str, align: str = "left") -> None:
        # Other people's text: with parse_math a dollar sign would start a formula, and fail where it is none.
        self.figure.text(
            x, y, text, transform=self.points, fontsize=size, color=color, ha=align, va="baseline",
            family=self.measure.families, parse_math=False, usetex=False,
        )  # fmt: skip

    def text_at(self, distance: float, y: float, text: str, color: str, edge: float = MARGIN) -> None:
        """Small text centred on a distance, moved inwards where it would come nearer to the page's edge."""
        half = self.measure.width(text, SMALL) / 2 + edge
        x = min(max(float(self.x(distance)), half), self.page.width - half)
        self.text(x, y, text, SMALL, color, "center")

    def axis(self) -> None:
        page = self.page
        ticks = round_ticks(extent(self.part), (page.right - page.left) / 40)
        upright = [[(x, page.bottom), (x, page.top)] for x in self.x(ticks).tolist()]
        self.lines(upright, neutral("grid", self.theme), 0.6)
        for tick in ticks:
            for y in [page.bottom - SMALL_LINE, page.top + 5][: 1 + page.axis_on_top]:
                self.text_at(tick, y, format_number(tick), self.muted, edge=2)
        for row, line in enumerate(page.axis_title, start=2):
            self.text_at(extent(self.part) / 2, page.bottom - row * SMALL_LINE - 2, line, self.muted)

    def cut_line(self, cut: Cut) -> None:
        page, at = self.page, float(self.x(cut.height))
        path = [(at, page.bottom), (at, page.top)]
        self.lines([path], self.ink, 0.7, linestyles=[(0, (4, 3))], capstyle="butt")
        self.text_at(cut.height, page.top + 5 + (SMALL_LINE + 2) * page.axis_on_top, cut.label, self.ink)

    def tree(self, cut: Cut) -> None:
        width = 1.1 if self.count <= 60 else 0.8 if self.count <= MAX_NAMES else 0.4
        colors = [neutral("line", self.theme), *OKABE_ITO]
        for node in self.part.closed.tolist():
            self.closed_clade(node, colors[int(cut.tints[node]) + 1])
        for tint, pieces in tree_strokes(self.part, TreeCut(height=cut.height, several=cut.several), cut.tints).items():
            on_page = [
                np.column_stack([self.x(heights), self.page.y(places)])
                for lines in pieces
                for places, heights in zip(*lines, strict=True)
            ]
            self.lines(on_page, colors[tint + 1], width)

    def closed_clade(self, node: int, color: str) -> None:
        """A triangle from a clade's merge to where its leaves would be."""
        from matplotlib.patches import Polygon

        place, height = float(self.part.place[node]), float(self.part.height[node])
        corners = np.column_stack(
            [self.x([height, 0.0, 0.0]), self.page.y([place, place - CLOSED_HALF, place + CLOSED_HALF])]
        )
        self.figure.add_artist(Polygon(corners, color=color, alpha=0.6, linewidth=0, transform=self.points))

    def names(self) -> None:
        rows = self.page.rows
        if self.page.marks:
            self.marks()
        x = self.page.right + self.page.strips.width + (MARK_GAP if self.page.marks else NAME_GAP)
        ys = self.page.y(np.arange(self.count)).tolist()
        n, looks = self.part.tree.n, self.page.strips.looks
        for lines, middle, tip in zip(rows.lines, ys, self.part.tips.tolist(), strict=True):
            color = name_color(tip, n, looks, self.theme) if lines else self.ink
            first = middle + (len(lines) - 1) / 2 * LINE * rows.size - BASELINE * rows.size
            for row, line in enumerate(lines):
                self.text(x, first - row * LINE * rows.size, line, rows.size, color)

    def strips(self) -> None:
        """The marks beside the leaves, their numbers where there are several, and the legend above caption and notes."""
        page, columns = self.page, self.page.strips.columns
        ys = page.y(np.arange(self.count))
        room = page.rows.height / max(self.count, 1)
        draw_strips(
            self.figure, self.part, page.strips, page.right + _STRIPS_AWAY, ys, room, MARKS, self.points, self.theme
        )
        for place in range(len(columns) if len(columns) > 1 else 0):
            x = page.right + _STRIPS_AWAY + (place + 0.5) * STEP
            self.text(
                x, page.top + 2 + (SMALL_LINE + 3) * page.axis_on_top, str(place + 1), SMALL, self.muted, "center"
            )
        top = MARGIN + 2 + (len(page.below) + len(page.strips.legend) - 1) * SMALL_LINE

        def small(x: float, y: float, text: str, color: str) -> None:
            self.text(x, y, text, SMALL, color)

        draw_legend(self.figure, page.strips, top, self.measure, MARKS, self.points, small, self.theme)

    def marks(self) -> None:
        """The colour and shape that a class has in every view, beside the names that are shown."""
        from matplotlib.lines import Line2D

        rows, x = self.page.rows, self.page.right + self.page.strips.width + MARK_GAP / 2
        kinds: dict[tuple[str, str], list[float]] = {}
        for lines, index, y in zip(
            rows.lines, self.part.tips.tolist(), self.page.y(np.arange(self.count)), strict=True
        ):
            if lines and index < self.part.tree.n:
                kinds.setdefault((class_symbol(index), class_color(index)), []).append(float(y))
        size = min(MARK_SIZE, 0.6 * rows.size)
        style: dict[str, Any] = {"linestyle": "", "markersize": size, "markeredgewidth": 0, "transform": self.points}
        for (symbol, color), ys in kinds.items():
            self.figure.add_artist(Line2D([x] * len(ys), ys, marker=MARKS[symbol], color=color, **style))


def round_ticks(end: float, most: float) -> list[float]:
    """Round numbers from 0 to the end of the drawing."""
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=int(min(max(most, 2), 7)), steps=[1, 2, 5, 10]).tick_values(0, end)
    return [float(tick) for tick in found if 0 <= tick <= end]
