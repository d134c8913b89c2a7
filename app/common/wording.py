"""Wording shared by the pages: untrusted names, lists, counts and marks as markdown; sentences that stand on several
pages."""

from __future__ import annotations

from collections.abc import Sequence

from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import GLYPHS
from lwal_core.figures.style import shorten

LISTED_NAMES = 12
LONGEST_NAME = 40  # characters
LISTED_EPOCHS = 8

NO_PICTURES = "This run has no pictures: its data are no images, or they were not kept."

EQUIDISTANT_LABELS = "One-hot labels are all equally far apart: there is no tree in them; look at the class means."


def no_labels(active: bool, confusion: bool = False) -> tuple[str, str]:
    """Title and text where a run without class vectors is looked at (markdown).

    Args:
        active: Whether it is still trained or recorded.
        confusion: Whether it has a confusion matrix.
    """
    if active:
        return "This run has no labels yet", "The first are written before the first epoch. Pick another run, or wait."
    rest = "Its confusion matrix is a tree on *Hierarchy*. " if confusion else ""
    return "This run has no class vectors", f"None were recorded. {rest}Pick another run."


def plain(text: str) -> str:
    """Untrusted text (a class or run name) for markdown: every character that markdown or Streamlit's directives read
    is escaped."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|~<>$:&" else c for c in text)


def shortened(name: str) -> str:
    """A class name for markdown: on one line, not too long, escaped."""
    return plain(shorten(one_line(name), LONGEST_NAME))


def listed(names: Sequence[str], limit: int = LISTED_NAMES) -> str:
    """Class names for markdown: ``cat, dog, frog and 12 more``."""
    shown = ", ".join(shortened(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit:,} more"


def counted(count: int, noun: str, plural: str = "") -> str:
    """``"1 group"``, ``"3 groups"``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def word_count(text: str) -> int:
    """Words of a text; a number or name of one or two characters is read at a glance and is none."""
    return sum(sum(map(str.isalnum, word)) > 2 for word in text.split())


def numbered(noun: str, numbers: Sequence[int], limit: int | None = None) -> str:
    """``"seed 12"``, ``"seeds 7, 12"``; of more than ``limit`` the first, and an ellipsis."""
    shown = ", ".join(map(str, numbers[:limit])) + ", …" * (limit is not None and len(numbers) > limit)
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}"


def unreadable_epochs(epochs: Sequence[int]) -> str:
    """Sentence about the epochs that are missing in a picture."""
    return f"Left out because they cannot be read: {numbered('epoch', epochs, LISTED_EPOCHS)}."


def marked(color: str, symbol: str) -> str:
    """A glyph of a class's or group's colour and shape, as markdown."""
    return f':color[{GLYPHS[symbol]}]{{foreground="{color}"}}'
