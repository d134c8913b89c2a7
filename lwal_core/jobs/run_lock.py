"""Advisory lock: one process per run, released by the system when the process dies."""

from __future__ import annotations

from pathlib import Path

from lwal_core.errors import TrainingError
from lwal_core.runs import paths
from lwal_core.system.locks import HeldLock, LockTimeoutError, wait_for_lock


class RunLock:
    """Held while a process owns a run, so that no run is trained twice at once.

    Args:
        folder: The run folder.
        wait: Seconds to wait for it; who only looks whether it is free holds it for an instant.

    Raises:
        TrainingError: On entering, when another process holds it.
        LocksUnsupportedError: On entering, when the file system has no locks.
    """

    def __init__(self, folder: Path, wait: float = 0.0) -> None:
        self.folder, self.wait = folder, wait
        self._held: HeldLock | None = None

    def __enter__(self) -> RunLock:
        if not self.folder.is_dir():
            raise TrainingError(f"{self.folder} is no folder.", "Give the folder of a run.")
        try:
            self._held = wait_for_lock(self.folder / paths.LOCK, self.wait)
        except LockTimeoutError:
            raise TrainingError(
                f"Run {self.folder.name} is being trained by another process.", "Wait for it or cancel it."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            self._held.close()
