"""What a run's record becomes when its process ended, by the exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable

from lwal_core.jobs.processes import ending
from lwal_core.jobs.recovery import not_started, requeue_lost
from lwal_core.runs import Run
from lwal_core.runs.record import RunRecord

EXIT_USAGE, EXIT_PAUSED, EXIT_INTERRUPTED = 2, 75, 143


def record_after(record: RunRecord, run: Run, code: int, report: Callable[[str], None]) -> RunRecord:
    """The record of a run that was given to the queue and whose process ended; unchanged where the process noted it itself.

    Args:
        record: As it is now.
        run: The run.
        code: Exit code of its process; below 0 the signal that ended it.
        report: Told when the process was lost.
    """
    if record.job is None or record.status not in ("queued", "running", "cancelling"):
        return record
    if record.status == "queued" and code in (0, EXIT_USAGE):  # another worker may have more luck
        return not_started(record, run.log_tail(1)[:500])
    if record.status == "cancelling":
        return record.moved_to("cancelled", "its process ended when it was to stop")
    if code == EXIT_PAUSED:
        return record.moved_to("paused", "The disk is full.").model_copy(update={"owner": None})
    if code == -signal.SIGKILL:  # from outside: by a person, or by a system that is short of memory
        return requeue_lost(record, run, "its process was killed", report)
    if code in (-signal.SIGTERM, EXIT_INTERRUPTED):
        return record.moved_to("interrupted", "its process was ended by SIGTERM")
    tail = run.log_tail(1)
    words = f"The training process {ending(code)}." + (f" Its last line: {tail[:500]}" if tail else "")
    return record.moved_to("failed", words).model_copy(update={"error": words})
