"""Trees: how do two trees differ?"""

from functools import partial

import streamlit as st

from app.common.pages import page_path
from app.common.selection import link_to_train, selection
from app.common.widgets import downloads, empty_state, errors_shown, figure, question
from app.trees.clade_scores import draw_clades, draw_picked
from app.trees.folding import fold_both_control, folds, pick_clicked, tips_control, whole
from app.trees.group_agreement import draw_group_agreement
from app.trees.look import figure_of, find_class, look_of, pick_colors
from app.trees.moved import draw_moved
from app.trees.pair import pair, side_labels
from app.trees.run_similarity import draw_run_similarity
from app.trees.stats import lines_table
from app.trees.text import answer, details
from app.trees.view import (
    download_entries,
    draw_all_scores,
    draw_captions,
    draw_groups,
    draw_misplaced,
    draw_scores,
    draw_side,
    known_sides,
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
        f"Two class trees would face each other here. {link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/compare_arrows:",
    )
    st.stop()

prepare_sides(options, chosen)
with errors_shown():
    known_sides()
toolbar = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="trees_bar")
with toolbar:
    sides = [st.popover(f"{side} tree", icon=":material/account_tree:") for side in ("Left", "Right")]
with errors_shown():
    with sides[0]:
        left = draw_side("left", options)
    with sides[1]:
        right = draw_side("right", options)
if left is None or right is None:
    empty_state("A run has no labels yet", "Choose another tree, or wait until training has begun.")
    st.stop()

with toolbar:
    place_of_class = st.container(width="content", key="trees_bar_find")
    place_of_groups = st.container(width="content", key="trees_bar_groups")
    more = st.popover("More", icon=":material/tune:", key="trees_bar_more")
    place_of_downloads = st.container(width="content", key="trees_bar_downloads")
    place_of_whole = st.container(width="content", key="trees_bar_whole")
with more:
    st.button("Swap left and right", icon=":material/swap_horiz:", key="swap_trees", on_click=swap, type="tertiary")
    method = pick_untangling()
labels = side_labels(left, right)
with errors_shown():
    found = pair(left, right, labels, method)
with more:
    color_by = pick_colors(found.n)
    tips = tips_control(found.n)
    fold_both_control()
with place_of_class:
    class_name = find_class(found)
with place_of_groups:
    groups = pick_groups(found)
shown = folds(found, method, tips, class_name)
look = look_of(found, shown, groups, color_by)
if shown.changed or shown.node is not None:
    place_of_whole.button(
        "Reset view", key="trees_whole", on_click=whole, args=(found,),
        help="Undo closing, opening and zooming in on both sides.",
    )  # fmt: skip
with place_of_downloads:
    draw = partial(figure_of, left, right, labels, method)
    downloads(
        "Download",
        download_entries(
            found, groups, lambda seen: draw(look._replace(theme=seen)), shown, by_match=color_by == "match"
        ),
        key="trees_download",
    )
place_of_answer.markdown(answer(found), help=details(found, groups) or None)

picture, beside = st.columns([5, 2], gap="medium")
with picture:
    figure(
        draw(look),
        key="tanglegram",
        summary=summary(found, groups, shown),
        table=lambda: lines_table(found, groups),
        on_select=lambda: pick_clicked("tanglegram", found, shown),
    )
    draw_captions(found, left, right, options)
with beside:
    if found.n > 2:
        draw_picked(found, shown)
    draw_scores(found, groups)
    draw_moved(found)
draw_all_scores(found, groups)
if groups is not None:
    draw_groups(found, groups)
misplaced = st.expander(
    "Most misplaced classes", icon=":material/low_priority:", on_change="rerun", key="trees_misplaced",
    bind="query-params",
)  # fmt: skip
if misplaced.open:
    with misplaced:
        draw_misplaced(found)
matches = st.expander(
    "Clades and their best matches", icon=":material/table_rows:", on_change="rerun", key="trees_matches",
    bind="query-params",
)  # fmt: skip
if matches.open:
    with matches:
        draw_clades(found, shown)
folded = st.expander(
    "Agreement at every number of groups", icon=":material/show_chart:", on_change="rerun", key="trees_every_cut",
    bind="query-params",
)  # fmt: skip
if folded.open:
    with folded:
        draw_group_agreement(found, groups)
alike = st.expander(
    "Which runs are alike?", icon=":material/grid_view:", on_change="rerun", key="trees_runs", bind="query-params"
)
if alike.open:
    with alike, errors_shown(go_on=True):
        draw_run_similarity(chosen)
