"""Browser notification when a run ends, while a page of the app is open; off by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from lwal_core.figures.labels import one_line
from lwal_core.runs import RunSummary, list_runs
from lwal_core.sanitize import printable
from lwal_core.security.identity import current_user

COOKIE = "lwal_tell"
ON, ACTIVE, ENDED = "run_notices_on", "run_notices_active", "run_notices_ended"
"""Session keys: whether this browser is told, ids of the runs that were active at the last look, and what was told."""
EVERY_SECONDS = 5.0
SINGLE = 3
"""So many runs that end between two looks are told one by one; of more their number."""
KEPT = 20
"""Notices that are sent with a page; the browser shows each once."""
LONGEST = 120
TOLD = ("done", "failed")
SWEEP = "sweep:"

_WORDS = {
    "off": "Tell me when runs end",
    "on": "Telling you when runs end",
    "title": "LwAL Explorer",
    "hello": "You will be told here when runs end, as long as a page is open.",
    "denied": "This browser blocks notifications of this page; its settings allow them.",
    "unsupported": "This browser has no notifications here; they need https or localhost, and no phone.",
}
_CSS = """
:host, div { font-family: var(--st-font); }
div { display: flex; align-items: center; gap: 0.6rem; flex-wrap: wrap; }
button { font: inherit; font-size: 0.875rem; padding: 0.25rem 0.75rem; color: var(--st-text-color); cursor: pointer;
  background: var(--st-background-color); border: 1px solid var(--st-border-color); border-radius: 0.5rem; }
button:hover:enabled, button:focus-visible, button[aria-pressed="true"] { border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button:disabled { cursor: default; opacity: 0.7; }
button[hidden], span[hidden] { display: none; }
span { font-size: 0.875rem; color: var(--st-text-color); }
"""
_component = st.components.v2.component(
    "run_notices",
    html='<div><button type="button" hidden></button><span role="status" hidden></span></div>',
    css=_CSS,
    js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
)


class Notice(NamedTuple):
    """What a browser is told: a name that it is told once by, a title, and a sentence."""

    tag: str
    title: str
    body: str


def watch_runs(*, control: bool = False) -> None:
    """Tell this browser of runs that end, where somebody turned that on.

    Where people sign in they are told of their own runs, else of all; of a sweep's runs only of failures, and of its end.

    Args:
        control: Draw the control that turns it on and off, where a run may end or it is on; Train does.
    """
    on = bool(st.session_state.setdefault(ON, st.context.cookies.get(COOKIE) == "1"))
    with st.container() if control else nullcontext():  # always there: controls below keep their place
        if on or (control and any(run.unfinished for run in _own(list_runs()))):
            st.fragment(_watch, run_every=EVERY_SECONDS if on else None)(control, on)


def _watch(control: bool, on: bool) -> None:
    ended: list[Notice] = st.session_state.setdefault(ENDED, [])
    if on:
        runs = _own(list_runs())
        before: Collection[str] = st.session_state.get(ACTIVE, ())
        ended[:] = [*ended, *notices(before, runs)][-KEPT:]
        st.session_state[ACTIVE] = {run.id for run in runs if run.unfinished}
    told = _component(
        key="run_notices",
        data={"control": control, "on": on, "words": _WORDS, "ended": [each._asdict() for each in ended]},
        default={"on": on},
        on_on_change=lambda: None,
    )
    if bool(told.on) != on:
        st.session_state[ON] = bool(told.on)
        st.session_state.pop(ACTIVE, None)
        ended.clear()
        st.rerun()  # a fragment gets its clock from the page around it


def notices(before: Collection[str], runs: Iterable[RunSummary]) -> list[Notice]:
    """What is told of runs that were active and have ended.

    Args:
        before: Ids of the runs that were active.
        runs: All runs as they are now.
    """
    listed = list(runs)
    ended = [run for run in listed if run.id in before and not run.unfinished]
    running = {tag for run in listed if run.unfinished for tag in run.tags if tag.startswith(SWEEP)}
    found = []
    for tag in sorted({tag for run in ended for tag in run.tags if tag.startswith(SWEEP)} - running):
        members = [run for run in listed if tag in run.tags]
        name = _line(tag.removeprefix(SWEEP))
        found.append(Notice(f"{tag}:{len(members)}", f"Sweep ended: {name}", _counted(members)))
    single = [run for run in ended if run.status in TOLD and (run.status == "failed" or not _of_sweep(run))]
    if len(single) > SINGLE:
        tag = f"{single[0].id}:{len(single)}"
        return [*found, Notice(tag, f"{len(single):,} runs ended", _counted(single))]
    for run in single:
        title = f"{run.status.capitalize()}: {_line(run.name)}, seed {run.seed}"
        found.append(Notice(f"{run.id}:{run.status}", title, _line(f"{run.method_label} on {run.data_title}")))
    return found


def _of_sweep(run: RunSummary) -> bool:
    return any(tag.startswith(SWEEP) for tag in run.tags)


def _counted(runs: list[RunSummary]) -> str:
    counts = Counter(run.status for run in runs)
    return ", ".join(f"{counts[status]:,} {status}" for status in sorted(counts))


def _line(text: str) -> str:
    """Anybody's text as one line; notifications show text as it is, no Markdown."""
    return one_line(printable(text))[:LONGEST]


def _own(runs: list[RunSummary]) -> list[RunSummary]:
    """Runs of whoever is signed in; all where nobody needs to."""
    person = current_user()
    return runs if person is None else [run for run in runs if run.by == person.address]
