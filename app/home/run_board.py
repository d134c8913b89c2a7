"""Board of Home: tree and curves of what is selected, below them all runs as a table; it follows trainings by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.common import curves_cache, evaluation
from app.common.pages import page_path
from app.common.selection import (
    all_groups,
    group_titles,
    link_to_train,
    run_choices,
    select_groups,
    selection,
    short_labels,
)
from app.common.widgets import errors_shown, figure, newest, theme
from app.common.wording import counted, plain
from app.home.bulk_actions import draw_bulk, draw_undo
from app.home.example_runs import show_made_by
from app.home.guide import guide_button
from app.home.meaning import Names, preview_run, run_tree
from app.home.run_rows import GROUP_BY, option_names, rows_of
from app.imports.import_dialog import import_button
from app.tree.stats import LISTED_GROUPS, TreeKey, tree_stats
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import LwalError
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.curves import accuracy_figure
from lwal_core.figures.palette import Theme
from lwal_core.runs import Run, RunGroup, RunSummary, list_runs, one_per_seed

if TYPE_CHECKING:
    import plotly.graph_objects as go

SEARCHED = 10
"""Groups from which on there is a search field."""
MOST_PICTURES = 40
"""Classes up to which the preview's tree has a picture at each leaf; a taller tree would push the rest off the page."""
HEIGHT, FITTING = 540, 24
"""Height of tree and curves in px, 60 % of a usual window, so that the table is seen below, and up to how many classes a tree
fits into it."""
LONGEST_TITLE = 40
"""Characters of the tree's title that stand in one line."""
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
        _draw_preview()


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
            alt=f"{counted(len(rows), 'group')} of runs with accuracy and status; ticked rows are the selection of all pages",
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


def _draw_preview() -> None:
    chosen = selection()
    labels = short_labels(chosen.groups)
    curves = {
        labels[group.key]: curves_cache.curves(one_per_seed(group.runs))
        for group in chosen.groups
        if one_per_seed(group.runs)
    }
    preview = preview_run(chosen)
    if preview is None and not curves:
        st.markdown(link_to_train())
        return
    left, right = st.columns([2, 1], gap="small") if preview and curves else [st.container()] * 2
    if preview:
        with left:
            _draw_tree(preview, run_choices(chosen.runs(), LONGEST_TITLE)[preview.id])
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


@st.cache_resource(max_entries=20, show_spinner=False)
def _tree_figure(
    key: TreeKey,
    title: str,
    stamp: int,
    theme: Theme,
    names: Names,
    cut: CutAt,
    _h: Hierarchy,
    _pictures: tuple[str, ...] | None,
) -> go.Figure:
    """The tree in the colours of its groups, so low that the table is seen below it where its classes fit; shared: never change it."""
    marked = group_marks(_h, cut) if _h.n > 2 and not _h.is_flat else []
    return dendrogram_figure(
        _h,
        cut if 1 < len(marked) < _h.n else None,
        "right",
        theme=theme,
        title=title,
        pictures=_pictures,
        clade_names=dict(names.given),
        proposed_names=dict(names.proposed),
        marks=marked if 1 < len(marked) <= LISTED_GROUPS else [],
        height=HEIGHT if _h.n <= FITTING else None,
    )


def _draw_tree(preview: RunSummary, title: str) -> None:
    tree = run_tree(preview)
    key, h = tree.key, tree.h
    pairs = tree_stats(key, h).pairs
    nearest = f"Nearest classes: {h.names[pairs[0][0]]} and {h.names[pairs[0][1]]}." if pairs else ""
    pictures = _pictures(tree.run) if h.n <= MOST_PICTURES else None
    stamp = evaluation.thumbnails_stamp(tree.run) if pictures else 0
    figure(
        _tree_figure(key, title, stamp, theme(), tree.names, tree.cut, h, pictures),
        key="home_tree",
        summary=f"Class tree of {title}"
        + ("" if preview.imported else f", after epoch {key.spec.epoch}")
        + f". {nearest}",
    )
    st.page_link(
        page_path("hierarchy"),
        label="Explore this tree",
        icon=":material/account_tree:",
        query_params={"run": preview.id},
    )
