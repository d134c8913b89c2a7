"""List of a run's images that could not be read, ``skipped.csv`` in its folder."""

from __future__ import annotations

import csv
import io

from lwal_core.export.tables import table_csv
from lwal_core.runs import RunWriter

_NOTE = "Images that cannot be read, named in skipped.csv:"


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
            data = self.writer.record.data
            if data is not None:
                old = [note for note in data.notes if not note.startswith(_NOTE)]
                self.writer.update(data=data.model_copy(update={"notes": [*old, *self.notes]}))

    @property
    def notes(self) -> list[str]:
        """A sentence for the record; none while all could be read."""
        if not self.rows:
            return []
        return [
            f"{_NOTE} {len(self.rows):,} of them (first: {next(iter(self.rows))!r}); others of their classes take their places."
        ]
