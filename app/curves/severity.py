"""Severity of the methods' decisions, below the table of the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.common.run_cache import file_stamp, taxonomy_digest
from app.common.widgets import downloads, figure, theme
from app.common.wording import plain
from lwal_core.analysis.base.formatting import format_percent, inline_label
from lwal_core.analysis.stopping import StoppedDecisions
from lwal_core.errors import RunError
from lwal_core.experiments.severity_table import SeverityTable, severity_table
from lwal_core.export.tables import table_csv
from lwal_core.figures.stopped_decisions import stopped_decisions_figure
from lwal_core.glossary import explained
from lwal_core.results.decisions import Decision, RunDecisions, run_decisions
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.runs import Run, RunSummary, open_run
from lwal_core.runs.paths import EVALUATION

TREE = "severity_tree"
TREES: dict[str, Decision] = {"The reference": "reference", "Each method's own tree": "own"}
MOST = 24
"""Runs that are looked at: a test set of each is read, which takes up to a second for many classes."""


def draw_severity(runs: Mapping[str, Sequence[RunSummary]], baseline: str) -> None:
    """Draw how severe decisions are under the taxonomy of the classes, or say why that is not known.

    Args:
        runs: By label, one a seed.
        baseline: Label of the group that the others are measured against.
    """
    shown, left = _within(runs, MOST)
    table = severity_table(
        {label: [open_run(run.id) for run in members] for label, members in shown.items()}, baseline, _kept_decisions
    )
    if isinstance(table, str):
        st.markdown(plain(table))
        return
    if table.headline:
        st.markdown(plain(table.headline))
    st.markdown(
        f"##### {plain(table.title)}",
        help=explained(
            "Mistake severity", "Hierarchical distance at k", "Order of the first classes", "Least expected cost"
        ),
    )
    rows = table.shown()
    columns = list(rows[0])
    st.dataframe(
        {column: [row[column] for row in rows] for column in columns},
        hide_index=True,
        alt=f"{table.title}: accuracy, mistake severity, distances and order of each method by each way to decide",
        column_config={"method": st.column_config.TextColumn(pinned=True)},
    )
    st.caption("\n".join(f"- {plain(note)}" for note in (*table.answers, *table.notes)))
    _draw_stopped(table)
    if left:
        st.caption(f"The first {MOST} runs are looked at; `lwal compare --severity` takes all.")
    downloads(
        "Download",
        [("This table (CSV)", "severity.csv", "text/csv", lambda: _csv(rows))],
        key="severity_download",
    )


def _csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    return table_csv(list(rows[0]), [list(row.values()) for row in rows]).encode()


def _within(runs: Mapping[str, Sequence[RunSummary]], most: int) -> tuple[dict[str, list[RunSummary]], int]:
    """Up to so many runs, seed by seed over the groups so that none is lost first, and how many are left out."""
    longest = max(map(len, runs.values()), default=0)
    order = [(label, seed) for seed in range(longest) for label in runs if seed < len(runs[label])]
    taken = set(order[:most])
    return {
        label: [run for seed, run in enumerate(members) if (label, seed) in taken] for label, members in runs.items()
    }, max(0, len(order) - most)


def _kept_decisions(run: Run) -> RunDecisions:
    reference = run_taxonomy(run)
    if reference is None:
        raise RunError("No reference taxonomy fits the classes of this run.", "Bring one on *Hierarchy*.")
    return _decisions(run.id, file_stamp(run.id, EVALUATION), taxonomy_digest(reference))


@st.cache_resource(max_entries=300, show_spinner="Looking at decisions")
def _decisions(run_id: str, stamp: int, reference: str) -> RunDecisions:
    return run_decisions(open_run(run_id))


def _draw_stopped(table: SeverityTable) -> None:
    st.markdown("##### When a decision may stop at a group", help=explained("Specificity"))
    chosen = (
        st.segmented_control(
            "Groups of", list(TREES), default="The reference", required=True, key=TREE, bind="query-params",
            help="A decision goes down the tree to the lowest group that it is sure enough of, in place of a class that it is not.",
        )
        or "The reference"
    )  # fmt: skip
    lines = {
        label: mean_of([each.stopped[TREES[chosen]] for each in members.values() if TREES[chosen] in each.stopped])
        for label, members in table.decisions.items()
    }
    lines = {label: line for label, line in lines.items() if line}
    if not lines:
        st.caption("No tree of class means to stop in.")
        return
    said = finding(lines)
    figure(
        stopped_decisions_figure(lines, theme=theme(), title=said), key="stopped",
        summary=f"Accuracy against specificity when decisions may stop at a group. {said}.",
        table=lambda: _numbers(lines),
    )  # fmt: skip
    st.caption(
        "Mean over the seeds. The large mark names a class for every sample; from there to the left decisions must be sure of "
        + ", ".join(f"{100 * each.sureness:.3g}" for each in next(iter(lines.values()))[1:])
        + " %."
    )


def mean_of(seeds: Sequence[Sequence[StoppedDecisions]]) -> list[StoppedDecisions]:
    """Mean of the same degrees of sureness over seeds; empty without any."""
    return [StoppedDecisions(*map(float, np.mean(points, axis=0))) for points in zip(*seeds, strict=True)]


def finding(lines: Mapping[str, Sequence[StoppedDecisions]], sureness: float = 0.9) -> str:
    """What the first method but one-hot gains by stopping, plain text: ``"Sure of 90 %, LwAL is right in 91 % and says ..."``."""
    label = list(lines)[-1] if len(lines) == 1 else list(lines)[1]
    at = next((each for each in lines[label] if each.sureness >= sureness), lines[label][-1])
    return (
        f"Sure of {100 * at.sureness:.3g} %, {inline_label(label)} is right in {format_percent(at.accuracy)} in place of "
        f"{format_percent(lines[label][0].accuracy)}"
    )


def _numbers(lines: Mapping[str, Sequence[StoppedDecisions]]) -> dict[str, list[Any]]:
    every = [(label, each) for label, line in lines.items() for each in line]
    return {
        "Method": [label for label, _ in every],
        "Sure of": [each.sureness for _, each in every],
        "Right": [each.accuracy for _, each in every],
        "Specificity": [each.specificity for _, each in every],
        "A class named": [each.named for _, each in every],
    }
