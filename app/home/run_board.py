"""Board of Home: all runs as a table beside a preview of what is selected; it follows trainings by itself."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.common import curves_cache, evaluation, run_cache
from app.common.pages import page_path
from app.common.selection import (
    all_groups,
    choice_title,
    group_titles,
    link_to_train,
    run_title,
    select_groups,
    selection,
    short_labels,
)
from app.common.widgets import errors_shown, figure, newest, theme
from app.common.wording import plain
from app.home.example_runs import show_made_by
from app.tree.stats import tree_key, tree_stats
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.errors import LwalError
from lwal_core.experiments.examples import TAG
from lwal_core.figures.curves import accuracy_figure
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunGroup, RunSummary, list_runs, one_per_seed, open_run

LONGEST_NAME = 40
"""Characters of a title in the table."""
MOST_PICTURES = 40
"""Classes up to which the preview's tree has a picture at each leaf; a taller tree would push the rest off the page."""
REFRESH_SECONDS = 3.0
"""How often table and preview are drawn while something trains; a page where nothing runs stays as it is."""
_PICKED = "home_picked"


def live_board(search: str) -> None:
    """Draw table and preview, again and again while a training is active."""
    active, begun = _state()
    st.fragment(_board, run_every=REFRESH_SECONDS if active else None)(search, (active, begun))


def _state() -> tuple[bool, int]:
    """Whether a training is active, and how many runs have something to show."""
    runs = list_runs()
    return any(run.active for run in runs), sum(run.epochs_done > 0 for run in runs)


def _board(search: str, drawn: tuple[bool, int]) -> None:
    if st.session_state.pop(_PICKED, False) or _state() != drawn:
        st.rerun()  # the selection around the table follows, and the fragment gets its clock from the page
    groups = all_groups()
    titles = group_titles(groups)
    _draw_table(search, groups, titles)
    with st.container(border=True), errors_shown():
        _draw_preview(titles)


def _draw_table(search: str, groups: list[RunGroup], titles: dict[str, str]) -> None:
    damaged = [run for run in list_runs() if run.problem]
    words = search.lower().split()
    rows: list[dict[str, Any]] = []
    keys: list[str] = []
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
                "Name": choice_title(titles[group.key], LONGEST_NAME),
                "Method": first.method_label,
                "Data": first.data_title,
                "Seeds": seeds,
                "Epochs": ""
                if first.imported
                else f"{min(r.epochs_done for r in group.one_per_seed)} of {first.epochs}",
                "Best test accuracy": format_mean_sd(accuracies, "%")
                if len(accuracies)
                else "imported"
                if first.imported
                else "none finished",
                "Read by": first.rule if len(accuracies) else "",
                "Status": "imported" if first.imported else "example" if TAG in first.tags else group.status,
                "When": first.created,
            }
        )
    for run in damaged:
        if all(word in f"{run.id} damaged".lower() for word in words):
            keys.append("")
            rows.append({"Name": run.id, "Status": f"damaged: {run.problem}", "When": run.created})
    if rows:
        table_key = f"home_table_{search}_{len(rows)}"
        # The ticks are the selection, also when that was changed in the bar or by the address.
        chosen = {group.key for group in selection().groups}
        selected = [row for row, key in enumerate(keys) if key and key in chosen]
        st.session_state[table_key] = {"selection": {"rows": selected, "columns": [], "cells": []}}
        st.dataframe(
            rows,
            key=table_key,
            hide_index=True,
            on_select=newest("home_table", lambda: _look_at_rows(table_key, keys)),
            selection_mode="multi-row",
            height=min(36 * (len(rows) + 1) + 2, 560),
            alt=f"{len(rows)} groups of runs with accuracy and status",
            placeholder="",
            column_config={
                "Name": st.column_config.TextColumn(pinned=True, width=270),
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


def _look_at_rows(table_key: str, keys: list[str]) -> None:
    ticked = [keys[i] for i in st.session_state[table_key].selection.rows if i < len(keys) and keys[i]]
    hidden = [group.key for group in selection().groups if group.key not in keys]  # by the search
    select_groups([*hidden, *ticked])
    st.session_state[_PICKED] = True


def _draw_preview(titles: dict[str, str]) -> None:
    chosen = selection()
    shown = chosen.runs()
    labels = short_labels(chosen.groups)
    curves = {
        labels[group.key]: curves_cache.curves(one_per_seed(group.runs))
        for group in chosen.groups
        if one_per_seed(group.runs)
    }
    left, right = st.columns([3, 2], gap="medium") if shown and curves else [st.container()] * 2
    with left:
        if shown:
            _draw_tree(next((run for run in shown if not run.is_baseline), shown[0]), titles)
        else:
            st.subheader("Preview", anchor=False)
            if not curves:
                st.markdown(link_to_train())
                return
    if curves:
        with right:
            figure(
                accuracy_figure(curves, theme=theme(), height=320),
                key="home_curve",
                summary=f"Test accuracy by epoch of {', '.join(curves)}.",
            )
    with st.container(horizontal=True):
        st.page_link(page_path("hierarchy"), label="Explore the tree", icon=":material/account_tree:")
        st.page_link(page_path("curves"), label="Compare the curves", icon=":material/show_chart:")


def _pictures(run: Run) -> tuple[str, ...] | None:
    """A picture of every class; None where there is none, or the file is damaged: the tree is shown all the same."""
    try:
        pictures = evaluation.class_pictures(run)
    except LwalError:
        return None
    return pictures if any(pictures) else None


def _draw_tree(preview: RunSummary, titles: dict[str, str]) -> None:
    run = open_run(preview.id)
    spec = TreeSpec.of(run)
    h = run_cache.hierarchy(spec)
    st.subheader(plain(titles[preview.group]), anchor=False)
    key = tree_key(spec)
    pairs = tree_stats(key, h).pairs
    nearest = f"Nearest classes: {h.names[pairs[0][0]]} and {h.names[pairs[0][1]]}." if pairs else ""
    pictures = _pictures(run) if h.n <= MOST_PICTURES else None
    stamp = evaluation.thumbnails_stamp(run) if pictures else 0
    drawing = Drawing(None, 1, "right", pictures=stamp, theme=theme())
    figure(
        tree_figure(key, drawing, h, None, pictures),
        key="home_tree",
        summary=f"Class tree of {run_title(preview, titles)}"
        + ("" if preview.imported else f", after epoch {spec.epoch}")
        + f". {nearest}",
    )
