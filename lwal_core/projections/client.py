"""Client of the projection worker: from the cache, at once where quick, else from a worker process."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lwal_core.analysis.projection import Projection
from lwal_core.errors import AnalysisError
from lwal_core.projections.cache import ProjectionCache, unpack
from lwal_core.projections.queue import CRASHED, Queue
from lwal_core.projections.task import ProjectionTask, takes_a_moment, task_bytes
from lwal_core.projections.worker import DEADLINE_SECONDS, WATCH_SECONDS, WORKERS, free_workers, too_long
from lwal_core.settings import settings
from lwal_core.system.child_processes import code_environment, start_detached

MODULE = "lwal_core.projections"
POLL_SECONDS = 0.02
START_SECONDS = 15.0
"""How long a worker may take to begin before another one is started."""
HELP_SECONDS = 2.0
"""How long a request waits for a busy worker before a second one is started."""
RENEW_SECONDS = 3.0
"""How often a request is renewed while somebody waits for it."""
ATTEMPTS = 3


class Abandoned(AnalysisError):
    """Whoever asked for a projection is gone."""

    def __init__(self) -> None:
        super().__init__("Nobody waits for this projection any more.", "Ask for it again.")


_started: list[tuple[subprocess.Popen[bytes], Path, float]] = []
_lock = threading.Lock()
_apart_slots = threading.BoundedSemaphore(WORKERS)


def request_projections(
    task: ProjectionTask, *, folder: Path | None = None, wanted: Callable[[], bool] = lambda: True
) -> list[Projection]:
    """The projections of a task, each computed once: from the cache, or computed now and kept.

    What takes more than a moment is computed by a worker process, while this thread waits. It never imports umap.

    Args:
        task: What to project.
        folder: The cache; by default the one in the home folder.
        wanted: Asked while it waits; when it says no, the request is withdrawn.

    Raises:
        Abandoned: ``wanted`` said no.
        QueueFull: Too many others wait.
        AnalysisError: There is no such projection of these vectors, it took too long, or the worker failed.
    """
    cache = ProjectionCache(folder)
    found = cache.get(task.key)
    if found is not None:
        return found
    if not takes_a_moment(task):
        return task.compute()
    if cache.limit == 0:
        return _apart(task, wanted)
    queue, who = Queue(cache), secrets.token_hex(8)
    for _ in range(ATTEMPTS):  # an answer may be swept out of a small cache before it is read
        try:
            queue.submit(task, who)
            _wait(queue, task.key, who, wanted)
        except OSError:  # the folder cannot be written
            return _apart(task, wanted)
        finally:
            queue.withdraw(task.key, who)
        found = cache.get(task.key)
        if found is not None:
            return found
        problem = queue.error(task.key)
        if problem is not None:
            raise problem
    raise AnalysisError(
        f"The projection was computed but is not in {cache.folder}.",
        "Raise LWAL_CACHE_MB, or choose another projection.",
    )


def start_after_training(run_folder: Path) -> None:
    """Compute the usual projections of a run in the background; does not wait, and never fails.

    ``LWAL_LAYOUTS_AHEAD=0`` turns it off, and so does ``LWAL_CACHE_MB=0``, as there is no place to keep them.
    """
    try:
        if not settings().layouts_ahead:
            return
        cache = ProjectionCache(run_folder.resolve().parent.parent / "cache" / "projections")
        if cache.limit:
            _start(["--folder", str(cache.folder), "--run", str(run_folder)], None)
    except Exception:  # whatever it is, the run is done and stays so
        return


def _wait(queue: Queue, key: str, who: str, wanted: Callable[[], bool]) -> None:
    """Until a request is answered, with a worker to answer it."""
    asked = checked = renewed = time.monotonic()
    _ensure_worker(queue, more=False)
    while queue.pending(key):
        if not wanted():
            raise Abandoned
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
        if now - renewed > RENEW_SECONDS:
            queue.renew(key, who)
            renewed = now
        if now - checked > 1.0:
            # In this order: a request that was answered just now is not started either.
            unattended = not queue.started(key) and queue.pending(key)
            _ensure_worker(queue, more=unattended and now - asked > HELP_SECONDS)
            checked = now


def _ensure_worker(queue: Queue, more: bool) -> None:
    """Start a worker where none serves the queue, or one ``more`` if that may be; none while one is just starting."""
    with _lock:
        now = time.monotonic()
        _started[:] = [
            (process, folder, since)
            for process, folder, since in _started
            if process.poll() is None  # which also clears away those that have ended
        ]
        free = free_workers(queue.folder)
        serving = WORKERS - free
        own = [since for _, folder, since in _started if folder == queue.folder]
        starting = len(own) > serving and now - max(own) < START_SECONDS
        if free and not starting and (serving == 0 or more):
            process = _start(["--folder", str(queue.cache.folder)], queue.folder / "log.txt")
            _started.append((process, queue.folder, now))


def _start(arguments: list[str], log: Path | None) -> subprocess.Popen[bytes]:
    return start_detached(MODULE, arguments, log)


def _apart(task: ProjectionTask, wanted: Callable[[], bool]) -> list[Projection]:
    """Compute a task in a process of its own that keeps nothing; at most :data:`WORKERS` of them at once."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with _apart_slots, tempfile.TemporaryFile() as given:
        given.write(task_bytes(task))
        given.seek(0)
        command = [sys.executable, "-m", MODULE, "--once"]
        process = subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=code_environment()
        )
        try:
            while True:
                try:
                    output, errors = process.communicate(timeout=WATCH_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if not wanted():
                        raise Abandoned from None
                    if time.monotonic() > deadline:
                        raise AnalysisError(*too_long(DEADLINE_SECONDS)) from None
        finally:
            process.kill()
            process.wait()
    if process.returncode == 0:
        try:
            return unpack(output, task.key)
        except ValueError:
            pass
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    if process.returncode < 0 or not lines:
        raise AnalysisError(*CRASHED)
    raise AnalysisError(f"The projection failed: {lines[-1][:500]}", "Choose another projection.")
