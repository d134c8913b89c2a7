"""Linked views of one selection: confusions, distances, gallery, pair history.

A class, clade or pair picked in one of them is picked on every page. Only the view that is open is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.common import evaluation, run_cache
from app.common.widgets import figure, theme
from app.common.wording import counted, plain
from app.linked.gallery import draw_gallery
from app.linked.lasso import draw_lasso
from app.linked.pair_history import draw_pair_moments
from app.linked.selection import (
    chosen_classes,
    chosen_pair,
    chosen_text,
    pair_sentence,
    pick_from_cell,
    pick_from_point,
)
from app.tree.mistakes_epoch import epoch_of_mistakes, tested_how
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.distance_vs_confusion import (
    PairConfusions,
    RankCorrelation,
    pair_confusions,
    rank_correlation,
)
from lwal_core.errors import LwalError
from lwal_core.figures import confusion_heatmap
from lwal_core.figures.distance_vs_confusion import HEIGHT, distance_vs_confusion_figure, finding
from lwal_core.figures.heatmap import MAX_CLASSES
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

VIEW, AMOUNT = "linked_view", "linked_amount"
VIEWS = ("Confusion", "Distances and mistakes", "Gallery", "Pairs by epoch")
AMOUNTS = ("Rates", "Counts")
MOST_CLASSES = 1_500
"""Classes up to which all their pairs are held against their distances; more make millions of pairs."""
TABLE_ROWS = 200


def draw_linked(run: Run, spec: TreeSpec) -> None:
    """Draw the linked views: what was lassoed, then the view that is open.

    Args:
        run: The run.
        spec: The tree of the class vectors: its leaf order, distances and class names.
    """
    h = run_cache.hierarchy(spec)
    draw_lasso(run)
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        view = st.segmented_control(
            "Linked view", VIEWS, default=VIEWS[0], key=VIEW, required=True,
            bind="query-params", label_visibility="collapsed",
        ) or VIEWS[0]  # fmt: skip
        picked = chosen_text(h.names, chosen_classes(h.names))
        st.caption(picked or "Pick a class here, in the picture above or in the tree; all views follow.")
    if view == VIEWS[3]:
        draw_pair_moments(run, spec, h)
        return
    at = epoch_of_mistakes(run)
    if view == VIEWS[2]:
        draw_gallery(run, h, at)
        return
    try:
        tested, confusion = evaluation.confusion(run, at)
    except LwalError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    if view == VIEWS[1]:
        _draw_pairs(run, spec, h, at, tested, confusion)
    else:
        _draw_confusion(run, h, at, confusion)


def _draw_confusion(run: Run, h: Hierarchy, at: int | None, confusion: np.ndarray) -> None:
    amount = st.segmented_control(
        "Amounts", AMOUNTS, default=AMOUNTS[0], key=AMOUNT, required=True,
        bind="query-params", persist_state="session", label_visibility="collapsed",
    ) or AMOUNTS[0]  # fmt: skip
    rates = amount != AMOUNTS[1]
    chosen = chosen_classes(h.names)
    title = confusion_finding(h, confusion, rates)
    view = (run.id, at, evaluation.evaluation_stamp(run, at), h.order.tobytes(), rates, tuple(chosen), theme(), h.names)
    fig = _drawn(
        view,
        lambda: confusion_heatmap(
            confusion, h.names, h.order, rates=rates, theme=theme(), title=title, chosen=chosen, targets=True
        ),
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure(
            fig,
            key="linked_confusion",
            summary=f"Which of {counted(h.n, 'class', 'classes')} are taken for which, in the order of the tree's leaves. "
            f"{title}.",
            on_select=lambda: pick_from_cell("linked_confusion", h),
        )
        st.caption(
            f"{tested_how(run, at)}; classes in the order of the tree's leaves. "
            + (
                "A click on a cell picks its true class."
                if h.n <= MAX_CLASSES
                else "A click on a cell picks the true class of the most frequent mistake in it."
            )
        )
    with right:
        _draw_pair(h, confusion)
        _draw_mistakes(h, confusion, chosen)


def _draw_pair(h: Hierarchy, confusion: np.ndarray) -> None:
    pair = chosen_pair(h.names)
    if pair is not None:
        st.markdown(pair_sentence(h, confusion, pair, h.unit))


def _draw_mistakes(h: Hierarchy, confusion: np.ndarray, chosen: list[int]) -> None:
    table = mistakes_table(h, confusion, chosen)
    about = " of and for what is picked" if chosen else ""
    count = len(table["Taken for"])
    if not count:
        st.markdown(f"No mistakes{about}.")
        return
    st.markdown(f"**Most frequent mistakes**{about}" + f" (the first {count:,})" * (count == TABLE_ROWS))
    st.dataframe(
        table, hide_index=True, key="linked_mistakes", height=min(36 * (count + 1) + 3, 420), alt=f"Most frequent mistakes{about}.",
        column_config={
            "Samples": st.column_config.NumberColumn(width="small", help="Test samples of the true class taken for it"),
            "Share": st.column_config.NumberColumn(format="%.3g %%", width="small", help="Of the true class's samples"),
        },
    )  # fmt: skip


def confusion_finding(h: Hierarchy, confusion: np.ndarray, rates: bool) -> str:
    """The most frequent mistake, plain text."""
    totals = confusion.sum(axis=1)
    if not totals.sum():
        return "No class has test samples"
    mistakes = confusion.astype(np.float64)
    np.fill_diagonal(mistakes, 0)
    if not mistakes.any():
        return f"All {int(totals.sum()):,} test samples are recognised"
    weight = mistakes / np.maximum(totals, 1)[:, None] if rates else mistakes
    i, j = np.unravel_index(int(weight.argmax()), weight.shape)
    how = f"{int(mistakes[i, j]):,} of {int(totals[i]):,}"
    return f"{h.names[i]} is taken for {h.names[j]} most often ({how})"


def mistakes_table(
    h: Hierarchy, confusion: np.ndarray, chosen: Sequence[int] = (), most: int = TABLE_ROWS
) -> dict[str, list[Any]]:
    """The most frequent mistakes, one row each; of chosen classes those in their rows and columns."""
    mistakes = confusion.astype(np.int64)
    np.fill_diagonal(mistakes, 0)
    if len(chosen):
        kept = np.zeros(h.n, dtype=bool)
        kept[list(chosen)] = True
        mistakes = np.where(kept[:, None] | kept, mistakes, 0)
    flat = mistakes.ravel()
    order = np.argsort(-flat, kind="stable")[:most]
    order = order[flat[order] > 0]
    rows, columns = np.divmod(order, h.n)
    totals = confusion.sum(axis=1)
    return {
        "True class": [h.names[i] for i in rows.tolist()],
        "Taken for": [h.names[j] for j in columns.tolist()],
        "Samples": flat[order].tolist(),
        "Share": (100 * flat[order] / np.maximum(totals[rows], 1)).tolist(),
    }


def _draw_pairs(run: Run, spec: TreeSpec, h: Hierarchy, at: int | None, tested: int, confusion: np.ndarray) -> None:
    if h.n > MOST_CLASSES:
        st.info(
            f"With {h.n:,} classes there are {h.n * (h.n - 1) // 2:,} pairs, more than can be drawn or compared here; the "
            f"limit is {MOST_CLASSES:,} classes.",
            icon=":material/info:",
        )
        return
    key = (spec, run_cache.label_stamp(run.id, spec.epoch), at, evaluation.evaluation_stamp(run, at))
    try:
        pairs, correlation = pairs_of(key, confusion, h)
    except LwalError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    chosen = chosen_classes(h.names)
    fig = _drawn(
        (*key, tuple(chosen), theme(), h.names),
        lambda: distance_vs_confusion_figure(
            pairs, h.names, correlation, chosen=chosen, unit=h.unit, theme=theme(), height=HEIGHT
        ),
    )
    figure(
        fig,
        key="linked_pairs",
        summary=f"Distance against confusion rate of {len(pairs.rates):,} pairs of classes. {finding(correlation)}.",
        table=lambda: pairs_table(pairs, h),
        on_select=lambda: pick_from_point("linked_pairs", h.names),
    )
    _draw_pair(h, confusion)
    st.caption(
        f"Distances of the {spec.vectors_title.lower()} after epoch {spec.epoch}; "
        f"mistakes on {'the test set' if at is None else 'a sample of the test set'} after epoch {tested}"
        f"{', the best one' if at is None else ''}. "
        f"{chance_note(correlation)} A click on a point picks the pair."
    )


def chance_note(correlation: RankCorrelation) -> str:
    """How the p-value was found, or why there is none."""
    if correlation.reason:
        return f"The rank correlation is undefined: {correlation.reason}."
    if not correlation.shuffles:
        return "Spearman's rank correlation over pairs; chance was not tested, which would take too long for so many classes."
    return (
        f"Spearman's rank correlation over {correlation.pairs:,} pairs. Pairs share classes, so p comes from shuffling the "
        f"classes {correlation.shuffles:,} times: the share of shuffles at least as far from 0 (Mantel's test)."
    )


@st.cache_resource(max_entries=30, show_spinner="Comparing distances and mistakes")
def pairs_of(key: object, _confusion: np.ndarray, _h: Hierarchy) -> tuple[PairConfusions, RankCorrelation]:
    """Distance and confusion of all pairs with their correlation; ``key`` says what they are of."""
    pairs = pair_confusions(_confusion, _h.square())
    return pairs, rank_correlation(pairs)


def pairs_table(pairs: PairConfusions, h: Hierarchy, most: int = TABLE_ROWS) -> dict[str, list[Any]]:
    """The most confused pairs, one row each."""
    rows = pairs.most_confused(most)
    return {
        "Class": [h.names[i] for i in pairs.first[rows].tolist()],
        "and": [h.names[i] for i in pairs.second[rows].tolist()],
        "Confused, %": (100 * pairs.rates[rows]).tolist(),
        "Mistakes": pairs.mistakes[rows].astype(int).tolist(),
        "Test samples": pairs.samples[rows].astype(int).tolist(),
        "Distance": pairs.distances[rows].tolist(),
    }


@st.cache_resource(max_entries=60, show_spinner=False)
def _drawn(view: object, _draw: Callable[[], go.Figure]) -> go.Figure:
    """The figure of a view; ``view`` holds all that decides it."""
    return _draw()
