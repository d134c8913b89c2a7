"""Background work: results that take longer than a page may wait, made in a thread and kept."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Generic, TypeVar

from lwal_core.errors import AnalysisError, LwalError

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")

SAME_SUBJECT = 4
"""Of requests about the same subject, how many are kept that are done."""


class Background(Generic[K, V]):
    """Work by request: what was made, and what is being made. The threads are daemons: nobody waits for a picture to stop
    the server.

    Args:
        what: What is made here, for the sentence about an unforeseen failure.
        hint: What to do then.
        kept: How much of what is done is kept.
        subject: What a request is about if a newer one about the same makes it pointless; None when none does. Of those
            only the newest few are kept.
    """

    def __init__(
        self, what: str, hint: str, kept: int, subject: Callable[[K], Hashable | None] = lambda request: None
    ) -> None:
        self.what, self.hint, self.kept, self.subject = what, hint, kept, subject
        self._jobs: OrderedDict[K, tuple[Future[V], float]] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, request: K, prepare: Callable[[], Callable[[], V]], patience: float) -> V | None:
        """What was asked for; None while it is being made. ``prepare`` returns the work."""
        with self._lock:
            job = self._jobs.get(request)
        if job is None:
            work = prepare()
            with self._lock:
                job = self._jobs.get(request)
                if job is None:
                    job = self._jobs[request] = (Future(), time.monotonic())
                    threading.Thread(target=self._make, args=(job[0], work), name="background", daemon=True).start()
                self._forget()
        try:
            made = job[0].result(patience)
        except NotYet:
            return None
        except BaseException as error:
            with self._lock:  # the next look tries again
                self._jobs.pop(request, None)
            if isinstance(error, LwalError):
                raise
            raise AnalysisError(f"{self.what} failed: {error}.", self.hint) from error
        with self._lock:
            if request in self._jobs:
                self._jobs.move_to_end(request)
        return made

    def seconds(self, request: K) -> float | None:
        """How long it has been in the making; None when it is done or nobody asked."""
        with self._lock:
            job = self._jobs.get(request)
        return None if job is None or job[0].done() else time.monotonic() - job[1]

    def forget_all(self) -> None:
        """Keep nothing that is done or being made."""
        with self._lock:
            self._jobs.clear()

    def _make(self, future: Future[V], work: Callable[[], V]) -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    def _forget(self) -> None:
        done = [request for request, (future, _) in self._jobs.items() if future.done()]
        surplus = done[: max(len(self._jobs) - self.kept, 0)]
        newer: Counter[Hashable] = Counter()
        for request in reversed(done):
            subject = self.subject(request)
            if subject is not None:
                newer[subject] += 1
                if newer[subject] > SAME_SUBJECT:
                    surplus.append(request)
        for request in set(surplus):
            del self._jobs[request]
