"""Start of the app's process, once, before its first page: the log."""

from __future__ import annotations

import logging

import streamlit as st

from lwal_core.settings import settings
from lwal_core.system.log import JsonLines, OthersLines, set_up


def start() -> None:
    """Set the log up; Streamlit's own lines take the same form, those of a logger that came since then, too."""
    _set_up()
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(("streamlit", "uvicorn", "websockets")):
            for handler in logging.getLogger(name).handlers:
                _cover(handler)


@st.cache_resource(show_spinner=False)
def _set_up() -> None:
    set_up()


def _cover(handler: logging.Handler) -> None:
    if not isinstance(handler.formatter, JsonLines | OthersLines):
        as_json = settings().log == "json"
        handler.setFormatter(JsonLines() if as_json else OthersLines(handler.formatter or logging.Formatter()))
