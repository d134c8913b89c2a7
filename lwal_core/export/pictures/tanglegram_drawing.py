"""Drawing of a tanglegram with matplotlib, in points on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import Multiway
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.export.pictures.dendrogram_drawing import BASELINE, MARKS, round_ticks
from lwal_core.export.pictures.rows import LINE, MARGIN, SMALL, SMALL_LINE, Rows
from lwal_core.export.pictures.text import TextMeasure
from lwal_core.figures.clade_colors import GroupMark
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.tanglegram import AGREEING_OPACITY
from lwal_core.figures.tree_drawing import CLOSED_HALF, extent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = 8.0  # points
NAME_GAP = 5.0  # points between a leaf or a line and the name
BEND = 24  # points of the curve of a line


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two trees.

    Attributes:
        part: What of the tree is drawn.
        nodes: The same with tied merges as one node.
        group: ``[2n - 1]`` group of the left tree that holds all classes of a node, -1 for none.
        colors: ``[2n - 1]`` colour of a node's branches.
        shared: Nodes whose classes are a clade of the other tree, too.
        cut: Height of the cut; nan for none.
        rows: The ends of the branches.
        stretch: How much further apart they are drawn.
        title: Lines over the tree.
        axis_title: Lines under the numbers of the axis.
        root: Where the tree begins, from the left edge of the page.
        leaves: Where its leaves are.
        lines: Where the lines to the other tree begin.
        names_width: Room for the names between these.
    """

    part: TreePart
    nodes: Multiway
    group: list[int]
    colors: list[str]
    shared: frozenset[int]
    cut: float
    rows: Rows
    stretch: float
    title: list[str]
    axis_title: list[str]
    root: float
    leaves: float
    lines: float
    names_width: float

    @property
    def tree(self) -> Hierarchy:
        """The whole tree."""
        return self.part.tree

    @property
    def inward(self) -> int:
        """1 for the tree on the left, -1 for the one on the right."""
        return 1 if self.leaves > self.root else -1

    def x(self, heights: npt.ArrayLike) -> FloatArray:
        """Places across the page of heights in the tree."""
        share = np.asarray(heights, dtype=np.float64) / extent(self.part)
        return self.leaves + (self.root - self.leaves) * share


@dataclass(frozen=True, eq=False)
class TanglegramPage:
    """Where everything stands, in points from the bottom left corner.

    Attributes:
        width: Of the page.
        height: Of the page.
        bottom: Where the trees end and their axes begin.
        top: Where the trees begin.
        sides: Left and right.
        below: Lines of caption and notes.
    """

    width: float
    height: float
    bottom: float
    top: float
    sides: tuple[Side, ...]
    below: list[str]

    def y(self, side: Side, places: npt.ArrayLike) -> FloatArray:
        """Heights on the page of leaf places of one side (0 = first leaf, fractions in between)."""
        centres = side.rows.centres * side.stretch
        return self.top - np.interp(np.asarray(places, dtype=np.float64), np.arange(len(centres)), centres)


def draw_tanglegram(
    page: TanglegramPage,
    marks: Sequence[GroupMark],
    in_left: IntArray,
    links: Sequence[tuple[int, int, float, str, bool]],
    measure: TextMeasure,
    theme: Theme,
) -> Figure:
    """Draw the page; nothing here decides where things go.

    Args:
        page: The page.
        marks: Colour and symbol of the left tree's groups.
        in_left: ``[n]`` group of each class in the left tree, -1 for none.
        links: Lines: tip on the left, on the right, how many times as thick as one of a class, colour, whether pale.
        measure: Knows how wide text is.
        theme: ``"light"`` or ``"dark"``.
    """
    return _Drawing(page, marks, in_left, links, measure, theme).figure


