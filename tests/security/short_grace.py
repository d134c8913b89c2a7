"""``app/server.py``, except that uploads of a closed page are kept for one second."""

import streamlit as st

from app.server import MAIN, middleware

app = st.App(MAIN, middleware=middleware(grace_seconds=1.0))
