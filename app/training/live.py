"""Running and waiting trainings and analyses, read from their folders every second."""

from __future__ import annotations

import math

import streamlit as st

from app.common import curves_cache, run_cache
from app.common.pages import page_path
from app.common.run_notices import watch_runs
from app.common.selection import matching_baselines, offer_groups, offer_taken
from app.common.widgets import changing, plotly_config, theme
from app.common.wording import plain
from app.training.run_actions import ELSEWHERE, run_actions
from app.tree.stats import tree_key
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_percent, format_seconds
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.errors import LwalError
from lwal_core.figures.curves import accuracy_figure
from lwal_core.jobs import cancel, live_workers, waiting
from lwal_core.results.epoch_lines import epoch_lines
from lwal_core.results.ready_model import accuracies
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunSummary, home, list_runs, open_run
from lwal_core.runs.estimate import epoch_seconds

REFRESH_SECONDS = 1.0
IDLE_SECONDS = 5.0
"""How often a page where nothing runs looks whether somebody else has started something."""
LINES = 8
"""Epochs, and lines of the log, that are shown of a running training."""
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
    done, text = _progress(run, in_line)
    if (launch := run.record.launcher) is not None:
        submitted = run.status == "queued" and not launch.over
        text = plain(launch.title) if submitted else f"{text} ({plain(launch.title)})"
    analysis = run.record.ready_model is not None
    bar, side = st.columns([3, 1], vertical_alignment="center")
    bar.progress(done, text=f"{plain(run.name)}, seed {summary.seed}{_by(summary)}: {text}")
    buttons = side.container(horizontal=True, horizontal_alignment="right")  # side by side on a phone, too
    if run.status != "queued":
        near = buttons.popover(
            "Watch", icon=":material/visibility:", help="Its tree so far, its epochs, what it takes",
            key=f"watch_{run.id}", on_change="rerun",
        )  # fmt: skip
        if near.open:
            with near:
                _watch(run)
    if buttons.button(
        "Cancel",
        key=f"cancel_{run.id}",
        **changing(
            ELSEWHERE if not run.startable else None if analysis else "Keeps what is trained so far.",
            disabled=not run.startable or run.status == "cancelling",
        ),
    ):
        try:
            cancel(run)
            st.toast("It stops after its current step.", icon=":material/stop:")
        except LwalError as error:
            st.toast(plain(str(error)), icon=":material/error:")


def _by(summary: RunSummary) -> str:
    """Who asked for it, where people sign in."""
    return f", by {plain(summary.by)}" if summary.by else ""


def _watch(run: Run) -> None:
    """A running training from near: what it takes of the machine, the tree as it forms, the end of its log."""
    pulse = run.pulse()
    if pulse is not None:
        facts = [f"{pulse.cpu_percent / 100:.1f} cores", f"{pulse.memory_bytes / 1e9:.2f} GB of memory"]
        if pulse.gpu_used_bytes and pulse.gpu_total_bytes:
            facts.append(f"{pulse.gpu_used_bytes / 1e9:.1f} of {pulse.gpu_total_bytes / 1e9:.1f} GB on the GPU")
        where = f" on {plain(run.record.owner.host)}" if run.record.owner else ""
        st.caption(f"{plain(run.record.device)}{where}: {', '.join(facts)}.")
    epochs = run.label_epochs()
    if epochs and len(run.class_names) > 1:
        try:
            spec = TreeSpec.of(run, epochs[-1])
            h, key = run_cache.hierarchy(spec), tree_key(spec)
            st.caption(f"The tree after epoch {epochs[-1]}")
            st.plotly_chart(
                tree_figure(key, Drawing(None, 1, "right", theme=theme()), h),
                key=f"live_tree_{run.id}", theme=None, alt=f"Class tree after epoch {epochs[-1]}",
                config=plotly_config(),
            )  # fmt: skip
        except LwalError as error:
            st.caption(plain(error.message))
    lines = [] if run.record.ready_model is not None else epoch_lines(run)[-LINES:]
    if run.record.ready_model is None:
        st.caption("Epoch by epoch" if lines else "The first epoch has not been measured yet.")
    if lines:
        st.code("\n".join(lines), language="text", wrap_lines=True)
    tail = run.log_tail(LINES)
    if tail:  # a sound training prints nothing
        st.caption("The end of its log")
        st.code(tail, language="text", wrap_lines=True)


def _progress(run: Run, in_line: dict[str, int]) -> tuple[float, str]:
    """Share done and what to say about it."""
    epochs = run.config.training.epochs
    metrics, progress = run.metrics(), run.progress()
    if run.status == "queued":
        share = metrics.epochs_done / epochs
        place = in_line.get(run.id)
        if place is None:
            return share, "waiting for its turn"
        return share, f"number {place} in line" if place > 1 else "next in line"
    if (since := run.silent_since()) is not None and run.record.owner is not None:
        share = min(metrics.epochs_done / epochs, 1.0)
        return share, f"no sign of life from {plain(run.record.owner.host)} since {since:%Y-%m-%d %H:%M} UTC"
    if run.status == "cancelling":
        return metrics.epochs_done / epochs, "stops after its current step"
    if run.record.ready_model is not None:
        if progress is None:
            return 0.0, "loading model and data"
        return progress.batch / max(progress.batches, 1), f"{progress.batch:,} of {progress.batches:,} images embedded"
    if run.config.external:
        said = f"epoch {metrics.epochs_done} recorded" if len(metrics) else "begun"
        return min(metrics.epochs_done / epochs, 1.0), f"{said} by another program"
    if progress is None or not len(metrics):
        return 0.0, "loading the data"
    done = float(metrics.epochs_done)
    if progress.epoch == metrics.epochs_done + 1:
        done += min(progress.batch / max(progress.batches, 1), 1.0)
    text = f"epoch {min(metrics.epochs_done + 1, epochs)} of {epochs}"
    if metrics.epochs_done:
        accuracy = format_percent(run.accuracy()[-1]).replace(" ", "\N{NO-BREAK SPACE}")
        text += f", test accuracy {accuracy}"
        left = epoch_seconds(run.path) * (epochs - done)
        text += f", about {format_seconds(max(left, 0))} left"
    return min(done / epochs, 1.0), text


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
