"""Panel for columns of one's own: bring a table, look at what it says, keep it; remove kept ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from app.common.columns import own_tables
from app.common.widgets import changing, on_accent, show_error
from app.common.wording import counted, plain, shortened
from app.imports.uploads import keep_file
from app.tree.own_columns import show_first
from lwal_core.datafiles.own_columns import ENDINGS, MAX_BYTES, FoundColumns, read_own_table
from lwal_core.errors import LwalError
from lwal_core.export.tables import csv_file, table_csv
from lwal_core.runs import Run
from lwal_core.runs.own_columns import OwnColumn, OwnTable, keep_own_columns, remove_own_columns
from lwal_core.security.permissions import read_only
from lwal_core.settings import settings

OPEN = "own_columns"
"""Session key and query parameter: whether the panel is open."""
_FILE, _FAILED, _ROUND = "own_columns_file", "own_columns_failed", "own_columns_round"
_KINDS = {"number": "numbers", "category": "categories", "label": "labels"}
_PREVIEW = 200  # rows

_HELP = f"""CSV or TSV, at most {MAX_BYTES // 2**20} MB. A row a class, with a column `class`:
```
class,habitat,weight
cat,home,4.5
deer,forest,80
```
or a row a test sample, with a column `index` (the number that the app shows when the pointer is on the sample):
```
index,photographer
0,Anna
7,Ben
```"""


def draw_your_columns(run: Run) -> None:
    """The panel, folded at first."""
    panel = st.expander(
        "Your columns", icon=":material/add_column_right:", on_change="rerun", key=OPEN, bind="query-params"
    )
    if not panel.open:
        return
    with panel:
        if (failed := st.session_state.pop(_FAILED, None)) is not None:
            show_error(failed)
        try:
            tables = own_tables(run)
        except LwalError as error:
            show_error(error)
            return
        if not read_only():
            _draw_file(run)
        _draw_kept(run, tables)


def _draw_file(run: Run) -> None:
    upload = st.file_uploader(
        "Table of your own",
        [ending.removeprefix(".") for ending in ENDINGS],
        max_upload_size=max(1, min(MAX_BYTES // 2**20, settings().max_upload_mb)),
        key=f"{_FILE}_{st.session_state.get(_ROUND, 0)}",  # a fresh one after a file was kept
        help=_HELP,
    )
    if upload is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("A row a class (class,column...) or a row a test sample (index,column...).", width="content")
            st.download_button(
                "Classes to fill in, CSV", partial(_classes_file, tuple(run.class_names)), f"{run.id}-classes.csv", "text/csv",
                on_click="ignore", key="own_columns_template", type="tertiary",
            )  # fmt: skip
        return
    try:
        path = keep_file(upload)
        found = read_own_table(path, run.class_names)
    except LwalError as error:
        show_error(error)
        return
    table = found.table
    st.markdown(_said(table, len(run.class_names)))
    for note in found.notes:
        st.caption(plain(note))
    st.dataframe(_preview(table), hide_index=True, height=210, alt=f"The first rows of {table.name}.")
    st.button(
        on_accent("Keep with the run"), type="primary", key="own_columns_keep", on_click=_caught, args=(partial(_keep, run, found),),
        **changing(),
    )  # fmt: skip


def _draw_kept(run: Run, tables: tuple[OwnTable, ...]) -> None:
    if not tables:
        st.caption("This run has no columns yet.")
        return
    st.markdown("**Kept with the run**")
    for place, table in enumerate(tables):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{shortened(table.name)}: {_said(table, len(run.class_names))}", width="content")
            st.button(
                "Remove", icon=":material/delete:", key=f"own_columns_remove_{place}", type="tertiary", on_click=_caught,
                args=(partial(remove_own_columns, run.path, table.name),), **changing(),
            )  # fmt: skip


def _said(table: OwnTable, classes: int) -> str:
    """What a table has, in a sentence (markdown)."""
    listed = ", ".join(f"{shortened(column.name)} ({_KINDS[column.kind]})" for column in table.columns)
    if table.of == "class":
        return f"{len(table.rows):,} of {counted(classes, 'class', 'classes')}; {listed}"
    return f"{counted(len(table.rows), 'test sample')}, for *Embeddings*; {listed}"


def _preview(table: OwnTable) -> dict[str, list[Any]]:
    """The first rows as columns of a data frame."""
    rows = {"class" if table.of == "class" else "index": list(table.rows[:_PREVIEW])}
    shown = {column.name: _values(column) for column in table.columns}
    return (
        {name: values for name, values in shown.items() if name not in rows} | rows
        if set(shown) & set(rows)
        else rows | shown
    )


def _values(column: OwnColumn) -> list[Any]:
    if column.kind == "number":
        return list(column.numbers[:_PREVIEW])
    return [column.texts[code] if code >= 0 else None for code in column.codes[:_PREVIEW]]


def _keep(run: Run, found: FoundColumns) -> None:
    keep_own_columns(run.path, found.table)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    if found.table.of == "class":
        show_first({column.name: column.kind for column in found.table.columns})


def _caught(change: Callable[[], None]) -> None:
    """In a callback nothing can be drawn: an error is kept and shown when the panel is drawn again."""
    st.session_state.pop(_FAILED, None)
    try:
        change()
    except LwalError as error:
        st.session_state[_FAILED] = error


def _classes_file(names: tuple[str, ...]) -> bytes:
    return csv_file(table_csv(["class", "column"], [[name, None] for name in names]).encode())
