"""One process a run, whatever dies when: a lock that vanishes with the process that holds it."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from lwal_core.errors import TrainingError
from lwal_core.runs import paths


class RunLock:
    """Held while a process owns a run, so that no run is trained twice at once.

    Args:
        folder: The run folder.
        wait: Seconds to wait for it; who only looks whether it is free holds it for an instant.

    Raises:
        TrainingError: On entering, when another process holds it.
    """

    def __init__(self, folder: Path, wait: float = 0.0) -> None:
        self.folder, self.wait = folder, wait
        self._file: IO[bytes] | None = None

    def __enter__(self) -> RunLock:
        if not self.folder.is_dir():
            raise TrainingError(f"{self.folder} is no folder.", "Give the folder of a run.")
        self._file = open(self.folder / paths.LOCK, "ab")
        deadline = time.monotonic() + self.wait
        while not try_lock(self._file):
            if time.monotonic() >= deadline:
                self._file.close()
                raise TrainingError(
                    f"Run {self.folder.name} is being trained by another process.", "Wait for it or cancel it."
                )
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file for this process alone; False when another process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
