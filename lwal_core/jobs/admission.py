"""Admission of trainings to slots: as many at once as a machine has slots, in order of priority and arrival.

Trainings that a terminal started and those that come from the queue stand in one line. Places in it are files named by
priority and number; slots are locks held by open files, which vanish with the process that holds them, whatever ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from lwal_core.jobs.slots import slot_count
from lwal_core.jobs.worker_heartbeat import queue_folder
from lwal_core.runs.files import write_json
from lwal_core.runs.owner import Owner
from lwal_core.security.permissions import read_only
from lwal_core.system.locks import HeldLock, file_lock, try_lock

POLL_SECONDS = 0.2
MAX_PRIORITY = 100
"""Priorities are whole numbers from minus this to this."""


@dataclass(frozen=True, order=True)
class Priority:
    """A place in line: lower comes first."""

    behind: int
    number: int

    @classmethod
    def of(cls, priority: int, number: int) -> Priority:
        """The place of a priority (higher goes first) and a number (lower goes first)."""
        return cls(MAX_PRIORITY - priority, number)


@dataclass(frozen=True, order=True)
class Ticket:
    """Somebody's place in the line of this machine."""

    place: Priority
    run_id: str

    @property
    def file_name(self) -> str:
        """Name of its file, which sorts as the places do."""
        return f"{self.place.behind:03d}-{self.place.number:020d}-{self.run_id}.json"

    @classmethod
    def from_name(cls, name: str) -> Ticket | None:
        """The ticket that a file's name says; None for a file that is none."""
        behind, _, rest = name.removesuffix(".json").partition("-")
        number, _, run_id = rest.partition("-")
        if not (name.isascii() and name.endswith(".json") and behind.isdigit() and number.isdigit() and run_id):
            return None
        return cls(Priority(int(behind), int(number)), run_id)


def next_number(home: Path) -> int:
    """A number higher than every one before it in this home. It follows the clock, and goes on where the clock was set
    back."""
    folder = home / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "number"
    with file_lock(path, subject="The queue"), open(path, "ab+") as file:
        file.seek(0)
        text = file.read(40).strip()
        number = max(time.time_ns(), int(text) + 1 if text.isdigit() else 0)
        try:
            file.truncate(0)
            file.write(f"{number:020d}".encode())
        except OSError:  # a full disk: the clock alone must do
            pass
        return number


@contextmanager
def acquire_slot(
    home: Path, ticket: Ticket, should_stop: Callable[[], bool], *, whole_machine: bool = False
) -> Iterator[list[int]]:
    """Wait in line for a slot and hold it.

    Args:
        home: The home whose line this is.
        ticket: The place in line, and the run that waits.
        should_stop: Asked while waiting.
        whole_machine: Take every slot, for a run that several GPUs train together.

    Yields:
        Numbers of the slots that are held; none when ``should_stop`` said so first.
    """
    line = queue_folder(home)
    enqueue(line, ticket)
    held: dict[int, HeldLock] = {}
    try:
        while not should_stop():
            if is_next(line, ticket):
                held = _take_slots(line, whole_machine)
                if held:
                    break
            time.sleep(POLL_SECONDS)
        dequeue(line, ticket)
        yield sorted(held)
    finally:
        dequeue(line, ticket)
        for lock in held.values():
            lock.close()


def enqueue(line: Path, ticket: Ticket) -> None:
    """Take a place in line for this process; a place that the same run had before is replaced."""
    write_json(line / ticket.file_name, Owner.this_process().model_dump(), durable=False)


def dequeue(line: Path, ticket: Ticket) -> None:
    """Give a place up."""
    (line / ticket.file_name).unlink(missing_ok=True)


def is_next(line: Path, ticket: Ticket) -> bool:
    """Whether nobody stands before a ticket."""
    found = tickets(line)
    return not found or found[0] >= ticket


def tickets(line: Path) -> list[Ticket]:
    """Tickets whose process is alive, in order; those of dead processes are cleared away, unless nothing may be changed."""
    alive = []
    for path in line.glob("*.json"):
        ticket = Ticket.from_name(path.name)
        if ticket is None:
            continue
        try:
            owner = Owner.model_validate(orjson.loads(path.read_bytes()))
        except (OSError, ValueError):
            continue
        if owner.alive() is not False:
            alive.append(ticket)
        elif not read_only():  # a page that only looks comes by here, too
            path.unlink(missing_ok=True)
    return sorted(alive)


def slot_is_free(line: Path) -> bool:
    """Whether one more training could start now."""
    held = _take_slots(line, whole_machine=False)
    for lock in held.values():
        lock.close()
    return bool(held)


def _take_slots(line: Path, whole_machine: bool) -> dict[int, HeldLock]:
    count = slot_count(line)
    held: dict[int, HeldLock] = {}
    for index in range(count):
        lock = try_lock(line / f"slot-{index}.lock")
        if lock is not None:
            held[index] = lock
            if not whole_machine:
                return held
    if len(held) == count:
        return held
    for lock in held.values():
        lock.close()
    return {}
