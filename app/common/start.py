"""Start of the app's process, once, before its first page: the log."""

from __future__ import annotations

import logging

import streamlit as st

from lwal_core.settings import settings
from lwal_core.system.log import JsonLines, set_up


@st.cache_resource(show_spinner=False)
def start() -> None:
    """Set the log up; Streamlit's own lines take the same form where machines read them."""
    set_up()
    if settings().log == "json":
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(("streamlit", "uvicorn", "websockets")):
                for handler in logging.getLogger(name).handlers:
                    handler.setFormatter(JsonLines())
