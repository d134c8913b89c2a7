"""Index of run summaries in SQLite: a process that starts need not read every folder.

It is never the truth: an entry counts only while the files that it was made from have the same times and sizes, and an
index that is lost, damaged, of another version or not to be written is made anew from the folders, or done without.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

import lwal_core
from lwal_core.security.permissions import check_writable

FILE = "index.db"
LEAST_RUNS = 200
"""Runs from which on there is an index; fewer are read as fast."""
WAIT_SECONDS = 0.2
"""How long to wait for another process that writes; whoever gives up reads the folders."""

Stamp = tuple[int, int, int, int]
"""Times of change in nanoseconds and sizes in bytes of the files that a summary is made from."""


def load_index(home: Path) -> dict[str, tuple[Stamp, bytes]]:
    """Entries of a home's index: by folder name the stamp and the summary as JSON; empty where none can be used."""
    path = home / FILE
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=WAIT_SECONDS, uri=True)) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] != _version():
                return {}
            rows = db.execute("SELECT name, a, b, c, d, summary FROM runs").fetchall()
        return {str(name): ((int(a), int(b), int(c), int(d)), bytes(text)) for name, a, b, c, d, text in rows}
    except (sqlite3.Error, TypeError, ValueError, OverflowError):
        return {}


def save_index(home: Path, entries: Mapping[str, tuple[Stamp, bytes]], gone: Iterable[str] = ()) -> bool:
    """Add entries to a home's index, and take out those of folders that are gone; False where that cannot be done.

    Args:
        home: The home folder.
        entries: By folder name, as :func:`load_index` gives them.
        gone: Names of folders that are not there any more.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("keep an index")
    path = home / FILE
    try:
        return _save(path, entries, gone)
    except sqlite3.OperationalError:  # another process writes, or nobody may
        return False
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)  # damaged: the next one makes it anew
        return False
    except OSError:
        return False


def _save(path: Path, entries: Mapping[str, tuple[Stamp, bytes]], gone: Iterable[str]) -> bool:
    # A journal of its own kind (WAL) would need memory that machines share.
    with closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] != _version():
            db.execute("DROP TABLE IF EXISTS runs")
            db.execute(f"PRAGMA user_version = {_version()}")
        db.execute("CREATE TABLE IF NOT EXISTS runs (name TEXT PRIMARY KEY, a, b, c, d, summary BLOB) WITHOUT ROWID")
        db.executemany("DELETE FROM runs WHERE name = ?", [(name,) for name in gone])
        db.executemany(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)",
            [(name, *stamp, text) for name, (stamp, text) in entries.items()],
        )
        db.execute("COMMIT")
    return True


@cache
def _version() -> int:
    """Number of the code that makes summaries, 31 bits: another version may make others of the same files."""
    root = Path(lwal_core.__file__).parent
    digest = hashlib.sha256(lwal_core.__version__.encode())
    for folder in ("config", "runs"):
        for path in sorted((root / folder).rglob("*.py")):
            facts = os.stat(path)
            digest.update(f"{path.name} {facts.st_size} {facts.st_mtime_ns}".encode())
    return int.from_bytes(digest.digest()[:4], "big") >> 1
