"""Home folder: refused in one line where it cannot be used; files in it are no more open than the folder itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lwal_core.errors import LwalError
from lwal_core.runs.paths import home, make_home
from lwal_core.system.locks import check_locks


class HomeError(LwalError):
    """The home cannot be used."""


def check_home(path: str | os.PathLike[str] | None = None) -> Path:
    """The home, made where it is missing, for a command that writes into it.

    Raises:
        HomeError: It is a file, cannot be written, or would lie in a folder that is missing.
        LocksUnsupportedError: Its file system has no locks.
    """
    folder = home(path)
    try:
        check_locks(make_home(folder))
    except FileNotFoundError:
        raise HomeError(missing_parent(folder), "Correct LWAL_HOME, or make that folder first.") from None
    except OSError as error:
        raise HomeError(
            f"The home {folder} cannot be written ({error.strerror}).",
            "Set LWAL_HOME to a folder of your own, or make room.",
        ) from None
    return folder


def missing_parent(folder: Path) -> str:
    """Sentence about a home that cannot be made, as the folder that it would lie in is missing."""
    return f"The home {folder} is not there, and neither is the folder {folder.parent} that it would lie in."


def private_umask() -> int:
    """Let this process make files that are no more open than the home; one that is still to be made is its user's alone.

    Returns:
        The umask before.
    """
    try:
        mode = stat.S_IMODE(home().stat().st_mode)
    except OSError:
        mode = stat.S_IRWXU
    before = os.umask(0o077)
    os.umask(before | (~mode & 0o077))
    return before
