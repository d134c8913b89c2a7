"""Comparison table that can be copied into a paper."""

from __future__ import annotations

import streamlit as st

from app.common.wording import plain
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


def draw_table(comparisons: dict[str, Comparison], caption: str) -> list[dict[str, str]]:
    """Draw the table with its copies as Markdown and LaTeX, and return its rows.

    Args:
        comparisons: By the name of the predictor.
        caption: Of the LaTeX table.
    """
    table = summary_table(comparisons)
    st.dataframe(
        {name: [row[name] for row in table] for name in table[0]},
        hide_index=True,
        alt="Accuracy, what it took to reach the target, and overhead of each method by each rule of prediction",
        column_config={
            "Method": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.TextColumn(help=text) for name, text in HELP.items()},
        },
    )
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
    return table
