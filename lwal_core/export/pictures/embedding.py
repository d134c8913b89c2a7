"""Projection of classes and test samples as SVG, PDF or PNG, by matplotlib.

Both axes have one scale. Names stand where the interactive figure puts them; those that find no place are left out,
which the picture says. Three dimensions are seen from the corner that the interactive figure opens on, without
perspective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lwal_core.errors import ExportError
from lwal_core.export.pictures.dendrogram_drawing import BASELINE, MARKS
from lwal_core.export.pictures.file import DRAWING, SETTINGS, Format, check_picture, check_pixels, render
from lwal_core.export.pictures.rows import MARGIN, MM, SMALL, SMALL_LINE
from lwal_core.export.pictures.text import TextMeasure, drawable
from lwal_core.figures import style
from lwal_core.figures.embedding import NAME_CHARS, limits, links_line, place_names, trail_line
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[np.float64]

_NAME = 7.5  # points: font size of a name
_PIXELS = (style.FONT_SIZE - 1) / _NAME  # pixels of the interactive figure to a point here: names are as large to both
_MARK, _DOT, _RING = 6.0, 1.8, 12.0  # points: sizes of a class, a sample, the ring around the chosen class
_LOWEST, _HIGHEST = 0.45, 1.0  # height of the plot over its width
# Axes of the page for three dimensions: seen from (1, 1, 1) with the third axis upwards.
_FROM_CORNER = np.array([[-1, 1, 0], [-1, -1, 2]]) / np.sqrt([[2], [6]])


@dataclass(frozen=True, eq=False)
class EmbeddingView:
    """What is shown.

    Attributes:
        points: ``[C, d]`` places of the classes, d = 2 or 3.
        names: C class names, untrusted text.
        colors: Colour of each class.
        symbols: Marker symbol of each class, of :data:`lwal_core.figures.palette.SHAPES`.
        samples: ``[S, d]`` places of test samples.
        sample_classes: ``[S]`` class of each sample.
        sample_colors: Colour of each sample; none for those of their classes.
        trails: ``[E, C, d]`` the way of each class, oldest first; None for none.
        chosen: Class to mark with a ring; None for none.
        links: Classes to which lines go from the chosen one.
        axis_titles: Title of each axis; none for layouts whose axes mean nothing.
        frame: ``[*, d]`` points that must be inside the picture besides those drawn.
    """

    points: FloatArray
    names: Sequence[str]
    colors: Sequence[str]
    symbols: Sequence[str]
    samples: FloatArray | None = None
    sample_classes: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    sample_colors: Sequence[str] = ()
    trails: FloatArray | None = None
    chosen: int | None = None
    links: Sequence[int] = ()
    axis_titles: Sequence[str] = ()
    frame: FloatArray | None = None


def embedding_bytes(
    view: EmbeddingView,
    format: Format = "svg",
    *,
    width_mm: float = 160,
    dpi: int = 300,
    caption: str = "",
    theme: Theme = "light",
) -> bytes:
    """Draw a layout as it would stand in a paper.

    Args:
        view: What is shown.
        format: ``"svg"``, ``"pdf"`` or ``"png"``.
        width_mm: Width, 40 to 2000 mm; the height follows from the layout.
        dpi: Dots per inch of a PNG, 50 to 1200.
        caption: Plain text below, wrapped. A line break starts a new line.
        theme: ``"light"`` or ``"dark"``: colours of text and surface.

    Returns:
        The file; the same input gives the same bytes.

    Raises:
        ExportError: An unknown format or theme, sizes out of range, a PNG with too many pixels, or parts of the view
            that do not fit each other.
    """
    check_picture(format, theme, width_mm, None, dpi)
    P = np.asarray(view.points, dtype=np.float64)
    count = len(view.names)
    if P.ndim != 2 or P.shape[1] not in (2, 3) or not len(P) == count == len(view.colors) == len(view.symbols) > 0:
        raise ExportError(
            f"{count} names, {len(view.colors)} colours and {len(view.symbols)} symbols for {P.shape} points."
        )
    if view.samples is not None and len(view.samples) != len(view.sample_classes):
        raise ExportError(f"{len(view.samples)} samples come with {len(view.sample_classes)} classes.")
    if view.samples is not None and view.sample_colors and len(view.samples) != len(view.sample_colors):
        raise ExportError(f"{len(view.samples)} samples come with {len(view.sample_colors)} colours.")
    with DRAWING:
        import matplotlib

        with matplotlib.rc_context(SETTINGS):
            drawing = _Drawing(view, P, width_mm * MM, caption, format, theme)
            if format == "png":
                check_pixels(drawing.width, drawing.height, dpi)
            return render(drawing.figure, f"Layout of {count:,} {'class' if count == 1 else 'classes'}", format, dpi)


class _Drawing:
    """One picture; sizes in points from the bottom left corner."""

    figure: Figure

    def __init__(
        self, view: EmbeddingView, points: FloatArray, width: float, caption: str, format: Format, theme: Theme
    ) -> None:  # fmt: skip
        from matplotlib.figure import Figure
        from matplotlib.transforms import Affine2D

        self.ink, self.muted = neutral("ink", theme), neutral("muted", theme)
        flat = self._flat(points)
        parts = [self._flat(part) for part in (view.samples, view.trails, view.frame) if part is not None and part.size]
        low, high = limits(np.vstack([flat, *(part.reshape(-1, 2) for part in parts)]))
        span = high - low
        inner = width - 2 * MARGIN
        tall = inner * min(max(span[1] / span[0], _LOWEST), _HIGHEST)
        self.scale = min(inner / span[0], tall / span[1])
        texts, sides = place_names(flat, view.names, low, high, tall * _PIXELS, view.chosen, width=inner * _PIXELS)
        names = [
            drawable(style.shorten(one_line(name), NAME_CHARS)) if text else ""
            for name, text in zip(view.names, texts, strict=True)
        ]

        said = [drawable(line) for line in caption.splitlines()]
        named = sum(bool(text) for text in texts)
        notes = [f"Names are shown for {named:,} of {len(names):,} classes."] if named < len(names) else []
        if points.shape[1] == 3:
            notes.append("Three dimensions, seen from the corner (1, 1, 1).")
        titles = "; ".join(f"{axis}: {title}" for axis, title in zip("xyz", view.axis_titles, strict=False))
        if titles:
            notes.append(f"{titles}.")
        self.measure = TextMeasure([*names, *said, *notes])
        if self.measure.boxes and format != "svg":  # an SVG is drawn with the fonts of the reader's machine
            notes.append("Boxes stand for characters that no font here has; an SVG keeps them as text.")
        below = [line for text in [*said, " ".join(notes)] if text for line in self.measure.wrap(text, SMALL, inner)]
        bottom = MARGIN + len(below) * SMALL_LINE + (6 if below else 0)
        self.width, self.height = width, bottom + tall + MARGIN
        # The layout stands in the middle of the plot.
        self.offset = np.array([MARGIN + inner / 2, bottom + tall / 2]) - self.scale * (low + high) / 2

        self.figure = Figure(figsize=(self.width / 72, self.height / 72), dpi=72, facecolor=neutral("surface", theme))
        self.points = Affine2D().scale(1 / 72) + self.figure.dpi_scale_trans
        if view.samples is not None and len(view.samples):
            classes = np.asarray(view.sample_classes, dtype=np.intp)
            own = view.sample_colors
            self._dots(self._place(view.samples), np.arange(len(own)) if own else classes, own or view.colors)
        if view.trails is not None and len(view.trails) > 1:
            for color, line in trail_line(np.asarray(view.trails, dtype=np.float64), view.colors):
                self._line(self._place(line), color, alpha=0.5)
        if view.chosen is not None and len(view.links):
            self._line(self._place(links_line(points, view.chosen, view.links)), neutral("line", theme), dash=True)
        at = self.scale * flat + self.offset
        # What is nearer to the eye covers what is farther away.
        order = range(len(points)) if points.shape[1] == 2 else np.argsort(points.sum(axis=1), kind="stable").tolist()
        for i in order:
            self._mark(at[[i]], MARKS[view.symbols[i]], view.colors[i], _MARK, neutral("surface", theme))
        if view.chosen is not None:
            self._mark(at[[view.chosen]], "o", "none", _RING, self.ink)
        for i, (place, name, side) in enumerate(zip(at.tolist(), names, sides, strict=True)):
            if name:
                self._name(place, name, side, _RING if i == view.chosen else _MARK)
        for row, text in enumerate(below, start=1):
            self._text(MARGIN, MARGIN + 2 + (len(below) - row) * SMALL_LINE, text, SMALL, self.muted, "left")

    @staticmethod
    def _flat(points: npt.ArrayLike) -> FloatArray:
        P = np.asarray(points, dtype=np.float64)
        return P if P.shape[-1] == 2 else P @ _FROM_CORNER.T

    def _place(self, points: npt.ArrayLike) -> FloatArray:
        placed: FloatArray = self.scale * self._flat(points) + self.offset
        return placed

    def _add(self, x: Any, y: Any, **look: Any) -> None:
        from matplotlib.lines import Line2D

        self.figure.add_artist(Line2D(x, y, transform=self.points, **look))

    def _dots(self, at: FloatArray, classes: npt.NDArray[np.intp], colors: Sequence[str]) -> None:
        own = np.array([colors.index(color) for color in colors])[classes]  # classes of one colour are drawn at once
        for first in np.unique(own).tolist():
            x, y = at[own == first].T
            self._add(
                x, y, linestyle="", marker="o", markersize=_DOT, markeredgewidth=0, color=colors[first], alpha=0.45
            )

    def _line(self, line: FloatArray, color: str, *, alpha: float = 1.0, dash: bool = False) -> None:
        self._add(
            line[:, 0], line[:, 1], color=color, linewidth=0.8, alpha=alpha, linestyle=(0, (1, 2)) if dash else "-"
        )

    def _mark(self, at: FloatArray, marker: str, color: str, size: float, edge: str) -> None:
        self._add(
            at[:, 0], at[:, 1], linestyle="", marker=marker, markersize=size, markerfacecolor=color, markeredgecolor=edge,
            markeredgewidth=0.5 if color != "none" else 1.0,
        )  # fmt: skip

    def _name(self, place: list[float], name: str, side: str, mark: float) -> None:
        up, right = side.split()
        gap = mark / 2 + 1.5
        x = place[0] + {"left": -gap, "center": 0, "right": gap}[right] * (up == "middle")
        y = place[1] - BASELINE * _NAME + {"top": 1, "middle": 0, "bottom": -1}[up] * (gap + _NAME / 2)
        # plotly's word says where the text is, matplotlib's which end of it stands at x.
        self._text(x, y, name, _NAME, self.ink, {"left": "right", "center": "center", "right": "left"}[right])

    def _text(self, x: float, y: float, text: str, size: float, color: str, align: str) -> None:
        # Other people's text: with parse_math a dollar sign would start a formula, and fail where it is none.
        self.figure.text(
            x, y, text, transform=self.points, fontsize=size, color=color, ha=align, va="baseline",
            family=self.measure.families, parse_math=False, usetex=False,
        )  # fmt: skip
