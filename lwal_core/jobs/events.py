"""Log events of trainings, and the messages that some of them make."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from lwal_core.notifications import Message, post, wanted
from lwal_core.runs import list_runs
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


def announce_state(home: Path, record: RunRecord) -> None:
    """Log what became of a run, and leave a message for those who want to be told; of a sweep's runs they are told of failures
    and of its end.

    Args:
        home: The home folder.
        record: The run's record, as it is now.
    """
    log_state(record)
    reason = (record.error or (record.history[-1].reason if record.history else ""))[:500]
    title = f"{record.name or record.config.method_label()}, seed {record.config.training.seed}"
    sweep = record.job.tag if record.job else ""
    if record.status == "done" and not sweep:
        post(home, Message("done", f"Done: {title}", f"Run {record.id} is done.", record.id))
    elif record.status == "failed":
        post(home, Message("failed", f"Failed: {title}", f"Run {record.id} failed: {reason}", record.id))
    elif record.status == "paused":
        post(
            home,
            Message("disk", f"Paused: {title}", f"Run {record.id} waits for room on the disk: {reason}", record.id),
        )
    if sweep and record.status in ("done", "failed", "cancelled"):
        _tell_end_of_sweep(home, sweep)


def tell_lost(home: Path, line: str) -> None:
    """Leave a message about a process that was lost, in the words of the log."""
    post(home, Message("lost", "A training lost its process", line[:500]))


def _tell_end_of_sweep(home: Path, tag: str) -> None:
    if not wanted("sweep"):
        return
    members = [run for run in list_runs(home, fresh=True) if tag in run.tags]
    if any(run.unfinished for run in members):
        return
    counts = Counter(run.status for run in members)
    said = ", ".join(f"{counts[status]:,} {status}" for status in sorted(counts))
    post(home, Message("sweep", f"Sweep ended: {tag.partition(':')[2]}", f"Of its {len(members):,} runs: {said}.", tag))
