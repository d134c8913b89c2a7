"""Caches for what follows from runs of which some may still be in training."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
R = TypeVar("R")

GROWING = 8
"""States of runs in training that are kept of each kind."""


class Kept(Generic[P, R]):
    """A function whose results are shared and kept: many where the runs behind them are finished, few where one is in
    training. Such a run has another state after every epoch, a larger one each time, and the older ones are never asked
    for again; fifty of them would let the memory of the server grow with the epochs.
    """

    def __init__(self, function: Callable[P, R], entries: int, spinner: bool | str) -> None:
        @functools.wraps(function)
        def of_growing_runs(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(*args, **kwargs)

        of_growing_runs.__qualname__ += " of growing runs"  # streamlit tells caches apart by it
        self._finished = st.cache_resource(max_entries=entries, show_spinner=spinner)(function)
        self._growing = st.cache_resource(max_entries=min(GROWING, entries), show_spinner=spinner)(of_growing_runs)

    def of(self, growing: bool) -> Callable[P, R]:
        """The function, with the cache for runs in training or for finished ones."""
        kept: Any = self._growing if growing else self._finished
        return kept  # type: ignore[no-any-return]


def keep(entries: int, *, spinner: bool | str = False) -> Callable[[Callable[P, R]], Kept[P, R]]:
    """Keep the results of a function; never change what it returns, it is shared between sessions.

    Args:
        entries: How many results of finished runs are kept.
        spinner: As for :func:`streamlit.cache_resource`.
    """

    def decorate(function: Callable[P, R]) -> Kept[P, R]:
        return Kept(function, entries, spinner)

    return decorate
