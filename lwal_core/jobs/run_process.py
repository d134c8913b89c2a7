"""Process of a run: waits for a slot, does the run's work, leaves its folder whole and its status true.

What the work is, a training or the analysis of a model, its program says; the rest is the same for all.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from lwal_core.errors import LwalError
from lwal_core.jobs.admission import Priority, Waiter, acquire_slot, next_number
from lwal_core.jobs.heartbeat import Heartbeat
from lwal_core.jobs.processes import SCHEDULER
from lwal_core.jobs.run_lock import RunLock
from lwal_core.jobs.slots import own_gpu
from lwal_core.jobs.stop import Cancelled, StopRequest
from lwal_core.runs import RunWriter
from lwal_core.runs.disk_space import give_up_reserve, is_disk_full, set_aside, shortage
from lwal_core.runs.record import RunRecord, Status
from lwal_core.settings import settings
from lwal_core.system.log import set_up

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_PAUSED, EXIT_CANCELLED, EXIT_INTERRUPTED = 0, 1, 2, 75, 130, 143
_EXITS = {"cancelled": EXIT_CANCELLED, "interrupted": EXIT_INTERRUPTED, "paused": EXIT_PAUSED}
LOCK_SECONDS = 3.0
"""How long to wait for the run: who looks whether it is free holds its lock for an instant."""

Work = Callable[[Path, StopRequest], str]
"""What a process does with the run folder that it owns: it polls the request to stop, raises :class:`~lwal_core.jobs.stop.Cancelled`
when that is true, and returns why it ended, empty where that is plain."""


def run_process(folder: Path, stop: StopRequest, work: Work) -> int:
    """Do the work of a queued run; returns the exit code.

    Args:
        folder: The run folder.
        stop: Its request to stop.
        work: Called when a slot is free. Torch is imported there: a process that waits holds a few megabytes.
    """
    try:
        with RunLock(folder, wait=LOCK_SECONDS):
            return _own(folder, stop, work)
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE


def _own(folder: Path, stop: StopRequest, work: Work) -> int:
    """Do the work of the run, whose lock this process holds."""
    writer = RunWriter(folder)
    _refuse(writer.record)
    writer.take()
    try:
        with Heartbeat(folder, stop.no_room):
            return _wait_and_work(folder, writer, stop, work)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return _end(folder, "paused", f"The disk is full ({error.strerror}).")
    finally:
        with contextlib.suppress(OSError):
            give_up_reserve(folder)


def _refuse(record: RunRecord) -> None:
    """Refuse a run that is not waiting, or that another process is about to start."""
    if record.status != "queued":
        raise LwalError(f"Run {record.id} is {record.status}, not queued.", "Use `lwal resume` to go on with it.")
    owner = record.owner
    if owner is not None and owner.alive() is not False and settings().started_by != str(owner.pid):
        raise LwalError(f"Run {record.id} is just being started by process {owner.pid} on {owner.host}.", "")


def _wait_and_work(folder: Path, writer: RunWriter, stop: StopRequest, work: Work) -> int:
    home, record = folder.parent.parent, writer.record
    job = record.job
    priority = Priority.of(job.priority, job.number) if job else Priority.of(0, next_number(home))
    several = record.config.training.devices > 1
    scheduled = settings().started_by == SCHEDULER  # which has given it a node, or a part of one
    waits = acquire_slot(home, Waiter(priority, record.id), stop, whole_machine=several)
    with contextlib.nullcontext([0]) if scheduled else waits as slots:
        lack = shortage(folder) if slots else ""
        if lack:
            stop.no_room(lack)
        if stop.reason:
            return _end(folder, stop.status, stop.reason)
        if not writer.begin():
            return _end(folder, "cancelled", writer.record.history[-1].reason)
        set_aside(folder)
        gpu = None if scheduled else own_gpu(slots[0])
        if gpu is not None and not several and record.config.training.device == "auto":
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return _work(folder, stop, work)


def _work(folder: Path, stop: StopRequest, work: Work) -> int:
    set_up()  # into the run's log
    try:
        why = work(folder, stop)
    except Cancelled:
        return _end(folder, stop.status, stop.reason)
    except LwalError as error:
        _fail(folder, str(error))
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        if is_disk_full(error):
            raise
        _fail(folder, f"{type(error).__name__}: {error}")
        traceback.print_exc()
        return EXIT_FAILED
    RunWriter(folder).move_to("done", why)
    return EXIT_DONE


def _end(folder: Path, status: Status, reason: str) -> int:
    """Note how the work ended early; on a full disk with the space that was set aside."""
    if status == "paused":
        with contextlib.suppress(OSError):
            give_up_reserve(folder)
    try:
        RunWriter(folder).move_to(status, reason)
    except OSError as error:
        # The worker notes it when there is room again; the checkpoint is whole whatever the record says.
        print(f"{reason} Its record cannot be written: {error}", file=sys.stderr)
    return _EXITS[status]


def _fail(folder: Path, reason: str) -> None:
    writer = RunWriter(folder)
    writer.update(error=reason[:2000])
    writer.move_to("failed", reason[:2000])
