"""Hierarchy: what groups do the classes form?"""

import streamlit as st

from app import cache
from app.hierarchy_beside import baseline_run, draw_beside
from app.hierarchy_facts import TreeKey, agreement, agreement_sentence, answer, finding, support_by_seeds
from app.hierarchy_view import (
    CLASS,
    ROOMY,
    chosen_node,
    download_entries,
    draw_agreement,
    draw_chosen,
    draw_facts,
    draw_groups,
    draw_heatmaps,
    draw_toolbar,
    forget_clade,
    merges_table,
    pick_clicked,
    tree_figure,
)
from app.selection import pick_run, selection
from app.widgets import downloads, empty_state, epoch_slider, errors_shown, figure, page_path, plain, question, theme
from lwal_core.errors import LwalError
from lwal_core.runs import SOURCE_TITLES, open_run

QUESTION = "What groups do the classes form?"
TREE = "hierarchy_tree"

chosen = selection()
heading = st.container()
choice = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
with choice[0]:
    summary = pick_run()
if summary is None:
    with heading:
        question(QUESTION)
    empty_state(
        "No tree yet",
        "The tree that the labels of a run form would be here: which classes are near which, and which groups they "
        "make. Train a run, or select finished ones in the sidebar.",
        page=page_path("train"),
        action="Train a run",
        icon=":material/account_tree:",
    )
    st.stop()

with errors_shown():
    run = open_run(summary.id)
with choice[1]:
    epoch = epoch_slider(run)
if epoch is None:
    with heading:
        question(QUESTION)
    empty_state(
        "This run has no labels yet", "The first are written before the first epoch. Pick another run, or wait."
    )
    st.stop()

n = len(run.class_names)
toolbar, options = draw_toolbar(n)
with errors_shown():
    h = cache.hierarchy(run, epoch, options.source, options.method, options.metric, optimal=options.optimal)
key = TreeKey(
    run.id, epoch, options.source, options.method, options.metric, options.optimal, cache.label_stamp(run.id, epoch)
)
with heading:
    question(QUESTION, answer(key, h, options.groups, run.config.method.equidistant_labels))
    agreement_slot = st.empty()
with toolbar:
    downloads("Download", download_entries(run, h, key, options.groups), key="tree_download")

left, right = st.columns([2, 1], gap="medium")
with right:
    if st.session_state.get(CLASS) not in h.names:
        st.session_state[CLASS] = None
    picked = st.selectbox(
        "Class",
        h.names,
        None,
        key=CLASS,
        bind="query-params",
        on_change=forget_clade,
        placeholder="Find a class",
        help="Its nearest classes and its way up the tree. A click on a leaf or merge in the figure does the same.",
    )
node = chosen_node(h, picked)
with left:
    support = support_by_seeds(chosen, run, key, h) if options.support else None
    fig = tree_figure(
        key, h, options.groups, options.orientation, node, support and support[0], finding(h, key), theme()
    )
    figure(
        fig,
        key=TREE,
        summary=f"Class tree of {run.name}, {SOURCE_TITLES[options.source].lower()} after epoch {epoch}: {n} classes, "
        f"{options.groups} groups.",
        table=lambda: merges_table(h),
        on_select=lambda: pick_clicked(TREE, h),
    )
    if options.support:
        st.caption(
            f"Numbers at the merges: percent of {support[1]} other seeds whose tree has the same clade."
            if support
            else "No other seed of this run has labels of this epoch, so there is no support to show."
        )
with right:
    if node is not None:
        draw_chosen(h, node)
    if n > 1:
        draw_groups(key, h, options.groups)
        draw_facts(key, h)
agreement_card = (left if n <= ROOMY else right).container()

folded = st.expander(
    "Distances and mistakes", icon=":material/grid_on:", on_change="rerun", key="tree_heat", bind="query-params"
)
if folded.open:
    with folded:
        draw_heatmaps(run, h)
beside = st.expander(
    "Beside the baseline", icon=":material/compare:", on_change="rerun", key="tree_beside", bind="query-params"
)
if beside.open:
    with beside:
        other = baseline_run(chosen, run)
        if isinstance(other, str):
            st.markdown(other)
            st.page_link(page_path("train"), label="Train it", icon=":material/model_training:")
        else:
            try:
                draw_beside(run, other, key, h, options.groups, options.orientation)
            except LwalError as error:
                st.error(plain(str(error)), icon=":material/error:")

# Last, because shuffling the classes of a large tree takes a moment the first time and nothing else should wait for it.
found = agreement(key, h) if n > 2 and not h.is_flat else None
if found is not None:
    agreement_slot.markdown(agreement_sentence(found))
    with agreement_card:
        draw_agreement(found)
