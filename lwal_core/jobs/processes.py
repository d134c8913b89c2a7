"""Processes of runs, trainings and analyses: started detached from the page, terminal or worker that asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lwal_core.errors import TrainingError
from lwal_core.runs import Run, paths
from lwal_core.security.permissions import check_writable
from lwal_core.settings import variable
from lwal_core.system.child_processes import code_environment

STARTED_BY = variable("started_by")
"""Variable that tells a training process which process started it."""
SCHEDULER = "slurm"
"""Its value in a job of a cluster: whoever started it has given it a node, and it waits for no slot."""


@dataclass(frozen=True)
class NodePlace:
    """A node's place among those that train one run: its number from 0, how many there are, and ``host:port`` of the first."""

    rank: int
    count: int
    meet: str


SEVERAL_NODES = "Leave --nodes out, or train on a cluster: LWAL_LAUNCHER=slurm lwal worker."


def launch_command(folder: Path, processes: int, place: NodePlace | None = None) -> list[str]:
    """Command that trains the run in ``folder``, alone or as one of several processes that torchrun starts.

    Args:
        folder: The run folder.
        processes: Processes on this machine.
        place: This machine's place among several; None for one machine.
    """
    worker = ["-m", "lwal_core.training", str(folder)]
    if processes == 1 and place is None:
        return [sys.executable, *worker]
    team = ["--standalone", "--nnodes=1"]
    if place is not None:
        host, _, port = place.meet.rpartition(":")
        team = [
            f"--nnodes={place.count}",
            f"--node-rank={place.rank}",
            f"--master-addr={host}",
            f"--master-port={port}",
        ]
    return [sys.executable, "-m", "torch.distributed.run", *team, f"--nproc-per-node={processes}", *worker]


def run_command(run: Run) -> list[str]:
    """Command of a run's process: it trains, or analyses a model that needs no training."""
    if run.record.ready_model is not None:
        return [sys.executable, "-m", "lwal_core.ready_models", str(run.path)]
    return launch_command(run.path, run.config.training.devices)


def refusal(run: Run) -> str:
    """Why no process of this machine can train a run; empty where one can."""
    nodes = run.config.training.nodes
    return f"{nodes} nodes were asked for, and LWAL_LAUNCHER=process trains on one." if nodes > 1 else ""


def start_training(run: Run) -> subprocess.Popen[bytes]:
    """Start the process of a queued run; what it prints goes to the run's log.

    The process has a session of its own, so that closing the terminal or the app does not end it.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        TrainingError: It is to be trained on several nodes.
    """
    check_writable("start a training")
    if reason := refusal(run):
        raise TrainingError(reason, SEVERAL_NODES)
    environment = code_environment()
    environment[STARTED_BY] = str(os.getpid())
    with open(run.path / paths.LOG, "ab") as log:
        return subprocess.Popen(
            run_command(run),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Exit code of a training process, or None if it still runs after this long."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process.returncode


def ending(code: int) -> str:
    """How a process ended, as it goes on after its name.

    Args:
        code: Its exit code; below 0 the signal that ended it.
    """
    if code >= 0:
        return f"exited with code {code} without an error message"
    try:
        number = signal.Signals(-code)
    except ValueError:
        return f"was ended by signal {-code}"
    return f"was ended by {number.name} ({signal.strsignal(number)})"
