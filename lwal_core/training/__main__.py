"""Training process: waits for a slot, trains one run, leaves its folder whole and its status true."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path

from lwal_core.errors import LwalError
from lwal_core.jobs.admission import Priority, Waiter, acquire_slot, next_number
from lwal_core.jobs.heartbeat import Heartbeat
from lwal_core.jobs.run_lock import RunLock
from lwal_core.jobs.slots import own_gpu
from lwal_core.jobs.stop import StopRequest
from lwal_core.projections import start_after_training
from lwal_core.runs import RunWriter
from lwal_core.runs.disk_space import give_up_reserve, is_disk_full, set_aside, shortage
from lwal_core.runs.record import RunRecord, Status
from lwal_core.settings import settings
from lwal_core.system.log import set_up

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_PAUSED, EXIT_CANCELLED, EXIT_INTERRUPTED = 0, 1, 2, 75, 130, 143
_EXITS = {"cancelled": EXIT_CANCELLED, "interrupted": EXIT_INTERRUPTED, "paused": EXIT_PAUSED}
LOCK_SECONDS = 3.0
"""How long to wait for the run: who looks whether it is free holds its lock for an instant."""


def main(arguments: list[str]) -> int:
    """Train the run in the folder given as the only argument; returns the exit code.

    Where torchrun starts several of these for one run, the first owns the run folder and the others follow it.
    """
    if len(arguments) != 1:
        print("usage: python -m lwal_core.training RUN_DIR", file=sys.stderr)
        return EXIT_USAGE
    folder = Path(arguments[0]).resolve()
    stop = StopRequest(folder)
    if int(os.environ.get("RANK", "0")) > 0:
        return _follow(folder, stop)
    try:
        with RunLock(folder, wait=LOCK_SECONDS):
            return _own(folder, stop)
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE


def _follow(folder: Path, stop: StopRequest) -> int:
    from lwal_core.training.loop import Cancelled, train_run
    from lwal_core.training.parallel import Team

    try:
        train_run(folder, stop, Team.from_environment())
    except Cancelled:
        return EXIT_CANCELLED
    return EXIT_DONE


def _own(folder: Path, stop: StopRequest) -> int:
    """Train the run, whose lock this process holds."""
    writer = RunWriter(folder)
    _refuse(writer.record)
    writer.take()
    try:
        with Heartbeat(folder, stop.no_room):
            return _wait_and_train(folder, writer, stop)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return _end(folder, "paused", f"The disk is full ({error.strerror}).")
    finally:
        with contextlib.suppress(OSError):
            give_up_reserve(folder)


def _refuse(record: RunRecord) -> None:
    """Refuse a run that is not waiting, or that another process is about to train."""
    if record.status != "queued":
        raise LwalError(f"Run {record.id} is {record.status}, not queued.", "Use `lwal resume` to go on with it.")
    owner = record.owner
    launcher = settings().launcher
    if owner is not None and owner.alive() is not False and launcher != owner.pid:
        raise LwalError(f"Run {record.id} is just being started by process {owner.pid} on {owner.host}.", "")


def _wait_and_train(folder: Path, writer: RunWriter, stop: StopRequest) -> int:
    home, record = folder.parent.parent, writer.record
    job = record.job
    priority = Priority.of(job.priority, job.number) if job else Priority.of(0, next_number(home))
    several = record.config.training.devices > 1
    with acquire_slot(home, Waiter(priority, record.id), stop, whole_machine=several) as slots:
        lack = shortage(folder) if slots else ""
        if lack:
            stop.no_room(lack)
        if stop.reason:
            return _end(folder, stop.status, stop.reason)
        if not writer.begin():
            return _end(folder, "cancelled", writer.record.history[-1].reason)
        set_aside(folder)
        gpu = own_gpu(slots[0])
        if gpu is not None and not several and record.config.training.device == "auto":
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        return _train(folder, stop)


def _train(folder: Path, stop: StopRequest) -> int:
    # Only now: a process that waits for a slot holds a few megabytes instead of torch.
    from lwal_core.training.loop import Cancelled, train_run
    from lwal_core.training.parallel import Team

    set_up()  # into the run's log
    try:
        why = train_run(folder, stop, Team.from_environment())
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
    start_after_training(folder)
    return EXIT_DONE


def _end(folder: Path, status: Status, reason: str) -> int:
    """Note how a training ended early; on a full disk with the space that was set aside."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
