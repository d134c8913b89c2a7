"""Actions on all runs that are ticked at once: cancel, tag, archive, delete, and undo of the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from app.common.selection import Selection
from app.common.widgets import button_once, changing
from app.common.wording import counted, plain
from lwal_core.errors import LwalError
from lwal_core.jobs import cancel
from lwal_core.jobs.gc import delete
from lwal_core.runs import RunSummary, open_run
from lwal_core.runs.edits import archive, set_tags
from lwal_core.runs.trash import restore_run

_DONE, _FAILED = "bulk_done", "bulk_failed"
"""Session keys: what was done last, as ``(what, ids)``, and what went wrong with it."""


def draw_bulk(chosen: Selection) -> None:
    """The popover with the actions on the ticked groups; nothing where none is ticked."""
    runs = [run for group in chosen.groups for run in group.runs]
    if not runs:
        return
    with st.popover(f"Act on {counted(len(runs), 'run')}", icon=":material/checklist:", key="bulk"):
        st.caption(f"All runs of the {counted(len(chosen.groups), 'ticked row')}, every seed.")
        active = [run for run in runs if run.active]
        _button(
            "Cancel", "stop", f"Stops {counted(len(active), 'run')}; what is trained so far is kept.", active, _cancel
        )
        tags = st.text_input("Tags to add, separated by commas", max_chars=200, key="bulk_tags")
        _button(
            "Add tags",
            "label",
            "To those that the runs have.",
            runs if tags.strip() else [],
            lambda run: _tag(run, tags),
        )
        idle = [run for run in runs if not run.active]
        _button(
            "Archive",
            "archive",
            "Out of lists and choices; *Undo* brings them back.",
            idle,
            lambda run: _archive(run, True),
        )
        _button("Delete", "delete", "Into the trash; *Undo* brings them back.", idle, lambda run: delete(run.id))


def draw_undo() -> None:
    """What was done last, what went wrong with it, and the button that takes it back."""
    for told in st.session_state.pop(_FAILED, []):
        st.error(plain(told), icon=":material/error:")
    done: tuple[str, tuple[str, ...]] | None = st.session_state.get(_DONE)
    if done is None:
        return
    what, ids = done
    with st.container(horizontal=True, vertical_alignment="center", key="bulk_undo_row"):
        st.caption(f"{what}: {counted(len(ids), 'run')}.")
        if what in ("Archive", "Delete") and button_once(
            "Undo", key="bulk_undo", type="tertiary", icon=":material/undo:", **changing()
        ):
            del st.session_state[_DONE]
            _each(ids, restore_run if what == "Delete" else _unarchive)
            st.rerun(scope="app")


def _button(label: str, icon: str, help: str, runs: Sequence[RunSummary], act: Callable[[RunSummary], object]) -> None:
    if button_once(
        label, key=f"bulk_{label}", icon=f":material/{icon}:", type="tertiary", **changing(help, disabled=not runs)
    ):
        by_id = {run.id: run for run in runs}
        st.session_state[_DONE] = (label, _each(list(by_id), lambda run_id: act(by_id[run_id])))
        st.rerun(scope="app")


def _each(ids: Sequence[str], act: Callable[[str], object]) -> tuple[str, ...]:
    """Do it for each; gives those for which it went well, and keeps what went wrong with the others to be shown."""
    done, failed = [], []
    for run_id in ids:
        try:
            act(run_id)
            done.append(run_id)
        except (LwalError, OSError) as error:
            failed.append(f"{run_id}: {error}")
    st.session_state[_FAILED] = failed
    return tuple(done)


def _cancel(run: RunSummary) -> None:
    cancel(open_run(run.id))


def _tag(run: RunSummary, tags: str) -> None:
    opened = open_run(run.id)
    added = [tag.strip() for tag in tags.split(",") if tag.strip()]
    set_tags(opened, list(dict.fromkeys([*opened.record.tags, *added])))


def _archive(run: RunSummary, away: bool) -> None:
    archive(open_run(run.id), away)


def _unarchive(run_id: str) -> None:
    archive(open_run(run_id), False)
