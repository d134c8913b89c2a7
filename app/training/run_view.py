"""One running training over the whole page: how far it is, what it takes, curves, tree and map as they form, its log."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import streamlit as st

from app.common import address, curves_cache, run_cache
from app.common.pages import page_path
from app.common.run_notices import watch_runs
from app.common.selection import offer_groups
from app.common.widgets import changing, figure, plotly_config, question, theme
from app.common.wording import plain
from app.training.run_actions import ELSEWHERE
from app.tree.stats import tree_key
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_number, format_percent, format_seconds
from lwal_core.analysis.projection import project
from lwal_core.errors import LwalError
from lwal_core.figures.curves import accuracy_figure, loss_figure
from lwal_core.figures.embedding import embedding_figure
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.jobs import cancel, waiting
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, home, list_runs, open_run
from lwal_core.runs.estimate import epoch_seconds
from lwal_core.runs.listing import summary_of
from lwal_core.runs.metrics import Metrics

WATCHED = "watch"
"""Parameter of the address: the id of the run that has the page."""
REFRESH_SECONDS = 1.0
LOG_LINES = 200
HEIGHT, MAP_HEIGHT = 240, 380
"""Pixels of a figure of curves, and of the map."""
NAMED = 40
"""With more classes the map names none."""
DETAILS = ("hierarchy", "embeddings", "curves")


def watched_run() -> str:
    """Id of the run that the address asks to be watched; empty for none."""
    return str(st.query_params.get(WATCHED, ""))


def watch_link(run_id: str) -> None:
    """The link that gives a run the page. A link, for a button's press can be lost to the clock's next tick."""
    st.page_link(
        page_path("train"), label="Watch", icon=":material/visibility:", query_params={WATCHED: run_id},
        help="Its curves, its tree so far, what it takes, its log",
    )  # fmt: skip


def draw_run(run_id: str) -> None:
    """Draw a run, anew every second while it is active."""
    try:
        run = open_run(run_id)
    except LwalError as error:
        address.not_here("This run is not here", plain(error.message), [WATCHED])
        return
    question(plain(f"{run.name}, seed {run.config.training.seed}"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("All trainings", icon=":material/arrow_back:", key="watch_back", on_click=_leave)
        group = {**offer_groups([run.group]), "run": run.id}
        for name in DETAILS:
            st.page_link(page_path(name), label=name.capitalize(), query_params=group)
    st.fragment(_draw, run_every=REFRESH_SECONDS if run.active else None)(run_id, run.active)
    watch_runs()


def _leave() -> None:
    st.query_params.pop(WATCHED, None)


def _draw(run_id: str, drawn_active: bool) -> None:
    try:
        run = open_run(run_id)
    except LwalError:
        st.rerun()  # deleted meanwhile: the page says so
    if run.active != drawn_active:
        st.rerun()  # a fragment gets its clock from the page around it
    _head(run)
    if run.record.ready_model is None:
        left, right = st.columns(2, gap="large")
        with left:
            _curves(run)
        with right:
            _tree_and_map(run)
    if tail := run.log_tail(LOG_LINES):  # a sound training prints nothing
        st.caption("The end of its log")
        st.code(tail, language="text", wrap_lines=True, height=300)


def _head(run: Run) -> None:
    """How far it is, its way to an end, and what it takes of the machine."""
    if run.active:
        places = {each: place for place, each in enumerate(waiting(home(), list_runs()), start=1)}
        done, text = run_progress(run, places)
        bar, side = st.columns([5, 1], vertical_alignment="bottom")
        bar.progress(done, text=text)
        with side:
            cancel_button(run, "watch_cancel")
    else:
        reason = run.record.error or (run.record.history[-1].reason if run.record.history else "")
        said = f", test accuracy {format_percent(run.accuracy()[-1])}" if run.metrics().epochs_done else ""
        st.markdown(f"**{run.status.capitalize()}** after {run.metrics().epochs_done} epochs{said}. {plain(reason)}")
    if facts := [*_rates(run.metrics()), *machine_facts(run)]:
        st.caption(plain(" · ".join(facts)))


def cancel_button(run: Run, key: str) -> None:
    """The button that stops a run after its step."""
    analysis = run.record.ready_model is not None
    why = ELSEWHERE if not run.startable else None if analysis else "Keeps what is trained so far."
    if st.button("Cancel", key=key, **changing(why, disabled=not run.startable or run.status == "cancelling")):
        try:
            cancel(run)
            st.toast("It stops after its current step.", icon=":material/stop:")
        except LwalError as error:
            st.toast(plain(str(error)), icon=":material/error:")


def _rates(metrics: Metrics) -> Iterable[str]:
    """Losses, learning rate and speed of the last epoch, of those that were measured."""
    if not metrics.epochs_done:
        return
    losses = [
        f"{name} {format_number(value)}"
        for name in ("loss", "pull", "push")
        if not np.isnan(value := getattr(metrics, name)[-1])
    ]
    if losses:
        yield ", ".join(losses)
    if not np.isnan(rate := metrics.learning_rate[-1]):
        yield f"learning rate {rate:.3g}"
    if (speed := samples_a_second(metrics)) is not None:
        yield f"{speed:,.0f} samples a second"


def samples_a_second(metrics: Metrics) -> float | None:
    """Training samples a second of training alone, in the last epoch; None where that was not measured."""
    if len(metrics) < 2:
        return None
    samples, seconds = np.diff(metrics.samples)[-1], np.diff(metrics.seconds)[-1]
    return float(samples / seconds) if samples > 0 and seconds > 0 else None


def machine_facts(run: Run) -> list[str]:
    """What a run takes of its machine, as it said last; nothing where it has not."""
    pulse = run.pulse()
    if pulse is None:
        return []
    where = f"{run.record.device} on {run.record.owner.host}" if run.record.owner else str(run.record.device)
    facts = [where, f"{pulse.cpu_percent / 100:.1f} cores", f"{pulse.memory_bytes / 1e9:.2f} GB of memory"]
    if pulse.gpu_used_bytes and pulse.gpu_total_bytes:
        facts.append(f"{pulse.gpu_used_bytes / 1e9:.1f} of {pulse.gpu_total_bytes / 1e9:.1f} GB on the GPU")
    return facts


def _curves(run: Run) -> None:
    summary = summary_of(run.path)
    if not summary.epochs_done:
        st.caption("The first epoch has not been measured yet.")
        return
    curves = {run.config.method_label(): curves_cache.curves([summary])}
    figure(
        accuracy_figure(curves, theme=theme(), height=HEIGHT, x_max=summary.epochs),
        key="watch_accuracy",
        summary=f"Test accuracy by epoch, {format_percent(summary.test_accuracy)} after epoch {summary.epochs_done}.",
        table=lambda: _numbers(run),
    )
    if np.isfinite(run.metrics().loss).any():
        fig = loss_figure(curves, quantities=("loss",), theme=theme(), height=HEIGHT, x_max=summary.epochs)
        last = format_number(run.metrics().loss[-1])
        st.plotly_chart(
            fig, key="watch_loss", theme=None, alt=f"Training loss by epoch, {last} last.", config=plotly_config()
        )


def _numbers(run: Run) -> dict[str, object]:
    metrics = run.metrics()
    return {
        "Epoch": metrics.epoch.astype(int), "Loss": metrics.loss, "Pull": metrics.pull, "Push": metrics.push,
        "Test accuracy": run.accuracy(), "Learning rate": metrics.learning_rate, "Seconds": metrics.seconds,
    }  # fmt: skip


def _tree_and_map(run: Run) -> None:
    epochs = run.label_epochs()
    if not epochs or len(run.class_names) < 2:
        return
    try:
        spec = TreeSpec.of(run, epochs[-1])
        h, key = run_cache.hierarchy(spec), tree_key(spec)
        points = _map(run.id, spec.epoch, str(spec.vectors), run_cache.spec_stamp(spec))
    except LwalError as error:
        st.caption(plain(error.message))
        return
    st.caption(f"The tree after epoch {spec.epoch}")
    st.plotly_chart(
        tree_figure(key, Drawing(None, 1, "right", theme=theme()), h),
        key="watch_tree", theme=None, alt=f"Class tree after epoch {spec.epoch}", config=plotly_config(),
    )  # fmt: skip
    if points is None:
        return
    count = len(run.class_names)
    st.caption(f"The map after epoch {spec.epoch}: the two main directions of the class vectors")
    fig = embedding_figure(
        points, run.class_names, colors=[class_color(i) for i in range(count)], symbols=[class_symbol(i) for i in range(count)],
        named=count <= NAMED, theme=theme(), height=MAP_HEIGHT,
    )  # fmt: skip
    st.plotly_chart(
        fig,
        key="watch_map",
        theme=None,
        alt=f"Map of {count:,} classes after epoch {spec.epoch}",
        config=plotly_config(),
    )


@st.cache_data(max_entries=16, show_spinner=False)
def _map(run_id: str, epoch: int, vectors: str, stamp: int) -> np.ndarray | None:
    """Places of the classes by principal components, ``[C, 2]``; None where there is no plane."""
    run = open_run(run_id)
    X = run.vectors(epoch, vectors)  # type: ignore[arg-type]
    return project(X, "pca", 2).points if min(X.shape) > 1 else None


def run_progress(run: Run, in_line: dict[str, int]) -> tuple[float, str]:
    """Share done and what to say about it.

    Args:
        run: An active run.
        in_line: Places of waiting runs, by id.
    """
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
