"""Card of a class tree: a PNG of 1,200 x 630 pixels with its title, as chat windows show a link (https://ogp.me)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.export.pictures.dendrogram import dendrogram_picture
from lwal_core.export.pictures.file import DRAWING, SETTINGS, render
from lwal_core.export.pictures.text import TextMeasure, drawable
from lwal_core.figures.palette import neutral

if TYPE_CHECKING:
    from lwal_core.analysis.hierarchy import Hierarchy

WIDTH, HEIGHT = 1_200, 630
"""Pixels, the size that chat windows ask for."""
DPI = 200
MOST_TIPS = 14
"""Branches that are drawn; of more classes the lower clades are closed, as names would be too small to be read."""
_TITLE, _SUBTITLE, _EDGE = 15.0, 8.5, 14.0  # points: font sizes, distance of the texts from the edges
_HEAD = 118  # pixels above the tree


def tree_card(
    h: Hierarchy, title: str, subtitle: str, *, cut: CutAt | None = None, clade_names: Mapping[int, str] | None = None
) -> bytes:
    """Draw a class tree under its title.

    Args:
        h: The tree.
        title: What it is of, plain text; what is too long for one line is cut off.
        subtitle: A second line, likewise.
        cut: As of :func:`lwal_core.export.pictures.dendrogram.dendrogram_picture`.
        clade_names: Names of nodes, for the clades that are closed.

    Returns:
        A PNG of :data:`WIDTH` x :data:`HEIGHT` pixels. The same input gives the same bytes.

    Raises:
        ExportError: It cannot be drawn. AnalysisError: The cut does not fit the tree.
    """
    part = tree_part(h, most_tips=MOST_TIPS)
    tree = io.BytesIO()
    millimetres = 25.4 / DPI
    dendrogram_picture(
        h, tree, "png", cut=cut, width_mm=WIDTH * millimetres, height_mm=(HEIGHT - _HEAD) * millimetres, dpi=DPI, part=part,
        clade_names=clade_names,
    )  # fmt: skip
    with DRAWING:
        import matplotlib
        from matplotlib.figure import Figure
        from matplotlib.image import imread

        with matplotlib.rc_context(SETTINGS):
            tree.seek(0)
            pixels = imread(tree)[: HEIGHT - _HEAD, :WIDTH]
            figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor=neutral("surface"))
            figure.figimage(pixels, 0, 0, origin="upper")
            room = WIDTH * 72 / DPI - 2 * _EDGE
            down = _EDGE
            for text, size, color in ((title, _TITLE, neutral("ink")), (subtitle, _SUBTITLE, neutral("muted"))):
                line = drawable(text)
                measure = TextMeasure([line, "…"])
                first, *more = measure.wrap(line, size, room - measure.width("…", size))
                figure.text(
                    _EDGE * DPI / 72 / WIDTH, 1 - (down + size) * DPI / 72 / HEIGHT, first + "…" * bool(more), size=size, color=color,
                    family=measure.families, parse_math=False, usetex=False,
                )  # fmt: skip
                down += 1.7 * size
            return render(figure, drawable(title), "png", DPI)
