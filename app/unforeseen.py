"""What a reader is told when something happens that nobody foresaw: one sentence and what to do; never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import streamlit as st

from app.widgets import show_error
from lwal_core.errors import LwalError

_SENTENCE = (
    "This page met something that it was not prepared for, and stopped here. Nothing was lost: reload it, or choose "
    "another run. If it comes again, the log of the server tells what happened, at {time} UTC."
)


@contextmanager
def unforeseen_told() -> Iterator[None]:
    """Show a foreseen error as what it is; of any other say only that it happened and when, and leave it to the log.

    It goes on to Streamlit, which writes it into the log and, by ``client.showErrorDetails = "none"``, shows nothing of
    it.
    """
    try:
        yield
    except LwalError as error:
        show_error(error)
    except Exception:
        st.error(_SENTENCE.format(time=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"), icon=":material/error:")
        raise
