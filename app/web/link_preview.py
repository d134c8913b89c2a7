"""What a chat window shows of a link to a snapshot: Open Graph tags in the head of the document.

Source of the names: https://ogp.me (title, type and description).
"""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from app.share.shared_view import PARAMETER
from lwal_core.errors import LwalError
from lwal_core.shares import open_share

MAX_TITLE = 120
"""Characters of a title; chat windows show fewer."""


def preview_tags(query: bytes) -> bytes:
    """Tags of the snapshot that an address leads to; of an address without a link, or whose link leads nowhere, none.

    Args:
        query: Of the address, as it was sent.
    """
    if PARAMETER.encode() not in query:
        return b""
    tokens = parse_qs(query.decode("latin-1")).get(PARAMETER, [])
    try:
        share, _ = open_share(tokens[0] if len(tokens) == 1 else None)
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
    tags = "".join(f'<meta property="{name}" content="{escape(said)}">' for name, said in facts.items())
    return tags.encode()
