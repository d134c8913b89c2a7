"""Every variable of the environment that this program reads, so that a misspelt one can be told, and how numbers in them are
read."""

from __future__ import annotations

import difflib
import os

from lwal_core.errors import LwalError

PREFIX = "LWAL_"
VARIABLES = (
    "LWAL_ALLOWED_USERS",
    "LWAL_CACHE_MB",
    "LWAL_DATA",
    "LWAL_HOME",
    "LWAL_HUB_HOSTS",
    "LWAL_INFERENCE_IDLE_MINUTES",
    "LWAL_KEEP_FREE_MB",
    "LWAL_LAUNCHER",
    "LWAL_LAYOUTS_AHEAD",
    "LWAL_LOG",
    "LWAL_MAX_QUEUED_PER_USER",
    "LWAL_MAX_UPLOAD_MB",
    "LWAL_OWNERS",
    "LWAL_PORT",
    "LWAL_PUBLISHED_PORT",
    "LWAL_QUEUE_URL",
    "LWAL_READ_ONLY",
    "LWAL_SECRETS",
    "LWAL_SHARES_ONLY",
    "LWAL_SLOTS",
)


def whole_number(variable: str, most: int, hint: str) -> int | None:
    """The number that a variable holds, from 1 to `most`; None where it is unset or empty.

    Args:
        variable: Its name.
        most: The largest number that is taken, of at most nine digits.
        hint: What to set it to, said where it holds something else.

    Raises:
        LwalError: It is no such number.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise LwalError(f"{variable} is {text[:40]!r}.", hint)
    return int(text)


def misspelt_variables() -> dict[str, str]:
    """Variables that are set, begin as ours do and are none of them, each with the one that it is most like, or ``""``."""
    known = [name.removeprefix(PREFIX) for name in VARIABLES]
    found = {}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in VARIABLES:
            like = difflib.get_close_matches(name.removeprefix(PREFIX), known, 1)
            found[name] = PREFIX + like[0] if like else ""
    return found
