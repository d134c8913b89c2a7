"""Title and notes of a figure of curves, wrapped to fit a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from lwal_core.analysis.base.formatting import format_accuracy
from lwal_core.analysis.comparison.bands import BAND_TITLES, BandKind
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.figures import style
from lwal_core.figures.curves.lines import Line, XScale, usual_seeds
from lwal_core.figures.labels import balanced, heading_of_lines
from lwal_core.figures.palette import Theme

_TITLE_CHARS, _NOTE_CHARS = 46, 58  # fit 400 px


def unbroken(accuracy: float) -> str:
    """An accuracy whose unit is never wrapped to the next line."""
    return format_accuracy(accuracy).replace(" ", "\N{NO-BREAK SPACE}")


def reading_notes(
    lines: Sequence[Line], groups: Mapping[str, Sequence[Curve]], kind: BandKind, smoothing: float, axis: XScale
) -> list[str]:
    """What the reader must know to read the lines, in a few words each."""
    notes = []
    usual = usual_seeds(lines)
    if usual == 1 and all(line.seeds == 1 for line in lines):
        notes.append("one seed (n=1), no band" if len(lines) == 1 else "one seed each (n=1), no bands")
    elif usual:
        unless = "" if all(line.seeds == usual for line in lines) else " unless n says otherwise"
        notes.append(f"mean, band: {BAND_TITLES[kind]}, {usual} seed{'s' if usual > 1 else ''}{unless}")
    if smoothing > 0 and lines:
        notes.append(f"smoothed {smoothing:g}, thin: raw")
    if any((line.band.n < line.band.n.max()).any() for line in lines):
        notes.append("pale: only some seeds")
    longest = max((curve.epoch.size for curves in groups.values() for curve in curves), default=0)
    if any(line.band.x.size > longest for line in lines):
        notes.append("read between epochs along straight lines")
    if axis.log and any((np.asarray(getattr(c, axis.name)) == 0).any() for curves in groups.values() for c in curves):
        notes.append("a logarithmic axis has no place for the untrained network")
    missing = [style.shorten(label) for label in groups if label not in {line.label for line in lines}]
    if missing and lines:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        notes.append(f"no values yet: {', '.join(missing[:3])}{more}")
    return notes


def naming_note(named: int, lines: int) -> str:
    """Said when not every line has a name beside it."""
    return f"{named} of {lines} lines named, hover names the rest"


def heading_layout(title: str | None, notes: Sequence[str], theme: Theme) -> tuple[dict[str, object], int]:
    """Title and notes as one plotly title, wrapped to fit a phone, and the top margin that they need."""
    title_lines = _title_lines(title) if title else []
    note_lines: list[str] = []
    for note in notes:
        together = f"{note_lines[-1]} · {note}" if note_lines else note[:1].upper() + note[1:]
        if len(together) <= _NOTE_CHARS:
            note_lines[-1:] = [together]
        else:
            note_lines += textwrap.wrap(note if note_lines else together, _NOTE_CHARS, break_on_hyphens=False)
    return heading_of_lines(title_lines, note_lines, theme)


def _title_lines(text: str) -> list[str]:
    """A title of two lines breaks after a comma if that works, otherwise lines are of about equal length."""
    lines = balanced(text, _TITLE_CHARS)
    if len(lines) == 2:
        head, comma, tail = text.rpartition(", ")
        if comma and len(head) < _TITLE_CHARS and len(tail) <= _TITLE_CHARS:
            return [f"{head},", tail]
    return lines
