"""Strips beside the leaves of a drawn tree, their legend below it, and the colours of the names, with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.export.pictures.rows import MARGIN, SMALL, SMALL_LINE
from lwal_core.export.pictures.text import TextMeasure, drawable
from lwal_core.figures.colouring import Colouring, LeafLooks, category_color, category_symbol, readable, scale_color
from lwal_core.figures.leaf_strips import commonest_of_tips, mean_of_tips
from lwal_core.figures.palette import Theme, neutral
from lwal_core.figures.style import shorten

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lwal_core.analysis.hierarchy.subtree import TreePart

STEP = 9.0  # points from one strip to the next
_SIDE = 6.4  # points: the largest mark of a strip
_MARK, _GAP = 8.0, 8.0  # points: room for a mark before its text, after a text
_MOST_ENTRIES, _MOST_CHARACTERS = 40, 40  # of a legend, of a text in it


class Piece(NamedTuple):
    """A text of a legend and the mark before it; without a colour there is no mark."""

    text: str
    color: str = ""
    symbol: str = "square"


@dataclass(frozen=True, eq=False)
class Strips:
    """What stands beside the leaves.

    Attributes:
        columns: Numbers or categories of all classes, the first nearest to the tree.
        looks: Of the names; None for the usual ones.
        legend: Lines of marks and texts.
    """

    columns: tuple[Colouring, ...] = ()
    looks: LeafLooks | None = None
    legend: tuple[tuple[Piece, ...], ...] = ()

    @property
    def width(self) -> float:
        """Points that the strips take between the leaves and their names."""
        return STEP * len(self.columns)


def legend_texts(columns: Sequence[Colouring]) -> list[str]:
    """All texts of a legend, to be measured."""
    return [piece.text for column in _pieces(columns) for piece in column]


def arrange_strips(columns: Sequence[Colouring], looks: LeafLooks | None, measure: TextMeasure, limit: float) -> Strips:
    """Strips with their legend in lines of at most ``limit`` points; labels are left out."""
    shown = tuple(column for column in columns if column.kind != "label")
    lines: list[tuple[Piece, ...]] = []
    for pieces in _pieces(shown):
        line: list[Piece] = []
        used = 0.0
        for piece in pieces:
            needed = _width(piece, measure)
            if line and used + needed > limit:
                lines.append(tuple(line))
                line, used = [], 0.0
            line.append(piece)
            used += needed
        lines.append(tuple(line))
    return Strips(shown, looks, tuple(lines))


def named_with(names: Sequence[str], part: TreePart, looks: LeafLooks | None) -> list[str]:
    """Names of the tips with what stands after them."""
    if looks is None:
        return list(names)
    looks.check(part.tree.n)
    texts = looks.texts
    return [
        f"{name} ({shorten(drawable(texts[tip]), _MOST_CHARACTERS)})" if texts and tip < part.tree.n and drawable(texts[tip]) else name
        for tip, name in zip(part.tips.tolist(), names, strict=True)
    ]  # fmt: skip


def name_color(tip: int, classes: int, looks: LeafLooks | None, theme: Theme) -> str:
    """Colour of the name of a tip."""
    ink = neutral("ink", theme)
    if looks is None or tip >= classes:
        return ink
    if looks.stands_out is not None and not looks.stands_out[tip]:
        return neutral("line", theme)
    return readable(looks.colors[tip], theme) if looks.colors and looks.colors[tip] else ink


def draw_strips(
    figure: Figure,
    part: TreePart,
    strips: Strips,
    left: float,
    ys: FloatArray,
    size: float,
    marks: dict[str, str],
    transform: Any,
    theme: Theme,
) -> None:
    """Draw the marks of all strips.

    Args:
        figure: The page.
        part: What is drawn of the tree.
        strips: The strips.
        left: Where the first one begins, in points.
        ys: Heights of the tips on the page, in points.
        size: Room from one tip to the next, in points.
        marks: matplotlib's markers by shape.
        transform: From points to the page.
        theme: For the edges of squares.
    """
    from matplotlib.lines import Line2D

    edge = _edge(theme)

    for place, column in enumerate(strips.columns):
        kinds: dict[tuple[str, str], list[float]] = {}
        if column.kind == "number":
            shares = column.placed(mean_of_tips(part, column.numbers, column.title))
            for y, share in zip(ys.tolist(), shares.tolist(), strict=True):
                if not np.isnan(share):
                    kinds.setdefault(("square", scale_color(share)), []).append(y)
        else:
            for y, code in zip(
                ys.tolist(), commonest_of_tips(part, column.codes, column.title)[0].tolist(), strict=True
            ):
                if code >= 0:
                    kinds.setdefault((category_symbol(code), category_color(code)), []).append(y)
        x = left + (place + 0.5) * STEP
        for (symbol, color), at in kinds.items():
            line = Line2D(
                [x] * len(at), at, linestyle="", marker=marks[symbol], markersize=min(_SIDE, max(0.8 * size, 0.5)),
                markeredgewidth=edge if column.kind == "number" else 0, markeredgecolor=neutral("line", theme), color=color,
                transform=transform,
            )  # fmt: skip
            figure.add_artist(line)


def draw_legend(
    figure: Figure, strips: Strips, top: float, measure: TextMeasure, marks: dict[str, str], transform: Any,
    text: Callable[[float, float, str, str], None], theme: Theme,
) -> None:  # fmt: skip
    """Draw the legend, its first line at the height ``top`` of the page in points."""
    from matplotlib.lines import Line2D

    edge = _edge(theme)

    for row, line in enumerate(strips.legend):
        x, y = MARGIN, top - row * SMALL_LINE
        for piece in line:
            if piece.color:
                mark = Line2D(
                    [x + 0.4 * _MARK], [y + 0.36 * SMALL], linestyle="", marker=marks[piece.symbol], markersize=5,
                    markeredgewidth=edge, markeredgecolor=neutral("line", theme), color=piece.color, transform=transform,
                )  # fmt: skip
                figure.add_artist(mark)
            if piece.text:
                text(x + (_MARK if piece.color else 0.0), y, piece.text, neutral("muted", theme))
            x += _width(piece, measure)


def _edge(theme: Theme) -> float:
    """Points of the edge around a mark: on a dark page the lowest number, a dark blue, could not be seen without one."""
    return 0.4 if theme == "dark" else 0.0


def _pieces(columns: Sequence[Colouring]) -> list[list[Piece]]:
    """The legend of each column as texts with marks."""
    found = []
    for number, column in enumerate(columns, start=1):
        title = shorten(drawable(column.title), _MOST_CHARACTERS) or "(no name)"
        title = f"{number} {title}:" if len(columns) > 1 else f"{title}:"
        entries = column.legend()
        if not entries:
            found.append([Piece(f"{title} no class has a value")])
        elif column.kind == "number":
            ending = entries[-1].text + (" (log scale)" if column.is_log else "")
            found.append(
                [
                    Piece(f"{title} {entries[0].text}"),
                    *(Piece(ending if e is entries[-1] else "", e.color) for e in entries),
                ]
            )
        else:
            shown = [
                Piece(shorten(drawable(e.text), _MOST_CHARACTERS) or "(blank)", e.color, e.symbol) for e in entries
            ]
            more = [Piece(f"and {len(shown) - _MOST_ENTRIES:,} more")] if len(shown) > _MOST_ENTRIES else []
            found.append([Piece(title), *shown[:_MOST_ENTRIES], *more])
    return found


def _width(piece: Piece, measure: TextMeasure) -> float:
    text = measure.width(piece.text, SMALL) + _GAP if piece.text else 0.0
    return text + (_MARK if piece.color else 0.0)
