"""``lwal serve``: app and worker as one service; or several app processes, the proxy in front of them, and a worker."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
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
APP_STOP_SECONDS = 5.0
"""After SIGTERM the app may finish what it is at for so long."""
SLOW_RESTART_SECONDS = 30.0
"""One of several app processes that never came to work is started again after this long, as the others can be used without it."""


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
        name: What it is, as events say: ``"app"``, ``"worker"`` or ``"proxy"``.
        command: Its command line.
        environment: Its environment.
        folder: Folder that it runs in.
        report: Told the event's name and a sentence when it ended.
        title: What it is called in sentences; its name, if left out.
        pass_fds: File descriptors that it inherits.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        report: Callable[[str, str], None],
        title: str = "",
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.name, self.command, self.environment, self.folder, self.report = name, command, environment, folder, report
        self.title, self.pass_fds = title or name, pass_fds
        self.quick_ends = 0
        self._start()

    def _start(self) -> None:
        self.process = _start(self.command, self.environment, self.folder, self.pass_fds)
        self._started, self._restart_at = time.monotonic(), None

    _started: float
    _restart_at: float | None

    def ended_as_wanted(self) -> bool:
        """Whether it ended with code 0."""
        return self.process.poll() == 0

    def look_after(self) -> bool:
        """Start it again some seconds after it ended; False when it ended soon after its start too often."""
        code = self.process.poll()
        if code is None:
            return True
        now = time.monotonic()
        if self._restart_at is None:
            self.quick_ends = self.quick_ends + 1 if now - self._started < QUICK_SECONDS else 0
            how = f"The {self.title} {ending(code)}"
            if self.quick_ends >= MAX_QUICK_ENDS:
                self.report(f"{self.name}.lost", f"{how}, {MAX_QUICK_ENDS} times soon after its start.")
                return False
            self.report(f"{self.name}.lost", f"{how}; it is started again.")
            self._restart_at = now + RESTART_SECONDS
        elif now >= self._restart_at:
            self._start()
        return True

    def at_work(self) -> bool:
        """Whether it has run for longer than one that never comes to work."""
        return self.process.poll() is None and time.monotonic() - self._started >= QUICK_SECONDS

    def try_on(self, seconds: float) -> None:
        """Start one that was given up once more, after so many seconds."""
        self.quick_ends, self._restart_at = 0, time.monotonic() + seconds


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
    while not stop() and not serving.ended_as_wanted() and serving.look_after():
        _keep_working(working)
        time.sleep(POLL_SECONDS)
    _end([serving], working)
    return 0 if stop() else int(serving.process.returncode or 0)


def run_several(
    apps: Sequence[list[str]],
    proxy: list[str],
    listening: int,
    worker: list[str] | None,
    environment: dict[str, str],
    folder: Path,
    report: Callable[[str, str], None],
) -> int:
    """Run several app processes behind a proxy, and one worker, until somebody says stop; then end all in good order.

    A process that dies takes its own sessions along and is started again; the others go on meanwhile. Only when none of them ever
    comes to work, or the proxy does not, is the service given up.

    Args:
        apps: Command of each app process.
        proxy: Command of the proxy.
        listening: File descriptor of the socket that the proxy accepts connections from.
        worker: Command of the worker; None for the app alone.
        environment: Environment of all; :data:`APP_ENVIRONMENT` holds what the apps get where it is silent.
        folder: Folder that they run in.
        report: Told the event (``app.lost``, ``proxy.lost``, ``worker.lost``) and a sentence when one has ended.

    Returns:
        The exit code: 0 when told to stop, else 1.
    """
    stop = StopSignal()
    of_app = APP_ENVIRONMENT | environment
    serving = [
        _Child("app", command, of_app, folder, report, f"app process {number}")
        for number, command in enumerate(apps, start=1)
    ]
    front = _Child("proxy", proxy, environment, folder, report, "reverse proxy", [listening])
    working = _Child("worker", worker, environment, folder, report) if worker else None
    hopeless: set[int] = set()
    while not stop() and front.look_after():
        for number, app in enumerate(serving):
            if not app.look_after():
                hopeless.add(number)
                app.try_on(SLOW_RESTART_SECONDS)
            elif app.at_work():
                hopeless.discard(number)
        if len(hopeless) == len(serving):
            break
        _keep_working(working)
        time.sleep(POLL_SECONDS)
    _end([front, *serving], working)
    return 0 if stop() else 1


def _keep_working(worker: _Child | None) -> None:
    """Look after the worker; one that never runs for long is tried on, as the app can be used without it."""
    if worker is not None and not worker.look_after():
        worker.quick_ends = 0


def _end(serving: Sequence[_Child], worker: _Child | None) -> None:
    """Tell all to stop at once, then wait for each."""
    for child in [*serving, *([worker] if worker else [])]:
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + APP_STOP_SECONDS
    for child in serving:
        _wait(child.process, max(deadline - time.monotonic(), 0.0))
    if worker is not None:
        _wait(worker.process, STOP_SECONDS + 5.0)


def _start(
    command: list[str], environment: dict[str, str], folder: Path, pass_fds: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches this process alone, which then ends both in order.
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=pass_fds,
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
