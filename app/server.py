"""Server application that ``lwal serve`` starts: the app, its doors, its browser history, and who tells of an error that
nothing in it caught."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.common.errors import show_unexpected
from app.common.sign_in import sign_in_wanted
from app.web.doors import Doors
from app.web.messages import Messages
from app.web.page_history import PageHistory
from app.web.uploads import Uploads
from app.web.visitors import Visitors

_MAIN = Path(__file__).with_name("main.py")
_VISITORS = Visitors()

app = st.App(
    _MAIN,
    on_script_error=show_unexpected,
    middleware=[
        Middleware(Doors),
        Middleware(PageHistory),
        Middleware(Uploads, visitors=_VISITORS),
        Middleware(Messages, visitors=_VISITORS, main=str(_MAIN)),
    ],
)
sign_in_wanted()  # what is configured now holds from now on, whatever becomes of the file
