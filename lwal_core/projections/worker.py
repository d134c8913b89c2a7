"""Projection worker: ``python -m lwal_core.projections``.

A worker takes requests from the queue and hands each to a child process, which it stops when the time is up or nobody
waits any more: compiled code does not listen to anything milder. Loading UMAP takes seconds, and compiling it for the
first projection many more, so both stay until no request has come for a while. At most :data:`WORKERS` of them serve a
home at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType

from lwal_core.errors import LwalError
from lwal_core.projections.cache import ProjectionCache, pack
from lwal_core.projections.queue import CRASHED, Queue
from lwal_core.projections.task import read_task
from lwal_core.system.locks import HeldLock, file_lock, try_lock

WORKERS = 2
DEADLINE_SECONDS = 600.0
"""Time that a projection may take; one that takes longer is stopped."""
IDLE_SECONDS = 300.0
POLL_SECONDS = 0.05
WATCH_SECONDS = 0.2
"""How often a worker asks whether a computation is still wanted."""
SLOT_SECONDS = 0.5
"""How long a worker looks for a free slot: who counts them holds each for an instant."""
BACKGROUND_NICENESS = 10
BACKGROUND_SECONDS = 3_600.0
"""How long a run waits for the projections of others; then its own are computed when somebody looks at them."""
EXIT_DONE, EXIT_FAILED = 0, 1
_OUTDATED = (
    "The app and the process that computes projections are of different versions.",
    "Restart the app.",
)


def too_long(seconds: float) -> tuple[str, str]:
    """What is said about a projection that was stopped after so many seconds."""
    return (
        f"The projection was stopped after {seconds:g} seconds.",
        "Choose PCA, one epoch instead of all, or no test samples.",
    )


class Computer:
    """Child process that computes tasks one at a time and can be stopped; use it as a context."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._pid = 0

    def __enter__(self) -> Computer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def compute(
        self, data: bytes, cache: ProjectionCache, wanted: Callable[[], bool], seconds: float
    ) -> tuple[str, str] | None:
        """Compute a task into the cache.

        Args:
            data: The task as :func:`task_bytes` writes it.
            cache: Where the result is kept.
            wanted: Asked now and then; the computation is stopped when it says no.
            seconds: Time that it may take.

        Returns:
            What went wrong, as message and hint; None when nothing did, or nobody is there to hear of it.
        """
        deadline = time.monotonic() + seconds
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    1, mp_context=get_context("spawn"), initializer=_end_with, initargs=(os.getpid(),)
                )
                self._pid = self._pool.submit(os.getpid).result()
            done = self._pool.submit(compute_into, cache.folder, cache.limit, data)
            while True:
                try:
                    return done.result(WATCH_SECONDS)
                except TimeoutError:
                    late = time.monotonic() > deadline
                if late or not wanted():
                    self._stop()
                    return too_long(seconds) if late else None
        except BrokenProcessPool:
            self._stop()
            return CRASHED

    def _stop(self) -> None:
        if self._pool is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _end_with(parent: int) -> None:
    """End this process soon after its parent: a pool's child would wait for the next task for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(EXIT_FAILED)

    threading.Thread(target=watch, daemon=True).start()


def compute_into(folder: Path, limit: int, data: bytes) -> tuple[str, str] | None:
    """Compute a task into a cache, in the child process; what went wrong, or None. Never raises."""
    cache, task = ProjectionCache(folder, limit), read_task(data)
    try:
        if cache.get(task.key) is None and not cache.put(task.key, task.compute()):
            return f"The projection cannot be written to {folder}.", "Make room, or make the folder writable."
    except LwalError as error:
        return error.message, error.hint
    except Exception as error:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return f"The projection failed ({what}).", "Choose another projection."
    return None


def lock_slot(folder: Path, index: int) -> HeldLock | None:
    """Lock of a worker of the queue in ``folder``; None when another process holds it."""
    return try_lock(folder / f"worker-{index}.lock")


def free_workers(folder: Path) -> int:
    """How many more workers may serve a queue."""
    count = 0
    for index in range(WORKERS):
        held = lock_slot(folder, index)
        if held is not None:
            held.close()
            count += 1
    return count


def _free_slot(folder: Path) -> HeldLock | None:
    return next(filter(None, (lock_slot(folder, index) for index in range(WORKERS))), None)


def serve(queue: Queue, idle_seconds: float) -> None:
    """Compute what is asked for until nothing was for a while, or as many workers as may be are there already."""
    deadline = time.monotonic() + SLOT_SECONDS
    while (slot := _free_slot(queue.folder)) is None:
        if time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)
    with slot, Computer() as computer:
        served, last, parent = 0, time.monotonic(), os.getppid()
        while time.monotonic() - last < idle_seconds and queue.folder.is_dir():
            claim = queue.claim_next()
            if claim is None:
                if os.getppid() != parent:  # who started it is gone
                    return
                time.sleep(POLL_SECONDS)
                continue
            try:
                key, data = claim.read().key, claim.data()
            except ValueError as error:
                claim.finish((f"The request for this projection is damaged: {error}.", "Try again."))
                continue
            if key != claim.key:
                # Libraries or code were replaced since this process started: a fresh one takes over.
                if served:
                    return claim.leave()
                claim.finish(_OUTDATED)
                continue
            started = time.monotonic()
            claim.finish(computer.compute(data, queue.cache, partial(queue.wanted, key), DEADLINE_SECONDS))
            served, last = served + 1, time.monotonic()
            print(f"{key} {last - started:.2f} s in process {os.getpid()}", flush=True)


def compute_after_training(run_folder: Path, queue: Queue) -> None:
    """Compute the projections that people look at first, politely and one run at a time."""
    from lwal_core.projections.defaults import default_tasks
    from lwal_core.runs import Run

    os.nice(BACKGROUND_NICENESS)
    queue.folder.mkdir(parents=True, exist_ok=True)
    who = f"background{os.getpid()}"
    lock = file_lock(queue.folder / "background.lock", BACKGROUND_SECONDS, "The background of projections")
    with lock, Computer() as computer:
        for task in default_tasks(Run(run_folder)):
            if queue.cache.get(task.key) is not None:
                continue
            queue.submit(task, who)
            claim = queue.claim(task.key)
            if claim is not None:  # else somebody is at it already
                claim.finish(computer.compute(claim.data(), queue.cache, lambda: True, DEADLINE_SECONDS))
            queue.withdraw(task.key, who)


def main(arguments: list[str]) -> int:
    """Serve a queue, or compute what ``--run`` or ``--once`` say; returns the exit code."""
    parser = argparse.ArgumentParser("python -m lwal_core.projections", description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="the cache; by default the one in the home folder")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds without a request before it ends")
    parser.add_argument("--run", type=Path, help="compute the usual projections of the run in this folder, and end")
    parser.add_argument("--once", action="store_true", help="compute the task on standard input to standard output")
    options = parser.parse_args(arguments)
    try:
        if options.once:
            task = read_task(sys.stdin.buffer.read())
            sys.stdout.buffer.write(pack(task.compute(), task.key))
            return EXIT_DONE
        cache = ProjectionCache(options.folder)
        if options.run is not None:
            compute_after_training(options.run, Queue(cache))
        else:
            serve(Queue(cache), options.idle)
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE
