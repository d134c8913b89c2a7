"""Board of Home: tree and curves of what is selected, below them all runs as a table; it follows trainings by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
from app.home.bulk_actions import draw_bulk, draw_undo
from app.home.example_runs import show_made_by
from app.home.guide import guide_button
from app.home.run_rows import GROUP_BY, option_names, rows_of
from app.imports.import_dialog import import_button
from app.tree.stats import TreeKey, proposals, tree_key, tree_stats
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.clade_names import shown_names
from lwal_core.errors import LwalError
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.curves import accuracy_figure
from lwal_core.figures.palette import Theme
from lwal_core.results.run_tree import names_of_nodes, run_taxonomy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunGroup, RunSummary, list_runs, one_per_seed, open_run

if TYPE_CHECKING:
    import plotly.graph_objects as go

SEARCHED = 10
"""Groups from which on there is a search field."""
MOST_PICTURES = 40
"""Classes up to which the preview's tree has a picture at each leaf; a taller tree would push the rest off the page."""
HEIGHT, FITTING = 540, 24
"""Height of tree and curves in px, 60 % of a usual window, so that the table is seen below, and up to how many classes a tree
fits into it."""
REFRESH_SECONDS = 3.0
"""How often table and preview are drawn while something trains; a page where nothing runs stays as it is."""
_PICKED = "home_picked"


def live_board() -> None:
    """Draw preview, controls and table; the first and the last again and again while a training is active."""
    active, begun = _state()
    again = REFRESH_SECONDS if active else None
    st.fragment(_live_preview, run_every=again)((active, begun))
    view = _controls(all_groups())  # not by a clock, which would swallow presses
    st.fragment(_live_table, run_every=again)((active, begun), view)


def _state() -> tuple[bool, int]:
    """Whether a training is active, and how many runs have something to show."""
    runs = list_runs()
    return any(run.active for run in runs), sum(run.epochs_done > 0 for run in runs)


def _live_preview(drawn: tuple[bool, int]) -> None:
    _follow(drawn)
    with errors_shown(go_on=True):
        _draw_preview(group_titles(all_groups()))


def _live_table(drawn: tuple[bool, int], view: _View) -> None:
    _follow(drawn)
    _draw_table(all_groups(), view)


def _follow(drawn: tuple[bool, int]) -> None:
    """Draw the whole page where more than these parts has changed: the selection around them, or what trains."""
    if st.session_state.pop(_PICKED, False) or _state() != drawn:
        st.rerun()


class _View(NamedTuple):
    """What the controls say: words to search for, options as columns, the column that leads."""

    search: str
    columns: tuple[str, ...]
    group_by: str


def _controls(groups: list[RunGroup]) -> _View:
    """The row above the table."""
    options = option_names(selection().groups)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search_place = st.container()
        group_by = st.selectbox(
            "Group by", [*GROUP_BY, *options], index=None, placeholder="Newest first", key="group_by", bind="query-params", width=200,
        )  # fmt: skip
        with st.popover("Columns", icon=":material/view_column:"):
            columns = st.multiselect(
                "Options of the configuration", options, key="columns", bind="query-params", placeholder="Choose options",
                help="Those first in which the runs differ.",
            )  # fmt: skip
        draw_bulk(selection())
        import_button()
        guide_button("First steps")
    search = ""
    if len(groups) >= SEARCHED or st.session_state.get("search") or st.query_params.get("search"):
        search = search_place.text_input(
            "Search runs", key="search", bind="query-params", placeholder="Name, method, data, tag or status", width=280,
        )  # fmt: skip
    draw_undo()
    return _View(search, (*columns, *([group_by] if group_by in options else [])), group_by or "")


