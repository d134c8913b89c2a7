"""Projection worker: ``python -m lwal_core.projections``.

Loading UMAP takes seconds, and compiling it for the first layout many more, so a worker serves requests until none has
come for a while. At most :data:`WORKERS` of them serve a home at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from lwal_core.errors import LwalError
from lwal_core.projections.cache import LayoutCache, pack
from lwal_core.projections.queue import Queue, answer
from lwal_core.projections.task import read_task
from lwal_core.system.locks import HeldLock, file_lock, try_lock

WORKERS = 2
IDLE_SECONDS = 300.0
POLL_SECONDS = 0.05
SLOT_SECONDS = 0.5
"""How long a worker looks for a free slot: who counts them holds each for an instant."""
BACKGROUND_NICENESS = 10
BACKGROUND_SECONDS = 3_600.0
"""How long a run waits for the projections of others; then its own are computed when somebody looks at them."""
EXIT_DONE, EXIT_FAILED = 0, 1
_OUTDATED = (
    "The app and the process that computes layouts are of different versions.",
    "Restart the app.",
)


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
    with slot:
        served, last, parent = 0, time.monotonic(), os.getppid()
        while time.monotonic() - last < idle_seconds and queue.folder.is_dir():
            claim = queue.claim_newest()
            if claim is None and os.getppid() != parent:  # who started it is gone
                return
            if claim is None:
                time.sleep(POLL_SECONDS)
                continue
            started = time.monotonic()
            try:
                task = claim.read()
            except ValueError as error:
                claim.finish((f"The request for this layout is damaged: {error}.", "Try again."))
                continue
            if task.key != claim.key:
                # Libraries or code were replaced since this process started: a fresh one takes over.
                if served:
                    return claim.leave()
                claim.finish(_OUTDATED)
                continue
            answer(claim, task)
            served, last = served + 1, time.monotonic()
            print(f"{task.key} {task.method} {last - started:.2f} s in process {os.getpid()}", flush=True)


def compute_after_training(run_folder: Path, queue: Queue) -> None:
    """Compute the layouts that people look at first, politely and one run at a time."""
    from lwal_core.projections.defaults import default_tasks
    from lwal_core.runs import Run

    os.nice(BACKGROUND_NICENESS)
    queue.folder.mkdir(parents=True, exist_ok=True)
    with file_lock(queue.folder / "background.lock", BACKGROUND_SECONDS, "The background of projections"):
        for task in default_tasks(Run(run_folder)):
            if queue.cache.get(task.key) is not None:
                continue
            queue.submit(task)
            claim = queue.claim(task.key)
            if claim is not None:  # else somebody is at it already
                answer(claim, task)


def main(arguments: list[str]) -> int:
    """Serve a queue, or compute what ``--run`` or ``--once`` say; returns the exit code."""
    parser = argparse.ArgumentParser("python -m lwal_core.projections", description=__doc__)
    parser.add_argument("--folder", type=Path, default=None, help="the cache; by default the one in the home folder")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds without a request before it ends")
    parser.add_argument("--run", type=Path, help="compute the usual layouts of the run in this folder, and end")
    parser.add_argument("--once", action="store_true", help="compute the task on standard input to standard output")
    options = parser.parse_args(arguments)
    try:
        if options.once:
            task = read_task(sys.stdin.buffer.read())
            sys.stdout.buffer.write(pack(task.compute(), task.key))
            return EXIT_DONE
        cache = LayoutCache(options.folder)
        if options.run is not None:
            compute_after_training(options.run, Queue(cache))
        else:
            serve(Queue(cache), options.idle)
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE
