"""Middleware for pushed runs: takes a bundle by POST with a token that writes and never reads."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

from app.web.asgi import ASGIApp, Receive, Scope, Send, header, refuse
from app.web.uploads import TooSlow, in_time
from lwal_core.errors import LwalError
from lwal_core.runs.bundle import import_bundle
from lwal_core.security.identity import Person, acting_as
from lwal_core.security.permissions import locked
from lwal_core.security.push_tokens import name_of, pushes_taken
from lwal_core.settings import settings
from lwal_core.system.log import event

PLACE = "/_lwal/push"
AT_ONCE, ALL_AT_ONCE = 1, 2
"""Pushes that come at the same time, with one token and in all."""
HOUR, AN_HOUR, SIZES_AN_HOUR = 3_600.0, 240, 20
"""Pushes with one token in an hour, and together so many times the largest size."""
OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, TIMEOUT = 200, 401, 403, 404, 405, 408
LENGTH_REQUIRED, TOO_LARGE, NO_BUNDLE, TOO_MANY, FAILED = 411, 413, 422, 429, 500


class Push:
    """Judges each push before its first byte is read.

    Args:
        app: What comes behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._open: Counter[str] = Counter()
        self._past: dict[str, deque[tuple[float, int]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(PLACE):
            await self.app(scope, receive, send)
            return
        said = header(scope, b"authorization") or ""
        kind, _, token = said.partition(" ")
        name = name_of(token.strip()) if kind.lower() == "bearer" else None
        size = header(scope, b"content-length")
        length = int(size) if size and size.isascii() and size.isdigit() and len(size) <= 12 else None
        refused = self._refusal(scope["method"], name, length)
        if refused is not None or name is None or length is None:
            await refuse(scope, send, *(refused or (UNAUTHORIZED, "The token is not known here.")))
            return
        self._open[name] += 1
        self._past.setdefault(name, deque()).append((time.monotonic(), length))
        try:
            status, sentence = await _take(receive, name, length)
        finally:
            self._open[name] -= 1
            self._open += Counter()  # forgets who has none
        await refuse(scope, send, status, sentence)

    def _refusal(self, method: str, name: str | None, length: int | None) -> tuple[int, str] | None:
        """Status and sentence for a push that is not taken; None for one that is."""
        if not pushes_taken():
            return NOT_FOUND, "There is nothing here."
        if method != "POST":
            return NOT_ALLOWED, "Runs are pushed by POST."
        if name is None:
            return UNAUTHORIZED, "The token is not known here."
        if locked():
            return FORBIDDEN, "This installation changes nothing."
        if length is None:
            return LENGTH_REQUIRED, "How long is it?"
        largest = settings().max_upload_mb * 2**20
        if length > largest:
            return TOO_LARGE, f"At most {largest // 2**20:,} MB are taken."
        past = self._past.get(name, deque())
        while past and past[0][0] < time.monotonic() - HOUR:
            past.popleft()
        if self._open[name] >= AT_ONCE or self._open.total() >= ALL_AT_ONCE:
            return TOO_MANY, "Wait for what is coming."
        if len(past) >= AN_HOUR or sum(each for _, each in past) + length > SIZES_AN_HOUR * largest:
            return TOO_MANY, "This token has pushed as much as it may in an hour."
        return None


async def _take(receive: Receive, name: str, length: int) -> tuple[int, str]:
    """Read a bundle into a file and import it; status and sentence."""
    coming = in_time(receive, length)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pushed.zip"
        count = 0
        try:
            with open(path, "wb") as file:
                while True:
                    message = await coming()
                    if message["type"] != "http.request":
                        return TIMEOUT, "The push broke off."
                    count += len(message.get("body", b""))
                    if count > length:
                        return TOO_LARGE, "More comes than was announced."
                    file.write(message.get("body", b""))
                    if not message.get("more_body"):
                        break
        except TooSlow:
            return TIMEOUT, "The push is too slow."
        if count != length:
            return TIMEOUT, "The push broke off."
        try:
            run_id, new = await asyncio.to_thread(_keep, path, name)
        except LwalError as error:
            return NO_BUNDLE, " ".join(str(error).split())
        except OSError as error:
            event("push.failed", f"A pushed run cannot be kept: {error}", token=name)
            return FAILED, "The run cannot be kept; the log of the server says why."
    event("push.taken", f"Run {run_id} was pushed with the token {name}.", run=run_id, token=name, bytes=length)
    return OK, f"{run_id} {'new' if new else 'there already'}"


def _keep(path: Path, name: str) -> tuple[str, bool]:
    with acting_as(Person(f"token {name}", "owner")):
        run, new = import_bundle(path, pushed_by=name)
    return run.id, new
