"""What a chat window shows of a link to a snapshot: Open Graph tags in the head of the document, and the picture that they name.

Source of the names: https://ogp.me, and ``twitter:card`` for the one window that asks for more.
"""

from __future__ import annotations

import asyncio
from html import escape
from urllib.parse import parse_qs, quote

from app.common.pages import PAGES
from app.common.sign_in import LINK
from app.web.asgi import ASGIApp, Receive, Scope, Send, header, refuse
from lwal_core.errors import LwalError
from lwal_core.export.pictures.card import HEIGHT, WIDTH
from lwal_core.settings import settings
from lwal_core.shares import open_card
from lwal_core.shares.store import NOWHERE, open_manifest

PLACE = "/_lwal/card.png"
"""Path of the picture, below the app's own address."""
MAX_TITLE = 120
"""Characters of a title; chat windows show fewer."""
READING = ("GET", "HEAD")
NOT_FOUND = 404


class LinkPictures:
    """ASGI middleware: answers with the picture of a link, whose token is the permission as it is for the snapshot.

    Args:
        app: What answers everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith(PLACE) or scope["method"] not in READING:
            await self.app(scope, receive, send)
            return
        tokens = _tokens(scope.get("query_string", b""))
        try:
            picture = await asyncio.to_thread(open_card, tokens[0] if len(tokens) == 1 else None)
        except (LwalError, OSError):
            await refuse(scope, send, NOT_FOUND, NOWHERE)
            return
        headers = [
            (b"content-type", b"image/png"),
            (b"content-length", str(len(picture)).encode()),
            (b"cache-control", b"no-cache"),  # asked for again each time: a link may be revoked
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else picture})


def own_address(scope: Scope) -> str:
    """Address of the app for others: that of ``LWAL_PUBLIC_URL``, else the one that it was asked by."""
    if settings().public_url:
        return settings().public_url
    path = scope["path"].rstrip("/")
    above, _, last = path.rpartition("/")
    path = above if last in {page.url_path for page in PAGES} else path
    return f"{scope.get('scheme', 'http')}://{header(scope, b'host') or 'localhost'}{quote(path)}"


def link_tags(scope: Scope) -> bytes:
    """Tags for the document that a request is answered with."""
    query = scope.get("query_string", b"")
    try:
        return preview_tags(query, own_address(scope)) if LINK.encode() in query else b""
    except LwalError:  # a wrong setting, which pages tell
        return b""


def preview_tags(query: bytes, address: str = "") -> bytes:
    """Tags of the snapshot that an address leads to; of an address without a link, or whose link leads nowhere, none.

    Args:
        query: Of the address, as it was sent.
        address: Of the app, which that of the picture begins with; without it there is no picture.
    """
    tokens = _tokens(query)
    if not tokens:
        return b""
    try:
        share, _ = open_manifest(tokens[0] if len(tokens) == 1 else None)  # no report is read for a few words
    except (LwalError, OSError):
        return b""
    classes = share.view.get("classes")
    what = f"A class tree of {classes:,} classes" if isinstance(classes, int) else "A class tree"
    facts = {
        "og:title": share.title[:MAX_TITLE],
        "og:description": f"{what}, a snapshot of {share.created:%d %B %Y}.",
        "og:type": "article",
        "og:site_name": "LwAL Explorer",
    }
    if share.pictured and address:
        facts |= {
            "og:image": f"{address}{PLACE}?{LINK}={quote(tokens[0])}",
            "og:image:type": "image/png",
            "og:image:width": str(WIDTH),
            "og:image:height": str(HEIGHT),
            "og:image:alt": f"{what}, drawn.",
            "twitter:card": "summary_large_image",
        }
    tags = "".join(f'<meta property="{name}" content="{escape(said)}">' for name, said in facts.items())
    return tags.encode()


def _tokens(query: bytes) -> list[str]:
    return parse_qs(query.decode("latin-1")).get(LINK, []) if LINK.encode() in query else []
