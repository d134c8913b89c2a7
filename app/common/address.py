"""Address of the page: what it says about choices that no widget writes there by itself, and choices that do not exist.

Most view state is bound to its widget, which leaves its default out of the address; a widget therefore gets as its
default what the page shows at first. Choices kept by ids instead of titles are written here, so that a link survives
renaming.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state_proxy import get_session_state

from app.common.wording import plain

_TEXTS = ("search", "train_name", "train_path")
"""Parameters that are free text."""
_WRITTEN = "address_written"
"""Session key: ``{parameter: values}`` as this session wrote or followed them last."""


def came_back() -> bool:
    """Whether the reader came by Back or Forward, so that the address says everything, also by what it leaves out."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def restore() -> None:
    """Take the whole address after Back or Forward; call it before anything is drawn.

    Streamlit drops parameters that belong to a control of the page that was left, and pages share some: the epoch, the
    cut, the class.
    """
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        with get_session_state().query_params() as parameters:
            parameters.set_initial_query_params(context.query_string)
            parameters.populate_from_query_string(context.query_string)
    endless = [name for name in st.query_params if name not in _TEXTS and _endless(st.query_params[name])]
    if endless:  # a control for whole numbers would fail on it
        with get_session_state().query_params() as parameters:
            for name in endless:
                parameters.remove_param(name)
            parameters.set_initial_query_params_from_current()


def _endless(text: str) -> bool:
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def renamed(name: str, old: str, new: str) -> None:
    """Take an option that older addresses call otherwise for what it is called now; call it before its control is drawn."""
    if st.query_params.get(name) == old:
        st.query_params[name] = new
        with get_session_state().query_params() as parameters:
            parameters.set_initial_query_params_from_current()


def asked(name: str) -> list[str]:
    """Values of a parameter that the reader came with, by a link, Back or Forward; empty when this session wrote them."""
    said = st.query_params.get_all(name)
    return said if came_back() or said != st.session_state.get(_WRITTEN, {}).get(name) else []


def followed(name: str) -> None:
    """Take a parameter for read: until it changes, the session's choice goes before it."""
    st.session_state[_WRITTEN] = {**st.session_state.get(_WRITTEN, {}), name: st.query_params.get_all(name)}


def write(**values: str | list[str]) -> None:
    """Put choices into the address, in one message and only when something differs; an empty one is left out."""
    texts = {name: [value] if isinstance(value, str) and value else list(value) for name, value in values.items()}
    st.session_state[_WRITTEN] = {**st.session_state.get(_WRITTEN, {}), **texts}
    new = {name: said for name, said in texts.items() if said and st.query_params.get_all(name) != said}
    if new:
        st.query_params.update(new)
    for name, said in texts.items():
        if not said and name in st.query_params:
            del st.query_params[name]


def follow_default(key: str, default: int | float | str) -> None:
    """Let a control that has its default, which the address leaves out, have the new default of another run or tree.

    Args:
        key: Key of the control; call it before the control is drawn.
        default: The default that it is drawn with.
    """
    state, known = st.session_state, f"{key}_default"
    if key in state and state.get(known) not in (None, default) and state[key] == state[known]:
        state[key] = default
    state[known] = default


def not_here(title: str, text: str, names: Iterable[str]) -> None:
    """Say that what the address asks for is not here, and end the page; the address stays as it is until the reader chooses.

    Args:
        title: What is not here.
        text: Why, and what is here (markdown).
        names: Parameters that are forgotten when the reader asks for what is there.
    """
    with st.container(border=True):
        st.subheader(f":material/link_off: {title}", anchor=False)
        st.markdown(text)
        st.button("Show what is here", key="address_forget", on_click=_forget, args=(tuple(names),))
    st.stop()


def _forget(names: tuple[str, ...]) -> None:
    for name in names:
        if name in st.query_params:
            del st.query_params[name]


def known_choice(key: str, what: str, options: Iterable[str]) -> None:
    """End the page with a message when the address asks for an option of a control that does not exist.

    Call it before the control is drawn, which would take the value out of the address.

    Args:
        key: Key of the control, which is bound to the address.
        what: What is chosen, such as ``Epoch``.
        options: The options as the control shows them.
    """
    said = st.query_params.get(key)
    there = list(options)
    if said and said not in there and (key not in st.session_state or came_back()):
        listed = ", ".join(there) if len(there) <= 12 else f"{there[0]} to {there[-1]}"
        not_here(
            f"{what} {plain(said[:60])} is not here",
            f"The address asks for it, and it is none of these: {plain(listed)}.",
            [key],
        )
