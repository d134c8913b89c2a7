"""Table of all methods at one epoch, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.common.address import known_choice
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.figures.curves import UNIFIED_HOVER_GROUPS

AT = "curves_at"
_HEIGHT = 390  # px: ten rows


def draw_at_epoch(curves: Mapping[str, Sequence[Curve]], baseline: str) -> None:
    """A slider over the epochs and the methods there, best first; nothing where the hover box has all of them.

    Args:
        curves: Runs by label.
        baseline: Label of the group that the others are measured against.
    """
    if len(curves) > UNIFIED_HOVER_GROUPS:
        st.fragment(_table)(curves, baseline)


def _table(curves: Mapping[str, Sequence[Curve]], baseline: str) -> None:
    epochs = sorted({int(epoch) for members in curves.values() for c in members for epoch in c.epoch})
    known_choice(AT, "Epoch", map(str, epochs))
    if AT in st.session_state and st.session_state[AT] not in epochs:
        st.session_state[AT] = epochs[-1]
    st.subheader(f"All {len(curves)} at one epoch, best first", anchor=False)
    at = st.select_slider(
        "Epoch of the table", epochs, epochs[-1], key=AT, bind="query-params", persist_state="session",
        help="The arrow keys move the slider when it has the focus. A click on a column's head sorts by it.",
    )  # fmt: skip
    rows = at_epoch(curves, baseline, at)
    st.dataframe(
        rows,
        hide_index=True,
        height=_HEIGHT,
        alt=f"Test accuracy of {len(rows)} methods after epoch {at}, best first",
        column_config={
            "Method": st.column_config.TextColumn(pinned=True, width="medium"),
            "Mean, %": st.column_config.ProgressColumn(min_value=0, max_value=100, format="%.1f", color="primary"),
            "To the baseline, points": st.column_config.NumberColumn(
                format="%+.1f", help="Difference of the means, not paired by seed; the verdict above pairs them."
            ),
        },
    )
    lacking = len(curves) - len(rows)
    if lacking:
        st.caption(f"{lacking} more have no measured accuracy at epoch {at}.")


def at_epoch(curves: Mapping[str, Sequence[Curve]], baseline: str, epoch: int) -> list[dict[str, Any]]:
    """One row a method with a measured accuracy at an epoch, the highest mean first.

    Args:
        curves: Runs by label.
        baseline: Label of the group to measure against; may lack a value there.
        epoch: Which one.
    """
    found = {label: _values(members, epoch) for label, members in curves.items()}
    known = {label: values for label, values in found.items() if values.size}
    against = 100 * float(known[baseline].mean()) if baseline in known else None
    ranked = sorted(known, key=lambda label: -known[label].mean())
    return [
        {
            "Rank": place,
            "Method": label,
            "Mean, %": 100 * float(known[label].mean()),
            "To the baseline, points": None if against is None else 100 * float(known[label].mean()) - against,
            "Accuracy": format_mean_sd(known[label], "%"),
        }
        for place, label in enumerate(ranked, start=1)
    ]


def _values(members: Sequence[Curve], epoch: int) -> np.ndarray:
    """Accuracies of a group at an epoch, ``[n]`` of the seeds that measured one."""
    values = np.concatenate([curve.accuracy[curve.epoch == epoch] for curve in members]) if members else np.empty(0)
    return values[np.isfinite(values)]
