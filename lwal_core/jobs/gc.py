"""Garbage collection of a home: what can be freed is shown first, then deleted on request."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from lwal_core.datafiles.uploaded_images import UPLOADS, unused_uploads
from lwal_core.errors import RunError
from lwal_core.jobs.run_lock import RunLock
from lwal_core.runs import list_runs, open_run, run_folder, runs_folder
from lwal_core.runs.disk_space import is_disk_full
from lwal_core.runs.paths import CHECKPOINT, LOCK, RESERVE
from lwal_core.runs.record import read_record
from lwal_core.runs.trash import delete_run, folder_size, list_trash, trash_folder
from lwal_core.security.permissions import check_writable

STALE_SECONDS = 3600.0
"""A temporary file this old belongs to a process that was killed while it wrote."""


@dataclass(frozen=True)
class Leftover:
    """Something that can be freed: what it is, where, and its size in bytes."""

    what: str
    path: Path
    size: int


def delete(run_id: str, home: Path | None = None) -> None:
    """Move a run to the trash, from which it can be restored.

    Raises:
        TrainingError: It is being trained. RunNotFound: There is no such run.
    """
    check_writable("delete a run")
    folder = run_folder(run_id, home)
    if not folder.is_dir():
        delete_run(run_id, home)  # says that there is none
    try:
        with RunLock(folder, wait=1.0):
            delete_run(run_id, home)
    except OSError as error:
        # On a full disk a lock file may not be made; where there is none, nobody has ever held it.
        if not is_disk_full(error) or (folder / LOCK).exists() or not folder.exists():
            raise
        delete_run(run_id, home)


def leftovers(home: Path, *, checkpoints: bool = False) -> list[Leftover]:
    """What can be freed without losing a result.

    Args:
        home: The home folder.
        checkpoints: Checkpoints of runs that are done, too. Such a run cannot be given more epochs any more; its model
            stays.
    """
    found = [Leftover("deleted run", trash_folder(home) / run.id, run.size) for run in list_trash(home)]
    uploads = unused_uploads(_data_in_use(home), home)
    found += [Leftover("uploaded images that no run uses", path, folder_size(path)) for path in uploads]
    old = time.time() - STALE_SECONDS
    for place, folders, names in os.walk(home):
        folders[:] = [
            name for name in folders if Path(place, name) not in (trash_folder(home), home / "data", home / UPLOADS)
        ]
        for name in names:
            path = Path(place, name)
            if name.endswith(".part") or (name == RESERVE and path.parent.parent == runs_folder(home)):
                try:
                    facts = path.lstat()
                except OSError:
                    continue
                if facts.st_mtime < old:
                    found.append(Leftover("unfinished file", path, facts.st_size))
    if checkpoints:
        for summary in list_runs(home):
            folder = run_folder(summary.id, home) / CHECKPOINT if summary.problem is None else None
            if folder is not None and summary.status == "done" and folder.is_dir():
                found.append(Leftover("checkpoint of a run that is done", folder, folder_size(folder)))
    return found


def collect(found: list[Leftover]) -> int:
    """Delete leftovers for good; returns the bytes that were freed. What a run has taken up since is left alone."""
    check_writable("free anything")
    freed = 0
    homes = {item.path.parents[1] for item in found if item.path.parent.name == UPLOADS}
    unused = {path for home in homes for path in unused_uploads(_data_in_use(home), home)}
    for item in found:
        if item.path.parent.name == UPLOADS and item.path not in unused:
            continue
        if item.path.name == CHECKPOINT and open_run(item.path.parent.name, item.path.parents[2]).status != "done":
            continue
        if item.path.is_dir() and not item.path.is_symlink():
            shutil.rmtree(item.path, ignore_errors=True)
        else:
            item.path.unlink(missing_ok=True)
        freed += item.size
    return freed


def _data_in_use(home: Path) -> set[str]:
    """Names of the data sets of all runs, those in the trash included, as they may be restored."""
    names = {run.data for run in list_runs(home, fresh=True)}
    for deleted in list_trash(home):
        try:
            names.add(read_record(trash_folder(home) / deleted.id).config.data.name)
        except RunError:  # damaged: it cannot be trained again
            continue
    return names
