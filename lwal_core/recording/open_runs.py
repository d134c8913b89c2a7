"""Runs that this process records: closed when the process ends, let go of in processes that are forked from it."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from typing import Any, Protocol
from weakref import WeakValueDictionary

from lwal_core.errors import LwalError


class RecordWarning(UserWarning):
    """Something could not be recorded."""


class Closable(Protocol):
    """A recorder, as far as it matters here."""

    def end(self, status: Any, reason: str = "") -> None:
        """Close the run."""

    def let_go(self) -> None:
        """Forget the run in a forked process."""


class OpenRuns:
    """Recorders whose run is open, as long as the program holds them."""

    def __init__(self) -> None:
        self._open: WeakValueDictionary[int, Closable] = WeakValueDictionary()
        atexit.register(self._close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._let_go)

    def add(self, recorder: Closable) -> None:
        """Remember a recorder."""
        self._open[id(recorder)] = recorder

    def discard(self, recorder: Closable) -> None:
        """Forget a recorder."""
        self._open.pop(id(recorder), None)

    def _close(self) -> None:
        error = getattr(sys, "last_value", None)
        why = f" ({type(error).__name__}: {error})" if error is not None else ""
        for recorder in list(self._open.values()):
            try:
                recorder.end("interrupted", f"its program ended without finish(){why}")
            except (LwalError, OSError) as failed:  # strict, and there is nobody left to be told
                print(failed, file=sys.stderr)

    def _let_go(self) -> None:
        for recorder in list(self._open.values()):
            recorder.let_go()
        self._open.clear()


def say(message: str) -> None:
    """Warn whoever runs the program, at the line that called the recorder."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, RecordWarning, stacklevel=level)


_INSIDE = frozenset({"lwal_core", "contextlib"})
