"""Log events of trainings."""

from __future__ import annotations

import logging

from lwal_core.runs.record import RunRecord
from lwal_core.system.log import event

_ENDS = {
    "done": ("job.finished", logging.INFO),
    "failed": ("job.failed", logging.ERROR),
    "cancelled": ("job.cancelled", logging.INFO),
    "interrupted": ("job.interrupted", logging.WARNING),
    "paused": ("job.paused", logging.WARNING),
    "queued": ("job.recovered", logging.WARNING),
}


def log_queued(record: RunRecord) -> None:
    """A run was given to the queue."""
    priority = record.job.priority if record.job else 0
    event("job.queued", f"{record.id} waits", run=record.id, user=_by(record), priority=priority)


def log_started(record: RunRecord, pid: int) -> None:
    """A process was started for a run."""
    event("job.started", f"{record.id} starts", run=record.id, user=_by(record), pid=pid)


def log_state(record: RunRecord) -> None:
    """What became of a run whose process ended, or that had none; with the seconds since its last start."""
    name, level = _ENDS.get(record.status, ("job.changed", logging.INFO))
    reason = record.error or (record.history[-1].reason if record.history else "")
    told = reason if record.status != "done" else ""
    event(
        name,
        f"{record.id} is {record.status}" + (f": {told}" if told else ""),
        level=level,
        run=record.id,
        user=_by(record),
        status=record.status,
        reason=reason or None,
        seconds=_seconds(record),
    )


def _by(record: RunRecord) -> str | None:
    return (record.job.by if record.job else "") or None


def _seconds(record: RunRecord) -> float | None:
    """From the last start to what came last; None for a run that never started."""
    started = next((change.at for change in reversed(record.history) if change.status == "running"), None)
    return None if started is None else round((record.history[-1].at - started).total_seconds(), 1)
