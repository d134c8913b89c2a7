"""Confusion matrix of the Hierarchy page, folded along the tree: figure, table, files."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.selection import Selection, run_choices
from app.common.widgets import downloads, errors_shown, figure, theme
from app.common.wording import counted, plain
from app.hierarchy.fold_state import as_at_first, fold_state, follow_click
from app.tree.mistakes_epoch import epoch_of_mistakes, tested_how
from app.tree.stats import LISTED_GROUPS, TreeKey
from app.tree.stats import groups as groups_at
from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.confusion import (
    CladeMeasures,
    FoldedConfusion,
    clade_measures,
    fold_confusion,
    largest_first,
)
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import LwalError, RunError
from lwal_core.export.confusion_tables import clade_measures_csv, folded_confusion_csv
from lwal_core.figures import distance_heatmap
from lwal_core.figures.confusion import folded_confusion_figure, matrix_grid
from lwal_core.figures.confusion.folded import Amount
from lwal_core.runs import Run, open_run
from lwal_core.security.redact import for_others

if TYPE_CHECKING:
    import plotly.graph_objects as go

VIEWS = {"mistakes": "Mistakes", "distances": "Distances"}
AMOUNTS: dict[Amount, str] = {
    "row": "% of the true class", "column": "% of the predicted class", "all": "% of all samples", "counts": "Samples",
}  # fmt: skip
ROWS = (20, 40, 80)
MOST_ROWS = 40
"""Rows at first; all classes where there are no more."""
CHART, BESIDE = "tree_confusion", "mistakes_beside"
_DISTANCES_HEIGHT = 600  # px


def draw_mistakes(
    run: Run,
    h: Hierarchy,
    key: TreeKey,
    cut: CutAt,
    chosen: Selection,
    *,
    zoom: int | None = None,
    node: int | None = None,
    named: Mapping[int, str] | None = None,
    proposed: Mapping[int, str] | None = None,
) -> None:
    """Which classes and clades the test set takes for which, or how far apart they are.

    Args:
        run: The run.
        h: Its tree as it is drawn.
        key: What the tree is made of.
        cut: Number of groups, height or top nodes; between two groups there is a gap.
        chosen: Runs that one can be held against.
        zoom: The clade that alone is looked at; the others are one row and column then.
        node: What was picked.
        named: Names that people gave to clades.
        proposed: Names of further clades.
    """
    view = st.segmented_control(
        "Matrix", list(VIEWS), format_func=VIEWS.__getitem__, default="mistakes", required=True, key="matrix",
        bind="query-params", label_visibility="collapsed",
    ) or "mistakes"  # fmt: skip
    if view == "distances":
        summary = f"Distances between {h.n} classes in the order of the leaves; groups are blocks along the diagonal."
        figure(distance_heatmap(h, theme=theme(), height=_DISTANCES_HEIGHT), key="tree_distances", summary=summary)
        return
    with errors_shown(go_on=True):
        tops = [group.node for group in groups_at(key, h, cut)]
        _draw_confusion(run, h, key, tops, chosen, zoom, node, named or {}, proposed or {})


def _draw_confusion(
    run: Run,
    h: Hierarchy,
    key: TreeKey,
    groups: Sequence[int],
    chosen: Selection,
    zoom: int | None,
    node: int | None,
    named: Mapping[int, str],
    proposed: Mapping[int, str],
) -> None:
    try:
        best = evaluation.confusion(run)
    except LwalError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    titles = run_titles(run, chosen)
    if st.session_state.get(BESIDE) not in titles:
        st.session_state[BESIDE] = None
    state = fold_state(key.unturned, h)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        amount: Amount = st.selectbox(
            "Cells",
            list(AMOUNTS),
            format_func=AMOUNTS.__getitem__,
            key="mistakes_cells",
            bind="query-params",
            width=210,
        )
        rows = h.n
        if h.n > ROWS[0]:
            offered = [each for each in ROWS if each < h.n] + ([h.n] if h.n <= ROWS[-1] else [])
            at_first = MOST_ROWS if h.n > MOST_ROWS else h.n
            if st.session_state.get("mistakes_rows") not in (None, *map(str, offered)):
                st.session_state["mistakes_rows"] = str(at_first)  # another run's
            rows = int(
                st.selectbox(
                    "Rows", list(map(str, offered)), offered.index(at_first), key="mistakes_rows", bind="query-params", width=90,
                    help="The clades with the most classes are open. A click on a triangle, or on a clade's cell on the diagonal, "
                    "opens it; a click on a point of the tree beside closes.",
                )
            )  # fmt: skip
        other = st.selectbox(
            "Beside", list(titles), None, format_func=titles.__getitem__, key=BESIDE, bind="query-params",
            placeholder="No other run", width=220, disabled=not titles,
            help="Another run of the same classes: cells are its shares less those of this run.",
        )  # fmt: skip
        log = st.toggle("Log colours", key="mistakes_log", bind="query-params", disabled=other is not None)
        st.button("As at first", key="fold_reset", on_click=as_at_first, disabled=not (state.opened or state.closed))
        place_of_files = st.container(width="content")
    at = epoch_of_mistakes(run)
    found = best if at is None else evaluation.confusion(run, at)
    part = largest_first(h, rows, zoom, state.closed, state.opened)
    folded = fold_confusion(found.counts, part)
    shown = {**proposed, **named}
    grid = matrix_grid(part, folded.tips, groups if len(groups) <= LISTED_GROUPS else (), shown, set(proposed))
    beside = None
    if other is not None:
        beside = fold_confusion(confusion_of(other, run.class_names), part)
    measures = _measures((run.id, at, evaluation.evaluation_stamp(run, at), key.unturned), found.counts, h)
    st.markdown(inside_sentence(measures, groups))
    view = (
        run.id, at, evaluation.evaluation_stamp(run, at), other, other and evaluation.evaluation_stamp(open_run(other)),
        key, zoom, state, rows, tuple(groups), node, amount, log, theme(), tuple(sorted(shown.items())),
    )  # fmt: skip

    def draw() -> go.Figure:
        return folded_confusion_figure(
            folded,
            grid,
            amount=amount,
            log=log,
            beside=beside,
            chosen=node,
            theme=theme(),
            title=finding(folded, grid.full),
        )

    summary = f"Which of {counted(len(grid.tips), 'class or clade', 'classes and clades')} are taken for which, "
    summary += f"{h.n:,} classes in the order of the leaves."
    figure(
        _drawn(view, draw), key=CHART, summary=summary, table=lambda: measures_table(folded, part.tree, grid.full, measures),
        on_select=lambda: follow_click(CHART, h, part),
    )  # fmt: skip
    also = "" if other is None else f" Beside it: {plain(titles[other])}, its best epoch."
    st.caption(f"{plain(tested_how(run, at))}.{also}")
    with place_of_files:
        _draw_files(run, found.epoch, h, folded, [html.unescape(name) for name in grid.full], measures, shown)


def run_titles(run: Run, chosen: Selection) -> dict[str, str]:
    """Other runs of the selection with the same classes and test results, and what they are called."""
    names = set(run.class_names)
    others = [
        each
        for each in chosen.runs()
        if each.id != run.id
        and evaluation.evaluation_stamp(opened := open_run(each.id))
        and set(opened.class_names) == names
    ]
    return run_choices(others)


def confusion_of(run_id: str, names: Sequence[str]) -> np.ndarray:
    """Confusion matrix of a run's best epoch with its classes in this order.

    Raises:
        RunError: It has none, or other classes.
    """
    other = open_run(run_id)
    place = {name: index for index, name in enumerate(other.class_names)}
    if place.keys() != set(names):
        raise RunError(f"Run {run_id} has other classes.", "Choose a run of the same classes.")
    order = [place[name] for name in names]
    return evaluation.confusion(other).counts[np.ix_(order, order)]


def inside_sentence(measures: CladeMeasures, groups: Sequence[int]) -> str:
    """How many mistakes stay within the groups of the cut; markdown."""
    tops = list(groups)
    wrong = float(measures.mistakes[tops].sum())
    if not measures.samples[-1]:
        return "There are no test samples."
    if not wrong:
        return f"All {measures.samples[-1]:,.0f} test samples are recognised."
    inside = float((measures.stays - measures.correct)[tops].sum()) / wrong
    if len(tops) == 1:
        return f"{counted(int(wrong), 'mistake')} in {measures.samples[-1]:,.0f} test samples."
    return f"**{format_percent(inside)} of the mistakes stay within the {len(tops):,} groups.**"


def finding(folded: FoldedConfusion, full: Sequence[str]) -> str | None:
    """The most frequent mistake between two rows, plain text; None where there is none."""
    between = folded.counts.copy()
    np.fill_diagonal(between, 0)
    if not between.any():
        return None
    i, j = divmod(int(between.argmax()), len(between))
    true, taken = html.unescape(full[i]), html.unescape(full[j])
    return f"{true} → {taken}: {between[i, j]:,.0f} of {folded.samples[i]:,.0f}"


def measures_table(
    folded: FoldedConfusion, h: Hierarchy, full: Sequence[str], measures: CladeMeasures
) -> dict[str, list[Any]]:
    """Precision, recall and F1 of each row in percent, and how many of its mistakes stay within; empty where undefined."""
    tips = [tip for tip in folded.tips.tolist() if tip >= 0]

    def percent(values: np.ndarray) -> list[float | None]:
        return [None if np.isnan(value) else round(100 * value, 2) for value in values[tips].tolist()]

    return {
        "Class or clade": [html.unescape(name) for name in full[: len(tips)]],
        "Classes": h.sizes[tips].tolist(),
        "Samples": measures.samples[tips].astype(int).tolist(),
        "Precision, %": percent(measures.precision),
        "Recall, %": percent(measures.recall),
        "F1, %": percent(measures.f1),
        "Right class, %": percent(measures.accuracy),
        "Mistakes inside, %": percent(measures.inside),
    }


def _draw_files(
    run: Run,
    epoch: int,
    h: Hierarchy,
    folded: FoldedConfusion,
    names: Sequence[str],
    measures: CladeMeasures,
    shown: Mapping[int, str],
) -> None:
    stem = f"{run.id}-epoch-{epoch:04d}"
    classes = set(h.names)
    matrix = partial(folded_confusion_csv, folded, [name if name in classes else for_others(name) for name in names])
    nodes = partial(clade_measures_csv, measures, h, {node: for_others(name) for node, name in shown.items()})
    entries = [
        ("Matrix as it is folded, CSV", f"{stem}-confusion-folded.csv", "text/csv", _encoded(matrix)),
        ("Classes and clades, CSV", f"{stem}-clade-measures.csv", "text/csv", _encoded(nodes)),
    ]
    downloads("Files", entries, key="confusion_download")


def _encoded(make: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: make().encode()


@st.cache_resource(max_entries=60, show_spinner=False)
def _measures(view: object, _counts: np.ndarray, _h: Hierarchy) -> CladeMeasures:
    """Measures of a tree's nodes; ``view`` says of which tree and test results."""
    return clade_measures(_counts, _h)


@st.cache_resource(max_entries=60, show_spinner=False)
def _drawn(view: object, _draw: Callable[[], go.Figure]) -> go.Figure:
    """The figure of a view; ``view`` holds all that decides it. Shared: never change it."""
    return _draw()
