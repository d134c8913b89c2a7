"""Form of a sweep: the grid as text, what it will take, and its start."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.widgets import button_once, changing, errors_shown, on_accent
from app.common.wording import plain
from lwal_core.errors import ConfigError, LwalError
from lwal_core.experiments.sweep_runs import MAX_AT_ONCE, plan_lines, plan_sweep, submit_sweep
from lwal_core.experiments.sweeps import MAX_FILE_BYTES, Sweep, parse_sweep
from lwal_core.jobs import check_device, live_workers
from lwal_core.runs import home
from lwal_core.security.permissions import check_writable

TEXT_KEY = "train_sweep_text"
EXAMPLE = """\
name: push-weight
base:
  data: {name: digits, per_class: 50}
  training: {epochs: 5}
grid:
  method: [{name: onehot}, {name: lwal, dim: 10x}]
  training.learning_rate: [0.001, 0.0001]
  training.seed: [12, 123, 1234]
"""


def sweep_form(left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Draw the text of a sweep, what it makes, and the button that gives it to the queue."""
    with left, st.container(border=True):
        st.subheader("Sweep", anchor=False)
        st.file_uploader("Sweep file", type=["yaml", "yml"], key="train_sweep_upload", on_change=_take_upload,
                         max_upload_size=1, help="YAML with name, base and grid.")  # fmt: skip
        text = st.text_area(
            "Combinations to train", height=300, key=TEXT_KEY, persist_state="session", placeholder=EXAMPLE, max_chars=MAX_FILE_BYTES,
            help="`base` is what all runs share; `grid` lists the values of each option, and every combination is one run. "
            "Paths are those of the machine that runs this app.",
        )  # fmt: skip
        if not text.strip():
            st.button("Fill in an example", icon=":material/edit_note:", type="tertiary", key="train_sweep_example",
                      on_click=_fill_in_example)  # fmt: skip
        at_once = st.number_input(
            "Runs at once, at most", 1, MAX_AT_ONCE, None, key="train_at_once", persist_state="session", bind="query-params",
            placeholder="As many as there are slots", help="On all machines together.",
        )  # fmt: skip
    with right, st.container(border=True):
        st.subheader("What this will do", anchor=False)
        sweep = _checked(text) if text.strip() else None
        if not text.strip():
            st.caption("Choose a file, or write a sweep; this says what it will take before anything starts.")
        missing = _said(sweep) if sweep is not None else 0
        label = f"Start {missing} training{'s' * (missing != 1)}" if missing else "Start the sweep"
        options = changing(disabled=not missing)
        if button_once(
            on_accent(label, enabled=not options["disabled"]), type="primary", icon=":material/play_arrow:", key="train_start",
            width="stretch", **options,
        ):  # fmt: skip
            assert sweep is not None
            with errors_shown():
                submit_sweep(sweep, at_once=int(at_once or 0))
            st.toast("In the queue; they go on when this page is closed.", icon=":material/play_arrow:")
            st.rerun()


def _take_upload() -> None:
    upload = st.session_state["train_sweep_upload"]
    if upload is not None:
        st.session_state[TEXT_KEY] = upload.getvalue()[: MAX_FILE_BYTES + 1].decode("utf-8", "replace")


def _fill_in_example() -> None:
    st.session_state[TEXT_KEY] = EXAMPLE


def _checked(text: str) -> Sweep | None:
    """The sweep; None with what is wrong with it."""
    try:
        check_writable("look into files of this machine")
        sweep = parse_sweep(text)
        machines = [worker.devices for worker in live_workers(home())]
        notes = {check_device(member.config.training.device, machines) for member in sweep.members}
    except ConfigError as error:
        for where, sentence in error.problems:
            st.error(plain(f"{where}: {sentence}" if where else sentence))
        return None
    except LwalError as error:
        st.error(plain(f"{error.message} {error.hint}"))
        return None
    for note in sorted(filter(None, notes)):
        st.caption(plain(note))
    return sweep


def _said(sweep: Sweep) -> int:
    """Draw what a sweep will take; returns how many runs it will make."""
    with errors_shown():
        plan = plan_sweep(sweep)
        st.table({name: plain(text) for name, text in plan_lines(plan).items()}, border="horizontal")
    if not plan.missing:
        st.caption("Nothing is left to train.")
    return len(plan.missing)
