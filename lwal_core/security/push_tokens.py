"""Tokens that runs are pushed with: made at random, kept as hashes in a file, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from lwal_core.errors import LwalError
from lwal_core.settings import settings

MAX_BYTES = 2**20
_LINE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,59})\s+(?P<hash>[0-9a-f]{64})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")


def new_token(name: str) -> tuple[str, str]:
    """A token, and the line for the file of tokens.

    Args:
        name: Who it is for: letters, digits, ``.``, ``_`` and ``-``, at most 60.

    Raises:
        LwalError: It is no such name.
    """
    token = secrets.token_urlsafe(32)
    line = f"{name} {_hash(token)}"
    if not _LINE.fullmatch(line):
        raise LwalError(f"{name[:80]!r} is no name of a token.", "Use letters, digits, ., _ and -, at most 60.")
    return token, line


def pushes_taken() -> bool:
    """Whether this installation has a file of tokens at all."""
    return settings().push_tokens is not None


def name_of(token: str) -> str | None:
    """Name of a token by the file as it is now; None for one that is not in it, or while there is no file."""
    path = settings().push_tokens
    if path is None or not _TOKEN.fullmatch(token):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read(MAX_BYTES).splitlines()
    except (OSError, UnicodeError):
        return None
    given, found = _hash(token), None
    for line in lines:  # all of them, so that the time says nothing of where it stands
        known = _LINE.fullmatch(line.strip())
        if known and hmac.compare_digest(known["hash"], given):
            found = known["name"]
    return found


def wrong_lines() -> tuple[int, list[int]]:
    """How many tokens the file holds, and the numbers of its lines that are neither a token nor empty nor a comment.

    Raises:
        OSError: It cannot be read.
        UnicodeError: It is no text.
    """
    path = settings().push_tokens
    if path is None:
        return 0, []
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file.read(MAX_BYTES).splitlines()]
    right = [bool(_LINE.fullmatch(line)) for line in lines]
    wrong = [i for i, line in enumerate(lines, 1) if line and not line.startswith("#") and not right[i - 1]]
    return sum(right), wrong


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
