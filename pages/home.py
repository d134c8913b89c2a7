"""Home: what this is, all runs, and a preview of what the selected ones learned."""

import pandas as pd
import streamlit as st

from app.common import curves_cache, run_cache
from app.common.pages import page_path
from app.common.selection import (
    all_groups,
    group_titles,
    link_to_train,
    run_title,
    select_groups,
    selection,
    short_labels,
)
from app.common.widgets import empty_state, errors_shown, figure, newest, question, theme
from app.common.wording import plain
from app.home.claims import draw_claims
from app.home.example_runs import examples_button, show_made_by
from app.home.examples_gallery import draw_gallery
from app.home.guide import guide_button
from app.imports.import_dialog import import_button
from app.tree.stats import tree_key, tree_stats
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.experiments.examples import TAG
from lwal_core.figures.curves import accuracy_figure
from lwal_core.glossary import explained
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import RULE_TITLES, list_runs, one_per_seed, open_run

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

titles = group_titles(groups)
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
words = search.lower().split()
rows, keys = [], []
for group in groups:
    first = group.first
    haystack = " ".join(
        [titles[group.key], first.method_label, first.data, group.status, *first.tags, *(r.id for r in group.runs)]
    ).lower()
    if not all(word in haystack for word in words):
        continue
    keys.append(group.key)
    accuracies = group.best_accuracies()
    seeds = len(group.seeds)
    rows.append(
        {
            "Name": titles[group.key],
            "Method": first.method_label,
            "Data": first.data_title,
            "Seeds": seeds,
            "Epochs": "" if first.imported else f"{min(r.epochs_done for r in group.one_per_seed)} of {first.epochs}",
            "Best test accuracy": format_mean_sd(accuracies, "%")
            if len(accuracies)
            else "imported"
            if first.imported
            else "none finished",
            "Read by": RULE_TITLES[first.predictor] if len(accuracies) else "",
            "Status": "imported" if first.imported else "example" if TAG in first.tags else group.status,
            "When": first.created,
        }
    )
for run in damaged:
    if all(word in f"{run.id} damaged".lower() for word in words):
        keys.append("")
        rows.append({"Name": run.id, "Status": f"damaged: {run.problem}", "When": run.created})


def look_at_rows(table_key: str, row_keys: list[str]) -> None:
    ticked = [row_keys[i] for i in st.session_state[table_key].selection.rows if i < len(row_keys) and row_keys[i]]
    hidden = [group.key for group in selection().groups if group.key not in row_keys]  # by the search
    select_groups([*hidden, *ticked])


left, right = st.columns([7, 4], gap="medium")
with left:
    if rows:
        table_key = f"home_table_{search}_{len(rows)}"
        # The ticks are the selection, also when that was changed in the sidebar or by the address.
        selected = [row for row, key in enumerate(keys) if key and key in {group.key for group in selection().groups}]
        st.session_state[table_key] = {"selection": {"rows": selected, "columns": [], "cells": []}}
        st.dataframe(
            pd.DataFrame(rows),
            key=table_key,
            hide_index=True,
            on_select=newest("home_table", lambda: look_at_rows(table_key, keys)),
            selection_mode="multi-row",
            height=min(36 * (len(rows) + 1) + 2, 560),
            alt=f"{len(rows)} groups of runs with accuracy and status",
            placeholder="",
            column_config={
                "Name": st.column_config.TextColumn(pinned=True, width=165),
                "Method": None,
                "Data": None,
                "Best test accuracy": st.column_config.TextColumn(
                    help="At the epoch that is best on the test set, as on Curves: mean ± standard deviation over the seeds "
                    "that finished."
                ),
                "Read by": st.column_config.TextColumn(help="The rule that the method is used with."),
                "When": st.column_config.DatetimeColumn(format="distance"),
            },
        )
        st.caption("Tick rows to look at them; the other pages show the same selection.")
        show_made_by(selection())
    else:
        st.info(f"No run matches “{plain(search)}”.", icon=":material/search_off:")
    if damaged:
        st.warning(
            f"{len(damaged)} run folder{'s' if len(damaged) > 1 else ''} cannot be read; the status column says why. "
            "Nothing else is affected.",
            icon=":material/folder_off:",
        )

chosen = selection()
shown = chosen.runs()
with right, st.container(border=True), errors_shown():
    if not shown:
        st.subheader("Preview", anchor=False)
        st.markdown(link_to_train())
        st.stop()
    preview = next((run for run in shown if not run.is_baseline), shown[0])
    run = open_run(preview.id)
    spec = TreeSpec.of(run)
    h = run_cache.hierarchy(spec)
    st.subheader(plain(titles[preview.group]), anchor=False)
    key = tree_key(spec)
    pairs = tree_stats(key, h).pairs
    nearest = f"Nearest classes: {h.names[pairs[0][0]]} and {h.names[pairs[0][1]]}." if pairs else ""
    figure(
        tree_figure(key, Drawing(None, 1, "right", theme=theme()), h),
        key="home_tree",
        summary=f"Class tree of {run_title(preview, titles)}"
        + ("" if preview.imported else f", after epoch {spec.epoch}")
        + f". {nearest}",
    )
    labels = short_labels(chosen.groups)
    curves = {
        labels[group.key]: curves_cache.curves(one_per_seed(group.runs))
        for group in chosen.groups
        if one_per_seed(group.runs)
    }
    if curves:
        figure(
            accuracy_figure(curves, theme=theme(), height=260),
            key="home_curve",
            summary=f"Test accuracy by epoch of {', '.join(curves)}.",
        )
    with st.container(horizontal=True):
        st.page_link(page_path("hierarchy"), label="Explore the tree", icon=":material/account_tree:")
        st.page_link(page_path("curves"), label="Compare the curves", icon=":material/show_chart:")
