"""Free disk space: enough for the next epoch, with a reserve for others."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from lwal_core.runs import paths
from lwal_core.settings import settings

FIRST_BYTES = 8 * 2**20
"""What a run is expected to write before its first checkpoint says how large one is: a small network's files."""
RESERVE_BYTES = 64 * 1024
"""Set aside in a run folder while it is trained, to be given up for its last words when the disk is full."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def next_epoch_bytes(folder: Path) -> int:
    """What finishing an epoch needs: a second copy of every file that is replaced, and a new label snapshot
    and sample of the test set."""
    files = [folder / paths.EVALUATION, folder / paths.SAMPLES]
    for part in (paths.CHECKPOINT, paths.MODEL):
        files += (folder / part).glob("*")
    written = sum(map(_size, files))
    epochs = paths.label_epochs(folder)
    labels = _size(paths.label_file(folder, epochs[-1])) if epochs else 0
    tested = paths.tested_epochs(folder)
    labels += _size(paths.tested_file(folder, tested[-1])) if tested else 0
    return written + labels + 2**20 if written else FIRST_BYTES


def shortage(folder: Path) -> str:
    """Why a run cannot go on for want of space, in one sentence; empty when it can.

    Args:
        folder: The run folder.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""  # whatever it is, writing will say it better
    needed = next_epoch_bytes(folder) + settings().keep_free_mb * 10**6
    if free >= needed:
        return ""
    return f"Only {_megabytes(free)} are free on the disk, and {_megabytes(needed)} are needed to go on."


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that the disk, or the quota, is full."""
    return isinstance(error, OSError) and error.errno in _FULL


def set_aside(folder: Path) -> None:
    """Make the file that is given up when the disk is full."""
    with open(folder / paths.RESERVE, "wb") as file:
        file.write(b"\0" * max(RESERVE_BYTES, 2 * _size(folder / paths.RECORD)))


def give_up_reserve(folder: Path) -> None:
    """Delete the file that :func:`set_aside` made."""
    (folder / paths.RESERVE).unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB" if count >= 10**7 else f"{count / 1e6:,.1f} MB"
