"""Trainings that run or wait now, read from their folders every second: any number of browsers see the same."""

from __future__ import annotations

import streamlit as st

from app import cache
from app.selection import select_groups
from app.widgets import changing, page_path, plain, theme
from lwal_core.analysis.curve import Curve
from lwal_core.analysis.formatting import format_percent, format_seconds
from lwal_core.errors import LwalError
from lwal_core.figures.curves import accuracy_figure
from lwal_core.jobs import cancel
from lwal_core.runs import Run, RunSummary, list_runs, open_run

REFRESH_SECONDS = 1.0
RECENT = 5
"""Finished runs shown under the running ones."""


def live_trainings() -> None:
    """Draw what runs and what has just ended; refreshes itself only while something is active."""
    active = any(run.active for run in list_runs())
    if active or st.session_state.get("live_ids"):
        st.fragment(_board, run_every=REFRESH_SECONDS if active else None)()


def _board() -> None:
    summaries = list_runs()
    active = [run for run in reversed(summaries) if run.active]
    followed: list[str] = st.session_state.setdefault("live_ids", [])
    followed += [run.id for run in active if run.id not in followed]
    ended = [run for run in summaries if run.id in followed and not run.active]
    if not active and not ended:
        return
    with st.container(border=True, key="live_board"):
        st.markdown("##### Running now" if active else "##### Finished")
        for summary in active:
            _row(summary)
        _curve([*active, *ended])
        _ended(ended)
    if not active and not st.session_state.get("live_settled"):
        # The page was drawn with a clock for running trainings; draw it once more without one.
        st.session_state.live_settled = True
        st.rerun()
    if active:
        st.session_state.live_settled = False


def _row(summary: RunSummary) -> None:
    try:
        run = open_run(summary.id)
    except LwalError:
        return
    done, text = _progress(run)
    bar, button = st.columns([6, 1], vertical_alignment="center")
    bar.progress(done, text=f"{plain(run.name)}, seed {summary.seed}: {text}")
    if button.button(
        "Cancel",
        key=f"cancel_{run.id}",
        **changing("Keeps what is trained so far.", disabled=run.status == "cancelling"),
    ):
        try:
            cancel(run)
            st.toast("The training stops after its current step.", icon=":material/stop:")
        except LwalError as error:
            st.toast(plain(str(error)), icon=":material/error:")


def _progress(run: Run) -> tuple[float, str]:
    """Share done and what to say about it."""
    epochs = run.config.training.epochs
    metrics, progress = run.metrics(), run.progress()
    if run.status == "queued":
        return 0.0, "waiting for its turn"
    if progress is None or not len(metrics):
        return 0.0, "loading the data"
    done = float(metrics.epochs_done)
    if progress.epoch == metrics.epochs_done + 1:
        done += min(progress.batch / max(progress.batches, 1), 1.0)
    text = f"epoch {min(metrics.epochs_done + 1, epochs)} of {epochs}"
    if metrics.epochs_done:
        text += f", test accuracy {format_percent(metrics.accuracy()[-1])}"
        left = metrics.seconds[-1] / metrics.epochs_done * (epochs - done)
        text += f", about {format_seconds(max(left, 0))} left"
    return min(done / epochs, 1.0), text


def _curve(runs: list[RunSummary]) -> None:
    started = [run for run in runs if len(open_run(run.id).metrics())]
    curves: dict[str, list[Curve]] = {}
    for run, curve in zip(started, cache.curves(started, "mean"), strict=True):
        curves.setdefault(f"{run.method_label} on {run.data_title}", []).append(curve)
    if curves:
        longest = max(run.epochs for run in started)
        fig = accuracy_figure(curves, theme=theme(), height=260, x_max=longest)
        st.plotly_chart(fig, key="live_curve", theme=None, alt="Test accuracy by epoch so far")


def _ended(runs: list[RunSummary]) -> None:
    for summary in runs[:RECENT]:
        run = open_run(summary.id)
        if summary.status == "done":
            st.success(
                f"{plain(run.name)}, seed {summary.seed}: test accuracy {format_percent(summary.test_accuracy)} "
                f"after {summary.epochs_done} epochs.", icon=":material/check_circle:",
            )  # fmt: skip
        elif summary.status == "cancelled":
            st.warning(
                f"{plain(run.name)}, seed {summary.seed}: cancelled after {summary.epochs_done} epochs.",
                icon=":material/stop_circle:",
            )
        else:
            reason = run.record.error or "its process ended without a word"
            st.error(
                f"{plain(run.name)}, seed {summary.seed}: {plain(summary.status)}. {plain(reason)}",
                icon=":material/error:",
            )
            tail = run.log_tail(15)
            if tail:
                st.expander("Last lines of its log").code(tail, language="text")
    if len(runs) > RECENT:
        st.caption(f"and {len(runs) - RECENT} more.")
    if runs and st.button(
        "Look at these",
        icon=":material/account_tree:",
        key="live_look",
        on_click=_look,
        args=([r.group for r in runs],),
    ):
        st.session_state.live_ids = []
        st.switch_page(page_path("hierarchy"))


def _look(groups: list[str]) -> None:
    select_groups(list(dict.fromkeys(groups)))