def _draw_table(groups: list[RunGroup], view: _View) -> None:
    damaged = [run for run in list_runs() if run.problem]
    columns = tuple(dict.fromkeys(view.columns))
    rows, keys = rows_of(
        groups, damaged, group_titles(groups), search=view.search, columns=columns, group_by=view.group_by
    )
    if rows:
        table_key = "_".join(["home_table", view.search, str(len(rows)), *filter(None, [view.group_by, *columns])])
        # The ticks are the selection, also when that was changed in the bar or by the address.
        chosen = {group.key for group in selection().groups}
        selected = [row for row, key in enumerate(keys) if key and key in chosen]
        st.session_state[table_key] = {"selection": {"rows": selected, "columns": [], "cells": []}}
        hidden = {name: None for name in ("Method", "Data", "Tags") if name != view.group_by}
        st.dataframe(
            rows,
            key=table_key,
            hide_index=True,
            on_select=newest("home_table", lambda: _look_at_rows(table_key, keys)),
            selection_mode="multi-row",
            height=min(36 * (len(rows) + 1) + 2, 560),
            alt=f"{len(rows)} groups of runs with accuracy and status; ticked rows are the selection of all pages",
            placeholder="",
            column_config={
                "Name": st.column_config.TextColumn(pinned=not view.group_by, width=270),
                **hidden,
                "Best test accuracy": st.column_config.TextColumn(
                    help="At the epoch that is best on the test set, as on Curves: mean ± standard deviation over the seeds "
                    "that finished."
                ),
                "Read by": st.column_config.TextColumn(help="The rule that the method is used with."),
                "When": st.column_config.DatetimeColumn(format="distance"),
            },
        )
        show_made_by(selection())
    else:
        st.info(f"No run matches “{plain(view.search)}”.", icon=":material/search_off:")
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
    if not shown and not curves:
        st.markdown(link_to_train())
        return
    left, right = st.columns([3, 2], gap="medium") if shown and curves else [st.container()] * 2
    if shown:
        with left:
            _draw_tree(next((run for run in shown if not run.is_baseline), shown[0]), titles)
    if curves:
        with right:
            figure(
                accuracy_figure(curves, theme=theme(), height=HEIGHT),
                key="home_curve",
                summary=f"Test accuracy by epoch of {', '.join(curves)}.",
            )


def _pictures(run: Run) -> tuple[str, ...] | None:
    """A picture of every class; None where there is none, or the file is damaged: the tree is shown all the same."""
    try:
        pictures = evaluation.class_pictures(run)
    except LwalError:
        return None
    return pictures if any(pictures) else None


class Names(NamedTuple):
    """Names of a tree's clades, by node: those that somebody gave, and those that are proposed for others."""

    given: tuple[tuple[int, str], ...] = ()
    proposed: tuple[tuple[int, str], ...] = ()


@st.cache_resource(max_entries=20, show_spinner=False)
def _tree_figure(
    key: TreeKey,
    title: str,
    stamp: int,
    theme: Theme,
    names: Names,
    _h: Hierarchy,
    _pictures: tuple[str, ...] | None,
) -> go.Figure:
    """The tree, so low that the table is seen below it where its classes fit; shared: never change it."""
    return dendrogram_figure(
        _h,
        None,
        "right",
        theme=theme,
        title=title,
        pictures=_pictures,
        clade_names=dict(names.given),
        proposed_names=dict(names.proposed),
        height=HEIGHT if _h.n <= FITTING else None,
    )


def _names(run: Run, key: TreeKey, h: Hierarchy) -> Names:
    """Names of clades; none where what they are taken from cannot be read."""
    try:
        given = names_of_nodes(h, run_cache.notes(run))
        proposed = shown_names(proposals(key, h, run_taxonomy(run)), h.n)
    except LwalError:
        return Names()
    return Names(tuple(given.items()), tuple((node, name) for node, name in proposed.items() if node not in given))


def _draw_tree(preview: RunSummary, titles: dict[str, str]) -> None:
    run = open_run(preview.id)
    spec = TreeSpec.of(run)
    h = run_cache.hierarchy(spec)
    key = tree_key(spec)
    pairs = tree_stats(key, h).pairs
    nearest = f"Nearest classes: {h.names[pairs[0][0]]} and {h.names[pairs[0][1]]}." if pairs else ""
    pictures = _pictures(run) if h.n <= MOST_PICTURES else None
    stamp = evaluation.thumbnails_stamp(run) if pictures else 0
    figure(
        _tree_figure(key, choice_title(titles[preview.group]), stamp, theme(), _names(run, key, h), h, pictures),
        key="home_tree",
        summary=f"Class tree of {run_title(preview, titles)}"
        + ("" if preview.imported else f", after epoch {spec.epoch}")
        + f". {nearest}",
    )
    st.page_link(
        page_path("hierarchy"),
        label="Explore this tree",
        icon=":material/account_tree:",
        query_params={"run": preview.id},
    )
