"""File locks: advisory, one holder at a time, released by the system when the process ends, whatever ends it.

Every lock of this project is taken here. filelock does the locking itself; a lock file stays where it is when it is
released, as a file that is deleted while others open it would be two locks of one name.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from lwal_core.errors import LwalError

POLL_SECONDS = 0.05
SECONDS = 10.0
"""How long a short change of a file may take whoever holds its lock."""


class LocksUnsupportedError(LwalError):
    """The file system has no locks, so that two processes could write the same file."""

    def __init__(self, folder: Path, error: OSError, what: str = "folder") -> None:
        super().__init__(
            f"The {what} {folder} cannot lock files ({error.strerror}).",
            "Set LWAL_HOME to a folder on a local disk, or mount its file system with locks (NFS 4 has them).",
        )


class LockTimeoutError(LwalError):
    """Another process holds a lock for longer than anybody should."""


class HeldLock:
    """A lock that is held until :meth:`close`; as a context manager until its end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def try_lock(path: Path) -> HeldLock | None:
    """Take a lock without waiting; None when another process or thread holds it.

    Args:
        path: A file, made if missing, or a folder.

    Raises:
        LocksUnsupportedError: The file system has no locks.
        OSError: The file cannot be opened.
    """
    descriptor = _opened(path)
    try:
        if lock_open_file(descriptor, path):
            return HeldLock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def wait_for_lock(path: Path, seconds: float | None = None, subject: str = "") -> HeldLock:
    """Take a lock, waiting for whoever holds it.

    Args:
        path: A file, made if missing, or a folder.
        seconds: How long to wait; :data:`SECONDS` when left out.
        subject: What the lock is for, as it begins a sentence; its path when left out.

    Raises:
        LockTimeoutError: It is still held after this long.
        LocksUnsupportedError: The file system has no locks.
        OSError: The file cannot be opened.
    """
    seconds = SECONDS if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while (held := try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise LockTimeoutError(
                f"{subject or path} has been locked by another process for {seconds:g} seconds.",
                f"Try again, or end the process that holds {path}.",
            )
        time.sleep(POLL_SECONDS)
    return held


@contextmanager
def file_lock(path: Path, seconds: float | None = None, subject: str = "") -> Iterator[None]:
    """Hold a lock while something is done; see :func:`wait_for_lock`."""
    with wait_for_lock(path, seconds, subject):
        yield


def lock_open_file(descriptor: int, path: Path) -> bool:
    """Lock a file that is open already; False when another process holds it.

    Args:
        descriptor: Its number; closing it releases the lock.
        path: Its name, for the error.

    Raises:
        LocksUnsupportedError: The file system has no locks.
    """
    try:
        return lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        raise LocksUnsupportedError(path.parent, error) from None


def check_locks(folder: Path) -> None:
    """Refuse a home whose file system has no locks.

    Raises:
        LocksUnsupportedError: It has none.
        OSError: No file can be made there.
    """
    descriptor, name = tempfile.mkstemp(prefix=".lock-", dir=folder)
    try:
        lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        raise LocksUnsupportedError(folder, error, "home") from None
    finally:
        os.close(descriptor)
        with suppress(OSError):
            os.unlink(name)


def _opened(path: Path) -> int:
    """A folder, or a file that somebody else made and this user may only read, is locked as it is read."""
    if path.is_dir():
        return os.open(path, os.O_RDONLY)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)
