"""Text of tree figures: shortened names, thinning notes, headings that fit a phone."""

from __future__ import annotations

import html
import math
import re
import textwrap
from collections.abc import Sequence

from lwal_core.figures import style
from lwal_core.figures.palette import Theme, neutral

NAME_CHARS = 24  # about 170 px: leaves half of a 400 px figure to the figure
_TITLE_CHARS, _NOTE_CHARS = 44, 58  # fit 400 px


def one_line(name: str) -> str:
    """A name without line breaks and runs of blanks; ``"(no name)"`` for a blank one. Not escaped."""
    return " ".join(name.split()) or "(no name)"


def shown_name(name: str, limit: int = NAME_CHARS) -> str:
    """A class name as plotly may show it: on one line, shortened, escaped."""
    return style.escape(style.shorten(one_line(name), limit))


def shown_length(text: str) -> int:
    """Characters of a text that plotly shows, without its tags and escapes."""
    return len(html.unescape(re.sub("<[^>]*>", "", text)))


def shown_members(names: Sequence[str], total: int, width: int = 40) -> str:
    """The first names of a group and how many there are besides, escaped, broken into lines that fit a narrow hover
    box.

    Args:
        names: The names to show, each on one line and shortened.
        total: How many the group has.
        width: Characters a line.
    """
    hidden = total - len(names)
    ending = [f"and {hidden:,} more"] if hidden > 0 else []
    lines = [""]
    for i, piece in enumerate([*names, *ending]):
        piece += "," if i < len(names) - 1 else ""
        if i and len(lines[-1]) + len(piece) >= width:
            lines.append(piece)
        else:
            lines[-1] += f" {piece}" if i else piece
    return "<br>".join(map(style.escape, lines))


def step_for(count: int, most: int) -> int:
    """Every how many-th of ``count`` names can be shown when ``most`` fit; 1 for all, 0 for none."""
    return 0 if most < 1 else max(1, math.ceil(count / most))


def thinning_note(count: int, step: int, what: str = "names") -> str:
    """What a reader is told when not all names are shown; empty when all are."""
    if step == 1 or count < 2:
        return ""
    if step == 0 or step >= count:
        return f"{what} of {count:,} classes are in the hover text"
    ending = "th" if step % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(step % 10, "th")
    return f"{what} shown for every {step}{ending} of {count:,} classes"


def heading(
    title: str | None, notes: Sequence[str], theme: Theme, legends: Sequence[str] = ()
) -> tuple[dict[str, object], int]:
    """A plotly title made of a finding and small notes under it, wrapped to fit 400 px, and the top margin that it
    needs.

    Args:
        title: Plain text, escaped here; None or empty for none.
        notes: Plain text, escaped here; empty ones are dropped.
        theme: For the colours.
        legends: Further lines that fit, escaped already, below the notes.

    Returns:
        ``(layout.title, margin in px)``.
    """
    title_lines = balanced(title, _TITLE_CHARS) if title else []
    note_lines = [
        line
        for note in notes
        if note
        for line in textwrap.wrap(note[:1].upper() + note[1:], _NOTE_CHARS, break_on_hyphens=False)
    ]
    return heading_of_lines(title_lines, note_lines, theme, legends)


def heading_of_lines(
    title_lines: Sequence[str], note_lines: Sequence[str], theme: Theme, legends: Sequence[str] = ()
) -> tuple[dict[str, object], int]:
    """A heading as :func:`heading` gives it, of lines that fit; plain text, escaped here, and legends that are escaped."""
    size = style.FONT_SIZE + 2 if title_lines else style.FONT_SIZE - 2
    small = f'style="font-size:{style.FONT_SIZE - 2}px;color:{neutral("muted", theme)}"'
    below = [*map(style.escape, note_lines), *legends]
    text = "<br>".join([*map(style.escape, title_lines), *(f"<span {small}>{line}</span>" for line in below)])
    lines = len(title_lines) + len(below)
    # plotly hangs one line from y but stands the first of several lines on it.
    above = 8 + (round(0.75 * size) if lines > 1 else 0)
    layout: dict[str, object] = {
        "text": text, "x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top",
        "pad": {"l": 8, "t": above}, "font": {"size": size, "color": neutral("ink", theme)},
    }  # fmt: skip
    return layout, 12 + (math.ceil(lines * size * 1.3) + 8 if lines else 0)


def balanced(text: str, width: int) -> list[str]:
    """Wrapped into as few lines of at most ``width`` characters as fit, of about equal length."""
    lines = textwrap.wrap(text, width, break_on_hyphens=False)
    for narrower in range(max(len(text) // max(len(lines), 1), 1), width):
        tried = textwrap.wrap(text, narrower, break_on_hyphens=False)
        if len(tried) == len(lines):
            return tried
    return lines
