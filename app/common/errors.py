"""Unforeseen errors: one sentence and what to do; never a traceback.

The page's script is told of here by a context, which the entry point wraps around it. Fragments, dialogs and callbacks
run without the entry point; for these ``app/server.py`` hands :func:`show_unexpected` to Streamlit.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import streamlit as st
from streamlit.errors import FragmentHandledException

from app.common.widgets import show_error
from lwal_core.errors import StorageError, foreseen
from lwal_core.system.log import event

_SENTENCE = (
    "This page met something that it was not prepared for, and stopped here. Nothing was lost: reload it, or choose "
    "another run. If it comes again, the log of the server tells what happened, at {time} UTC."
)
_TOLD = "The reader was told of it at "
"""Start of the note that an error has once it was told, which the log shows below its traceback."""


@contextmanager
def unexpected_shown() -> Iterator[None]:
    """Show a foreseen error as what it is; of any other say only that it happened and when, and leave it to the log.

    It goes on to Streamlit, which writes it into the log and, by ``client.showErrorDetails = "none"``, shows nothing of
    it.
    """
    try:
        yield
    except FragmentHandledException:
        raise  # told where the fragment stands
    except Exception as error:
        if _shown_as_foreseen(error):
            return
        _say(error)
        raise


def show_unexpected(error: Exception) -> bool:
    """Tell of an error that reached Streamlit, where the reader is looking: in the page, a fragment or a dialog.

    Args:
        error: What was raised; Streamlit has written it into the log.

    Returns:
        True: Streamlit's own box, which says less, is not needed.
    """
    if not _shown_as_foreseen(error) and not any(note.startswith(_TOLD) for note in getattr(error, "__notes__", ())):
        _say(error)
    return True


def _shown_as_foreseen(error: Exception) -> bool:
    """Show a foreseen error. One of the disk is said without its path, which stands in the log: the reader may be anybody."""
    known = foreseen(error)
    if known is None:
        return False
    if isinstance(error, OSError):
        event("page.storage", str(error), level=logging.ERROR)
        known = StorageError(OSError(error.errno, os.strerror(error.errno or 0)))
    show_error(known)
    return True


def _say(error: Exception) -> None:
    time = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    error.add_note(f"{_TOLD}{time} UTC.")
    st.error(_SENTENCE.format(time=time), icon=":material/error:")
