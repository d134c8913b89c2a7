"""Stop requests of a run's process, polled between batches."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Literal

from lwal_core.errors import LwalError
from lwal_core.runs import paths
from lwal_core.runs.record import read_record

LOOK_SECONDS = 0.5
"""How often the record is looked at for a request to cancel."""
LOST_WORKER = "stopped with its worker or by the system"


class Cancelled(Exception):
    """Somebody asked the process to stop; the run folder is whole up to the last finished epoch."""


class StopRequest:
    """True when the process should stop; then ``status`` and ``reason`` say what becomes of the run.

    Ctrl-C and a request in the run's record cancel it. SIGTERM, which workers and systems that shut down send,
    interrupts it, and too little space pauses it: both go on from the checkpoint later.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.status: Literal["cancelled", "interrupted", "paused"] = "cancelled"
        self.reason = ""
        self._record = folder / paths.RECORD
        self._seen: tuple[int, int] | None = None
        self._looked = float("-inf")
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT:
            self._stop("cancelled", "stopped from the keyboard")
        else:
            self._stop("interrupted", LOST_WORKER)

    def no_room(self, reason: str) -> None:
        """Stop for want of space."""
        self._stop("paused", reason)

    def _stop(self, status: Literal["cancelled", "interrupted", "paused"], reason: str) -> None:
        if not self.reason:
            self.status, self.reason = status, reason

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self.reason and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._look()
        return bool(self.reason)

    def _look(self) -> None:
        try:
            facts = os.stat(self._record)
            # Every writer replaces the file, so a new content is a new file.
            if self._seen == (facts.st_ino, facts.st_mtime_ns):
                return
            record = read_record(self._record.parent)
        except (OSError, LwalError):
            return  # gone or damaged; what is written next will say so
        self._seen = (facts.st_ino, facts.st_mtime_ns)
        if record.status == "cancelling":
            self._stop("cancelled", record.history[-1].reason)
