"""Queue of run ids, in one of huey's stores.

It is an index and no more. What a run is and whether it still waits stands in its ``run.json``; a queue that is lost,
emptied or damaged is filled again from the run folders. That is why only the store of huey is used: its messages would
be pickles, which nobody should read from a server that others can write to, and its consumer takes a message before it
is known whether there is a slot for it.

A file beside the runs serves one machine. ``LWAL_QUEUE_URL`` (``redis://``, ``rediss://``, ``unix://``, ``postgresql://``)
serves several, which share the home folder.
"""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lwal_core.errors import RunNotFound, TrainingError
from lwal_core.runs import paths
from lwal_core.settings import settings

if TYPE_CHECKING:
    from huey.storage import BaseStorage

FILE = "queue.db"
REDIS_SCHEMES = ("redis", "rediss", "unix")
POSTGRES_SCHEMES = ("postgresql", "postgres")
AHEAD = 0.5
"""Runs that were begun already go before the others of their priority."""


def connection_errors() -> tuple[type[Exception], ...]:
    """Errors by which a store says that it cannot be reached: the system's, SQLite's, and those of the clients that are
    loaded."""
    clients = (("redis.exceptions", "RedisError"), ("psycopg", "Error"))
    loaded = [getattr(sys.modules[module], name) for module, name in clients if module in sys.modules]
    return (OSError, sqlite3.Error, *loaded)


class Queue:
    """The queue of a home.

    Args:
        home: The home folder.
        url: Address of a server; by default ``LWAL_QUEUE_URL``, and where that is unset a file in the home.
    """

    def __init__(self, home: Path, url: str | None = None) -> None:
        self.home = home
        self.folder = home / "queue"
        self.url = settings().queue_url if url is None else url
        self._store: BaseStorage | None = None

    @property
    def title(self) -> str:
        """Where the queue is, for people; without the password."""
        if not self.url:
            return str(self.folder / FILE)
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def add(self, run_id: str, priority: int = 0, *, ahead: bool = False) -> None:
        """Put a run at the end of those with its priority.

        Args:
            run_id: The run.
            priority: Higher goes first.
            ahead: Before the others of its priority rather than behind them.

        Raises:
            TrainingError: The server cannot be reached.
        """
        rank = priority + (AHEAD if ahead else 0.0)
        self._do(lambda store: store.enqueue(run_id.encode(), rank))

    def take(self) -> str | None:
        """Take the first run out; None when there is none. Of several workers, one gets it.

        Raises:
            TrainingError: The server cannot be reached.
        """
        data = self._do(lambda store: store.dequeue())
        return None if data is None else self._checked(data)

    def first(self) -> str | None:
        """The run that :meth:`take` would take; None when there is none."""
        items = self._do(lambda store: store.enqueued_items(limit=1))
        return self._checked(items[0]) if items else None

    def run_ids(self) -> list[str]:
        """All runs in the queue, the next one first."""
        return [self._checked(data) for data in self._do(lambda store: store.enqueued_items())]

    def close(self) -> None:
        """Close the connection; it opens again when needed."""
        if self._store is not None:
            try:
                self._store.close()
            finally:
                self._store = None

    def _checked(self, data: bytes | memoryview) -> str:
        """The id in a message; what is none becomes empty, as anybody may write to a server."""
        run_id = bytes(data).decode("utf-8", "replace")
        try:
            paths.run_folder(run_id, self.home)
        except RunNotFound:
            return ""
        return run_id

    def _do(self, act):  # type: ignore[no-untyped-def]
        """Use the store; a damaged file is put aside and begun anew, a lost connection is told in words. What is neither is
        a mistake in this program, and is raised as it is."""
        from huey.exceptions import ConfigurationError

        try:
            try:
                return act(self._opened())
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                self._put_damaged_aside()
                return act(self._opened())
        except ConfigurationError as error:
            extra = "postgres" if urlsplit(self.url).scheme in POSTGRES_SCHEMES else "redis"
            raise TrainingError(
                f"The queue at {self.title} cannot be used: {error}", f"pip install 'lwal-explorer[{extra}]'."
            ) from None
        except connection_errors() as error:
            self._drop()
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise TrainingError(
                f"The queue at {self.title} cannot be reached: {reason.rstrip('.')}.",
                "Check that its server runs, and LWAL_QUEUE_URL."
                if self.url
                else "Check that the folder can be written.",
            ) from None

    def _opened(self) -> BaseStorage:
        if self._store is None:
            self._store = self._open()
        return self._store

    def _open(self) -> BaseStorage:
        from huey.storage import PostgresStorage, PriorityRedisStorage, SqliteStorage

        paths.make_home(self.home)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"lwal{self._home_id()}"
        scheme = urlsplit(self.url).scheme
        if scheme in REDIS_SCHEMES:
            return PriorityRedisStorage(name, blocking=False, url=self.url)
        if scheme in POSTGRES_SCHEMES:
            return PostgresStorage(name, dsn=self.url, blocking=False, table_prefix="lwal", connect_timeout=10)
        return SqliteStorage(name, filename=str(self.folder / FILE), strict_fifo=True, timeout=10)

    def _home_id(self) -> str:
        """What tells this home's queue from another's on the same server."""
        path = self.folder / "id"
        for _ in range(2):
            try:
                found = path.read_text(encoding="ascii", errors="replace").strip()
            except FileNotFoundError:
                found = ""
            if re.fullmatch(r"[0-9a-f]{16}", found):
                return found
            temporary = self.folder / f".id.{secrets.token_hex(6)}.part"
            temporary.write_text(secrets.token_hex(8), encoding="ascii")
            if found:  # damaged: any new name does, as the queue is filled again from the runs
                os.replace(temporary, path)
                continue
            try:
                os.link(temporary, path)  # a link never replaces the name that another process chose just now
            except FileExistsError:
                pass
            finally:
                temporary.unlink(missing_ok=True)
        return path.read_text(encoding="ascii").strip()

    def _put_damaged_aside(self) -> None:
        self._drop()
        for suffix in ("", "-wal", "-shm"):
            path = self.folder / (FILE + suffix)
            if path.exists():
                os.replace(path, self.folder / f"{FILE}{suffix}.damaged")

    def _drop(self) -> None:
        store, self._store = self._store, None
        try:
            if store is not None:
                store.close()
        except Exception:  # it is broken already, whatever it says
            return
