"""Launchers: what starts the process of a run, tells its state and stops it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lwal_core.jobs.processes import start_training
from lwal_core.runs import Run

Handle = TypeVar("Handle")
"""What a launcher knows a started run by: a child process, the number of a job of a cluster."""


@dataclass(frozen=True)
class LaunchState:
    """State of a started run as its launcher tells it; what became of the run stands in its record.

    Attributes:
        over: Whether nothing runs or waits for the run any more.
        name: The launcher's word for it, such as ``RUNNING``; empty where it has none.
        node: Machine that the run is on; empty where it is not known.
        code: Exit code of the process, below 0 the signal that ended it; None where it is not known.
    """

    over: bool
    name: str = ""
    node: str = ""
    code: int | None = None


class Launcher(Protocol[Handle]):
    """Way to start runs."""

    name: str
    """Its name, for people and records."""

    def start(self, run: Run) -> Handle:
        """Start a queued run and return at once.

        Raises:
            TrainingError: It cannot be started now; the message says why.
            OSError: The system cannot start a process.
        """

    def state(self, handle: Handle) -> LaunchState:
        """State of a started run."""

    def stop(self, handle: Handle, *, at_once: bool = False) -> None:
        """Stop a started run; what ended already is left as it is.

        Args:
            handle: The run.
            at_once: Kill it rather than let it end after its batch.
        """


class ProcessLauncher:
    """Starts runs as child processes on this machine."""

    name = "process"

    def start(self, run: Run) -> subprocess.Popen[bytes]:
        """Start a queued run; see :func:`lwal_core.jobs.processes.start_training`."""
        return start_training(run)

    def state(self, handle: subprocess.Popen[bytes]) -> LaunchState:
        """Whether the process has ended, and its exit code."""
        code = handle.poll()
        return LaunchState(over=code is not None, code=code)

    def stop(self, handle: subprocess.Popen[bytes], *, at_once: bool = False) -> None:
        """Send SIGTERM, or SIGKILL, to the process."""
        if at_once:
            handle.kill()
        else:
            handle.terminate()
