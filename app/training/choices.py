"""Data set and label methods of the training form: what one usually takes in view, all others folded below with a sentence each.

Both controls hold whatever is chosen, so the address, a preset and the keyboard find it there, also what was taken from the folded part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st

from app.common.address import renamed
from app.common.wording import plain
from app.training.more_options import help_text
from lwal_core.config import DataConfig
from lwal_core.experiments.form_values import (
    MORE_SOURCES,
    SOURCES,
    method_choices,
    method_sentences,
    recommended_methods,
)
from lwal_core.glossary import explained

SOURCE, METHODS = "train_source", "train_methods"
"""Session keys of the two controls, which are their words in the address, too."""
FOLDED_SOURCES, FOLDED_METHODS = "train_more_sources", "train_more_methods"
"""Session keys of the folded parts."""
_OTHER_SOURCE = "train_other_source"


def source_input(kept: Callable[[str], dict[str, Any]], at_first: str) -> str:
    """Draw the choice of the data set.

    Args:
        kept: Options of a control of the form, by its name.
        at_first: What is chosen at first, a key of ``SOURCES``.

    Returns:
        What is chosen.
    """
    state = st.session_state
    renamed(SOURCE, "Image folder", SOURCES["folder:"])
    by_title = {title: name for name, title in SOURCES.items()}
    asked = [by_title.get(title, "") for title in st.query_params.get_all(SOURCE)]
    also = _in_view(SOURCE, [state[SOURCE], *asked], MORE_SOURCES)
    st.segmented_control(
        "Data set", [name for name in SOURCES if name not in MORE_SOURCES or name in also], format_func=SOURCES.__getitem__,
        default=at_first, required=True, **kept("source"), help=help_text(DataConfig, "name"),
    )  # fmt: skip
    source: str = state[SOURCE] or at_first
    folded = st.expander("More sources", on_change="rerun", key=FOLDED_SOURCES, type="compact")
    if folded.open:
        with folded:
            state[_OTHER_SOURCE] = source if source in MORE_SOURCES else None
            st.radio(
                "More sources", list(MORE_SOURCES), format_func=SOURCES.__getitem__, captions=list(MORE_SOURCES.values()),
                key=_OTHER_SOURCE, on_change=_take_source, label_visibility="collapsed",
            )  # fmt: skip
    return source


def method_input(kept: Callable[[str], dict[str, Any]], at_first: Sequence[str]) -> tuple[str, ...]:
    """Draw the choice of the label methods.

    Args:
        kept: Options of a control of the form, by its name.
        at_first: Titles of what is chosen at first.

    Returns:
        Titles of what is chosen.
    """
    state, first = st.session_state, recommended_methods()
    rest = [title for title in method_choices() if title not in first]
    also = _in_view(METHODS, [*(state[METHODS] or ()), *st.query_params.get_all(METHODS)], rest)
    st.pills(
        "Label methods", [*first, *also], selection_mode="multi", default=[title for title in at_first if title in (*first, *also)],
        **kept("methods"), help="Each method is trained with each seed.\n\n" + explained("LwAL"),
    )  # fmt: skip
    st.caption("  \n".join(f"**{plain(title)}** {plain(when)}" for title, when in first.items()))
    chosen = tuple(state[METHODS] or ())
    folded = st.expander("More methods", on_change="rerun", key=FOLDED_METHODS, type="compact")
    if folded.open:
        with folded, st.container(gap="xsmall"):
            for title, said in method_sentences(rest).items():
                state[_key(title)] = title in chosen
                st.checkbox(f"**{plain(title)}** {plain(said)}", key=_key(title), on_change=_take_methods, args=(rest,))
    return chosen


def _in_view(name: str, chosen: Iterable[str], rest: Iterable[str]) -> list[str]:
    """What the control has beside the usual: of the rest whatever was chosen in this session, which stays when it is let go of."""
    shown: list[str] = st.session_state.setdefault(f"{name}_shown", [])
    wanted = set(chosen)
    shown += [each for each in rest if each in wanted and each not in shown]
    return shown


def _key(title: str) -> str:
    return f"train_method_{title}"


def _take_source() -> None:
    if st.session_state[_OTHER_SOURCE] is not None:
        st.session_state[SOURCE] = st.session_state[_OTHER_SOURCE]


def _take_methods(rest: Sequence[str]) -> None:
    state = st.session_state
    usual = [title for title in state[METHODS] or () if title not in rest]
    state[METHODS] = [*usual, *(title for title in rest if state.get(_key(title)))]
