"""Cache of projections: ``$LWAL_HOME/cache/projections``.

An entry is named by a digest of everything that decides it: the vectors themselves, the method with all parameters, and
the versions of the algorithms. It begins with a checksum; whatever does not fit its checksum counts as absent and is
replaced by the next computation. All of it may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import numpy as np

from lwal_core.analysis.projection import Projection
from lwal_core.runs.files import atomic_write
from lwal_core.runs.paths import home
from lwal_core.settings import settings

SUFFIX = ".layout"  # as release 0.1 named them
LEFTOVER_SECONDS = 3_600.0
"""Age from which a half-written file belongs to a process that has died."""

_CHECKSUM_BYTES = 32


class ProjectionCache:
    """Projections in a folder, any number of processes at once.

    Args:
        folder: Where; by default the one in the home folder. It is made when something is written.
        limit: Bytes that all entries together may have, the newest one apart; by default ``LWAL_CACHE_MB``; 0 keeps nothing.
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = folder or home() / "cache" / "projections"
        self.limit = settings().cache_mb * 2**20 if limit is None else limit

    def get(self, key: str) -> list[Projection] | None:
        """The projections kept under a key; None when there are none or the file is damaged."""
        path = self._path(key)
        try:
            found = unpack(path.read_bytes(), key)
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(path)  # the oldest used are the first to go
        return found

    def put(self, key: str, projections: Sequence[Projection]) -> bool:
        """Keep projections under a key, and let go of what was not used for longest; False when the folder cannot be
        written."""
        data = pack(projections, key)
        try:
            atomic_write(self._path(key), lambda file: file.write(data), durable=False)
            self._make_room(key)
        except OSError:
            return False
        return True

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _make_room(self, newest: str) -> None:
        entries: list[tuple[float, int, Path]] = []
        for entry in os.scandir(self.folder):
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError:  # another process was quicker
                continue
            if entry.name.endswith(SUFFIX):
                entries.append((facts.st_mtime_ns, facts.st_size, Path(entry.path)))
            elif entry.name.endswith(".part") and facts.st_mtime < time.time() - LEFTOVER_SECONDS:
                Path(entry.path).unlink(missing_ok=True)
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self.limit:
                break
            if path.name != f"{newest}{SUFFIX}":
                path.unlink(missing_ok=True)
                total -= size


# --- the file of an entry: checksum, then safetensors ---------------------------------------------------------------


def _checksum(payload: bytes, key: str) -> bytes:
    # With the key in it, an entry under the name of another one counts as damaged, too.
    return blake2b(payload, digest_size=_CHECKSUM_BYTES, key=key.encode()[:64]).digest()


def pack(projections: Sequence[Projection], key: str) -> bytes:
    """Projections as bytes, with a checksum."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    about = []
    for index, projection in enumerate(projections):
        arrays[f"points-{index}"] = np.ascontiguousarray(projection.points)
        if projection.explained is not None:
            arrays[f"explained-{index}"] = np.ascontiguousarray(projection.explained)
        about.append(
            {"method": projection.method, "requested": projection.requested, "note": projection.note, "params": projection.params,
             "stress": projection.stress, "disparity": projection.disparity}
        )  # fmt: skip
    # json keeps every digit of a float, and says NaN.
    text = json.dumps(about, default=lambda value: value.item()).encode()
    arrays["about"] = np.frombuffer(text, dtype=np.uint8)
    payload = save(arrays)
    return _checksum(payload, key) + payload


def unpack(data: bytes, key: str) -> list[Projection]:
    """Projections from their bytes.

    Raises:
        ValueError: They are damaged, or belong to another key.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    checksum, payload = data[:_CHECKSUM_BYTES], data[_CHECKSUM_BYTES:]
    if checksum != _checksum(payload, key):
        raise ValueError("the file does not fit its checksum")
    try:
        arrays = load(payload)
        about = json.loads(arrays["about"].tobytes())
        return [
            Projection(arrays[f"points-{index}"], explained=arrays.get(f"explained-{index}"), **facts)
            for index, facts in enumerate(about)
        ]
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"not the projections that this version writes: {error}") from error
