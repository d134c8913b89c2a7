"""Redaction of passwords in addresses and of link tokens."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

COVER = "***"
SHORTEST = 4
"""A password shorter than this is only covered where it stands in an address: it may be a part of any word."""

_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@:]*):(?P<password>[^\s/?#]*)@")
_NAMED = re.compile(r"(?i)\b(?P<name>password|passwd|pwd|secret|client_secret|cookie_secret|token|share)=[^\s&;,'\"]+")


def redacted(text: str) -> str:
    """A text without the passwords in its addresses (``redis://user:***@host``), without values named as a password or a
    token (``?share=***``), and without the password of ``LWAL_QUEUE_URL`` wherever it stands."""
    text = _USER_INFO.sub(rf"\g<scheme>\g<user>:{COVER}@", text)
    text = _NAMED.sub(rf"\g<name>={COVER}", text)
    for password in _queue_passwords():
        text = text.replace(password, COVER)
    return text


def _queue_passwords() -> list[str]:
    """As they are written in the address, and as they are read from it; longest first."""
    try:
        password = (
            urlsplit(os.environ.get("LWAL_QUEUE_URL", "")).password or ""
        )  # covered even where the address is refused
    except ValueError:
        return []
    return sorted({p for p in (password, unquote(password)) if len(p) >= SHORTEST}, key=len, reverse=True)
