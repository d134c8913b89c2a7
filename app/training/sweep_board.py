"""Progress of sweeps, options by seeds; retry, cancel, limit."""

from __future__ import annotations

import streamlit as st

from app.common.pages import page_path
from app.common.selection import offer_groups
from app.common.widgets import button_once, changing, errors_shown
from app.common.wording import plain
from lwal_core.analysis.base.formatting import format_percent
from lwal_core.experiments.sweep_runs import (
    MAX_AT_ONCE,
    SweepState,
    at_once_of,
    cancel_sweep,
    is_sweep,
    limit_sweep,
    retry_sweep,
    sweep_states,
)
from lwal_core.runs import RunSummary, list_runs

REFRESH_SECONDS = 3.0
MAX_ROWS = 200
"""Combinations drawn; a sweep has at most 1,000 runs, mostly several seeds a row."""
ORDER = ("done", "running", "cancelling", "queued", "interrupted", "paused", "failed", "cancelled")
WORDS = {"queued": "waiting", "cancelling": "stopping"}


def sweep_board() -> None:
    """A folded part of the page with the sweeps that there are; nothing where there is none."""
    runs = list_runs()
    if not any(is_sweep(tag) for run in runs for tag in run.tags):
        return
    # One title whatever happens: with another it would be another part, and folded.
    part = st.expander(
        "Sweeps: progress, limit, retry, cancel", icon=":material/grid_view:", on_change="rerun", key="sweep_board"
    )
    if part.open:
        unfinished = any(state.unfinished for state in sweep_states(runs))
        with part:
            st.fragment(_board, run_every=REFRESH_SECONDS if unfinished else None)(unfinished)


def _board(drawn_active: bool) -> None:
    states = {state.tag: state for state in sweep_states(list_runs())}
    if any(state.unfinished for state in states.values()) != drawn_active:
        st.rerun()  # the clock is the page's
    tag = st.selectbox("Sweep", list(states), format_func=lambda tag: _line(states[tag]), key="sweep_shown")
    if tag is None:
        return
    state = states[tag]
    with errors_shown():
        rows = [_row(label, state, runs) for label, runs in state.rows()]
    st.dataframe(rows[:MAX_ROWS], hide_index=True, width="stretch", key="sweep_matrix")
    if len(rows) > MAX_ROWS:
        st.caption(f"The first {MAX_ROWS} of {len(rows):,} combinations; `lwal compare {plain(tag)}` has all.")
    _actions(state)


def _line(state: SweepState) -> str:
    counts = state.counts
    return f"{state.name}: " + ", ".join(f"{counts[s]:,} {WORDS.get(s, s)}" for s in ORDER if counts[s])


def _row(label: str, state: SweepState, runs: tuple[RunSummary | None, ...]) -> dict[str, str]:
    cells = {f"Seed {seed}": _cell(run) for seed, run in zip(state.seeds, runs, strict=True)}
    return {"Options": label, **cells}


def _cell(run: RunSummary | None) -> str:
    if run is None:
        return "–"
    if run.status == "done":
        return f"✓ {format_percent(run.test_accuracy)}"
    if run.status == "running":
        return f"▶ epoch {min(run.epochs_done + 1, run.epochs)} of {run.epochs}"
    mark = {"failed": "✗ ", "cancelled": "■ "}.get(run.status, "")
    return f"{mark}{WORDS.get(run.status, run.status)}"


def _actions(state: SweepState) -> None:
    limit = at_once_of(state)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.number_input(
            "Runs at once, at most", 1, MAX_AT_ONCE, limit or None, key=f"sweep_limit_{state.tag}_{limit}", width=270,
            placeholder="As many as there are slots", disabled=not state.unfinished, help="On all machines together.",
        )  # fmt: skip
        asked = int(chosen or 0)
        if button_once("Set", key="sweep_set", **changing(disabled=asked == limit or not state.unfinished)):
            with errors_shown():
                limit_sweep(state, asked)
            st.rerun()
        if button_once(
            f"Retry {len(state.stopped)}" if state.stopped else "Retry", icon=":material/replay:", key="sweep_retry",
            **changing("Those that failed or were cancelled go on from their checkpoints.", disabled=not state.stopped),
        ):  # fmt: skip
            with errors_shown():
                retry_sweep(state, at_once=limit)
            st.rerun()
        if button_once(
            "Cancel all", icon=":material/stop:", key="sweep_cancel",
            **changing("What is trained so far is kept.", disabled=not state.unfinished),
        ):  # fmt: skip
            with errors_shown():
                cancel_sweep(state)
            st.rerun()
    groups = list(dict.fromkeys(run.group for run in state.runs if run.epochs_done))
    if groups:
        st.page_link(
            page_path("curves"), label="Compare these", icon=":material/show_chart:", query_params=offer_groups(groups)
        )
