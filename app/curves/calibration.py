"""Reliability diagram below the curve of the calibration error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app.common.widgets import figure, theme
from lwal_core.figures.reliability import reliability_figure
from lwal_core.glossary import explained
from lwal_core.results.calibration import calibrations
from lwal_core.runs import RunSummary

MOST = 8
"""Groups that are drawn: as many lines as can be told apart."""


def draw_reliability(runs: Mapping[str, Sequence[RunSummary]]) -> None:
    """Draw how often the methods are right against how sure they are; nothing where none of them recorded it.

    Args:
        runs: By label.
    """
    found = calibrations(dict(list(runs.items())[:MOST]))
    if not found:
        return
    st.subheader("How sure, and how often right", anchor=False, help=explained("Calibration error"))
    said = "; ".join(f"{label} {100 * each.error:.3g} %" for label, each in found.items())
    columns = {
        "Method": [label for label, each in found.items() for _ in each.count],
        "Samples": [int(count) for each in found.values() for count in each.count],
        "Confidence": [float(value) for each in found.values() for value in each.confidence],
        "Right": [float(value) for each in found.values() for value in each.accuracy],
    }
    figure(
        reliability_figure(found, theme=theme()), key="reliability",
        summary=f"Share of test samples that are right, by confidence. Calibration error: {said}.", table=lambda: columns,
    )  # fmt: skip
    left_out = len(runs) - MOST
    more = f" The first {MOST} of {len(runs)} methods are drawn." if left_out > 0 else ""
    st.caption(
        "After the epoch whose model is kept, by the rule that each method is used with; seeds together. On the dotted line a method is "
        "as often right as it is sure; below it, it is too sure." + more
    )
