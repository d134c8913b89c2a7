"""``lwal serve``: app and worker as one service."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from lwal_core.jobs.processes import ending
from lwal_core.jobs.worker import STOP_SECONDS

POLL_SECONDS = 0.2
RESTART_SECONDS = 5.0
"""App or worker that ended by itself is started again after this long."""
QUICK_SECONDS = 10.0
"""One that ended sooner after its start did not come to work."""
MAX_QUICK_ENDS = 3
"""Starts in a row without coming to work, after which the app is given up."""


class StopSignal:
    """True after SIGTERM, SIGINT or SIGHUP; a second one ends this process at once."""

    def __init__(self) -> None:
        self._asked = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            sys.exit(128 + number)
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


APP_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}
"""Each redraw runs in a thread of its own, and glibc gives threads up to eight heaps a core that are never given back: the
server's memory would grow with the redraws although it holds nothing more. Threads of Python take turns, so two do."""


class _Child:
    """A process that is started again when it ends by itself.

    Args:
        name: ``"app"`` or ``"worker"``.
        command: Its command line.
        environment: Its environment.
        folder: Folder that it runs in.
        report: Told the event's name and a sentence when it ended.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        report: Callable[[str, str], None],
    ) -> None:
        self.name, self.command, self.environment, self.folder, self.report = name, command, environment, folder, report
        self.quick_ends = 0
        self._start()

    def _start(self) -> None:
        self.process = _start(self.command, self.environment, self.folder)
        self._started, self._restart_at = time.monotonic(), None

    _started: float
    _restart_at: float | None

    def look_after(self) -> bool:
        """Start it again some seconds after it ended; False when it ended with code 0, as somebody wanted it to, or
        soon after its start too often."""
        code = self.process.poll()
        if code is None:
            return True
        if code == 0 and self.name == "app":
            return False
        now = time.monotonic()
        if self._restart_at is None:
            self.quick_ends = self.quick_ends + 1 if now - self._started < QUICK_SECONDS else 0
            how = f"The {self.name} {ending(code)}"
            if self.quick_ends >= MAX_QUICK_ENDS:
                self.report(f"{self.name}.lost", f"{how}, {MAX_QUICK_ENDS} times soon after its start.")
                return False
            self.report(f"{self.name}.lost", f"{how}; it is started again.")
            self._restart_at = now + RESTART_SECONDS
        elif now >= self._restart_at:
            self._start()
        return True


def run_together(
    app: list[str],
    worker: list[str] | None,
    environment: dict[str, str],
    folder: Path,
    report: Callable[[str, str], None],
) -> int:
    """Run the app and a worker until somebody says stop; then end both in good order.

    Whichever dies is started again. An app that never runs for long is given up; a worker that never does is tried on,
    as the app can be used without it.

    Args:
        app: Command of the app.
        worker: Command of the worker; None for the app alone.
        environment: Environment of both; :data:`APP_ENVIRONMENT` holds what the app gets where it is silent.
        folder: Folder that the app runs in.
        report: Told the event (``app.lost``, ``worker.lost``) and a sentence when one has ended.

    Returns:
        The exit code: 0 when told to stop, else the app's.
    """
    stop = StopSignal()
    serving = _Child("app", app, APP_ENVIRONMENT | environment, folder, report)
    working = _Child("worker", worker, environment, folder, report) if worker else None
    while not stop() and serving.look_after():
        if working is not None and not working.look_after():
            working.quick_ends = 0
        time.sleep(POLL_SECONDS)
    for child in filter(None, (serving, working)):
        if child.process.poll() is None:
            child.process.terminate()
    _wait(serving.process, 5.0)
    if working is not None:
        _wait(working.process, STOP_SECONDS + 5.0)
    return 0 if stop() else int(serving.process.returncode or 0)


def _start(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches this process alone, which then ends both in order.
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM to this process when its parent dies, even by SIGKILL (``prctl(2)``)."""
    parent_death_signal = 1
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
