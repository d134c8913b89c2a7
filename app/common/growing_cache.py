"""Cache for results of runs that may still be in training."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
R = TypeVar("R")

GROWING = 8
"""States of runs in training that are kept of each kind."""


def growing_cache(
    entries: int, growing: Callable[..., bool], *, spinner: bool | str = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the results of a function: many where the runs behind them are finished, few where one is in training.

    Such a run has another state after every epoch, a larger one each time, and the older ones are never asked for again;
    fifty of them would let the memory of the server grow with the epochs. Never change what the function returns, it is
    shared between sessions.

    Args:
        entries: How many results of finished runs are kept.
        growing: Whether a run is in training, from the function's own arguments.
        spinner: As for :func:`streamlit.cache_resource`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def of_growing_runs(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        of_growing_runs.__qualname__ += " of growing runs"  # streamlit tells caches apart by it
        many = st.cache_resource(max_entries=entries, show_spinner=spinner)(function)
        few = st.cache_resource(max_entries=min(GROWING, entries), show_spinner=spinner)(of_growing_runs)

        @functools.wraps(function)
        def kept(*args: P.args, **kwargs: P.kwargs) -> R:
            return (few if growing(*args, **kwargs) else many)(*args, **kwargs)

        return kept

    return decorate
