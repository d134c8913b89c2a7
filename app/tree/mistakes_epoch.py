"""Epoch of the mistakes that are shown: one choice for all pages."""

from __future__ import annotations

import streamlit as st

from app.common import evaluation
from app.common.address import follow_default, known_choice
from lwal_core.runs import Run

EPOCH = "mistakes_epoch"
"""Session key of the control, and its name in the address."""


def epoch_of_mistakes(run: Run) -> int | None:
    """Control for the epoch, in the address; None for the best one. No control where one epoch alone was kept."""
    best = run.record.best_epoch
    epochs = sorted({*run.tested_epochs(), *([] if best is None else [best])})
    if len(epochs) < 2 or best is None:
        return None
    known_choice(EPOCH, "The epoch of the mistakes", map(str, epochs))
    follow_default(EPOCH, best)
    if st.session_state.get(EPOCH) not in (None, *epochs):
        st.session_state[EPOCH] = best
    chosen = st.select_slider(
        "Mistakes after epoch", epochs, best, key=EPOCH, bind="query-params",
        help="Of the best epoch the whole test set is kept, of others a sample with as many of each class as there are.",
    )  # fmt: skip
    return None if chosen == best else int(chosen)


def tested_how(run: Run, at: int | None) -> str:
    """What the mistakes are of, as the beginning of a sentence.

    Args:
        run: The run.
        at: As :func:`epoch_of_mistakes` gives it.

    Raises:
        RunError: They cannot be read.
    """
    found = evaluation.predictions(run, at)
    data = run.record.data
    whole = at is None or (data is not None and data.test_size == len(found.y))
    what = "Test set" if whole else f"Sample of {len(found.y):,} of the test set"
    return f"{what} after epoch {found.epoch}, by {found.by}"
