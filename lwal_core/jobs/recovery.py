"""Recovery: runs whose process is gone are found and queued again.

A worker looks through the home every few seconds. What stands in ``run.json`` decides; locks say whether a process still
holds the run; for a process on another machine its signs of life do, seen by this worker's own steady clock, as clocks
of two machines differ and may be set back.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

from lwal_core.errors import LwalError, TrainingError
from lwal_core.jobs.events import announce_state
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.run_lock import RunLock
from lwal_core.runs import Owner, Run, list_runs, open_run
from lwal_core.runs.disk_space import shortage
from lwal_core.runs.paths import PULSE, RECORD
from lwal_core.runs.record import RunRecord, change_record

SILENT_SECONDS = 90.0
"""A process on another machine that has given no sign of life for so long is taken for dead, if nobody holds the run."""
MAX_STARTS = 5
"""Processes in a row that may be lost without another epoch done, before the run is given up."""


class Recovery:
    """Puts runs that lost their process, or their place in the queue, back in the queue.

    Args:
        home: The home folder.
        queue: Its queue.
        report: Told about each run that is taken up again.
    """

    def __init__(self, home: Path, queue: Queue, report: Callable[[str], None]) -> None:
        self.home, self.queue, self.report = home, queue, report
        self._signs: dict[str, tuple[tuple[int, ...], float]] = {}
        self._not_before: dict[str, float] = {}

    def hold_back(self, run_id: str, seconds: float) -> None:
        """Let a run that did not start wait before it is put back in the queue."""
        self._not_before[run_id] = time.monotonic() + seconds

    def sweep(self, own: Collection[str] = ()) -> None:
        """Look at every run that was given to the queue and is not finished.

        Args:
            own: Ids of the runs that this worker looks after itself.

        Raises:
            TrainingError: The queue cannot be reached.
        """
        indexed = set(self.queue.run_ids())
        waiting: list[Run] = []
        in_hand: Counter[str] = Counter()
        for summary in list_runs(self.home, fresh=True):
            if summary.id in indexed or summary.id in own or summary.status in ("running", "cancelling"):
                in_hand.update(summary.tags)
            if not summary.number or summary.problem or summary.id in own or summary.status in _FINISHED:
                continue
            if time.monotonic() < self._not_before.get(summary.id, 0.0):
                continue
            try:
                run = open_run(summary.id, self.home)
                if run.record.status == "queued" and run.id in indexed:
                    continue
                if self._abandoned(run):
                    if self._put_back(run):
                        waiting.append(Run(run.path))
                elif run.record.status == "queued":  # taken by a worker, and not begun yet
                    in_hand.update(summary.tags)
            except (LwalError, OSError):
                continue  # removed, damaged or taken by somebody since it was listed
        for run in sorted(waiting, key=_order):
            job = run.record.job
            assert job is not None
            if job.at_once and in_hand[job.tag] >= job.at_once:
                continue  # it waits by its record until one of them ends
            self.queue.add(run.id, job.priority, ahead=run.metrics().epochs_done > 0)
            in_hand.update(run.record.tags)

    def _abandoned(self, run: Run) -> bool:
        """Whether no process looks after a run."""
        owner, launch = run.record.owner, run.record.launcher
        if launch is not None and not launch.over:
            return False  # whoever watches its launcher looks after it
        if owner is None or launch is not None or run.record.status in ("interrupted", "paused"):
            return True
        if owner == Owner.this_process():  # taken by this worker, which then could not start it
            return True
        alive = owner.alive()
        return alive is False or (alive is None and self.is_silent(run))

    def is_silent(self, run: Run) -> bool:
        """Whether a process on another machine has been still for long, by this process's steady clock."""
        signs, now = tuple(_changed(run.path / name) for name in (RECORD, PULSE)), time.monotonic()
        known = self._signs.get(run.id)
        if known is None or known[0] != signs:
            self._signs[run.id] = (signs, now)
            return False
        return now - known[1] > SILENT_SECONDS

    def _put_back(self, run: Run) -> bool:
        """Move an abandoned run to ``queued``, or to where it belongs otherwise; True when it is to be put in the queue."""
        with RunLock(run.path):  # whoever holds it looks after the run
            before = run.record.status
            record = change_record(run.path, lambda record: self._as_found(record, run))
        self._signs.pop(run.id, None)
        if record.status != before:
            announce_state(self.home, record)
        return record.status == "queued"

    def _as_found(self, record: RunRecord, run: Run) -> RunRecord:
        if record.job is None or record.status in _FINISHED:
            return record
        if record.status == "cancelling":
            return record.moved_to("cancelled", "its process had ended when it was to stop")
        if record.status == "paused":
            if shortage(run.path):
                return record
            return _again(record, "There is room on the disk again", run)
        if record.status == "interrupted":
            return _again(record, "taken up again", run)
        if record.status == "queued":
            return record.model_copy(update={"owner": None})
        return requeue_lost(
            record, run, f"its process on {_host(record.owner)} ended without an error message", self.report
        )


