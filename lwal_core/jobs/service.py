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

from lwal_core.jobs.worker import STOP_SECONDS

POLL_SECONDS = 0.2
RESTART_SECONDS = 5.0
"""A worker that ended by itself is started again after this long."""


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


def run_together(
    app: list[str], worker: list[str] | None, environment: dict[str, str], folder: Path, say: Callable[[str], None]
) -> int:
    """Run the app and a worker until the app ends or somebody says stop; then end both in good order.

    Args:
        app: Command of the app.
        worker: Command of the worker; None for the app alone.
        environment: Environment of both; :data:`APP_ENVIRONMENT` holds what the app gets where it is silent.
        folder: Folder that the app runs in.
        say: Told when the worker has to be started again.

    Returns:
        The exit code: 0 when told to stop, else the app's.
    """
    stop = StopSignal()
    serving = _start(app, APP_ENVIRONMENT | environment, folder)
    working = _start(worker, environment, folder) if worker else None
    restart_at: float | None = None
    while not stop() and serving.poll() is None:
        if worker and working and working.poll() is not None:
            if restart_at is None:
                say(f"The worker ended with code {working.returncode}; it is started again.")
                restart_at = time.monotonic() + RESTART_SECONDS
            elif time.monotonic() >= restart_at:
                working, restart_at = _start(worker, environment, folder), None
        time.sleep(POLL_SECONDS)
    for process in filter(None, (serving, working)):
        if process.poll() is None:
            process.terminate()
    _wait(serving, 5.0)
    if working is not None:
        _wait(working, STOP_SECONDS + 5.0)
    return 0 if stop() else int(serving.returncode or 0)


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
