"""Owner of a run: one process, told apart from any other with the same number."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from pydantic import BaseModel


class Owner(BaseModel):
    """A process that has a run in its hands.

    A process id alone may be reused. ``boot`` and ``ticks`` (the kernel's own count since it started) tell a process for
    certain and do not move when somebody sets the clock; where the kernel does not say (macOS), the start time does.
    """

    host: str
    pid: int
    started: float
    boot: str = ""
    ticks: int | None = None

    @classmethod
    def this_process(cls) -> Owner:
        """The calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Owner:
        """A process of this machine."""
        import psutil

        facts = _kernel_facts(pid)
        return cls(
            host=socket.gethostname(),
            pid=pid,
            started=psutil.Process(pid).create_time(),
            boot=_boot(),
            ticks=facts[1] if facts else None,
        )

    def alive(self) -> bool | None:
        """Whether the process still runs; None when it is on another machine and cannot be asked."""
        if self.host != socket.gethostname():
            return None
        if self.ticks is not None and self.boot and _boot():
            facts = _kernel_facts(self.pid)
            return self.boot == _boot() and facts is not None and facts[0] not in "ZX" and facts[1] == self.ticks
        import psutil

        try:
            process = psutil.Process(self.pid)
            # Start times are derived from the boot clock and can drift by fractions of a second.
            return abs(process.create_time() - self.started) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@cache
def _boot() -> str:
    """What the kernel calls the time since it was started; empty where it has no name for it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _kernel_facts(pid: int) -> tuple[str, int] | None:
    """State letter and start in ticks since the machine was started; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        # The second field is the program's name in brackets and may hold anything, brackets too.
        fields = text.rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return None