class _Drawing:
    def __init__(
        self, page: TanglegramPage, marks: Sequence[GroupMark], in_left: IntArray,
        links: Sequence[tuple[int, int, float, str, bool]], measure: TextMeasure, theme: Theme,
    ) -> None:  # fmt: skip
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.page, self.measure, self.theme = page, measure, theme
        self.ink, self.muted, self.grey = (neutral(role, theme) for role in ("ink", "muted", "line"))
        self.colors = [mark.color for mark in marks]
        self.symbols = [mark.symbol for mark in marks]
        self.in_left = in_left.tolist()
        n = max(len(side.part.tips) for side in page.sides)
        self.width = 1.1 if n <= 60 else 0.8 if n <= 400 else 0.4
        self.figure = Figure(figsize=(page.width / 72, page.height / 72), dpi=72, facecolor=neutral("surface", theme))
        self.points = Affine2D().scale(1 / 72) + self.figure.dpi_scale_trans
        self.connections(links)
        for side in page.sides:
            self.axis(side)
            self.tree(side)
            self.nodes(side)
            self.names(side)
        for row, text in enumerate(page.below, start=1):
            self.text(MARGIN, MARGIN + 2 + (len(page.below) - row) * SMALL_LINE, text, SMALL, self.muted)

    def draw_lines(self, paths: Sequence[Any], color: str, width: float, **style: Any) -> None:
        from matplotlib.collections import LineCollection

        style = {"capstyle": "projecting", "joinstyle": "miter", **style}
        self.figure.add_artist(LineCollection(paths, colors=color, linewidths=width, transform=self.points, **style))

    def text(
        self, x: float, y: float, text: str, size: float, color: str, align: str = "left", weight: str = "normal"
    ) -> None:
        # Other people's text: with parse_math a dollar sign would start a formula, and fail where it is none.
        self.figure.text(
            x, y, text, transform=self.points, fontsize=size, color=color, ha=align, va="baseline", weight=weight,
            family=self.measure.families, parse_math=False, usetex=False,
        )  # fmt: skip

    def connections(self, links: Sequence[tuple[int, int, float, str, bool]]) -> None:
        """A curve for each line, pale ones first so that what differs lies on top."""
        left, right = self.page.sides
        t = np.linspace(0, 1, BEND)
        bend = t * t * (3 - 2 * t)
        x = left.lines + (right.lines - left.lines) * t
        starts, ends = ({tip: self.page.y(side, at).item() for at, tip in enumerate(side.part.tips.tolist())}
                        for side in (left, right))  # fmt: skip
        names = [self.ends_of_names(side) for side in (left, right)]
        curves: dict[tuple[bool, str, float], list[FloatArray]] = {}
        for tip, there, thick, color, pale in links:
            path = np.column_stack([x, starts[tip] + (ends[there] - starts[tip]) * bend])
            # Level up to the name, so that a short one is not left standing away from its line.
            path = np.vstack([(names[0][tip], starts[tip]), path, (names[1][there], ends[there])])
            curves.setdefault((not pale, color, thick), []).append(path)
        for (strong, color, thick), paths in sorted(curves.items()):
            alpha = None if strong else AGREEING_OPACITY
            self.draw_lines(paths, color, self.width * thick, alpha=alpha, capstyle="butt")

    def ends_of_names(self, side: Side) -> dict[int, float]:
        """Where the line of each tip may begin: behind its name, or at the tip when that is not shown."""
        rows, found = side.rows, {}
        for tip, lines in zip(side.part.tips.tolist(), rows.lines, strict=True):
            wide = max((self.measure.width(line, rows.size) for line in lines), default=-2 * NAME_GAP)
            found[tip] = side.leaves + side.inward * (wide + 2 * NAME_GAP)
        return found

    def axis(self, side: Side) -> None:
        page = self.page
        for row, line in enumerate(side.title):
            align = "left" if side.inward > 0 else "right"
            self.text(side.root, page.height - MARGIN - 8 - 11 * row, line, TITLE, self.ink, align)
        if side.tree.n < 2:
            return
        ticks = round_ticks(extent(side.part), abs(side.leaves - side.root) / 24)
        self.draw_lines(
            [[(x, page.bottom), (x, page.top)] for x in side.x(ticks).tolist()], neutral("grid", self.theme), 0.6
        )
        for tick in ticks:
            text = format_number(tick)
            half = self.measure.width(text, SMALL) / 2 + 2
            x = min(max(float(side.x(tick)), half), page.width - half)
            self.text(x, page.bottom - SMALL_LINE, text, SMALL, self.muted, "center")
        for row, line in enumerate(side.axis_title, start=2):
            middle = (side.root + side.leaves) / 2
            self.text(middle, page.bottom - row * SMALL_LINE - 2, line, SMALL, self.muted, "center")
        if not math.isnan(side.cut) and side.cut <= extent(side.part):
            x = float(side.x(side.cut))
            path = [(x, page.bottom), (x, page.top)]
            self.draw_lines([path], self.ink, 0.7, linestyles=[(0, (4, 3))], capstyle="butt")

    def tree(self, side: Side) -> None:
        """The brackets of the nodes; a group has its colour from the cut downwards."""
        height = side.part.height.tolist()
        places, group = side.nodes.places.tolist(), side.group
        paths: dict[str, list[list[tuple[float, float]]]] = {}
        for node, children in side.nodes.children.items():
            top = height[node]
            own = paths.setdefault(side.colors[node], [])
            own.append([(top, places[children[0]]), (top, places[children[-1]])])
            for child in children:
                low = turn = height[child]
                if group[node] < 0 <= group[child]:
                    turn = top if math.isnan(side.cut) else min(max(side.cut, min(low, top)), max(low, top))
                    paths.setdefault(side.colors[child], []).append([(turn, places[child]), (low, places[child])])
                own.append([(top, places[child]), (turn, places[child])])
        for color, lines in sorted(paths.items(), key=lambda item: item[0] != self.grey):
            corners = np.array(lines)
            on_page = np.stack([side.x(corners[..., 0]), self.page.y(side, corners[..., 1])], axis=-1)
            self.draw_lines(list(on_page), color, self.width)
        self.closed(side)

    def closed(self, side: Side) -> None:
        """A triangle for each closed clade, from its merge to its row."""
        from matplotlib.collections import PolyCollection

        nodes = side.part.closed.tolist()
        if not nodes:
            return
        y = self.page.y(side, side.nodes.places[nodes])
        half = CLOSED_HALF * side.stretch * side.rows.height / len(side.rows.centres)
        apex, base = side.x(side.part.height[nodes]), np.full(len(nodes), side.leaves)
        corners = np.stack(
            [np.stack([apex, y], -1), np.stack([base, y - half], -1), np.stack([base, y + half], -1)], axis=1
        )
        colors = [side.colors[node] for node in nodes]
        shapes = PolyCollection(list(corners), facecolors=colors, edgecolors="none", alpha=0.6, transform=self.points)
        self.figure.add_artist(shapes)

    def nodes(self, side: Side) -> None:
        """Diamonds on the clades of both trees, rings on the others; the root belongs to every tree."""
        tips = len(side.part.tips)
        if side.tree.n < 3 or tips > 400:
            return
        inner = [node for node in side.nodes.children if node != 2 * side.tree.n - 2]
        size = 3.6 if tips <= 60 else 2.2
        for symbol, nodes in (
            ("D", [node for node in inner if node in side.shared]),
            ("o", [node for node in inner if node not in side.shared]),
        ):
            by_color: dict[str, list[int]] = {}
            for node in nodes:
                by_color.setdefault(side.colors[node], []).append(node)
            for color, same in by_color.items():
                x = side.x(side.tree.linkage[np.array(same) - side.tree.n, 2])
                y = self.page.y(side, side.nodes.places[same])
                self.points_at(x, y, symbol, color, size, hollow=symbol == "o")

    def points_at(
        self, x: npt.ArrayLike, y: npt.ArrayLike, symbol: str, color: str, size: float, *, hollow: bool = False
    ) -> None:
        from matplotlib.lines import Line2D

        face = neutral("surface", self.theme) if hollow else color
        line = Line2D(
            np.atleast_1d(x).tolist(), np.atleast_1d(y).tolist(), linestyle="", marker=symbol, markersize=size,
            color=color, markerfacecolor=face, markeredgewidth=0.7 if hollow else 0, transform=self.points, zorder=3,
        )  # fmt: skip
        self.figure.add_artist(line)

    def names(self, side: Side) -> None:
        rows, tips = side.rows, side.part.tips.tolist()
        ys = self.page.y(side, np.arange(len(tips))).tolist()
        align = "left" if side.inward > 0 else "right"
        mark_size = min(3.4, 0.6 * rows.size)
        for tip, lines, middle in zip(tips, rows.lines, ys, strict=True):
            group = self.in_left[tip] if tip < side.tree.n else -1
            if lines and group >= 0:
                self.points_at(side.leaves, middle, MARKS[self.symbols[group]], self.colors[group], mark_size)
            first = middle + (len(lines) - 1) / 2 * LINE * rows.size - BASELINE * rows.size
            for row, line in enumerate(lines):
                x = side.leaves + side.inward * NAME_GAP
                self.text(x, first - row * LINE * rows.size, line, rows.size, self.ink, align)
