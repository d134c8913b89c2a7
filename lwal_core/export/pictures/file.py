"""Picture files: formats, size limits, matplotlib settings and lock, writing."""

from __future__ import annotations

import io
import math
import os
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from lwal_core import __version__
from lwal_core.errors import ExportError
from lwal_core.figures.palette import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Format = Literal["svg", "pdf", "png"]

MIN_WIDTH_MM, MAX_WIDTH_MM = 40, 2000
MAX_HEIGHT_MM = 5000  # PDF readers show up to 5080 mm (200 inches)
DPI_RANGE = (50, 1200)
MAX_PIXELS = 120_000_000  # of a PNG; 0.5 GB while it is drawn
MAX_SIDE_PIXELS = 2**16 - 1  # what the renderer can address

# matplotlib reads these from one table for the whole process, hence the lock: two pictures at once would mix settings.
SETTINGS: Any = {  # the type of matplotlib's own table lists all its keys
    "svg.fonttype": "none",  # text, not outlines
    "svg.hashsalt": "dendrogram",  # ids are the same every time
    "pdf.fonttype": 42,  # TrueType, which editors and journals accept
    "pdf.compression": 6,
    "pdf.use14corefonts": False,
    "font.sans-serif": ["DejaVu Sans"],
    "text.usetex": False,
    "text.hinting": "none",
    "path.simplify": False,
    "savefig.bbox": None,
    "savefig.transparent": False,
}
DRAWING = threading.Lock()


def check_picture(format: str, theme: str, width_mm: float, height_mm: float | None, dpi: int) -> None:
    """Refuse what no picture can have.

    Raises:
        ExportError: An unknown format or theme, or a size out of range.
    """
    for what, value, allowed in (("format", format, get_args(Format)), ("theme", theme, get_args(Theme))):
        if value not in allowed:
            raise ExportError(f"The picture's {what} is {value!r}, allowed are {', '.join(allowed)}.")
    for what, number, low, high in (
        ("width_mm", width_mm, MIN_WIDTH_MM, MAX_WIDTH_MM),
        ("height_mm", height_mm, 1, MAX_HEIGHT_MM),
        ("dpi", dpi, *DPI_RANGE),
    ):
        if number is not None and not low <= number <= high:
            raise ExportError(f"The picture's {what} is {number!r}, allowed are {low} to {high}.")


def check_pixels(width: float, height: float, dpi: int) -> None:
    """Refuse a PNG of too many pixels; sizes in points.

    Raises:
        ExportError: It has more than can be drawn.
    """
    wide, high = width * dpi / 72, height * dpi / 72
    if wide * high > MAX_PIXELS or max(wide, high) > MAX_SIDE_PIXELS:
        fits = math.floor(dpi * min(math.sqrt(MAX_PIXELS / (wide * high)), MAX_SIDE_PIXELS / max(wide, high)))
        raise ExportError(
            f"The PNG would have {wide:,.0f} x {high:,.0f} pixels, which is too many.",
            f"Use at most {fits} dpi, a smaller size, or SVG or PDF.",
        )


def render(figure: Figure, title: str, format: Format, dpi: int) -> bytes:
    """The finished file, without a time stamp; ``title`` is plain text."""
    program = f"LwAL Explorer {__version__}"
    metadata: dict[Format, dict[str, str | None]] = {
        "svg": {"Title": title, "Creator": program, "Date": None},
        "pdf": {"Title": title, "Creator": program, "CreationDate": None},
        "png": {"Title": title.encode("latin-1", "replace").decode("latin-1"), "Software": program},
    }
    out = io.BytesIO()
    figure.savefig(
        out,
        format=format,
        dpi=dpi if format == "png" else 72,
        metadata=metadata[format],
        facecolor=figure.get_facecolor(),
        edgecolor="none",
    )
    return out.getvalue()


def write_picture(data: bytes, path_or_buffer: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write the bytes to a file or into an object with ``write``.

    Raises:
        ExportError: The file cannot be written.
    """
    if not isinstance(path_or_buffer, str | os.PathLike):
        path_or_buffer.write(data)
        return
    try:
        Path(path_or_buffer).write_bytes(data)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ExportError(
            f"The picture cannot be written to {os.fspath(path_or_buffer)!r}: {error}.",
            "Choose a folder that can be written.",
        ) from error
