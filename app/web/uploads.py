"""Middleware on uploads: who may bring a file, how much, how slowly, and for how long it is kept."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from streamlit.runtime import exists, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from app.common.sign_in import person_of
from app.web.asgi import ASGIApp, Message, Receive, Scope, Send, header, refuse
from app.web.visitors import Visitors
from lwal_core.security.permissions import locked
from lwal_core.settings import settings

PLACE = "/_stcore/upload_file/"
SESSION_FILES, ALL_FILES = 2, 4
"""Largest files (``LWAL_MAX_UPLOAD_MB``) that are kept for one session, and for all sessions together."""
MAX_FILES = 50
"""Files of a session, however small."""
AT_ONCE = 6
"""Files that come for a session at the same time: as many connections as a browser opens to one server."""
FRAME = 64 * 2**10
"""Bytes that a form takes around its file, at most."""
SILENT_SECONDS = 15.0
BASE_SECONDS, BYTES_A_SECOND = 30.0, 256 * 2**10
"""An upload may take so long and no longer: a slow line of 2 Mbit/s is enough."""
GRACE_SECONDS = 30.0
"""How long the files of a closed page are kept: a laptop that lost its network comes back by then."""

FORBIDDEN, NOT_FOUND, TIMEOUT, LENGTH_REQUIRED, TOO_LARGE, TOO_MANY, FULL = 403, 404, 408, 411, 413, 429, 507


class TooSlow(Exception):
    """An upload stopped, or crawls."""


class Uploads:
    """Judges each upload before its first byte is read.

    Args:
        app: What comes behind.
        visitors: Sessions of those who came by a link.
        grace_seconds: How long the files of a closed page are kept.
    """

    def __init__(self, app: ASGIApp, visitors: Visitors, grace_seconds: float = GRACE_SECONDS) -> None:
        self.app, self.visitors, self.grace_seconds = app, visitors, grace_seconds
        self._coming: Counter[str] = Counter()
        """Bytes that were announced, by session."""
        self._open: Counter[str] = Counter()
        """Uploads, by session."""
        visitors.on_leave = self.free_later

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _, found, rest = scope.get("path", "").partition(PLACE)
        if scope["type"] != "http" or not found or scope["method"] not in ("PUT", "POST", "DELETE"):
            await self.app(scope, receive, send)
            return
        session, size = rest.partition("/")[0], header(scope, b"content-length")
        length = int(size) if size and size.isascii() and size.isdigit() and len(size) <= 12 else None
        refused = self._refusal(session, scope["method"], length)
        if refused is not None:
            await refuse(scope, send, *refused)
            return
        self._coming[session] += length or 0
        self._open[session] += 1
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, in_time(receive, length or 0), sent)
        except TooSlow:
            if not started:
                await refuse(scope, send, TIMEOUT, "The upload is too slow.")
        finally:
            self._coming[session] -= length or 0
            self._open[session] -= 1
            if self._open[session] <= 0:
                del self._coming[session], self._open[session]
            if not get_instance().is_active_session(session):  # it was closed meanwhile, and Streamlit keeps the file
                self.free_later()

    def _refusal(self, session: str, method: str, length: int | None) -> tuple[int, str] | None:
        """Status and sentence for an upload that is not taken; None for one that is."""
        if not exists() or not get_instance().is_active_session(session):
            return NOT_FOUND, "There is no such session."
        if not may_bring(session, self.visitors):
            return FORBIDDEN, "Files cannot be brought here."
        if method == "DELETE":
            return None
        if length is None:
            return LENGTH_REQUIRED, "How long is it?"
        if self._open[session] >= AT_ONCE:
            return TOO_MANY, "Wait for the files that are coming."
        largest = settings().max_upload_mb * 2**20
        if length > largest + FRAME:
            return TOO_LARGE, "The file is too large."
        kept = _kept()
        mine = sum(kept.get(session, ())) + self._coming[session]
        everybody = sum(map(sum, kept.values())) + self._coming.total()
        if mine + length > SESSION_FILES * (largest + FRAME) or len(kept.get(session, ())) >= MAX_FILES:
            return TOO_LARGE, "This session has brought as much as it may. Load the page again."
        if everybody + length > ALL_FILES * (largest + FRAME):
            return FULL, "Others bring files just now. Try again in a minute."
        return None

    def free_later(self) -> None:
        """Free the files of sessions that nobody is connected to any more, after a while."""
        gone = [session for session in _kept() if not get_instance().is_active_session(session)]
        if gone:
            asyncio.get_running_loop().call_later(self.grace_seconds, _free, gone)


def may_bring(session: str, visitors: Visitors) -> bool:
    """Whether whoever has a session may bring files: an owner, or anybody where nobody signs in, who looks at no link, and
    only where something may be changed at all."""
    known = get_instance().get_app_session(session)
    if known is None or locked() or session in visitors:
        return False
    person = person_of(dict(known._user_info))
    return person is None or person.role == "owner"


def in_time(receive: Receive, length: int) -> Receive:
    """What comes, as long as it comes fast enough."""
    end = time.monotonic() + BASE_SECONDS + length / BYTES_A_SECOND

    async def next_piece() -> Message:
        try:
            return await asyncio.wait_for(receive(), min(SILENT_SECONDS, max(end - time.monotonic(), 0)))
        except TimeoutError:
            raise TooSlow from None

    return next_piece


def _manager() -> MemoryUploadedFileManager | None:
    manager = get_instance().uploaded_file_mgr if exists() else None
    return manager if isinstance(manager, MemoryUploadedFileManager) else None


def _kept() -> dict[str, list[int]]:
    """Bytes of each file, by session."""
    manager = _manager()
    if manager is None:
        return {}
    with manager._lock:
        return {session: [len(file.data) for file in files.values()] for session, files in manager.file_storage.items()}


def _free(sessions: list[str]) -> None:
    manager = _manager()
    for session in sessions:
        if manager is not None and not get_instance().is_active_session(session):
            manager.remove_session_files(session)
