"""Runs that wait, in the order in which they will be trained."""

from __future__ import annotations

from pathlib import Path

from lwal_core.jobs.admission import Priority, Waiter, waiters
from lwal_core.jobs.worker_heartbeat import admission_folders
from lwal_core.runs import RunSummary, list_runs


def waiting(home: Path, runs: list[RunSummary] | None = None) -> list[str]:
    """Ids of the runs that wait for a slot, next one first: those of the queue and those of terminals.

    Args:
        home: The home folder.
        runs: Its runs, if they are listed already.
    """
    listed = list_runs(home) if runs is None else runs
    found = {run.id: Waiter(Priority.of(run.priority, run.number), run.id) for run in listed if _queued(run)}
    gone = {run.id for run in listed if run.status != "queued"}
    for folder in admission_folders(home):
        for waiter in waiters(folder):
            if waiter.run_id not in gone:
                found.setdefault(waiter.run_id, waiter)
    return [waiter.run_id for waiter in sorted(found.values())]


def _queued(run: RunSummary) -> bool:
    return run.status == "queued" and run.number > 0
