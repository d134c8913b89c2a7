"""Controls of the training form for the options of label methods, made from the options' fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.widgets import plain
from lwal_core.config import Option
from lwal_core.glossary import explained

STEP = 0.01
"""Distance that a control for a fraction keeps from a bound that is not allowed itself."""


def option_key(option: Option) -> str:
    """Key of an option's control; the same word as its flag."""
    return "train_" + option.flag.removeprefix("--").replace("-", "_")


def option_inputs(options: Sequence[Option]) -> dict[str, DeltaGenerator]:
    """Draw a control for each option, numbers and choices in two columns, the others below.

    Returns:
        ``"part.option" -> place below the control`` for what is wrong with the value.
    """
    narrow = [option for option in options if option.choices or option.type in (int, float)]
    columns = st.columns(2) if narrow else []  # an empty row would leave a gap
    places: dict[str, DeltaGenerator] = {}
    for option in sorted(options, key=lambda option: option not in narrow):
        place = columns[narrow.index(option) % 2] if option in narrow else st.container()
        with place:
            _draw(option)
            places[f"{option.part}.{option.name}"] = st.empty()
    return places


def _draw(option: Option) -> None:
    key, title, term = option_key(option), str(option.field.title), option.extra("term")
    text = plain(str(option.field.description)) + (f"\n\n{explained(term)}" if term else "")
    is_text = option.type is str and not option.choices
    at_first: Any = "" if is_text else option.field.default
    st.session_state.setdefault(key, at_first)
    shared: dict[str, Any] = {"key": key, "persist_state": "session", "bind": "query-params", "help": text}
    if option.type is bool:
        st.toggle(title, at_first, **shared)
    elif option.choices:
        st.selectbox(title, option.choices, list(option.choices).index(at_first), **shared)
    elif is_text:
        st.text_input(title, placeholder=option.extra("placeholder") or option.field.default, max_chars=1000, **shared)
    else:
        decimals = option.extra("decimals")
        finer: dict[str, Any] = {"step": 10.0**-decimals, "format": f"%.{decimals}f"} if decimals else {}
        st.number_input(title, *_bounds(option), at_first, **shared, **finer)  # type: ignore[call-overload]


def _bounds(option: Option) -> tuple[Any, Any]:
    """Smallest and largest value that the control offers, of the option's type; None where there is no bound."""
    step = 1 if option.type is int else 10.0 ** -option.extra("decimals") if option.extra("decimals") else STEP
    found: dict[str, Any] = {}
    for rule in option.field.metadata:
        found |= {name: getattr(rule, name) for name in ("ge", "gt", "le", "lt") if hasattr(rule, name)}
    low = found["gt"] + step if "gt" in found else found.get("ge")
    high = found["lt"] - step if "lt" in found else found.get("le")
    return tuple(None if bound is None else option.type(bound) for bound in (low, high))  # type: ignore[return-value]
