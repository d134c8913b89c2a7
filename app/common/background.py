"""Background work: results that take longer than a page may wait, made in a thread and kept; dropped with their session."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lwal_core.errors import AnalysisError, LwalError
from lwal_core.projections import Abandoned

K = TypeVar("K", bound=tuple[Any, ...])
V = TypeVar("V")
Wanted = Callable[[], bool]
"""Whether somebody still waits for a piece of work."""

SAME_SUBJECT = 4
"""Of requests about the same subject, how many are kept that are done."""
LEASE_SECONDS = 90.0
"""How long a session is waited for that does not ask again; browsers let hidden pages ask once per minute."""


@dataclass(eq=False)
class _Job(Generic[V]):
    """Work in the making or done: its result, when it began, and when each session asked for it last."""

    future: Future[V] = field(default_factory=Future)
    started: float = field(default_factory=time.monotonic)
    asked: dict[str, float] = field(default_factory=dict)


class Background(Generic[K, V]):
    """Work by request: what was made, and what is being made. The threads are daemons: nobody waits for a picture to stop
    the server.

    Args:
        what: What is made here, for the sentence about an unforeseen failure.
        hint: What to do then.
        kept: How much of what is done is kept.
        subject: What a request is about if a newer one about the same makes it pointless; None when none does. Of those
            only the newest few are kept.
        lane: Of requests in one lane a session waits for the newest alone; None for requests beside all others.
        at_once: Pieces of work that are made at the same time.
    """

    def __init__(
        self,
        what: str,
        hint: str,
        kept: int,
        subject: Callable[[K], Hashable | None] = lambda request: None,
        lane: Callable[[K], Hashable | None] = lambda request: None,
        at_once: int = 32,
    ) -> None:
        self.what, self.hint, self.kept, self.subject, self.lane = what, hint, kept, subject, lane
        self._jobs: OrderedDict[K, _Job[V]] = OrderedDict()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(at_once)

    def ask(self, request: K, prepare: Callable[[], Callable[[Wanted], V]], patience: float) -> V | None:
        """What was asked for; None while it is being made.

        Args:
            request: What is asked for.
            prepare: Returns the work, which may ask whether it is still wanted.
            patience: Seconds to wait.
        """
        session = session_id()
        with self._lock:
            job = self._jobs.get(request)
        if job is None:
            work = prepare()
            with self._lock:
                job = self._jobs.get(request)
                if job is None:
                    job = self._jobs[request] = _Job()
                    job.asked[session] = time.monotonic()
                    threading.Thread(target=self._make, args=(job, work), name="background", daemon=True).start()
                self._forget()
        with self._lock:
            job.asked[session] = time.monotonic()
            self._leave_others(request, session)
        try:
            made = job.future.result(patience)
        except NotYet:
            return None
        except BaseException as error:
            with self._lock:  # the next look tries again
                self._jobs.pop(request, None)
            if isinstance(error, Abandoned):
                return None
            if isinstance(error, LwalError):
                raise
            raise AnalysisError(f"{self.what} failed: {error}.", self.hint) from error
        with self._lock:
            if request in self._jobs:
                self._jobs.move_to_end(request)
        return made

    def seconds(self, request: K) -> float | None:
        """How long it has been in the making; None when it is done or nobody asked. Counts as asking again."""
        with self._lock:
            job = self._jobs.get(request)
            if job is None or job.future.done():
                return None
            if (session := session_id()) in job.asked:
                job.asked[session] = time.monotonic()
        return time.monotonic() - job.started

    def forget_all(self) -> None:
        """Keep nothing that is done or being made."""
        with self._lock:
            self._jobs.clear()

    def _leave_others(self, request: K, session: str) -> None:
        """A session does not wait any more for what it asked for before in the same lane."""
        lane = self.lane(request)
        for other, job in self._jobs.items() if lane is not None else ():
            if other != request and self.lane(other) == lane and not job.future.done():
                job.asked.pop(session, None)

    def _wanted(self, job: _Job[V]) -> bool:
        fresh = time.monotonic() - LEASE_SECONDS
        with self._lock:
            return any(asked > fresh and session_lives(session) for session, asked in job.asked.items())

    def _make(self, job: _Job[V], work: Callable[[Wanted], V]) -> None:
        try:
            with self._slots:
                if not self._wanted(job):
                    raise Abandoned
                job.future.set_result(work(lambda: self._wanted(job)))
        except BaseException as error:
            job.future.set_exception(error)
            if not self._wanted(job):
                with self._lock:
                    for request in [each for each, known in self._jobs.items() if known is job]:
                        del self._jobs[request]

    def _forget(self) -> None:
        done = [request for request, job in self._jobs.items() if job.future.done()]
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


def session_id() -> str:
    """The session that this thread draws for; empty where there is none."""
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def session_lives(session: str) -> bool:
    """Whether a browser is connected to a session; one that no server knows counts as connected."""
    from streamlit.runtime import exists, get_instance

    return not session or not exists() or get_instance().is_active_session(session)
