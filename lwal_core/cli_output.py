"""What the commands print with: consoles, exit codes, JSON, text that nobody vouches for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console

from lwal_core.runs import Run

EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 1, 2, 130

# Where nobody looks, nothing is cut to a screen's width.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, soft_wrap=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON; nan becomes null."""
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")


def null(value: float) -> float | None:
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
