"""Output of commands: consoles, exit codes, JSON, sanitised text."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from lwal_core.runs import Run

EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130

# Marks that turn the direction of text around: what follows would read as something else.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class PlainConsole(Console):
    """A console for text that nobody vouches for: what it is given can neither steer the terminal (escape sequences) nor
    turn the text around. The console's own colours are added afterwards."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Text as it will be printed, without control characters but for line breaks and tabs."""
        return super().render_str(without_control(text), **options)


def without_control(text: str) -> str:
    """Text whose control characters, and halves of surrogate pairs, are replaced by a sign that can be seen."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if c in _TURNING or (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t")
        else c
        for c in text.replace("\r\n", "\n")
    )


# Where nobody looks, nothing is cut to a screen's width.
out = PlainConsole(soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = PlainConsole(stderr=True, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON; nan becomes null."""
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")


def nan_to_none(value: float) -> float | None:
    """None for nan."""
    return None if value != value else float(value)


def plain(text: str) -> str:
    """Untrusted text inside rich markup, without control characters."""
    from rich.markup import escape

    return escape("".join(c for c in text if c.isprintable()))


def exit_by_status(runs: Iterable[Run]) -> None:
    """End the command with the code that says how its trainings ended; return when all are done.

    Raises:
        typer.Exit: One failed, was interrupted or paused (1), or was cancelled (130).
    """
    statuses = {run.status for run in runs}
    if statuses & {"failed", "interrupted", "paused"}:
        raise typer.Exit(EXIT_FAILED)
    if "cancelled" in statuses:
        raise typer.Exit(EXIT_CANCELLED)
