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

from lwal_core.jobs.devices import Devices, devices_here
from lwal_core.runs.files import write_json
from lwal_core.runs.owner import Owner

BEAT_SECONDS = 2.0
SILENT_SECONDS = 30.0
"""A worker on another machine that has said nothing for so long is taken for gone."""


class WorkerStatus(BaseModel):
    """A worker: its process, how many trainings it runs at once, on which devices, when it last said so, and what it starts them by."""

    owner: Owner
    slots: int
    seen: datetime
    devices: Devices = Devices()
    launcher: str = "process"

    def alive(self) -> bool:
        """Whether it is there, by its process or, on another machine, by its last word."""
        known = self.owner.alive()
        return abs((datetime.now(UTC) - self.seen).total_seconds()) < SILENT_SECONDS if known is None else known


class WorkerHeartbeat:
    """A worker's own file.

    Args:
        folder: Admission folder of this machine.
        slots: How many trainings it runs at once.
        launcher: What it starts them by; only of processes of this machine are the devices known.
    """

    def __init__(self, folder: Path, slots: int, launcher: str = "process") -> None:
        self.owner, self.slots = Owner.this_process(), slots
        self.path = folder / f"worker-{os.getpid()}.json"
        self.launcher = launcher
        self.devices = devices_here() if launcher == "process" else Devices()
        self._said = float("-inf")

    def beat(self) -> None:
        """Say that this worker is there, if it has not just done so; a full disk keeps nobody from working."""
        now = time.monotonic()
        if now - self._said < BEAT_SECONDS:
            return
        self._said = now
        facts = WorkerStatus(
            owner=self.owner, slots=self.slots, seen=datetime.now(UTC), devices=self.devices, launcher=self.launcher
        )
        try:
            write_json(self.path, facts.model_dump(mode="json"), durable=False)
        except OSError:
            return

    def withdraw(self) -> None:
        """Take the file away."""
        self.path.unlink(missing_ok=True)


def admission_folder(home: Path) -> Path:
    """Folder of this machine's slots, waiters and workers in a home that several machines may share."""
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname())[:80].strip(".") or "host"
    return home / "queue" / host


def admission_folders(home: Path) -> list[Path]:
    """Admission folders of all machines that share a home."""
    return [folder for folder in sorted((home / "queue").glob("*")) if folder.is_dir()]


def workers_of(folder: Path) -> list[WorkerStatus]:
    """Workers with a heartbeat file in an admission folder, alive or not."""
    found = []
    for path in sorted(folder.glob("worker-*.json")):
        try:
            found.append(WorkerStatus.model_validate(orjson.loads(path.read_bytes())))
        except (OSError, ValueError):
            continue
    return found


def live_workers(home: Path) -> list[WorkerStatus]:
    """Workers of a home that are there now, on any machine."""
    return [w for folder in admission_folders(home) for w in workers_of(folder) if w.alive()]
