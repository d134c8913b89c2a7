"""Home: what this is, all runs, and a preview of what the selected ones learned."""

import streamlit as st

from app.common.selection import all_groups, selection
from app.common.widgets import empty_state, question
from app.home.claims import draw_claims
from app.home.example_runs import examples_button
from app.home.examples_gallery import draw_gallery
from app.home.guide import guide_button
from app.home.run_board import live_board
from app.imports.import_dialog import import_button
from lwal_core.glossary import explained
from lwal_core.runs import list_runs

question("What did the labels learn?")
st.markdown(
    "A one-hot label says that every class is equally far from every other. *Learning with adaptive labels* learns a vector "
    "for each class while the classifier trains. Here you train both, see which classes came to lie near which, "
    "and check whether it paid off.",
    help=explained("Label", "Embedding", "LwAL", "Nearest class mean"),
)

groups = all_groups()
damaged = [run for run in list_runs() if run.problem]
if not groups and not damaged:
    empty_state(
        "No runs yet",
        "The first trainings take some two minutes on two processor cores: handwritten digits, learned labels beside one-hot.",
        icon=":material/model_training:",
        beside=lambda: (guide_button("Train on digits", primary=True), examples_button(), import_button()),
    )
    draw_gallery()
    st.stop()

draw_claims(selection())

search = st.text_input(
    "Search runs",
    key="search",
    bind="query-params",
    placeholder="Name, method, data, tag or status",
    icon=":material/search:",
)
with st.container(horizontal=True):
    import_button()
    guide_button("First steps")
live_board(search)
