"""Lassoed test samples: classes, mistakes, table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.widgets import downloads, newest
from app.common.wording import counted, plain
from app.linked.selection import PAIR
from app.tree.chosen_node import CLADE, CLASS
from lwal_core.analysis.base.formatting import format_percent
from lwal_core.errors import LwalError
from lwal_core.export.tables import table_csv
from lwal_core.runs import Run

LASSO = "embedding_lasso"
"""Session key: indices of test samples, as the lasso in the picture gave them."""
_OF = "embedding_lasso_of"
MOST_ROWS = 1_000
"""Rows of the table on the page; the file has all."""


class Lassoed(NamedTuple):
    """Lassoed test samples, by index: ``rows``, true ``y`` and predicted ``pred``, all ``[S]``."""

    rows: np.ndarray
    y: np.ndarray
    pred: np.ndarray


def keep_lasso(run: Run, rows: list[int]) -> None:
    """Keep what was lassoed: indices into this run's test set; none forgets it."""
    st.session_state[LASSO], st.session_state[_OF] = rows, run.id


def kept_lasso(run: Run) -> list[int] | None:
    """What was lassoed in a picture of this run, until it is forgotten; None when nothing was."""
    return (st.session_state.get(LASSO) or None) if st.session_state.get(_OF, run.id) == run.id else None


def draw_lasso(run: Run) -> None:
    """What was lassoed in a picture of this run; nothing when nothing was."""
    wanted = kept_lasso(run)
    if not wanted:
        return
    names = run.class_names
    try:
        _, y, pred, _ = evaluation.predictions(run)
    except LwalError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    found = lassoed(wanted, y, pred, len(names))
    if not len(found.rows):
        return
    with st.container(border=True):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        head.markdown(lasso_sentence(found))
        with head.container(horizontal=True, width="content", gap="xsmall"):
            downloads(
                "Download",
                [("Lassoed samples, CSV", f"{run.id}-lassoed.csv", "text/csv", partial(lasso_csv, found, names))],
                key="linked_lasso_download",
            )
            st.button(
                "", icon=":material/close:", help="Forget these samples", key="linked_lasso_forget", type="tertiary",
                on_click=_forget,
            )  # fmt: skip
        order = np.argsort(found.y == found.pred, kind="stable")
        sheet = evaluation.sample_sheet(run, found.rows[order].tolist())
        if sheet is not None:
            pictures, count = sheet
            st.image(
                pictures, alt=f"{counted(count, 'picture')} of lassoed samples, mistakes first", output_format="PNG"
            )
        left, right = st.columns(2, gap="medium")
        by_class = classes_table(found, names)
        with left:
            st.dataframe(
                by_class, hide_index=True, key="linked_lasso_classes", selection_mode="single-row", height=240,
                on_select=newest("linked_lasso_classes", partial(_pick_row, by_class["Class"])),
                column_config={"Class": st.column_config.TextColumn(help="A click on a row picks the class.")},
                alt="Classes of the lassoed samples, with how many of them are mistakes.",
            )  # fmt: skip
        with right:
            st.dataframe(
                samples_table(found, names), hide_index=True, key="linked_lasso_samples", height=240,
                alt="Lassoed samples with their class and what they were taken for, mistakes first.",
            )  # fmt: skip
        if len(found.rows) > MOST_ROWS:
            st.caption(f"Showing {MOST_ROWS:,} of {len(found.rows):,} samples, mistakes first; the file has all.")


def lassoed(wanted: Sequence[Any], y: np.ndarray, pred: np.ndarray, classes: int) -> Lassoed:
    """The lassoed samples that the test set has, once each, ascending; those of unknown classes are left out."""
    rows = np.unique([int(i) for i in wanted if isinstance(i, int | np.integer) and 0 <= i < len(y)]).astype(np.intp)
    rows = rows[(y[rows] >= 0) & (y[rows] < classes)]
    return Lassoed(rows, y[rows].astype(np.intp), pred[rows].astype(np.intp))


def lasso_sentence(found: Lassoed) -> str:
    """``"**312 test samples** of 4 classes are lassoed; 22 of them are mistakes (7.05 %)."``"""
    count, wrong = len(found.rows), int((found.y != found.pred).sum())
    classes = counted(len(np.unique(found.y)), "class", "classes")
    verb = "is" if count == 1 else "are"
    mistakes = (
        f"{wrong:,} of them {'is a mistake' if wrong == 1 else 'are mistakes'} ({format_percent(wrong / count)})"
        if wrong
        else "none of them is a mistake"
    )
    return f"**{counted(count, 'test sample')}** of {classes} {verb} lassoed; {mistakes}."


def classes_table(found: Lassoed, names: Sequence[str]) -> dict[str, list[Any]]:
    """One row per class, the most frequent first."""
    total = np.bincount(found.y, minlength=len(names))
    wrong = np.bincount(found.y[found.y != found.pred], minlength=len(names))
    order = [i for i in np.argsort(-total, kind="stable").tolist() if total[i]]
    return {
        "Class": [names[i] for i in order],
        "Lassoed": total[order].tolist(),
        "Mistakes": wrong[order].tolist(),
    }


def samples_table(found: Lassoed, names: Sequence[str], most: int | None = MOST_ROWS) -> dict[str, list[Any]]:
    """One row per sample: mistakes first on the page, by index in the file (``most`` None)."""
    order = np.arange(len(found.rows))
    if most is not None:
        order = np.argsort(found.y == found.pred, kind="stable")[:most]
    return {
        "Test sample": found.rows[order].tolist(),
        "Class": [names[i] for i in found.y[order].tolist()],
        "Prediction": [names[i] if 0 <= i < len(names) else "" for i in found.pred[order].tolist()],
    }


def lasso_csv(found: Lassoed, names: Sequence[str]) -> bytes:
    """All lassoed samples: index, class, prediction."""
    columns = samples_table(found, names, None)
    return table_csv(["test_index", "class", "prediction"], list(zip(*columns.values(), strict=True))).encode()


def _forget() -> None:
    st.session_state.pop(LASSO, None)


def _pick_row(classes: Sequence[str]) -> None:
    rows = st.session_state["linked_lasso_classes"]["selection"]["rows"]
    if rows and 0 <= rows[0] < len(classes):
        st.session_state[CLASS] = classes[rows[0]]
        st.session_state.pop(CLADE, None)
        st.session_state.pop(PAIR, None)
