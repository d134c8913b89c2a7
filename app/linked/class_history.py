"""How a class came to stand where it stands, for the class card: its nearest classes epoch by epoch, and since when it
belongs with them in the tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.widgets import figure, theme
from app.linked.pair_history import MOST_EPOCHS, draw_class_moments
from app.tree.stats import short
from lwal_core.analysis.base.formatting import DISTANCE_UNITS
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.class_history import (
    NONE,
    NeighbourHistory,
    neighbour_history,
)
from lwal_core.errors import LwalError
from lwal_core.figures.curves.class_history import class_history_figure
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.runs import Run, VectorSource, open_run

NEIGHBOURS = 5


def draw_class_history(
    run: Run, epoch: int, source: VectorSource, h: Hierarchy, index: int, groups: int
) -> None:  # fmt: skip
    """Draw the distances of a class to its nearest classes by epoch, and say since when it belongs with them.

    Args:
        run: The run.
        epoch: The epoch that is looked at.
        source: Class means or label table.
        h: The tree of the class vectors: its linkage, metric and names.
        index: The class.
        groups: Groups that the tree is cut into.
    """
    epochs = subsample(run.label_epochs(), MOST_EPOCHS)
    if len(epochs) < 2 or h.n < 2:
        st.caption("How its nearest classes changed is told once there are two classes and labels of two epochs.")
        return
    stamps = tuple(run_cache.label_stamp(run.id, e) for e in epochs)
    found = _history(run.id, source, h.metric, tuple(epochs), index, stamps)
    if found is None:
        st.caption("How its nearest classes changed cannot be told: the labels of fewer than two epochs can be read.")
        return
    said = history_sentence(found, h.names)
    fig = class_history_figure(
        found, h.names, epoch=epoch, unit=DISTANCE_UNITS.get(h.metric, h.metric), theme=theme(),
        title=history_title(found, h.names),
    )  # fmt: skip
    summary = f"Distance of {h.names[index]} to {len(found.neighbours)} classes from epoch {epochs[0]} to {epochs[-1]}."
    figure(fig, key="class_history_figure", summary=summary, table=lambda: history_table(found, h.names))
    st.markdown(said)
    every = len(run.label_epochs())
    if len(epochs) < every:
        st.caption(f"Showing {len(epochs)} of {every:,} epochs, evenly over the training.")
    unread = [e for e in epochs if e not in found.epochs]
    if unread:
        which = ", ".join(map(str, unread[:8])) + ", …" * (len(unread) > 8)
        st.caption(f"Left out because they cannot be read: epoch{'s' * (len(unread) > 1)} {which}.")
    draw_class_moments(run, epoch, source, h, index, found.neighbours.tolist(), groups)


def history_title(found: NeighbourHistory, names: Sequence[str]) -> str:
    """``"cat's nearest has been dog since epoch 3"``; plain text."""
    own = shorten(one_line(names[found.index]), 30)
    if found.since is None:
        return f"At epoch {found.epochs[-1]} no class is nearest to {own}"
    nearest = shorten(one_line(names[found.nearest[-1]]), 30)
    if found.since == found.epochs[-1]:
        return f"{own}'s nearest is {nearest} only since epoch {found.since}, the last"
    when = "all along" if found.since == found.epochs[0] else f"since epoch {found.since}"
    return f"{own}'s nearest has been {nearest} {when}"


def history_sentence(found: NeighbourHistory, names: Sequence[str]) -> str:
    """Which class was nearest when; markdown."""
    parts = []
    for first, last, nearest in found.stretches():
        who = "none nearer than the others" if nearest == NONE else short(names[nearest])
        parts.append(f"{who} (epoch {first})" if first == last else f"{who} (epochs {first} to {last})")
    if len(parts) > 8:
        parts = [f"{len(parts) - 8:,} changes before", *parts[-8:]]
    return f"Nearest in turn: {', '.join(parts)}."


def history_table(found: NeighbourHistory, names: Sequence[str]) -> dict[str, list[Any]]:
    """The numbers behind the figure, one row an epoch."""
    table: dict[str, list[Any]] = {
        "Epoch": list(found.epochs),
        "Nearest": ["" if i == NONE else names[i] for i in found.nearest.tolist()],
    }
    for column, other in enumerate(found.neighbours.tolist()):
        table[f"To {names[other]}"] = found.distances[:, column].tolist()
    return table


@st.cache_resource(max_entries=300, show_spinner=False)
def _history(
    run_id: str, source: VectorSource, metric: str, epochs: tuple[int, ...], index: int, stamps: tuple[int, ...]
) -> NeighbourHistory | None:
    """Epochs that cannot be read are left out; None when fewer than two are left."""
    run = open_run(run_id)
    snapshots: dict[int, np.ndarray] = {}
    for epoch in epochs:
        try:
            snapshots[epoch] = run.vectors(epoch, source)
        except LwalError:
            continue
    if len(snapshots) < 2:
        return None
    return neighbour_history(snapshots.values(), list(snapshots), index, NEIGHBOURS, metric)
