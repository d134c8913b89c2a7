"""Seconds of training, without those of evaluation."""

from __future__ import annotations

import time


class Clock:
    """Counts seconds while it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None

    def go(self) -> None:
        """Run; without effect on one that does."""
        if self._since is None:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Stand; without effect on one that does."""
        if self._since is not None:
            self.seconds, self._since = self.seconds + time.perf_counter() - self._since, None
