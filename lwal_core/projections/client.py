"""Client of the projection worker: from the cache, at once where quick, else from a worker process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from lwal_core.analysis.projection import Projection
from lwal_core.errors import AnalysisError
from lwal_core.projections.cache import LayoutCache, unpack
from lwal_core.projections.queue import CRASHED, Queue
from lwal_core.projections.task import LayoutTask, takes_a_moment, task_bytes
from lwal_core.projections.worker import WORKERS, free_workers
from lwal_core.settings import settings
from lwal_core.system.child_processes import code_environment, start_detached

MODULE = "lwal_core.projections"
POLL_SECONDS = 0.02
START_SECONDS = 15.0
"""How long a worker may take to begin before another one is started."""
HELP_SECONDS = 2.0
"""How long a request waits for a busy worker before a second one is started."""
ATTEMPTS = 3

_started: list[tuple[subprocess.Popen[bytes], Path, float]] = []
_lock = threading.Lock()


def request_projections(task: LayoutTask, *, folder: Path | None = None) -> list[Projection]:
    """The layouts of a task, each computed once: from the cache, or computed now and kept.

    What takes more than a moment is computed by a worker process, while this thread waits. It never imports umap.

    Args:
        task: What to lay out.
        folder: The cache; by default the one in the home folder.

    Raises:
        AnalysisError: There is no such layout of these vectors, or the worker failed.
    """
    cache = LayoutCache(folder)
    found = cache.get(task.key)
    if found is not None:
        return found
    if not takes_a_moment(task):
        return task.compute()
    if cache.limit == 0:
        return _apart(task)
    queue = Queue(cache)
    for _ in range(ATTEMPTS):  # an answer may be swept out of a small cache before it is read
        try:
            queue.submit(task)
            _wait(queue, task.key)
        except OSError:  # the folder cannot be written
            return _apart(task)
        found = cache.get(task.key)
        if found is not None:
            return found
        problem = queue.error(task.key)
        if problem is not None:
            raise problem
    raise AnalysisError(
        f"The layout was computed but is not in {cache.folder}.", "Raise LWAL_CACHE_MB, or choose another projection."
    )


def start_after_training(run_folder: Path) -> None:
    """Compute the usual layouts of a run in the background; does not wait, and never fails.

    ``LWAL_LAYOUTS_AHEAD=0`` turns it off, and so does ``LWAL_CACHE_MB=0``, as there is no place to keep them.
    """
    try:
        if not settings().layouts_ahead:
            return
        cache = LayoutCache(run_folder.resolve().parent.parent / "cache" / "projections")
        if cache.limit:
            _start(["--folder", str(cache.folder), "--run", str(run_folder)], None)
    except Exception:  # whatever it is, the run is done and stays so
        return


def _wait(queue: Queue, key: str) -> None:
    """Until a request is answered, with a worker to answer it."""
    asked = time.monotonic()
    _ensure_worker(queue, more=False)
    checked = asked
    while queue.pending(key):
        time.sleep(POLL_SECONDS)
        now = time.monotonic()
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


def _apart(task: LayoutTask) -> list[Projection]:
    """Compute a task in a process of its own that keeps nothing."""
    command = [sys.executable, "-m", MODULE, "--once"]
    done = subprocess.run(command, input=task_bytes(task), capture_output=True, env=code_environment(), check=False)
    if done.returncode == 0:
        try:
            return unpack(done.stdout, task.key)
        except ValueError:
            pass
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    if done.returncode < 0 or not lines:
        raise AnalysisError(*CRASHED)
    raise AnalysisError(f"The layout failed: {lines[-1][:500]}", "Choose another projection.")
