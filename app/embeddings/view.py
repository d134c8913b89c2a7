"""Picture of the Embeddings page: what was clicked or lassoed in it, waiting for it, the numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.common.class_distances import ClassDistances
from app.common.evaluation import SampledTestSet
from app.common.projections import QualityRequest, Request, seconds_so_far
from app.tree.chosen_node import CLASS
from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.analysis.projection import Projection

CHART = "embedding"
SAMPLE = "embedding_sample"
"""Session key: the test sample that was clicked on last, by its place in the test set."""


# --- the class card -------------------------------------------------------------------------------------------------


def lassoed(chart: str, samples: SampledTestSet) -> list[int] | None:
    """Indices in the test set of the samples in a lasso or box; None when neither was drawn.

    Args:
        chart: Key of the figure.
        samples: The samples that it shows.
    """
    selection = st.session_state[chart]["selection"]
    if not (selection.get("lasso") or selection.get("box")):
        return None
    inside = {place for point in selection["points"] if (place := _sample(point)) is not None}
    return sorted(int(samples.rows[i]) for i in inside if 0 <= i < len(samples.rows))


def _sample(point: dict[str, Any]) -> int | None:
    """Which sample a point is, by its place among those shown; None for a class."""
    custom = point.get("customdata")
    whole = isinstance(custom, list | tuple) and len(custom) == 2 and isinstance(custom[1], int | float)
    return int(custom[1]) if whole else None  # type: ignore[index]


def pick_clicked(chart: str, names: Sequence[str], samples: SampledTestSet | None = None) -> None:
    """Take the class that was clicked on in the figure, and the sample, where one of these was."""
    points = st.session_state[chart]["selection"]["points"]
    custom: Any = points[0].get("customdata") if points else None
    index = custom[0] if isinstance(custom, list | tuple) and custom else custom
    if isinstance(index, int | float) and 0 <= index < len(names):
        st.session_state[CLASS] = names[int(index)]
        place = _sample(points[0])
        known = samples is not None and place is not None and 0 <= place < len(samples.rows)
        st.session_state[SAMPLE] = int(samples.rows[place]) if known else None  # type: ignore[union-attr, index]


WITH_LASSO = {"modeBarButtonsToRemove": ["autoScale2d"]}
"""Options of the figure while it shows samples, which a lasso or a box can pick."""


# --- waiting, tables -----------------------------------------------------------------------------------------------


@st.fragment(run_every=1.0)
def wait_for(request: Request | QualityRequest, what: str) -> None:
    """Say how long something has been in the making, and draw the page again when it is there."""
    seconds = seconds_so_far(request)
    if seconds is None:
        st.rerun()
    st.caption(f":material/hourglass_top: {what} ({format_seconds(max(1, round(seconds)))} so far)")


def classes_table(
    names: Sequence[str],
    shown: Projection,
    near: ClassDistances,
    group_of: np.ndarray | None,
    own: Mapping[str, Sequence[object]],
) -> dict[str, list[Any]]:
    """The numbers behind the figure, one row per class."""
    table: dict[str, list[Any]] = {"Class": list(names)}
    if group_of is not None:
        table["Group"] = (group_of + 1).tolist()
    if near.neighbours.shape[1]:
        nearest = near.neighbours[:, 0]
        table["Nearest class"] = [names[j] for j in nearest.tolist()]
        table["Distance"] = near.distances[np.arange(len(names)), nearest].tolist()
    table |= {axis: shown.points[:, k].tolist() for k, axis in enumerate("xyz"[: shown.points.shape[1]])}
    return table | {f"{title} (column)" if title in table else title: list(cells) for title, cells in own.items()}
