"""Heartbeat of a training process: alive, resources used, disk space."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lwal_core.runs import Pulse, paths
from lwal_core.runs.disk_space import shortage
from lwal_core.runs.files import write_json

if TYPE_CHECKING:
    import psutil

BEAT_SECONDS = 2.0


class Heartbeat:
    """Writes ``pulse.json`` every two seconds from a thread of its own, until it is stopped.

    Args:
        folder: The run folder.
        no_room: Called with the reason when there is too little space to go on.
    """

    def __init__(self, folder: Path, no_room: Callable[[str], None]) -> None:
        self.folder, self.no_room = folder, no_room
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._process: psutil.Process | None = None

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(BEAT_SECONDS)

    def _run(self) -> None:
        """Beat until stopped; whatever goes wrong in one beat is told once, and the next one tries again."""
        told = ""
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._beat()
            except Exception as error:
                trouble = f"{type(error).__name__}: {error}"
                if trouble != told:
                    print(f"The heartbeat failed and goes on: {trouble}", file=sys.stderr, flush=True)
                told = trouble

    def _beat(self) -> None:
        import psutil

        if self._process is None:
            self._process = psutil.Process()
            self._process.cpu_percent()  # the first call starts the measurement
        used, total = _gpu_bytes()
        pulse = Pulse(
            updated=datetime.now(UTC),
            cpu_percent=round(self._process.cpu_percent(), 1),
            memory_bytes=self._process.memory_info().rss,
            gpu_used_bytes=used,
            gpu_total_bytes=total,
        )
        with contextlib.suppress(OSError):  # told by what is looked at next
            write_json(self.folder / paths.PULSE, pulse.model_dump(mode="json"), durable=False)
        reason = shortage(self.folder)
        if reason:
            self.no_room(reason)


def _gpu_bytes() -> tuple[int | None, int | None]:
    """Memory used and there on the GPU that this process trains on; torch is asked only where it is loaded anyway."""
    torch = sys.modules.get("torch")
    try:
        if torch is None or not torch.cuda.is_initialized():
            return None, None
        free, total = torch.cuda.mem_get_info()
    except (AttributeError, RuntimeError):
        return None, None
    return total - free, total
