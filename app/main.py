"""Entry point of the app: page set-up, navigation and the selection that every page shares."""

from pathlib import Path

import streamlit as st

from app.common.errors import unexpected_shown
from app.common.pages import PAGES, page_names
from app.common.run_notices import watch_runs
from app.common.selection_bar import draw_selection
from app.common.sign_in import draw_person, signed_in
from app.common.start import start
from app.common.wordmark import draw_wordmark
from app.home.guide import draw_guide
from app.share.shared_view import draw_shared, visited

st.set_page_config(page_title="LwAL Explorer", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")

WITHOUT_BAR = ("train", "share")  # pages that do not act on what is selected

start()

# Before anything else is read or drawn: who came by a link sees what it is about, and nothing else.
if visited():
    draw_shared()
    st.stop()
if not signed_in(page_names()):
    st.stop()

draw_wordmark()
page = st.navigation(
    [
        st.Page(each.script, title=each.title, icon=each.icon, default=not each.url_path, help=each.help)
        for each in PAGES
    ],
    position="top",
)

with unexpected_shown():
    draw_selection(bar=page.url_path not in WITHOUT_BAR)
    draw_person()
    draw_guide(page.url_path)
    if page.url_path != "train":  # which draws its control
        watch_runs()
    page.run()
