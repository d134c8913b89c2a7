"""Example runs for a first visit."""

from __future__ import annotations

import streamlit as st

from app.common.selection import Selection, select_groups
from app.common.widgets import changing, show_error
from lwal_core.errors import LwalError
from lwal_core.experiments.examples import made_by, open_examples

_FAILED = "examples_failed"


def examples_button() -> None:
    """Brings the examples in and selects those on the data set of the last one, by name: pictograms."""
    st.button(
        "Open the examples",
        icon=":material/science:",
        key="examples",
        on_click=_open,
        **changing("Small runs that come with the project, with the commands that made them."),
    )
    failed = st.session_state.pop(_FAILED, None)
    if failed is not None:
        show_error(failed)


def _open() -> None:
    try:
        runs = open_examples()
    except LwalError as error:
        st.session_state[_FAILED] = error
        return
    first = runs[-1].config.data.name  # pictograms: three seeds, pictures and a taxonomy
    select_groups(list(dict.fromkeys(run.group for run in runs if run.config.data.name == first)))


def show_made_by(chosen: Selection) -> None:
    """Under a table of runs: which of the selected ones came along, and the commands that make them again."""
    commands = dict.fromkeys(filter(None, (made_by(group.first.tags) for group in chosen.groups)))
    if commands:
        st.caption(
            f"Examples that come with the project, made by {' and '.join(f'`{command}`' for command in commands)}."
        )
