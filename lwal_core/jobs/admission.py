"""Admission of trainings to slots: as many at once as a machine has slots, in order of priority and arrival.

What a terminal trains and what comes from the queue is admitted alike. A waiter is a file named by priority and number in
the admission folder of the machine; a slot is a lock, released by the system when the process that holds it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from lwal_core.jobs.slots import slot_count
from lwal_core.jobs.worker_heartbeat import admission_folder
from lwal_core.runs.files import write_json
from lwal_core.runs.owner import Owner
from lwal_core.security.permissions import read_only
from lwal_core.system.locks import HeldLock, file_lock, try_lock

POLL_SECONDS = 0.2
MAX_PRIORITY = 100
"""Priorities are whole numbers from minus this to this."""


@dataclass(frozen=True, order=True)
class Priority:
    """Order of admission: lower comes first."""

    behind: int
    number: int

    @classmethod
    def of(cls, priority: int, number: int) -> Priority:
        """Order of a priority (higher goes first) and a number (lower goes first)."""
        return cls(MAX_PRIORITY - priority, number)


@dataclass(frozen=True, order=True)
class Waiter:
    """A run that waits for a slot of this machine."""

    priority: Priority
    run_id: str

    @property
    def file_name(self) -> str:
        """Name of its file, which sorts as waiters are admitted."""
        return f"{self.priority.behind:03d}-{self.priority.number:020d}-{self.run_id}.json"

    @classmethod
    def from_name(cls, name: str) -> Waiter | None:
        """Waiter of a file's name; None for a file that is none."""
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
    home: Path, waiter: Waiter, should_stop: Callable[[], bool], *, whole_machine: bool = False
) -> Iterator[list[int]]:
    """Wait for a slot and hold it.

    Args:
        home: The home folder.
        waiter: The run that waits.
        should_stop: Asked while waiting.
        whole_machine: Take every slot, for a run that several GPUs train together.

    Yields:
        Numbers of the slots that are held; none when ``should_stop`` said so first.
    """
    folder = admission_folder(home)
    enqueue(folder, waiter)
    held: dict[int, HeldLock] = {}
    try:
        while not should_stop():
            if is_next(folder, waiter):
                held = _take_slots(folder, whole_machine)
                if held:
                    break
            time.sleep(POLL_SECONDS)
        dequeue(folder, waiter)
        yield sorted(held)
    finally:
        dequeue(folder, waiter)
        for lock in held.values():
            lock.close()


def enqueue(folder: Path, waiter: Waiter) -> None:
    """Let a run wait in this process's name; the process that waited for it before is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    with _changes(folder):
        write_json(folder / waiter.file_name, Owner.this_process().model_dump(), durable=False)


def dequeue(folder: Path, waiter: Waiter) -> None:
    """Take a waiter away, unless another process that is alive waits for the same run by now."""
    _remove(folder / waiter.file_name, own=True)


def is_next(folder: Path, waiter: Waiter) -> bool:
    """Whether nobody goes before a waiter."""
    found = waiters(folder)
    return not found or found[0] >= waiter


def waiters(folder: Path) -> list[Waiter]:
    """Waiters whose process is alive, in order; those of dead processes are cleared away, unless nothing may be changed."""
    alive = []
    for path in folder.glob("*.json"):
        waiter = Waiter.from_name(path.name)
        if waiter is None:
            continue
        owner = _owner(path)
        if owner is None:
            continue
        if owner.alive() is not False:
            alive.append(waiter)
        elif not read_only():  # a page that only looks comes by here, too
            _remove(path, own=False)
    return sorted(alive)


def _owner(path: Path) -> Owner | None:
    """The process that waits by a file; None for a file that is gone or damaged."""
    try:
        return Owner.model_validate(orjson.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None


def _remove(path: Path, *, own: bool) -> None:
    """Delete a waiter's file, unless a process that is alive has replaced it since it was looked at.

    Args:
        path: The file.
        own: Also when this process waits by it.
    """
    if not path.exists():
        return
    with _changes(path.parent):
        owner = _owner(path)
        if owner is None or owner.alive() is False or (own and owner == Owner.this_process()):
            path.unlink(missing_ok=True)


def _changes(folder: Path) -> AbstractContextManager[None]:
    return file_lock(folder / "waiters.lock", subject="The admission of trainings")


def slot_is_free(folder: Path) -> bool:
    """Whether one more training could start now."""
    held = _take_slots(folder, whole_machine=False)
    for lock in held.values():
        lock.close()
    return bool(held)


def _take_slots(folder: Path, whole_machine: bool) -> dict[int, HeldLock]:
    count = slot_count(folder)
    held: dict[int, HeldLock] = {}
    for index in range(count):
        lock = try_lock(folder / f"slot-{index}.lock")
        if lock is not None:
            held[index] = lock
            if not whole_machine:
                return held
    if len(held) == count:
        return held
    for lock in held.values():
        lock.close()
    return {}
