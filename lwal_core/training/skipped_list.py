"""List of a run's images that could not be read, ``skipped.csv`` in its folder."""

from __future__ import annotations

import csv
import io

from lwal_core.export.tables import table_csv
from lwal_core.runs import RunWriter


class SkippedList:
    """Keeps the list; called with what is new. A training that goes on adds to the list that is there.

    Args:
        writer: Of the run.
    """

    def __init__(self, writer: RunWriter) -> None:
        self.writer = writer
        lines = list(csv.reader(io.StringIO(writer.read_skipped(), newline="")))
        # What begins like a formula was written with an apostrophe in front.
        self.rows = {line[0].removeprefix("'"): line[1].removeprefix("'") for line in lines[1:] if len(line) == 2}

    def __call__(self, reasons: dict[str, str]) -> None:
        """Add names and reasons, each name once."""
        if reasons.keys() - self.rows.keys():
            self.rows |= reasons
            self.writer.skipped(table_csv(["path", "reason"], self.rows.items()))
