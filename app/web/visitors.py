"""Sessions that came by a link, and what is done when a session is left."""

from __future__ import annotations

from collections.abc import Callable

MOST = 20_000
"""Sessions that are remembered; the oldest are over by then."""


class Visitors:
    """Sessions of those who came by a link; told by :mod:`app.web.messages`, asked by :mod:`app.web.uploads`."""

    def __init__(self) -> None:
        self._sessions: dict[str, None] = {}
        self.on_leave: Callable[[], None] = lambda: None

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    def add(self, session: str) -> None:
        """Whoever came by a link once stays a visitor: a session that lost its connection comes back as the same one."""
        self._sessions.setdefault(session)
        if len(self._sessions) > MOST:
            del self._sessions[next(iter(self._sessions))]

    def left(self) -> None:
        """A connection was closed."""
        self.on_leave()
