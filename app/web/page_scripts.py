"""What the document has before Streamlit's own: where its server is, one entry of the browser's history per page, the
keyboard's way through a page, the space around it, and what chat windows show of a link."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING

from app.common.pages import PAGES
from app.web.link_preview import link_tags

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


def _text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


_NAMES = json.dumps([page.url_path for page in PAGES if page.url_path])
_SCRIPTS = _text("find_server.js").replace("PAGES", _NAMES) + _text("page_history.js") + _text("keyboard.js")
SCRIPT = f"<script>{_SCRIPTS}</script>".encode()
STYLE = f"<style>{_text('page_space.css')}</style>".encode()

_UNCHANGED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
"""Headers of a request that would be answered with something else than the whole, plain document."""


class PageScripts:
    """ASGI middleware: puts :data:`SCRIPT` and :data:`STYLE` into the app's HTML document, before Streamlit's own scripts.

    A component of a page would come too late: the frame has looked for its server and written the first page's address by
    then.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; only documents that a browser opens are changed."""
        asked = dict(scope.get("headers", []))
        # Who makes a preview of a link for a chat window seldom asks for HTML by name.
        linked = b"share=" in scope.get("query_string", b"") and b"*/*" in asked.get(b"accept", b"*/*")
        wanted = b"text/html" in asked.get(b"accept", b"") or linked
        if scope["type"] != "http" or scope["method"] != "GET" or not wanted:
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
                    tags = await asyncio.to_thread(link_tags, scope)
                    body = b"".join(parts).replace(b"<head>", b"<head>" + SCRIPT + STYLE + tags, 1)
                    length = [(b"content-length", str(len(body)).encode())]
                    kept = [header for header in start["headers"] if header[0] != b"content-length"]
                    await send({**start, "headers": kept + length})
                    await send({"type": "http.response.body", "body": body})

        headers = [header for header in scope["headers"] if header[0] not in _UNCHANGED]
        await self.app({**scope, "headers": headers}, receive, collect)
