"""Presets of the training form: what one fills in, and that it outlasts an answer that crosses it on the way.

The browser sends all values of the form with whatever is pressed. What is sent before it has the preset's values still
says the old ones, and would put them back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import streamlit as st

from app.common.address import came_back
from lwal_core.experiments.form_values import preset_values

_FILLED = "train_filled"


class _Filled(NamedTuple):
    """What a preset put in the place of what, by session key, and whether the page has been drawn with it."""

    before: dict[str, Any]
    after: dict[str, Any]
    drawn: bool


def fill(preset: str) -> None:
    """Fill the form in by a preset; call it from a callback. None, ``""``, changes nothing."""
    state = st.session_state
    after = {f"train_{name}": value for name, value in preset_values(preset).items()}
    before = {key: state.get(key) for key in after}
    changed = [key for key in after if key in state and before[key] != after[key]]
    state[_FILLED] = _Filled({key: before[key] for key in changed}, {key: after[key] for key in changed}, False)
    state.update(after)


def keep_filled() -> None:
    """Put back what a preset filled in, if what came since was sent before the browser had it; call it before the form is
    drawn.

    That is so where all that the preset changed is as it was before, but for one control, which the reader has changed.
    """
    state = st.session_state
    filled: _Filled | None = state.get(_FILLED)
    if filled is None:
        return
    old = [key for key, value in filled.before.items() if state.get(key) == value]
    if not filled.drawn:
        state[_FILLED] = filled._replace(drawn=True)
    elif came_back() or not old or len(old) < len(filled.before) - 1:
        del state[_FILLED]  # the browser has them
    else:
        state.update({key: filled.after[key] for key in old})
