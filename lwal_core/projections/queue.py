"""Queue of projection requests, as files beside the cache.

It is kept in files rather than in a pool of processes because every app process of a home shares it, and because what is
asked for survives the app. Of a key there are:

- ``KEY.request``: the task. Whoever computes it holds a lock on this file, which vanishes with its process.
- ``KEY.started``: a request that was started and is not locked has ended the process that worked on it, and is answered
  with an error rather than tried for ever.
- ``KEY.wanted-WHO``: somebody who waits renews it; without a fresh one the request is dropped.
- ``KEY.error``: what went wrong, until the key is asked for again.

At most :data:`MAX_WAITING` requests wait.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import orjson

from lwal_core.errors import AnalysisError
from lwal_core.projections.cache import ProjectionCache
from lwal_core.projections.task import ProjectionTask, read_task, task_bytes
from lwal_core.runs.files import write_json
from lwal_core.system.locks import lock_open_file

MAX_WAITING = 20
"""Requests of a home that wait at once; what comes on top is refused."""
LEASE_SECONDS = 15.0
"""Age from which a ``wanted`` file belongs to somebody who is gone."""
FORGET_SECONDS = 86_400.0
"""Age from which requests and errors that nobody took up are swept away."""
CRASHED = (
    "The process that computed this projection exited without an error message; perhaps the memory was full.",
    "Choose another projection, or try again.",
)


class QueueFull(AnalysisError):
    """:data:`MAX_WAITING` projections wait already."""


class Claim:
    """A request that this process is to compute; nobody else does while it is held."""

    def __init__(self, queue: Queue, key: str, file: IO[bytes]) -> None:
        self.queue, self.key, self._file = queue, key, file

    def read(self) -> ProjectionTask:
        """The task.

        Raises:
            ValueError: The file is damaged.
        """
        return read_task(self.data())

    def data(self) -> bytes:
        """The task as bytes."""
        self._file.seek(0)
        return self._file.read()

    def finish(self, error: tuple[str, str] | None = None) -> None:
        """Take the request away, with what went wrong left in its place, if anything."""
        if error is not None:
            write_json(self.queue.path(self.key, "error"), {"message": error[0], "hint": error[1]}, durable=False)
        self.queue.path(self.key, "started").unlink(missing_ok=True)
        self.queue.path(self.key, "request").unlink(missing_ok=True)
        self._file.close()

    def leave(self) -> None:
        """Let somebody else compute it."""
        self.queue.path(self.key, "started").unlink(missing_ok=True)
        self._file.close()


class Queue:
    """The requests beside a cache, for any number of processes."""

    def __init__(self, cache: ProjectionCache) -> None:
        self.cache = cache
        self.folder = cache.folder / "queue"

    def path(self, key: str, kind: str) -> Path:
        """File of a key: ``request``, ``started`` or ``error``."""
        return self.folder / f"{key}.{kind}"

    def submit(self, task: ProjectionTask, who: str) -> None:
        """Ask for a task, unless it is asked for already; :meth:`renew` it while it is waited for.

        Args:
            task: The task.
            who: Letters and digits that nobody else uses.

        Raises:
            QueueFull: Too many others wait.
            OSError: The folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        request = self.path(task.key, "request")
        self.path(task.key, "error").unlink(missing_ok=True)
        self.renew(task.key, who)
        if request.exists():
            return
        if len(self.waiting()) >= MAX_WAITING:
            self.withdraw(task.key, who)
            raise QueueFull(f"{MAX_WAITING} projections wait to be computed.", "Try again in a minute.")
        temporary = self.folder / f".{task.key}.{secrets.token_hex(6)}.part"
        try:
            temporary.write_bytes(task_bytes(task))
            # A link, other than a rename, never replaces a request that somebody is working on.
            os.link(temporary, request)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)

    def renew(self, key: str, who: str) -> None:
        """Say that somebody still waits for a key."""
        self.path(key, f"wanted-{who}").touch()

    def withdraw(self, key: str, who: str) -> None:
        """Say that somebody does not wait any more; a request that nobody waits for is dropped."""
        with suppress(OSError):
            self.path(key, f"wanted-{who}").unlink(missing_ok=True)

    def wanted(self, key: str) -> bool:
        """Whether anybody waits for a key."""
        fresh = time.time() - LEASE_SECONDS
        for path in self.folder.glob(f"{key}.wanted-*"):
            try:
                if path.stat().st_mtime >= fresh:
                    return True
            except OSError:  # withdrawn just now
                continue
        return False

    def waiting(self) -> list[str]:
        """Keys that are waited for and not started, first come first; what nobody waits for is dropped."""
        found: list[tuple[int, str]] = []
        wanted: set[str] = set()
        now = time.time()
        try:
            entries = list(os.scandir(self.folder))
        except OSError:
            return []
        for entry in entries:
            key, _, kind = entry.name.rpartition(".")
            is_lease = kind.startswith("wanted-")
            if kind not in ("request", "error", "part") and not is_lease:
                continue
            try:
                facts = entry.stat()
            except OSError:
                continue
            if facts.st_mtime < now - (LEASE_SECONDS if is_lease else FORGET_SECONDS):
                Path(entry.path).unlink(missing_ok=True)
            elif is_lease:
                wanted.add(key)
            elif kind == "request" and not self.started(key):
                found.append((facts.st_mtime_ns, key))
        for _, key in found:
            if key not in wanted:
                self._drop(key)
        return [key for _, key in sorted(found) if key in wanted]

    def _drop(self, key: str) -> None:
        claim = self.claim(key)  # nobody may begin with it meanwhile
        if claim is not None:
            claim.leave() if self.wanted(key) else claim.finish()

    def pending(self, key: str) -> bool:
        """Whether a key is asked for and not answered."""
        return self.path(key, "request").exists()

    def started(self, key: str) -> bool:
        """Whether somebody has begun with a key."""
        return self.path(key, "started").exists()

    def error(self, key: str) -> AnalysisError | None:
        """What went wrong with a key the last time; None when nothing did."""
        try:
            values: dict[str, Any] = orjson.loads(self.path(key, "error").read_bytes())
            return AnalysisError(str(values["message"]), str(values["hint"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def claim(self, key: str) -> Claim | None:
        """Take a request to compute it; None when it is gone, or somebody else works on it, or it has ended a process
        before, which is then said in its place."""
        path = self.path(key, "request")
        try:
            file = open(path, "rb")  # noqa: SIM115 - held open while the request is held
        except OSError:
            return None
        try:
            if not lock_open_file(file.fileno(), path):
                raise OSError
            # It may have been answered, and asked for anew, between opening and locking.
            if os.fstat(file.fileno()).st_ino != path.stat().st_ino:
                raise OSError
        except OSError:
            file.close()
            return None
        claim = Claim(self, key, file)
        started = self.path(key, "started")
        if started.exists():
            claim.finish(CRASHED)
            return None
        started.touch()
        return claim

    def claim_next(self) -> Claim | None:
        """Take the request that waits longest; None when none is free."""
        self.answer_for_the_dead()
        return next(filter(None, map(self.claim, self.waiting())), None)

    def answer_for_the_dead(self) -> None:
        """Answer requests whose process has ended before it was done."""
        for path in self.folder.glob("*.started"):
            key = path.name.removesuffix(".started")
            claim = self.claim(key)  # which answers it
            if claim is not None:
                claim.leave()
            elif not self.pending(key):
                path.unlink(missing_ok=True)
