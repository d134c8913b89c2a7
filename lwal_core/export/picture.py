"""A dendrogram for a paper: SVG, PDF or PNG, drawn by matplotlib without a browser or a display.

Leaves are on the right, so that names read without tilting, and the distance axis is below. No name is ever cut or drawn over another: the
picture grows with the number of classes, the font shrinks within limits, long names go on in a second line, and past some hundred
classes names are thinned out, which the picture then says. Text stays text: it can be searched, copied and edited.

The same input gives the same bytes: there is no time stamp, and ids inside the SVG are derived from what they name.
"""

from __future__ import annotations

import io
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lwal_core.errors import ExportError
from lwal_core.export._picture_text import MAX_NAME_CHARACTERS, TextMeasure, drawable, shorten_middle
from lwal_core.export.newick import checked_linkage
from lwal_core.figures.palette import Theme, neutral

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lwal_core.analysis.hierarchy import Hierarchy

Format = Literal["svg", "pdf", "png"]

MM = 72 / 25.4  # points in a millimetre
MIN_WIDTH_MM, MAX_WIDTH_MM = 40, 2000
MAX_HEIGHT_MM = 5000  # PDF readers show up to 5080 mm (200 inches)
MAX_PIXELS = 120_000_000  # of a PNG; 0.5 GB while it is drawn
MAX_SIDE_PIXELS = 2**16 - 1  # what the renderer can address

MAX_NAMES = 400  # shown; at the smallest font they fill 850 mm
FONT_SIZES = (9.0, 5.0)  # points, largest and smallest of a name; below 5 print is not legible
SMALL = 7.0  # points: axis, caption, notes
LINE = 1.2  # line height as a multiple of the font size
MARGIN = 10.0  # points around everything
NAME_GAP = 5.0  # points between a leaf and its name
MAX_NAMES_SHARE = 0.45  # of the width; longer names are wrapped
MIN_TREE_HEIGHT = 60.0  # points
TALL = 700.0  # points; a taller tree carries its axis at the top as well

# matplotlib reads these from one table for the whole process, hence the lock: two pictures at once would mix their settings.
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # text, not outlines
    "svg.hashsalt": "dendrogram",  # ids are the same every time
    "pdf.fonttype": 42,  # TrueType, which editors and journals accept
    "pdf.compression": 6,
    "pdf.use14corefonts": False,
    "font.sans-serif": ["DejaVu Sans"],
    "text.usetex": False,
    "text.hinting": "none",
    "text.antialiased": True,
    "path.simplify": False,
    "savefig.bbox": None,
    "savefig.transparent": False,
}
_DRAWING = threading.Lock()


@dataclass(frozen=True)
class _Rows:
    """Where the leaves are, from the top of the tree downwards, in points.

    Attributes:
        size: Font size of the names.
        lines: Per leaf its name in lines; none for a leaf whose name is left out.
        centres: ``[n]`` distance of each leaf from the top.
        height: Of all leaves together.
        names_width: Of the widest line.
    """

    size: float
    lines: list[list[str]]
    centres: npt.NDArray[np.float64]
    height: float
    names_width: float


@dataclass(frozen=True)
class _Tree:
    """Lines of the tree: per colour and dash, polylines of (distance, leaf position) pairs."""

    strokes: dict[tuple[str, str], list[list[tuple[float, float]]]]


def dendrogram_picture(
    h: Hierarchy,
    path_or_buffer: str | os.PathLike[str] | IO[bytes],
    format: Format = "svg",
    *,
    cut: float | None = None,
    width_mm: float = 160,
    height_mm: float | None = None,
    dpi: int = 300,
    caption: str | None = None,
    theme: Theme = "light",
) -> None:
    """Draw a hierarchy as it would stand in a paper.

    Args:
        h: The hierarchy.
        path_or_buffer: File name, or an object with ``write`` for bytes.
        format: ``"svg"``, ``"pdf"`` or ``"png"``, whatever the file is called.
        cut: Distance at which the tree is cut: groups below it get the colours they have in every other view. None leaves all
            lines in one colour.
        width_mm: Width, 40 to 2000 mm; a column of a journal is about 85, a page 160.
        height_mm: Height; None lets it grow with the number of classes.
        dpi: Dots per inch of a PNG.
        caption: Text below, wrapped: method, linkage, data, seed and versions as the caller knows them. A line break starts a new line.
        theme: Colours of text and surface, ``"light"`` or ``"dark"``.

    Raises:
        ExportError: An unknown format or theme, sizes out of range, a height too small for axis and caption, a PNG with too many
            pixels, or a file that cannot be written.
        AnalysisError: The hierarchy's linkage is not one.
    """