def not_started(record: RunRecord, reason: str) -> RunRecord:
    """The record of a queued run whose process ended before it came to train: for the next worker, or given up after
    :data:`MAX_STARTS` in a row."""
    assert record.job is not None
    if record.job.starts < MAX_STARTS:
        return record.model_copy(update={"owner": None})
    words = f"Its process did not come to train {record.job.starts} times in a row" + (f": {reason}" if reason else ".")
    return record.moved_to("failed", words).model_copy(update={"error": words})


_FINISHED = frozenset({"done", "failed", "cancelled"})


def requeue_lost(record: RunRecord, run: Run, reason: str, report: Callable[[str], None]) -> RunRecord:
    """The record of a run whose process was lost: interrupted and queued again, or given up after several in a row."""
    record = record.moved_to("interrupted", reason)
    assert record.job is not None
    done = run.metrics().epochs_done
    if record.job.starts >= MAX_STARTS and done <= record.job.epoch:
        words = (
            f"Its process was lost {record.job.starts} times in a row before epoch {done + 1} was done; the last time "
            f"{reason}. Perhaps it takes more memory than there is."
        )
        report(f"{record.id} is given up: {words}")
        return record.moved_to("failed", words).model_copy(update={"error": words})
    report(f"{record.id}: {reason}; it goes on after epoch {done}")
    return _again(record, "taken up again", run, orderly=False)


def requeue_interrupted(record: RunRecord, run: Run, reason: str) -> RunRecord:
    """The record of an interrupted run, queued again; given up after :data:`MAX_STARTS` in a row without another epoch done, as
    a time limit may be too short for one."""
    assert record.job is not None
    done = run.metrics().epochs_done
    if record.job.starts >= MAX_STARTS and done <= record.job.epoch:
        words = (
            f"It was interrupted {record.job.starts} times in a row before epoch {done + 1} was done; the last time {reason}. "
            "Perhaps it needs a longer time limit."
        )
        return record.moved_to("failed", words).model_copy(update={"error": words})
    return _again(record, "taken up again", run, orderly=False)


def _again(record: RunRecord, reason: str, run: Run, *, orderly: bool = True) -> RunRecord:
    """Queued once more; a process that ended in good order does not count as lost."""
    assert record.job is not None
    done = run.metrics().epochs_done
    where = f"from its checkpoint after epoch {done}" if done else "from the start"
    job = record.job.model_copy(update={"starts": 0}) if orderly else record.job
    words = f"{reason} by the worker on {socket.gethostname()}, {where}"
    return record.moved_to("queued", words).model_copy(update={"owner": None, "job": job})


def acquire_run(run_id: str, home: Path) -> Run | None:
    """Take a run that came out of the queue into this process's hands; None when it is not waiting any more, or somebody
    else has it.

    Args:
        run_id: The run; may be anything that lay in the queue.
        home: The home folder.
    """
    own = Owner.this_process()
    try:
        run = open_run(run_id, home)
        done = run.metrics().epochs_done

        def take(record: RunRecord) -> RunRecord:
            if record.status != "queued" or record.job is None:
                raise TrainingError(f"Run {run_id} does not wait for a worker.", "")
            if record.owner is not None and record.owner.alive() is not False:
                raise TrainingError(f"Run {run_id} is in the hands of another process.", "")
            if record.launcher is not None and not record.launcher.over:
                raise TrainingError(f"Run {run_id} was submitted already.", "")
            starts = record.job.starts + 1 if done <= record.job.epoch else 1
            job = record.job.model_copy(update={"starts": starts, "epoch": done, "worker": own})
            return record.model_copy(update={"owner": own, "job": job, "launcher": None})

        with RunLock(run.path, wait=1.0):
            change_record(run.path, take)
        return Run(run.path)
    except (LwalError, OSError):
        return None


def _order(run: Run) -> tuple[int, int]:
    assert run.record.job is not None
    return (-run.record.job.priority, run.record.job.number)


def _host(owner: Owner | None) -> str:
    return owner.host if owner else "an unknown machine"


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
