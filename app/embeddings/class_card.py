"""Card of a class on the Embeddings page: neighbours, mistakes, accuracy, pictures; without a class, the nearest pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.class_distances import ClassDistances
from app.common.evaluation import thumbnails
from app.common.wording import counted, marked, plain, shortened
from app.embeddings.colours import ClassStyles
from lwal_core.analysis.base.formatting import format_accuracy, format_number
from lwal_core.errors import LwalError
from lwal_core.runs import Run

LISTED_CONFUSIONS = 3


def class_mark(styles: ClassStyles, index: int) -> str:
    """The marker of a class in text."""
    return marked(styles.colors[index], styles.symbols[index])


def draw_class(run: Run, near: ClassDistances, index: int, styles: ClassStyles) -> None:
    """Neighbours, mistakes, accuracy and pictures of a class."""
    names = run.class_names
    with st.container(border=True):
        st.subheader(f"{class_mark(styles, index)} {plain(names[index])}", anchor=False)
        sheet = thumbnails(run, index)
        if sheet is not None:
            pictures, count = sheet
            st.image(pictures, alt=f"{counted(count, 'picture')} of the class {names[index]}", output_format="PNG")
        if near.neighbours.shape[1]:
            lines = [
                f"{class_mark(styles, j)} {plain(names[j])}: {format_number(near.distances[index, j])}"
                for j in near.neighbours[index].tolist()
            ]
            st.markdown("**Nearest**  \n" + "  \n".join(lines))
        else:
            st.markdown("There is no other class.")
        _draw_mistakes(run, index)


def draw_sample(run: Run, row: int | None, index: int) -> None:
    """The test sample that was clicked on: its picture where it is kept, and what it is taken for.

    Args:
        run: The run.
        row: Its place in the test set; None for none.
        index: The class that is picked; a sample of another one is not shown.
    """
    if row is None:
        return
    try:
        found = evaluation.predictions(run)
    except LwalError:
        return
    if not 0 <= row < len(found.y) or found.y[row] != index:
        return
    names, pred = run.class_names, int(found.pred[row])
    taken = (
        "recognised"
        if pred == index
        else f"taken for {shortened(names[pred])}"
        if 0 <= pred < len(names)
        else "not classified"
    )
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        sheet = evaluation.sample_sheet(run, [row], 1)
        if sheet is not None:
            st.image(sheet[0], alt=f"Test sample {row} of the class {names[index]}", output_format="PNG", width=64)
        st.markdown(
            f"**Test sample {row:,}**: {taken}.", help=None if sheet is not None else "No picture of it is kept."
        )


def _draw_mistakes(run: Run, index: int) -> None:
    names = run.class_names
    try:
        epoch, confusion = evaluation.confusion(run)
    except LwalError as error:
        st.caption(plain(str(error)))
        return
    row = confusion[index].astype(np.int64)
    total = int(row.sum())
    share = row[index] / total if total else math.nan
    samples = counted(total, "test sample")
    st.markdown(f"**Accuracy** {format_accuracy(share, reason='no test samples')}" + f" of {samples}" * bool(total))
    for title, counts in (("Taken for", row), ("Taken for it", confusion[:, index].astype(np.int64))):
        counts = counts.copy()
        counts[index] = 0
        order = [j for j in np.argsort(-counts, kind="stable")[:LISTED_CONFUSIONS].tolist() if counts[j] > 0]
        text = ", ".join(f"{plain(names[j])} ({counts[j]:,})" for j in order) or (
            "none" if total else "undefined (no test samples)"
        )
        others = int((counts > 0).sum()) - len(order)
        st.markdown(f"**{title}** {text}" + f" and {others:,} more" * (others > 0))
    st.caption(f"Test set after epoch {epoch}, by {evaluation.predictions(run).by}.")


def draw_overview(names: Sequence[str], near: ClassDistances, *, clickable: bool) -> None:
    """Nearest pairs and the class that stands alone, while no class is picked."""
    with st.container(border=True):
        st.subheader("Nearest classes", anchor=False)
        lines = [f"{plain(names[i])} and {plain(names[j])}: {format_number(d)}" for i, j, d in near.pairs]
        st.markdown("  \n".join(lines) if lines else "There is one class only.")
        st.caption("True distances." + " A click on a point opens its card." * clickable)
