"""Start of the app's process, once, before its first page: the log; and what stays in memory is set aside."""

from __future__ import annotations

import gc
import logging
import sys
import time
from threading import Lock

import streamlit as st

from lwal_core.settings import settings
from lwal_core.system.log import JsonLines, OthersLines, set_up

ASIDE_SECONDS = 600.0
"""What stays is looked for anew after so long, as what was set aside may not be needed any more."""
MORE_MODULES = 1.02
"""And when there are so many times the modules of the last time."""

_aside = (0, 0.0)  # modules at the last time, and when that was
_lock = Lock()


def start() -> None:
    """Set the log up; Streamlit's own lines take the same form, those of a logger that came since then, too."""
    _set_up()
    set_aside()
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("streamlit", "uvicorn", "websockets")):
            for handler in logging.getLogger(name).handlers:
                _cover(handler)


def set_aside() -> bool:
    """Set aside what stays in memory, so that no search for garbage looks at it: Streamlit has one made after each run of a page, and
    nearly all that it would look at are modules.

    Returns:
        Whether it was done; it takes one whole search, so it is done when modules were loaded, and now and then.
    """
    global _aside
    modules, done = _aside
    if len(sys.modules) <= MORE_MODULES * modules and time.monotonic() < done + ASIDE_SECONDS:
        return False
    if not _lock.acquire(blocking=False):  # another page does it
        return False
    try:
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _aside = len(sys.modules), time.monotonic()
    finally:
        _lock.release()
    return True


@st.cache_resource(show_spinner=False)
def _set_up() -> None:
    set_up()


def _cover(handler: logging.Handler) -> None:
    if not isinstance(handler.formatter, JsonLines | OthersLines):
        as_json = settings().log == "json"
        handler.setFormatter(JsonLines() if as_json else OthersLines(handler.formatter or logging.Formatter()))
