"""Server application that ``lwal serve`` starts: the app, and who tells a reader of an error that nothing in it caught."""

from pathlib import Path

import streamlit as st

from app.common.errors import show_unexpected

app = st.App(Path(__file__).with_name("main.py"), on_script_error=show_unexpected)
