"""Entry point of the app: page set-up, navigation and the selection that every page shares."""

from pathlib import Path

import streamlit as st

from app.common.errors import unexpected_shown
from app.common.selection import draw_selection
from app.common.sign_in import draw_person, signed_in
from app.common.start import start
from app.home.guide import draw_guide
from app.share.shared_view import draw_shared, visited

PAGES = Path(__file__).resolve().parents[1] / "pages"

st.set_page_config(page_title="LwAL Explorer", page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")

start()

# Before anything else is read or drawn: who came by a link sees what it is about, and nothing else.
if visited():
    draw_shared()
    st.stop()
if not signed_in([path.stem for path in PAGES.glob("[!_]*.py")]):
    st.stop()

page = st.navigation(
    [
        st.Page(
            PAGES / "home.py",
            title="Home",
            icon=":material/home:",
            default=True,
            help="All runs, with accuracy over seeds and a preview of the class tree. Pick here what the other pages show.",
        ),
        st.Page(
            PAGES / "train.py",
            title="Train",
            icon=":material/model_training:",
            help="Start a training, watch its curve and time left, cancel it. It goes on when the page is closed.",
        ),
        st.Page(
            PAGES / "curves.py",
            title="Curves",
            icon=":material/show_chart:",
            help="Accuracy and losses by epoch, seconds or samples, and a verdict against the one-hot baseline.",
        ),
        st.Page(
            PAGES / "embeddings.py",
            title="Embeddings",
            icon=":material/scatter_plot:",
            help="Labels and test samples projected to two or three dimensions: which classes are near which.",
        ),
        st.Page(
            PAGES / "hierarchy.py",
            title="Hierarchy",
            icon=":material/account_tree:",
            help="The tree that the labels form: cut it into groups, compare it with one-hot's, download it.",
        ),
        st.Page(
            PAGES / "trees.py",
            title="Trees",
            icon=":material/compare_arrows:",
            help="Two trees face to face: runs, epochs or a reference taxonomy; scores, and which classes sit differently.",
        ),
        st.Page(
            PAGES / "share.py",
            title="Share",
            icon=":material/share:",
            help="A link to a read-only snapshot, or a file: make it, see it as others will, list and take back.",
        ),
    ],
    position="top",
)

with unexpected_shown():
    draw_selection()
    draw_person()
    draw_guide(page.url_path)
    page.run()
