"""Trash: deleted runs, kept whole until it is emptied, in ``$LWAL_HOME/bin/<id>``."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from lwal_core.errors import RunError, RunNotFound
from lwal_core.runs import paths
from lwal_core.runs.files import write_json
from lwal_core.security.permissions import check_writable


@dataclass(frozen=True)
class DeletedRun:
    """A deleted run: its id, when it was deleted (None when that is not known) and its size on disk."""

    id: str
    deleted: datetime | None
    size: int


def trash_folder(home: str | os.PathLike[str] | None = None) -> Path:
    """Folder of deleted runs."""
    return paths.home(home) / "bin"


def delete_run(run_id: str, home: str | os.PathLike[str] | None = None) -> None:
    """Move a run folder, sound or damaged, to the trash.

    The caller sees to it that nobody trains the run, see :func:`lwal_core.jobs.gc.delete`.

    Raises:
        RunNotFound: No run has this id.
    """
    check_writable("delete a run")
    folder = paths.run_folder(run_id, home)
    if not folder.is_dir():
        raise RunNotFound(f"There is no run {run_id!r}.", "Ids are listed by `lwal runs` and on the home page.")
    target = trash_folder(home) / run_id
    if target.exists():
        raise RunError(f"The trash already holds a run {run_id}.", "Restore it or empty the trash first.")
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(folder, target)  # first, as it needs no space on a full disk
    with suppress(OSError):
        write_json(target / paths.DELETED, {"at": datetime.now(UTC).isoformat()}, durable=False)


def restore_run(run_id: str, home: str | os.PathLike[str] | None = None) -> None:
    """Move a run back from the trash.

    Raises:
        RunNotFound: It is not in the trash. RunError: Another run took its place.
    """
    check_writable("restore a run")
    folder = paths.run_folder(run_id, home)
    source = trash_folder(home) / run_id
    if not source.is_dir():
        raise RunNotFound(f"There is no run {run_id!r} in the trash.", "`lwal trash` lists what it holds.")
    if folder.exists():
        raise RunError(f"There is a run {run_id} beside the one in the trash.", "Move one of them out of the home.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, folder)
    (folder / paths.DELETED).unlink(missing_ok=True)


def list_trash(home: str | os.PathLike[str] | None = None) -> list[DeletedRun]:
    """Deleted runs, deleted last first."""
    try:
        folders = [Path(entry.path) for entry in os.scandir(trash_folder(home)) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    found = [DeletedRun(folder.name, _deleted(folder), folder_size(folder)) for folder in folders]
    long_ago = datetime.fromtimestamp(0, UTC)
    return sorted(found, key=lambda run: (run.deleted or long_ago, run.id), reverse=True)


def empty_trash(home: str | os.PathLike[str] | None = None) -> int:
    """Delete for good what the trash holds; returns the bytes that were freed."""
    check_writable("empty the trash")
    freed = 0
    for run in list_trash(home):
        shutil.rmtree(trash_folder(home) / run.id, ignore_errors=True)
        freed += run.size
    return freed


def folder_size(folder: Path) -> int:
    """Bytes in all files below a folder; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def _deleted(folder: Path) -> datetime | None:
    try:
        found = datetime.fromisoformat(orjson.loads((folder / paths.DELETED).read_bytes())["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
