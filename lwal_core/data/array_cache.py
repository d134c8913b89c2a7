"""Cache of expensive arrays on disk, written part by part: a killed process loses one part at most.

A cache folder is named after everything that decides its content, and may be deleted at any time. Every part is written
beside its place and moved there whole; whoever computes holds a lock that vanishes with the process, others wait for it and
then read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import DTypeLike, NDArray

from lwal_core.errors import DataError
from lwal_core.runs.files import atomic_write, write_json
from lwal_core.runs.paths import home
from lwal_core.system.locks import LocksUnsupportedError, LockTimeoutError, wait_for_lock

_SECONDS_BETWEEN_LOOKS = 0.5
"""How long a process that waits for another one sleeps before it asks whether it should stop."""


class Stopped(Exception):
    """Somebody asked to stop. The parts that are finished stay and are used the next time."""


def key_digest(key: dict[str, Any]) -> str:
    """Hexadecimal SHA-256 of what decides an array's content: plain values, by name."""
    return hashlib.sha256(orjson.dumps(key, option=orjson.OPT_SORT_KEYS)).hexdigest()


def cached_array(
    kind: str,
    key: dict[str, Any],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    compute: Callable[[int, int], NDArray[Any]],
    *,
    rows_a_part: int,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> NDArray[Any]:
    """An array from ``$LWAL_HOME/cache/<kind>/<digest of key>``, of which missing parts are computed.

    Args:
        kind: What such arrays are called, a folder's name.
        key: Everything that decides the content, kept beside it for people to read.
        shape: Of the whole array, ``(rows, ...)``.
        dtype: Of its numbers.
        compute: From the first row and the one after the last to these rows.
        rows_a_part: Rows that are computed and written at once.
        progress: Told the finished rows, those of earlier processes included, and all of them.
        should_stop: Asked before every part, and while another process computes.

    Returns:
        The array in memory.

    Raises:
        Stopped: `should_stop` said so.
        DataError: The folder cannot be written.
    """
    folder = home() / "cache" / kind / key_digest(key)[:32]
    starts = range(0, shape[0], rows_a_part)

    def missing() -> list[int]:
        return [start for start in starts if _read(folder, start, rows_a_part, shape, dtype) is None]

    def look(absent: list[int]) -> None:
        if should_stop is not None and should_stop():
            raise Stopped
        if progress is not None:
            progress(shape[0] - sum(min(rows_a_part, shape[0] - start) for start in absent), shape[0])

    absent = missing()
    if absent:
        look(absent)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder, lambda: look(missing())):
                write_json(folder / "about.json", key)
                absent = missing()  # another process may have computed meanwhile
                while absent:
                    look(absent)
                    start = absent.pop(0)
                    part = np.ascontiguousarray(compute(start, min(start + rows_a_part, shape[0])), dtype=dtype)
                    atomic_write(_path(folder, start), partial(_save, part))
            look(absent)
        except OSError as error:
            raise DataError(
                f"The cache folder {str(folder)!r} cannot be written: {error.strerror or error}.",
                "Free some space, or set LWAL_HOME to a folder of your own.",
            ) from error
    result = np.empty(shape, dtype=dtype)
    for start in starts:
        found = _read(folder, start, rows_a_part, shape, dtype)
        if found is None:
            raise DataError(f"A part of the cache folder {str(folder)!r} went missing.", "Start the run again.")
        result[start : start + rows_a_part] = found
    return result


def _path(folder: Path, start: int) -> Path:
    return folder / f"rows-{start:09d}.npy"


def _read(folder: Path, start: int, rows_a_part: int, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any] | None:
    """A part, mapped into memory and not yet read; None if it is not there or not what it should be."""
    try:
        part: NDArray[Any] = np.load(_path(folder, start), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    expected = (min(rows_a_part, shape[0] - start), *shape[1:])
    return part if part.shape == expected and part.dtype == np.dtype(dtype) else None


def _save(part: NDArray[Any], file: BinaryIO) -> None:
    np.save(file, part, allow_pickle=False)


@contextmanager
def _alone(folder: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder's lock; `waiting` is called now and then until it is free."""
    while True:
        try:
            held = wait_for_lock(folder / ".lock", _SECONDS_BETWEEN_LOOKS)
        except LockTimeoutError:
            waiting()
        except LocksUnsupportedError:
            yield  # Two processes do the same work and write the same parts.
            return
        else:
            break
    with held:
        for leftover in folder.glob(".*.part"):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)
        yield
