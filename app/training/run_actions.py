"""Actions on a run that was started: go on, train again, change and train, rename, tag, archive, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.common.widgets import button_once, changing
from app.common.wording import plain
from lwal_core.errors import LwalError
from lwal_core.jobs import cancel, duplicate, make_ready, retry, submit
from lwal_core.jobs.gc import delete
from lwal_core.notifications import send_test
from lwal_core.runs import Run, RunSummary, list_runs, open_run
from lwal_core.runs.edits import archive, rename, set_tags
from lwal_core.runs.trash import empty_trash, list_trash, restore_run
from lwal_core.settings import settings

ELSEWHERE = "Another program records this run: it is stopped and continued there."
MAX_LISTED = 200
"""Runs that the picker offers; older ones are found from a terminal."""


def run_actions(run: Run, key: str) -> None:
    """Buttons for a run, as its status allows.

    Args:
        run: The run.
        key: What tells these buttons from others for the same run on one page.
    """
    name = f"{key}_{run.id}"
    here, analysis = run.startable, run.record.ready_model is not None
    with st.container(horizontal=True):
        if here and run.status in ("cancelled", "interrupted", "paused", "failed"):
            _button(
                "Resume",
                "play_arrow",
                f"resume_{name}",
                "Begins anew." if analysis else "Goes on from its last epoch.",
                lambda: _resume(run),
            )
        if run.active and not here:
            st.caption(ELSEWHERE)
        elif not run.active:
            again = "A new run with the same settings, from the start."
            if here:
                _button(
                    "Analyse again" if analysis else "Train again",
                    "replay",
                    f"retry_{name}",
                    again,
                    lambda: submit(retry(run)),
                )
            with st.popover(
                "Change", icon=":material/tune:",
                help="More epochs, another seed, name, tags, archive" if run.config.method.trainable else "Name, tags, archive",
                key=f"change_{name}", on_change="rerun",
            ):  # fmt: skip
                _change(run, name)
        else:
            _button(
                "Cancel",
                "stop",
                f"stop_{name}",
                "" if analysis else "Keeps what is trained so far.",
                lambda: cancel(run),
            )


def manage_runs() -> None:
    """A folded part of the page: pick any run and act on it; the archive and the trash."""
    part = st.expander("Runs: resume, train again, rename, tag, archive, delete", icon=":material/inventory_2:",
                       on_change="rerun", key="manage_runs")  # fmt: skip
    if not part.open:
        return
    with part:
        runs = {run.id: run for run in list_runs()[:MAX_LISTED]}
        if runs:
            chosen = st.selectbox("Run", list(runs), format_func=lambda i: _line(runs[i]), key="manage_run")
            _one(runs[chosen])
        _notifications()
        _bin()


def _notifications() -> None:
    """Who is told when runs end, where somebody is, and a test."""
    count = len(settings().notify)
    if not count:
        return
    st.markdown(f"**Notifications**: {count} address{'es' * (count > 1)}, told of {', '.join(settings().notify_on)}")
    if button_once(
        "Send a test message", icon=":material/notifications:", key="notify_test", type="tertiary", **changing()
    ):
        with st.spinner("Sending"):
            answers = send_test()
        for channel, trouble in answers:
            (st.error if trouble else st.success)(plain(f"{channel}: {trouble or 'sent'}"))


def _one(summary: RunSummary) -> None:
    if summary.problem is not None:
        st.caption(f"Damaged: {plain(summary.problem)}")
        _button("Delete", "delete", f"delete_{summary.id}", "Into the trash.", lambda: delete(summary.id))
        return
    try:
        run = open_run(summary.id)
    except LwalError as error:
        st.caption(plain(error.message))
        return
    if summary.by:
        st.caption(f"Handed in by {plain(summary.by)}")
    for change in run.record.history[-4:]:
        st.caption(
            f"{change.at:%Y-%m-%d %H:%M:%S} UTC: {change.status}" + (f", {plain(change.reason)}" * bool(change.reason))
        )
    run_actions(run, key="manage")


def _change(run: Run, key: str) -> None:
    st.caption(f"{plain(run.name)}, seed {run.config.training.seed}: {run.status}")
    name = st.text_input("Name", run.record.name, max_chars=200, placeholder=run.name, key=f"change_name_{key}")
    tags = st.text_input(
        "Tags, separated by commas", ", ".join(run.record.tags), max_chars=2000, key=f"change_tags_{key}"
    )
    _button("Keep name and tags", "check", f"change_keep_{key}", "", lambda: _keep(run, name, tags))
    if run.config.method.trainable:
        _change_training(run, name, key)
    with st.container(horizontal=True):
        if run.record.archived:
            _button("Back from the archive", "unarchive", f"change_back_{key}", "", lambda: archive(run, False))
        else:
            _button("Archive", "archive", f"change_archive_{key}", "Out of lists and choices.", lambda: archive(run))
        _button("Delete", "delete", f"change_delete_{key}", "Into the trash, from which it can be restored.",
                lambda: delete(run.id))  # fmt: skip


def _change_training(run: Run, name: str, key: str) -> None:
    left, right = st.columns(2)
    epochs = left.number_input("Epochs", 1, 10_000, run.config.training.epochs, key=f"change_epochs_{key}")
    seed = right.number_input("Seed", 0, 2**31 - 1, run.config.training.seed, key=f"change_seed_{key}")
    with st.container(horizontal=True):
        _button(f"Extend to {int(epochs):,} epochs", "more_time", f"change_more_{key}", "The same run goes on to this number of epochs.",
                lambda: _resume(run, int(epochs)))  # fmt: skip
        _button("Train a copy with these", "content_copy", f"change_copy_{key}", "A new run with these epochs and this seed.",
                lambda: submit(duplicate(run, {"training": {"epochs": int(epochs), "seed": int(seed)}}, name=name)))  # fmt: skip


def _bin() -> None:
    found = list_trash()
    if not found:
        return
    st.markdown(f"**Trash**: {len(found)} runs, {sum(run.size for run in found) / 1e6:,.1f} MB")
    chosen = st.selectbox("Deleted run", [run.id for run in found], key="bin_run")
    with st.container(horizontal=True):
        _button("Restore", "restore_from_trash", "bin_restore", "", lambda: restore_run(chosen))
        sure = st.checkbox("For good", key="bin_sure", help="Emptying cannot be undone.")
        _button("Empty the trash", "delete_forever", "bin_empty", "", lambda: empty_trash(), disabled=not sure)


def _button(
    label: str, icon: str, key: str, help: str, act: Callable[[], object], disabled: bool = False
) -> None:  # fmt: skip
    """A button that does something and says what went wrong, if anything."""
    if not button_once(
        label, icon=f":material/{icon}:", key=key, type="tertiary", **changing(help or None, disabled=disabled)
    ):
        return
    try:
        act()
    except (LwalError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.rerun()


def _resume(run: Run, epochs: int | None = None) -> None:
    priority = run.record.job.priority if run.record.job else 0
    submit(make_ready(run, epochs=epochs if epochs != run.config.training.epochs else None), priority)


def _keep(run: Run, name: str, tags: str) -> None:
    rename(run, name)
    set_tags(run, tags.split(","))


def _line(run: RunSummary) -> str:
    where = ", archived" if run.archived else ""
    return (
        f"{run.name}, seed {run.seed}: {run.status}{where} ({run.id})" if run.problem is None else f"{run.id}: damaged"
    )
