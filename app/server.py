"""Server application that ``lwal serve`` starts: the app, its doors, its browser history, and who tells of an error that
nothing in it caught."""

from contextlib import suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app.common.errors import show_unexpected
from app.common.sign_in import sign_in_wanted
from app.web.doors import Doors
from app.web.link_preview import LinkPictures
from app.web.messages import Messages
from app.web.page_scripts import PageScripts
from app.web.push import Push
from app.web.uploads import GRACE_SECONDS, Uploads
from app.web.visitors import Visitors
from lwal_core.errors import SettingsError
from lwal_core.system.log import set_up

MAIN = Path(__file__).with_name("main.py")


def middleware(grace_seconds: float = GRACE_SECONDS) -> list[Middleware]:
    """What every request passes before Streamlit has it.

    Args:
        grace_seconds: How long the uploads of a closed page are kept.
    """
    visitors = Visitors()
    return [
        Middleware(Doors),
        Middleware(Push),
        Middleware(LinkPictures),
        Middleware(PageScripts),
        Middleware(Uploads, visitors=visitors, grace_seconds=grace_seconds),
        Middleware(Messages, visitors=visitors, main=str(MAIN)),
    ]


app = st.App(MAIN, on_script_error=show_unexpected, middleware=middleware())
with suppress(SettingsError):  # which pages tell
    set_up()  # before the first page: runs may be pushed to an app that nobody has opened
sign_in_wanted()  # what is configured now holds from now on, whatever becomes of the file
