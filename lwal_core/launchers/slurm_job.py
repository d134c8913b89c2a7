"""What a SLURM job does: trains one run, in a process of its own, and notes how that ended.

submitit pickles :class:`SlurmJob`, which holds the run's path and nothing else: what a run is stands in its folder, so a job that
starts late or again goes on from the newest state. The node needs no command of SLURM.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from lwal_core.errors import LwalError
from lwal_core.jobs.endings import record_after
from lwal_core.jobs.processes import SCHEDULER, STARTED_BY, NodePlace, launch_command, run_command
from lwal_core.runs import Run, paths
from lwal_core.runs.record import RunRecord, change_record, read_record
from lwal_core.system.child_processes import code_environment

if TYPE_CHECKING:
    from submitit.core.utils import DelayedSubmission

EXIT_USAGE = 2
ASSIGNED_SECONDS = 60.0
"""How long a job waits until the record of its run says that the run is this job's: sbatch may start it before the worker has
noted its number."""
MEET_SECONDS = 300.0
"""How long further nodes wait for the first one's address."""
POLL_SECONDS = 0.2


class SlurmJob:
    """Callable that trains the run in a folder.

    Args:
        folder: The run folder, as every node sees it.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self) -> None:
        """Train the run; ends this process with the training's exit code."""
        code = train_in_job(Path(self.folder))
        sys.exit(code if code >= 0 else 128 - code)

    def checkpoint(self) -> DelayedSubmission:
        """What submitit submits again when a signal comes before the training began: the same once more."""
        from submitit.core.utils import DelayedSubmission

        return DelayedSubmission(self)


class _Stop:
    """True once the job was told to end: before its time limit (SIGUSR2), on preemption, by scancel (SIGTERM)."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGUSR2, signal.SIGTERM):
            signal.signal(number, self._note)
        signal.signal(signal.SIGCONT, signal.SIG_IGN)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def train_in_job(folder: Path) -> int:
    """Train the run in a folder as the job that this process is in; returns the exit code, below 0 for a signal."""
    job, rank, count = os.environ["SLURM_JOB_ID"], _number("SLURM_NODEID", 0), _number("SLURM_JOB_NUM_NODES", 1)
    stop = _Stop()
    if not _assigned(folder, job, stop):
        print(f"Run {folder.name} is not this job's to train.", file=sys.stderr)
        return EXIT_USAGE
    run = Run(folder)
    command = run_command(run)
    if count > 1 and run.record.ready_model is None:
        meet = _meeting_place(folder, job, rank, stop)
        if not meet:
            return EXIT_USAGE
        command = launch_command(folder, run.config.training.devices, NodePlace(rank, count, meet))
    elif rank > 0:
        return 0  # an analysis is one process's
    code = _run(command, folder, stop)
    if rank == 0:
        change_record(folder, lambda record: _ended(record, run, job, code))
    return code


def _run(command: list[str], folder: Path, stop: _Stop) -> int:
    """Exit code of a command, which is sent SIGTERM when the job is to end; what it prints goes to the run's log."""
    environment = code_environment()
    # Projections in advance would be killed with the job; the app computes them when they are looked at.
    environment |= {STARTED_BY: SCHEDULER, "LWAL_HOME": str(folder.parents[1]), "LWAL_LAYOUTS_AHEAD": "0"}
    with open(folder / paths.LOG, "ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
            preexec_fn=_ignore_early_signal,
        )  # fmt: skip
    told = False
    while process.poll() is None:
        if stop.asked and not told:
            process.terminate()
            told = True
        time.sleep(POLL_SECONDS)
    return process.returncode


def _ignore_early_signal() -> None:
    """SLURM sends the signal before the time limit to every process of a job; who does not know it would die of it."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _assigned(folder: Path, job: str, stop: _Stop) -> bool:
    """Whether the run waits for this very job; waits until its record says so."""
    deadline = time.monotonic() + ASSIGNED_SECONDS
    again = _number("SLURM_RESTART_COUNT", 0) > 0  # somebody let SLURM start this job a second time
    while time.monotonic() < deadline and not stop.asked:
        try:
            record = read_record(folder)
        except (LwalError, OSError):
            return False
        if record.launcher is not None and record.launcher.job == job:
            # Running: another node of this job was quicker; or what its first start left, which is the worker's to take up.
            return record.status == "queued" or (record.status == "running" and not again)
        time.sleep(POLL_SECONDS)
    return False


def _meeting_place(folder: Path, job: str, rank: int, stop: _Stop) -> str:
    """Address where the nodes of a job meet, which the first one writes into the record; empty when it never came."""
    if rank == 0:
        with socket.socket() as probe:
            probe.bind(("", 0))
            meet = f"{socket.gethostname()}:{probe.getsockname()[1]}"
        change_record(folder, lambda record: _with_meeting(record, job, meet))
        return meet
    deadline = time.monotonic() + MEET_SECONDS
    while time.monotonic() < deadline and not stop.asked:
        launch = read_record(folder).launcher
        if launch is None or launch.job != job:
            return ""
        if launch.meet:
            return launch.meet
        time.sleep(POLL_SECONDS)
    return ""


def _with_meeting(record: RunRecord, job: str, meet: str) -> RunRecord:
    if record.launcher is None or record.launcher.job != job:
        return record
    return record.model_copy(update={"launcher": record.launcher.model_copy(update={"meet": meet})})


def _ended(record: RunRecord, run: Run, job: str, code: int) -> RunRecord:
    if record.launcher is None or record.launcher.job != job:
        return record  # somebody else has it by now
    return record_after(record, run, code, lambda line: print(line, file=sys.stderr))


def _number(variable: str, default: int) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() else default
