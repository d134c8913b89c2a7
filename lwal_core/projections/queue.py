"""Queue of projection requests, as files beside the cache.

``KEY.request`` holds a task. Whoever computes it holds a lock on that file, which vanishes with its process, and leaves
``KEY.started`` beside it: a request that was started and is not locked has ended the process that worked on it, and is
answered with an error rather than tried for ever. ``KEY.error`` says what went wrong, until the key is asked for again.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import IO, Any

import orjson

from lwal_core.errors import AnalysisError, LwalError
from lwal_core.projections.cache import LayoutCache
from lwal_core.projections.task import LayoutTask, read_task, task_bytes
from lwal_core.runs.files import write_json
from lwal_core.system.locks import lock_open_file

FORGET_SECONDS = 86_400.0
"""Age from which requests and errors that nobody took up are swept away."""
CRASHED = (
    "The process that computed this layout ended without a word; perhaps the memory was full.",
    "Choose another projection, or try again.",
)


class Claim:
    """A request that this process is to compute; nobody else does while it is held."""

    def __init__(self, queue: Queue, key: str, file: IO[bytes]) -> None:
        self.queue, self.key, self._file = queue, key, file

    def read(self) -> LayoutTask:
        """The task.

        Raises:
            ValueError: The file is damaged.
        """
        self._file.seek(0)
        return read_task(self._file.read())

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

    def __init__(self, cache: LayoutCache) -> None:
        self.cache = cache
        self.folder = cache.folder / "queue"

    def path(self, key: str, kind: str) -> Path:
        """File of a key: ``request``, ``started`` or ``error``."""
        return self.folder / f"{key}.{kind}"

    def submit(self, task: LayoutTask) -> None:
        """Ask for a task, unless it is asked for already.

        Raises:
            OSError: The folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        request = self.path(task.key, "request")
        self.path(task.key, "error").unlink(missing_ok=True)
        if request.exists():
            return
        temporary = self.folder / f".{task.key}.{secrets.token_hex(6)}.part"
        try:
            temporary.write_bytes(task_bytes(task))
            # A link, other than a rename, never replaces a request that somebody is working on.
            os.link(temporary, request)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)

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

    def claim_newest(self) -> Claim | None:
        """Take the newest request that is free: who asked last still looks at the page."""
        found: list[tuple[int, str]] = []
        now = time.time()
        try:
            entries = list(os.scandir(self.folder))
        except OSError:
            return None
        for entry in entries:
            key, _, kind = entry.name.rpartition(".")
            if kind not in ("request", "error", "part"):
                continue
            try:
                facts = entry.stat()
            except OSError:
                continue
            if facts.st_mtime < now - FORGET_SECONDS:
                Path(entry.path).unlink(missing_ok=True)
                self.path(key, "started").unlink(missing_ok=True)
            elif kind == "request":
                found.append((facts.st_mtime_ns, key))
        for _, key in sorted(found, reverse=True):
            claim = self.claim(key)
            if claim is not None:
                return claim
        return None


def answer(claim: Claim, task: LayoutTask) -> None:
    """Compute a claimed task into the cache, or say what went wrong; never raises."""
    cache = claim.queue.cache
    try:
        if cache.get(task.key) is None and not cache.put(task.key, task.compute()):
            raise AnalysisError(
                f"The layout cannot be written to {cache.folder}.", "Make room, or make the folder writable."
            )
    except LwalError as error:
        claim.finish((error.message, error.hint))
    except Exception as error:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        claim.finish((f"The layout failed ({what}).", "Choose another projection."))
    else:
        claim.finish()
