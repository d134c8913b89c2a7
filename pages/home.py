"""Home: the first story where nothing is trained yet; else what the labels came to mean, tree and curves, and all runs."""

import streamlit as st

from app.common.selection import all_groups, selection
from app.home.answer import draw_answer, draw_other_claims
from app.home.bulk_actions import draw_undo
from app.home.run_board import live_board
from app.home.story import draw_story
from lwal_core.runs import list_runs

if not all_groups() and not any(run.problem for run in list_runs()):
    draw_undo()  # of what emptied the list
    draw_story()
    st.stop()

answer = draw_answer(selection())
live_board()
draw_other_claims(answer)
