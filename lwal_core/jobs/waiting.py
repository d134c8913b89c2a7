"""Runs that wait, in the order in which they will be trained."""

from __future__ import annotations

from pathlib import Path

from lwal_core.jobs.admission import Priority, Ticket, tickets
from lwal_core.runs import RunSummary, list_runs


def waiting(home: Path, runs: list[RunSummary] | None = None) -> list[str]:
    """Ids of the runs that wait for a slot, first in line first: those of the queue and those of terminals.

    Args:
        home: The home folder.
        runs: Its runs, if they are listed already.
    """
    listed = list_runs(home) if runs is None else runs
    found = {run.id: Ticket(Priority.of(run.priority, run.number), run.id) for run in listed if _queued(run)}
    gone = {run.id for run in listed if run.status != "queued"}
    for line in (home / "queue").glob("*"):
        if line.is_dir():
            for ticket in tickets(line):
                if ticket.run_id not in gone:
                    found.setdefault(ticket.run_id, ticket)
    return [ticket.run_id for ticket in sorted(found.values())]


def _queued(run: RunSummary) -> bool:
    return run.status == "queued" and run.number > 0
