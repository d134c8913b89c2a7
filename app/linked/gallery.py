"""Gallery of thumbnails per class, with accuracy and most frequent mistake."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.evaluation import THUMBNAILS, thumbnail_counts, thumbnails
from app.common.wording import NO_PICTURES, counted, shortened
from app.linked.selection import chosen_classes, pick_class
from app.tree.mistakes_epoch import tested_how
from lwal_core.analysis.base.formatting import format_accuracy
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import LwalError
from lwal_core.runs import Run

PAGE = "linked_gallery_page"
CLASSES_A_PAGE = 12
"""Classes on a page: with nine pictures each, 108 pictures."""


def draw_gallery(run: Run, h: Hierarchy, at: int | None = None) -> None:
    """A card for each class, in leaf order, so that near classes stand near each other.

    Args:
        run: The run.
        h: Its tree.
        at: Epoch whose mistakes are told, of which a sample is kept; None for the best one.
    """
    counts = thumbnail_counts(run)
    if counts is None:
        st.markdown(NO_PICTURES)
        return
    chosen = set(chosen_classes(h.names))
    wanted = [i for i in h.order.tolist() if not chosen or i in chosen]
    pages = math.ceil(len(wanted) / CLASSES_A_PAGE)
    if st.session_state.get(PAGE, 1) > pages:
        st.session_state[PAGE] = 1  # fewer classes are picked than before
    place = st.container()
    page = st.pagination(pages, key=PAGE) if pages > 1 else 1
    shown = wanted[(page - 1) * CLASSES_A_PAGE : page * CLASSES_A_PAGE]
    try:
        confusion: np.ndarray | None = evaluation.confusion(run, at).counts
    except LwalError:  # the pictures are worth showing all the same
        confusion = None
    with place:
        st.caption(showing(counts, wanted, shown, page))
        with st.grid(min_column_width=210, gap="small"):
            for index in shown:
                _draw_card(run, h, index, confusion)
        if confusion is not None:
            how = tested_how(run, at)
            st.caption(f"Accuracy and mistakes: {how[:1].lower()}{how[1:]}.")


def showing(counts: np.ndarray, wanted: list[int], shown: list[int], page: int) -> str:
    """``"Showing classes 13 to 24 of 100 in the tree's order, 108 of 900 thumbnails."``"""
    pictures, total = int(np.minimum(counts[shown], THUMBNAILS).sum()), int(counts[wanted].sum())
    first = (page - 1) * CLASSES_A_PAGE + 1
    if len(shown) < len(wanted):
        which = f"classes {first:,} to {first + len(shown) - 1:,} of {len(wanted):,} in the tree's order, "
    else:
        which = f"{len(wanted):,} classes in the tree's order, " if len(wanted) > 1 else ""
    return f"Showing {which}{pictures:,} of {total:,} thumbnails."


def _draw_card(run: Run, h: Hierarchy, index: int, confusion: np.ndarray | None) -> None:
    with st.container(border=True, gap="xsmall"):
        st.button(
            shortened(h.names[index]), key=f"linked_pick_{index}", type="tertiary", on_click=pick_class, args=(h, index),
            help="Pick this class",
        )  # fmt: skip
        sheet = thumbnails(run, index)
        if sheet is None:
            st.caption("No pictures of this class.")
        else:
            pictures, count = sheet
            st.image(pictures, alt=f"{counted(count, 'picture')} of the class {h.names[index]}", output_format="PNG")
        if confusion is not None:
            st.caption(class_summary(h, confusion, index))


def class_summary(h: Hierarchy, confusion: np.ndarray, index: int) -> str:
    """Accuracy and most frequent mistake of a class; markdown."""
    row = confusion[index].astype(np.int64)
    total = int(row.sum())
    if not total:
        return "Accuracy undefined (no test samples)"
    text = f"Accuracy {format_accuracy(row[index] / total)} of {total:,}"
    row[index] = 0
    if not row.any():
        return f"{text}, no mistakes"
    most = int(row.argmax())
    return f"{text}; most often taken for {shortened(h.names[most])} ({row[most]:,})"
