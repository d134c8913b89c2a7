"""Heartbeat files of workers."""

from __future__ import annotations

import os
import re
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import BaseModel

from lwal_core.runs.files import write_json
from lwal_core.runs.owner import Owner

BEAT_SECONDS = 2.0
SILENT_SECONDS = 30.0
"""A worker on another machine that has said nothing for so long is taken for gone."""


class WorkerStatus(BaseModel):
    """A worker: its process, how many trainings it runs at once, and when it last said so."""

    owner: Owner
    slots: int
    seen: datetime

    def alive(self) -> bool:
        """Whether it is there, by its process or, on another machine, by its last word."""
        known = self.owner.alive()
        return abs((datetime.now(UTC) - self.seen).total_seconds()) < SILENT_SECONDS if known is None else known


class WorkerHeartbeat:
    """A worker's own file.

    Args:
        line: Folder of this machine's line.
        slots: How many trainings it runs at once.
    """

    def __init__(self, line: Path, slots: int) -> None:
        self.owner, self.slots = Owner.this_process(), slots
        self.path = line / f"worker-{os.getpid()}.json"
        self._said = float("-inf")

    def beat(self) -> None:
        """Say that this worker is there, if it has not just done so; a full disk keeps nobody from working."""
        now = time.monotonic()
        if now - self._said < BEAT_SECONDS:
            return
        self._said = now
        facts = WorkerStatus(owner=self.owner, slots=self.slots, seen=datetime.now(UTC))
        try:
            write_json(self.path, facts.model_dump(mode="json"), durable=False)
        except OSError:
            return

    def withdraw(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)


def queue_folder(home: Path) -> Path:
    """Folder of this machine's line in a home that several machines may share."""
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:80].strip(".") or "host"
    return home / "queue" / host


def workers_of(line: Path) -> list[WorkerStatus]:
    """Workers that announced themselves in a line, alive or not."""
    found = []
    for path in sorted(line.glob("worker-*.json")):
        try:
            found.append(WorkerStatus.model_validate(orjson.loads(path.read_bytes())))
        except (OSError, ValueError):
            continue
    return found


def live_workers(home: Path) -> list[WorkerStatus]:
    """Workers of a home that are there now, on any machine."""
    return [w for line in sorted((home / "queue").glob("*")) if line.is_dir() for w in workers_of(line) if w.alive()]
