"""Comparison table that can be copied into a paper."""

from __future__ import annotations

import streamlit as st

from app.common.wording import plain
from lwal_core.analysis.comparison.answer_table import answer_table
from lwal_core.analysis.comparison.speed import Comparison
from lwal_core.analysis.comparison.verdict_table import summary_table
from lwal_core.export.text_tables import latex_table, markdown_table
from lwal_core.glossary import explained

HELP = {
    "Best accuracy": "Highest test accuracy over the epochs, the untrained network included.",
    "Mean over epochs": "Mean test accuracy over epochs 1 to the last: the paper's figure.",
    "Area under curve": "Area under accuracy over epochs, divided by the number of epochs.",
    "Untrained": "Accuracy at epoch 0: what the nearest class mean reaches without any training is a floor.",
    "Epochs to target": "Mean over the seeds that got there; the column before says how many did.",
    "Median epochs to target": f"By Kaplan and Meier. {explained('Censored')}",
    "Time of an epoch": "Seconds of training per epoch, paired by seed, geometric mean.",
    "Label work in a step": "Forward and backward pass of the label method alone, measured once per run on a copy.",
}

INTERVALS = (
    "Of the mean, and of the difference paired by seed: the wider of Student's and the bootstrap; fewer than three seeds have none. "
    + HELP["Best accuracy"]
)


def draw_table(comparisons: dict[str, Comparison], shown: Comparison, caption: str) -> list[dict[str, str]]:
    """Draw what answers in five columns, or all of them, with copies as Markdown and LaTeX; return the rows with all columns.

    Args:
        comparisons: By the name of the predictor.
        shown: The one that the page shows.
        caption: Of the LaTeX table.
    """
    every = summary_table(comparisons)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Method by method", anchor=False, width="content")
        more = st.toggle(
            "More columns", key="more_columns", bind="query-params",
            help="Every figure, by each rule of prediction: final accuracy, area, time, parameters.",
        )  # fmt: skip
    table = every if more else answer_table(shown)
    if more:
        st.dataframe(
            {name: [row[name] for row in table] for name in table[0]},
            hide_index=True,
            alt="Accuracy, what it took to reach the target, and overhead of each method by each rule of prediction",
            column_config={
                "Method": st.column_config.TextColumn(pinned=True),
                **{name: st.column_config.TextColumn(help=text) for name, text in HELP.items()},
            },
        )
    else:
        st.table(
            {name: [plain(row[name]) for row in table] for name in table[0]},
            border="horizontal",
            alt="Best accuracy, its difference to the baseline and the epochs to the baseline's best, of each method",
        )
        st.caption("In brackets: 95 % intervals over seeds.", help=INTERVALS)
    notes = dict.fromkeys(note for comparison in comparisons.values() for note in comparison.notes)
    for note in notes:
        st.caption(plain(note))
    folded = st.expander("Copy this table", icon=":material/content_copy:", on_change="rerun", key="curves_copy")
    if folded.open:
        columns, rows = list(table[0]), [list(row.values()) for row in table]
        with folded:
            for tab, text, language in zip(
                st.tabs(["Markdown", "LaTeX"]),
                (markdown_table(columns, rows), latex_table(columns, rows, caption)),
                ("markdown", "latex"),
                strict=True,
            ):
                tab.code(text, language=language, wrap_lines=False, height=240)
    return every
