"""Socket of a home's inference server, in a folder only this user may enter."""

from __future__ import annotations

import os
import stat
import tempfile
from hashlib import blake2b
from pathlib import Path

from lwal_core.errors import InferenceError
from lwal_core.runs.paths import home
from lwal_core.security.permissions import locked

LONGEST_PATH = 100
"""Bytes of a socket's path that every system takes: 108 on Linux, 104 on macOS, with the closing zero."""
SOCKET, SERVER_LOCK, START_LOCK, LOG = "server.sock", "server.lock", "start.lock", "log.txt"


def server_folder(home_path: Path | None = None) -> Path:
    """The private folder of a home's server, made if missing.

    It is ``$LWAL_HOME/inference``, or where that is too long for a socket's path or nothing in the home may be changed, one
    in the system's folder for temporary files that carries a digest of the home. It is the same whoever asks: the server
    itself does not know for whom it was started.

    Raises:
        InferenceError: It cannot be made, or it belongs to somebody else.
    """
    folder = home(home_path) / "inference"
    if locked() or len(os.fsencode(folder / SOCKET)) > LONGEST_PATH:
        digest = blake2b(os.fsencode(folder), digest_size=8).hexdigest()
        folder = Path(tempfile.gettempdir()) / f"lwal-{os.getuid()}-{digest}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
            raise InferenceError(
                f"{str(folder)!r} is no folder of yours, so no model is asked through it.",
                "Move it away and try again.",
            )
        if stat.S_IMODE(facts.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise InferenceError(
            f"The folder for the process that holds the models cannot be made ({error}).",
            "Make room, or make it writable.",
        ) from None
    return folder
