"""How long the process that holds the models stays without a question."""

from __future__ import annotations

import os

from lwal_core.errors import InferenceError

VARIABLE = "LWAL_INFERENCE_IDLE_MINUTES"
DEFAULT_MINUTES = 10.0


def idle_seconds() -> float:
    """Seconds that the server stays without a question, from ``LWAL_INFERENCE_IDLE_MINUTES``.

    Raises:
        InferenceError: It is no number above 0.
    """
    text = os.environ.get(VARIABLE, str(DEFAULT_MINUTES))
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 1e6:
        raise InferenceError(
            f"{VARIABLE} is {text!r}; it must be a number of minutes above 0.", f"Unset it for {DEFAULT_MINUTES:g}."
        )
    return 60 * minutes
