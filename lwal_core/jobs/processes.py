"""Starting, cancelling and resuming trainings as processes of their own, which outlive the page or terminal that asked
for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from lwal_core.errors import TrainingError
from lwal_core.jobs.turns import RunLock
from lwal_core.permissions import check_writable
from lwal_core.runs import Run, RunWriter, layout
from lwal_core.runs.record import StatusChange, write_record

CODE_ROOT = Path(__file__).resolve().parents[2]


def launch_command(folder: Path, processes: int) -> list[str]:
    """Command that trains the run in ``folder``, alone or as one of several processes that torchrun starts."""
    worker = ["-m", "lwal_core.training", str(folder)]
    if processes == 1:
        return [sys.executable, *worker]
    team = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", f"--nproc-per-node={processes}"]
    return [sys.executable, *team, *worker]


def start_training(run: Run) -> subprocess.Popen[bytes]:
    """Start the training process of a queued run; what it prints goes to the run's log.

    The process has a session of its own, so that closing the terminal or the app does not end it.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("start a training")
    environment = dict(os.environ)
    # The package may be used from a clone without being installed; the child must find the same code.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CODE_ROOT), environment.get("PYTHONPATH", "")]))
    # Threads that wait should sleep: on a machine with other work, spinning ones slow a small network down twenty
    # times.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with open(run.path / layout.LOG, "ab") as log:
        return subprocess.Popen(
            launch_command(run.path, run.config.training.devices),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def cancel(run: Run) -> None:
    """Ask a run to stop. It keeps everything up to its last finished epoch; a run in a process ends within about a
    batch.

    Raises:
        TrainingError: The run is not active, or its process is on another machine.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("cancel a training")
    if not run.active:
        raise TrainingError(f"Run {run.id} is {run.status}; there is nothing to cancel.", "")
    owner = run.record.owner
    if run.status == "queued":
        # Whoever owns it may only be about to start its process: the lock decides who is first.
        try:
            with RunLock(run.path):
                RunWriter(run.path).move_to("cancelled", "cancelled before it started")
            return
        except TrainingError:
            owner = Run(run.path).record.owner
    if owner is None:
        raise TrainingError(f"Run {run.id} is just being started.", "Try again in a moment.")
    if owner.alive() is None:
        raise TrainingError(f"Run {run.id} is trained on {owner.host}.", "Cancel it there.")
    os.kill(owner.pid, signal.SIGTERM)


def resume(run: Run) -> subprocess.Popen[bytes]:
    """Go on with a run that stopped before its last epoch, from its checkpoint or from the start.

    Raises:
        TrainingError: The run is active or done.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("resume a training")
    status = run.status
    if run.active or status == "done":
        raise TrainingError(f"Run {run.id} is {status}; only a run that stopped early can be resumed.", "")
    with RunLock(run.path):
        now = datetime.now(UTC)
        change = StatusChange(status="queued", at=now, reason=f"resumed ({status} before)")
        record = run.record.model_copy(
            update={"status": "queued", "owner": None, "error": "", "history": [*run.record.history, change]}
        )
        write_record(run.path, record)
    return start_training(Run(run.path))


def wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Exit code of a training process, or None if it still runs after this long."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.returncode
