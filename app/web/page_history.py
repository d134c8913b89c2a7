"""Browser history: one entry per page, so that Back leaves the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = f"<script>{Path(__file__).with_name('page_history.js').read_text(encoding='utf-8')}</script>".encode()

_UNCHANGED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
"""Headers of a request that would be answered with something else than the whole, plain document."""


class PageHistory:
    """ASGI middleware: puts :data:`SCRIPT` into the app's HTML document, before Streamlit's own scripts.

    A component of a page would come too late: the first page has written its address by then.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; only documents that a browser opens are changed."""
        asked = dict(scope.get("headers", []))
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in asked.get(b"accept", b""):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                if b"text/html" not in dict(message["headers"]).get(b"content-type", b""):
                    await send(message)
            elif b"text/html" not in dict(start["headers"]).get(b"content-type", b""):
                await send(message)
            else:
                parts.append(message.get("body", b""))
                if not message.get("more_body"):
                    body = b"".join(parts).replace(b"<head>", b"<head>" + SCRIPT, 1)
                    length = [(b"content-length", str(len(body)).encode())]
                    kept = [header for header in start["headers"] if header[0] != b"content-length"]
                    await send({**start, "headers": kept + length})
                    await send({"type": "http.response.body", "body": body})

        headers = [header for header in scope["headers"] if header[0] not in _UNCHANGED]
        await self.app({**scope, "headers": headers}, receive, collect)
