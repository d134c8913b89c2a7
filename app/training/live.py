"""Running and waiting trainings and analyses, read from their folders every second."""

from __future__ import annotations

import math

import streamlit as st

from app.common import curves_cache
from app.common.pages import page_path
from app.common.run_notices import watch_runs
from app.common.selection import matching_baselines, offer_groups, offer_taken
from app.common.widgets import plotly_config, theme
from app.common.wording import plain
from app.training.run_actions import run_actions
from app.training.run_view import cancel_button, run_progress, watch_link
from lwal_core.analysis.base.formatting import format_percent
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.errors import LwalError
from lwal_core.figures.curves import accuracy_figure
from lwal_core.jobs import live_workers, waiting
from lwal_core.results.ready_model import accuracies
from lwal_core.runs import Run, RunSummary, home, list_runs, open_run

REFRESH_SECONDS = 1.0
IDLE_SECONDS = 5.0
"""How often a page where nothing runs looks whether somebody else has started something."""
ROWS = 12
"""Runs that are drawn one by one; of a sweep hundreds may wait."""
RECENT = 5
"""Finished runs shown under the running ones."""


def live_trainings() -> None:
    """Draw what runs and what has just ended, wherever it was started; quick while something is active, else slow."""
    active = any(run.active for run in list_runs())
    if offer_taken():
        st.session_state["live_ids"] = []  # what has ended was looked at
    st.fragment(_board, run_every=REFRESH_SECONDS if active else IDLE_SECONDS)(active)
    watch_runs(control=True)


def _board(drawn_active: bool) -> None:
    summaries = list_runs()
    active = [run for run in reversed(summaries) if run.active]
    followed: list[str] = st.session_state.setdefault("live_ids", [])
    followed += [run.id for run in active if run.id not in followed]
    if bool(active) != drawn_active:
        st.rerun()  # a fragment gets its clock from the page around it, so the page is drawn once more with the other one
    ended = [run for run in summaries if run.id in followed and not run.active]
    if not active and not ended:
        return
    with st.container(border=True, key="live_board"):
        st.subheader("Running now" if active else "Finished", anchor=False)
        _who_trains(active)
        places = waiting(home(), summaries)
        in_line = {run_id: place for place, run_id in enumerate(places, start=1)}
        in_order = sorted(active, key=lambda run: in_line.get(run.id, 0))
        for summary in in_order[:ROWS]:
            _row(summary, in_line)
        if len(in_order) > ROWS:
            st.caption(f"and {len(in_order) - ROWS:,} more, behind these in line.")
        _curve([*active, *ended])
        _ended(ended)


def _who_trains(active: list[RunSummary]) -> None:
    """Say so when runs wait and no worker is there to train them."""
    if any(run.status == "queued" and run.number for run in active) and not live_workers(home()):
        st.warning(
            "Runs wait, and no worker is there to train them. `lwal serve` starts one with the app, `lwal worker` one "
            "alone; the runs are kept until then.",
            icon=":material/engineering:",
        )


def _row(summary: RunSummary, in_line: dict[str, int]) -> None:
    try:
        run = open_run(summary.id)
    except LwalError:
        return
    done, text = run_progress(run, in_line)
    if (launch := run.record.launcher) is not None:
        submitted = run.status == "queued" and not launch.over
        text = plain(launch.title) if submitted else f"{text} ({plain(launch.title)})"
    bar, side = st.columns([3, 2], vertical_alignment="center")
    bar.progress(done, text=f"{plain(run.name)}, seed {summary.seed}{_by(summary)}: {text}")
    with side.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", gap="xsmall"
    ):  # side by side on a phone, too
        if run.status != "queued":
            watch_link(run.id)
        cancel_button(run, f"cancel_{run.id}")


def _by(summary: RunSummary) -> str:
    """Who asked for it, where people sign in."""
    return f", by {plain(summary.by)}" if summary.by else ""


def _curve(runs: list[RunSummary]) -> None:
    started = [run for run in runs if not math.isnan(run.test_accuracy)]
    curves: dict[str, list[Curve]] = {}
    # A method has its colour by its bare name, so the data is named only where it tells lines apart.
    several = len({run.data_title for run in started}) > 1
    for run, curve in zip(started, curves_cache.curves(started), strict=True):
        label = f"{run.method_label} on {run.data_title}" if several else run.method_label
        curves.setdefault(label, []).append(curve)
    if curves:
        longest = max(run.epochs for run in started)
        fig = accuracy_figure(curves, theme=theme(), height=260, x_max=longest)
        st.plotly_chart(fig, key="live_curve", theme=None, alt="Test accuracy by epoch so far", config=plotly_config())


def _accuracies(run: Run) -> str:
    """Test accuracies of a model that was analysed."""
    found = accuracies(run)
    said = [f"{format_percent(value)} by {rule}" for rule, value in found.items() if rule != "seconds"]
    return f"test accuracy {', '.join(said)}"


def _ended(runs: list[RunSummary]) -> None:
    for summary in runs[:RECENT]:
        try:
            run = open_run(summary.id)
        except LwalError:
            continue  # deleted or damaged since it was listed
        if summary.status == "done" and run.record.ready_model is not None:
            st.success(f"{plain(run.name)}: {_accuracies(run)}.", icon=":material/check_circle:")
        elif summary.status == "done":
            st.success(
                f"{plain(run.name)}, seed {summary.seed}: test accuracy {format_percent(summary.test_accuracy)} "
                f"by {summary.rule} "
                f"after {summary.epochs_done} epochs.", icon=":material/check_circle:",
            )  # fmt: skip
        elif summary.status == "cancelled":
            st.warning(
                f"{plain(run.name)}, seed {summary.seed}: cancelled after {summary.epochs_done} epochs.",
                icon=":material/stop_circle:",
            )
        elif summary.status in ("interrupted", "paused"):
            last = run.record.history[-1]
            reason = last.reason if last.status == summary.status else "its process ended without an error message"
            st.warning(
                f"{plain(run.name)}, seed {summary.seed}: {summary.status} after {summary.epochs_done} epochs. "
                f"{plain(reason)}", icon=":material/pause_circle:",
            )  # fmt: skip
        else:
            reason = run.record.error or "its process ended without an error message"
            st.error(
                f"{plain(run.name)}, seed {summary.seed}: {plain(summary.status)}. {plain(reason)}",
                icon=":material/error:",
            )
            tail = run.log_tail(15)
            if tail:
                st.expander("Last lines of its log").code(tail, language="text")
        if summary.status != "done" and run.startable:
            run_actions(run, key="live")
    if len(runs) > RECENT:
        st.caption(f"and {len(runs) - RECENT} more.")
    if runs:
        keys = list(dict.fromkeys(run.group for run in runs))
        # A link, for a button's press can be lost to the next tick of this board's clock.
        st.page_link(
            page_path("hierarchy"), label="Look at these", icon=":material/account_tree:",
            query_params=offer_groups(keys, along=matching_baselines(keys)),
        )  # fmt: skip
