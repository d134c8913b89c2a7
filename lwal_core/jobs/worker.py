"""Worker: takes runs from the queue when a slot is free, one process per run; ``lwal worker``.

A training outlives a worker that is killed; the next worker finds it. A worker that is stopped in good order ends its
trainings after their current batch, as ``interrupted``, and the next worker goes on from their checkpoints.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lwal_core.errors import LwalError, TrainingError
from lwal_core.jobs.admission import Priority, Waiter, dequeue, enqueue, is_next, slot_is_free
from lwal_core.jobs.endings import EXIT_USAGE, record_after
from lwal_core.jobs.events import announce_state, log_started, tell_lost
from lwal_core.jobs.launcher import Launcher, ProcessLauncher
from lwal_core.jobs.processes import refusal
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.recovery import Recovery, acquire_run
from lwal_core.jobs.slots import slot_count
from lwal_core.jobs.worker_heartbeat import WorkerHeartbeat, admission_folder
from lwal_core.notifications import Sender
from lwal_core.runs import Run, list_runs, open_run
from lwal_core.runs.disk_space import shortage
from lwal_core.runs.record import RunRecord, change_record
from lwal_core.security.permissions import check_writable
from lwal_core.system.log import event

POLL_SECONDS = 0.3
SWEEP_SECONDS = 5.0
STOP_SECONDS = 30.0
"""How long trainings may take to end after their current batch, before they are killed; nothing is lost by that but the
time since their last checkpoint."""
BACKOFF_SECONDS = 2.0
"""How long a run waits whose process did not come to train, the first time; twice as long each time after."""


@dataclass
class _Training:
    run: Run
    process: subprocess.Popen[bytes]
    waiter: Waiter


class Worker:
    """Trains what is in a home's queue.

    Args:
        home: The home folder.
        slots: Trainings at once on this machine; by default what :func:`slot_count` finds.
        queue: The queue; by default the home's.
    """

    def __init__(
        self,
        home: Path,
        slots: int | None = None,
        queue: Queue | None = None,
    ) -> None:
        check_writable("start a worker")
        self.home = home
        self.folder = admission_folder(home)
        self.folder.mkdir(parents=True, exist_ok=True)
        if slots is not None:
            os.environ["LWAL_SLOTS"] = str(slots)  # for the trainings, too
        self.slots = slot_count(self.folder)
        self.queue = queue or Queue(home)
        self.recovery = Recovery(home, self.queue, self._lost)
        self.announcement = WorkerHeartbeat(self.folder, self.slots)
        self.launcher: Launcher[subprocess.Popen[bytes]] = ProcessLauncher()
        self.trainings: dict[str, _Training] = {}
        self._waiter: Waiter | None = None
        self._swept = float("-inf")
        self._trouble = ""

    def run(self, should_stop: Callable[[], bool], *, until_idle: bool = False) -> None:
        """Work until told to stop; then end the trainings in good order.

        Args:
            should_stop: Asked several times per second.
            until_idle: Stop, too, when nothing is left to do.
        """
        self._log(f"worker: {self.slots} at a time, queue {self.queue.title}", "worker.started", slots=self.slots)
        sender = Sender(self.home)
        sender.start()
        try:
            while not should_stop():
                self.step()
                if until_idle and not self._busy() and not self._left():
                    break
                time.sleep(POLL_SECONDS)
        finally:
            self._stop_trainings()
            sender.stop()
            self._stop_waiting()
            self.announcement.withdraw()
            self.queue.close()
            self._log("worker: stopped", "worker.stopped")

    def step(self) -> None:
        """One look at everything: what ended, what was abandoned, what may start."""
        self.announcement.beat()
        for training in list(self.trainings.values()):
            if self.launcher.state(training.process).over and self._close(training):
                del self.trainings[training.run.id]
        try:
            if time.monotonic() - self._swept >= SWEEP_SECONDS:
                self.recovery.sweep(self.trainings)
                self._swept = time.monotonic()
            self._start_next()
            self._trouble = ""
        except TrainingError as error:  # the queue's server is away, or the disk is full; it may come back
            self._tell_once(str(error))
        except OSError as error:
            self._tell_once(str(error))

    def _tell_once(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._log(trouble, "worker.trouble", logging.ERROR)

    def _log(self, line: str, name: str, level: int = logging.INFO, **facts: object) -> None:
        event(name, line, level=level, **facts)

    def _lost(self, line: str) -> None:
        self._log(line, "job.lost", logging.WARNING)
        tell_lost(self.home, line)

    def _start_next(self) -> None:
        first = self.queue.first()
        waiter = self._waiter_of(first) if first else None
        if waiter is None:
            self._stop_waiting()
            if first is not None:
                self._drop(first)
            return
        if waiter != self._waiter:
            self._stop_waiting()
            enqueue(self.folder, waiter)
            self._waiter = waiter
        # The place is kept while every slot is taken, so that no terminal that came later goes first.
        if len(self.trainings) < self.slots and is_next(self.folder, waiter) and slot_is_free(self.folder):
            self._take_and_start()

    def _drop(self, first: str) -> None:
        """Take the first run out of the queue, which is none of this home or does not wait any more; what another
        process put before it in the meantime goes back."""
        taken = self.queue.take()
        if taken and taken != first and (record := self._waiting_record(taken)) is not None:
            assert record.job is not None
            self.queue.add(taken, record.job.priority, ahead=True)

    def _waiting_record(self, run_id: str) -> RunRecord | None:
        """Record of a run that waits in the queue; None when it does not."""
        try:
            record = open_run(run_id, self.home).record
        except (LwalError, OSError):
            return None
        return record if record.status == "queued" and record.job is not None else None

    def _waiter_of(self, run_id: str) -> Waiter | None:
        """Waiter of a run that waits in the queue; None when it does not."""
        record = self._waiting_record(run_id)
        if record is None or record.job is None:
            return None
        return Waiter(Priority.of(record.job.priority, record.job.number), record.id)

    def _take_and_start(self) -> None:
        run_id = self.queue.take()  # another machine may have been quicker, so it may be another run
        if self._waiter is not None and self._waiter.run_id != run_id:
            self._stop_waiting()
        run = acquire_run(run_id, self.home) if run_id else None
        waiter = self._waiter_of(run.id) if run is not None else None
        if run is None or waiter is None or self._put_aside(run) or self._refused(run):
            self._stop_waiting()
            return
        enqueue(self.folder, waiter)  # until its process waits itself, so that nobody comes between
        training = self.trainings[run.id] = _Training(run, self.launcher.start(run), waiter)
        self._waiter = None
        log_started(run.record, training.process.pid)

    def _put_aside(self, run: Run) -> bool:
        """Pause a run that was taken, where the disk is too full for it; whether it was."""
        lack = shortage(run.path)
        if lack:
            announce_state(
                self.home,
                change_record(
                    run.path, lambda record: record.moved_to("paused", lack).model_copy(update={"owner": None})
                ),
            )
        return bool(lack)

    def _refused(self, run: Run) -> bool:
        """Let a run fail that no process of this machine can train; whether it was."""
        reason = refusal(run)
        if reason:
            announce_state(
                self.home,
                change_record(
                    run.path, lambda record: record.moved_to("failed", reason).model_copy(update={"error": reason})
                ),
            )
        return bool(reason)

    def _stop_waiting(self) -> None:
        if self._waiter is not None:
            dequeue(self.folder, self._waiter)
        self._waiter = None

    def _close(self, training: _Training) -> bool:
        """Note how a process ended that could not do so itself; False while the record cannot be written."""
        dequeue(self.folder, training.waiter)
        code = training.process.returncode
        try:
            record = change_record(training.run.path, lambda record: self._as_ended(record, training.run, code))
        except OSError as error:
            self._tell_once(f"The record of {training.run.id} cannot be written: {error}.")
            return False
        except LwalError as error:  # deleted or damaged while it was trained
            self._log(str(error), "worker.trouble", logging.WARNING)
            return True
        announce_state(self.home, record)
        if record.status == "queued" and code in (0, EXIT_USAGE) and record.job is not None:
            self.recovery.hold_back(record.id, BACKOFF_SECONDS * 2 ** (record.job.starts - 1))
        if record.status in ("queued", "interrupted") or (record.job is not None and record.job.at_once):
            self._swept = float("-inf")  # look at once
        return True

    def _as_ended(self, record: RunRecord, run: Run, code: int) -> RunRecord:
        owner = record.owner
        if owner is None:
            return record
        if owner != self.announcement.owner and owner.alive() is not False:
            return record  # handed in again in the meantime, and another process has it
        return record_after(record, run, code, self._lost)

    def _busy(self) -> bool:
        """Whether trainings that this worker started go on."""
        return bool(self.trainings)

    def _left(self) -> bool:
        """Whether runs wait, here or for another worker."""
        return any(run.number and run.status in ("queued", "interrupted") for run in list_runs(self.home))

    def _stop_trainings(self) -> None:
        """End this worker's trainings, and those that a worker which was killed left on this machine."""
        orphans = self._orphans()
        for training in self.trainings.values():
            self.launcher.stop(training.process)
        for pid in orphans:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.trainings:
            for training in list(self.trainings.values()):
                if self.launcher.state(training.process).over:
                    self._close(training)
                    del self.trainings[training.run.id]
                elif time.monotonic() > deadline:
                    self.launcher.stop(training.process, at_once=True)
            self.announcement.beat()
            time.sleep(0.05)

    def _orphans(self) -> list[int]:
        found = []
        for summary in list_runs(self.home):
            if not summary.number or not summary.active or summary.id in self.trainings:
                continue
            try:
                record = open_run(summary.id, self.home).record
            except (LwalError, OSError):
                continue
            if record.launcher is not None and not record.launcher.over:
                continue  # in a job of a cluster, which goes on without a worker
            worker, owner = record.job.worker if record.job else None, record.owner
            if worker and owner and worker.alive() is False and owner.alive():
                found.append(owner.pid)
        return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        return  # it ended in the meantime
