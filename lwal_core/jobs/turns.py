"""Who trains when: one training at a time in a home (or ``LWAL_SLOTS`` of them), first come first served.

Locks are held by open files and vanish with the process that holds them, whatever ends it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

import orjson

from lwal_core.errors import TrainingError
from lwal_core.runs import layout
from lwal_core.runs.files import write_json
from lwal_core.runs.record import Owner

POLL_SECONDS = 0.2


def slot_count() -> int:
    """Trainings that may run at the same time, from ``LWAL_SLOTS`` (default 1)."""
    text = os.environ.get("LWAL_SLOTS", "1")
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise TrainingError(
            f"LWAL_SLOTS is {text!r}; it must be a whole number from 1 to 64.", "Unset it for one at a time."
        )
    return int(text)


class RunLock:
    """Held while a process owns a run, so that no run is trained twice at once.

    Raises:
        TrainingError: On entering, when another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: IO[bytes] | None = None

    def __enter__(self) -> RunLock:
        if not self.folder.is_dir():
            raise TrainingError(f"{self.folder} is no folder.", "Give the folder of a run.")
        self._file = open(self.folder / layout.LOCK, "ab")
        if not _try_lock(self._file):
            self._file.close()
            raise TrainingError(
                f"Run {self.folder.name} is being trained by another process.", "Wait for it or cancel it."
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


@contextmanager
def training_turn(home: Path, run_id: str, should_stop: Callable[[], bool]) -> Iterator[bool]:
    """Wait in line for a slot and hold it.

    Args:
        home: The home whose line this is.
        run_id: The run that waits.
        should_stop: Asked while waiting.

    Yields:
        True when the slot is held, False when ``should_stop`` said so first.
    """
    line = home / "queue"
    line.mkdir(parents=True, exist_ok=True)
    ticket = line / f"{time.time_ns():020d}-{run_id}.json"
    write_json(ticket, Owner.this_process().model_dump(), durable=False)
    slot: IO[bytes] | None = None
    try:
        while not should_stop():
            if _first_in_line(line, ticket):
                slot = _take_slot(line)
                if slot is not None:
                    break
            time.sleep(POLL_SECONDS)
        ticket.unlink(missing_ok=True)
        yield slot is not None
    finally:
        ticket.unlink(missing_ok=True)
        if slot is not None:
            slot.close()


def waiting(home: Path) -> list[str]:
    """Ids of the runs that wait for a slot, first in line first."""
    return [ticket.stem.partition("-")[2] for ticket in _tickets(home / "queue")]


def _first_in_line(line: Path, own: Path) -> bool:
    tickets = _tickets(line)
    return not tickets or tickets[0] == own


def _tickets(line: Path) -> list[Path]:
    """Tickets whose process is alive, in order; those of dead processes are cleared away."""
    alive = []
    for path in sorted(line.glob("*.json")):
        try:
            owner = Owner.model_validate(orjson.loads(path.read_bytes()))
        except (OSError, ValueError):
            continue
        if owner.alive() is False:
            path.unlink(missing_ok=True)
        else:
            alive.append(path)
    return alive


def _take_slot(line: Path) -> IO[bytes] | None:
    for index in range(slot_count()):
        file = open(line / f"slot-{index}.lock", "ab")  # noqa: SIM115 - held open while the slot is held
        if _try_lock(file):
            return file
        file.close()
    return None


def _try_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
