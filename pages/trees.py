"""Trees: how do two trees differ?"""

import streamlit as st

from app.common.pages import page_path
from app.common.selection import link_to_train, selection
from app.common.widgets import downloads, empty_state, errors_shown, figure, question, theme
from app.trees.group_agreement import draw_group_agreement
from app.trees.pair import pair, side_labels
from app.trees.run_similarity import draw_run_similarity
from app.trees.stats import lines_table
from app.trees.text import answer
from app.trees.view import (
    download_entries,
    draw_captions,
    draw_groups,
    draw_misplaced,
    draw_scores,
    draw_side,
    figure_of,
    pick_groups,
    pick_untangling,
    prepare_sides,
    summary,
    swap,
    tree_options,
)

chosen = selection()
place_of_answer = question("How do two trees differ?")
with errors_shown():
    options = tree_options(chosen)
if not options.runs:
    empty_state(
        "No trees yet",
        "Two class trees would face each other here: learned labels against one-hot, one epoch against another, or a "
        f"run against a reference taxonomy. {link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/compare_arrows:",
    )
    st.stop()

prepare_sides(options, chosen)
columns = st.columns([10, 1, 10], gap="small", vertical_alignment="top")
with columns[1]:
    st.button("", icon=":material/swap_horiz:", help="Swap left and right", key="swap_trees", on_click=swap)
with errors_shown():
    with columns[0]:
        left = draw_side("left", options)
    with columns[2]:
        right = draw_side("right", options)
if left is None or right is None:
    empty_state("A run has no labels yet", "Choose another tree, or wait until training has begun.")
    st.stop()

toolbar = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
with toolbar:
    method = pick_untangling()
labels = side_labels(left, right)
with errors_shown():
    found = pair(left, right, labels, method)
with toolbar:
    groups = pick_groups(found)
    downloads(
        "Download",
        download_entries(found, groups, lambda look: figure_of(left, right, labels, method, groups, look)),
        key="trees_download",
    )
place_of_answer.markdown(answer(found, groups))

figure(
    figure_of(left, right, labels, method, groups, theme()),
    key="tanglegram",
    summary=summary(found, groups),
    table=lambda: lines_table(found, groups),
)
draw_captions(found, left, right, options)
scores_column, groups_column = st.columns([2, 1], gap="large")
with scores_column:
    draw_scores(found, groups)
if groups is not None:
    with groups_column:
        draw_groups(found, groups)
folded = st.expander(
    "Agreement at every number of groups", icon=":material/show_chart:", on_change="rerun", key="trees_every_cut",
    bind="query-params",
)  # fmt: skip
if folded.open:
    with folded:
        draw_group_agreement(found, groups)
draw_misplaced(found)
alike = st.expander(
    "Which runs are alike?", icon=":material/grid_view:", on_change="rerun", key="trees_runs", bind="query-params"
)
if alike.open:
    with alike, errors_shown(go_on=True):
        draw_run_similarity(chosen)
