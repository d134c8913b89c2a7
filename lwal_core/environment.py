"""Every variable of the environment that this program reads, so that a misspelt one can be told."""

from __future__ import annotations

import difflib
import os

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


def misspelt() -> dict[str, str]:
    """Variables that are set, begin as ours do and are none of them, each with the one that it is most like, or ``""``."""
    known = [name.removeprefix(PREFIX) for name in VARIABLES]
    found = {}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in VARIABLES:
            like = difflib.get_close_matches(name.removeprefix(PREFIX), known, 1)
            found[name] = PREFIX + like[0] if like else ""
    return found
