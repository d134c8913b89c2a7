"""History of a class on its card: nearest classes per epoch, clades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.widgets import figure, theme
from app.common.wording import shortened, unreadable_epochs
from app.linked.pair_history import MOST_EPOCHS, draw_class_moments
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.trees.class_history import (
    NONE,
    NeighbourHistory,
    neighbour_history,
)
from lwal_core.errors import LwalError
from lwal_core.figures.curves.class_history import class_history_figure
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, open_run

NEIGHBOURS = 5


def draw_class_history(run: Run, spec: TreeSpec, index: int) -> None:
    """Draw the distances of a class to its nearest classes by epoch, and say since when it belongs with them.

    Args:
        run: The run.
        spec: The tree that is looked at, with its cut.
        index: The class.
    """
    h = run_cache.hierarchy(spec)
    epochs = subsample(run.label_epochs(), MOST_EPOCHS)
    if len(epochs) < 2 or h.n < 2:
        st.caption("How its nearest classes changed is told once there are two classes and labels of two epochs.")
        return
    stamps = tuple(run_cache.label_stamp(run.id, e) for e in epochs)
    found = _history(replace(spec, epoch=epochs[-1], cut=None), tuple(epochs), index, stamps)
    if found is None:
        st.caption("How its nearest classes changed cannot be told: the labels of fewer than two epochs can be read.")
        return
    said = history_sentence(found, h.names)
    fig = class_history_figure(
        found, h.names, epoch=spec.epoch, unit=h.unit, theme=theme(),
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
        st.caption(unreadable_epochs(unread))
    draw_class_moments(run, spec, h, index, found.neighbours.tolist())


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
        who = "none nearer than the others" if nearest == NONE else shortened(names[nearest])
        parts.append(f"{who} (epoch {first})" if first == last else f"{who} (epochs {first} to {last})")
    if len(parts) > 8:
        parts = [f"{len(parts) - 8:,} changes before", *parts[-8:]]
    return f"Nearest in turn: {', '.join(parts)}."


def history_table(found: NeighbourHistory, names: Sequence[str]) -> dict[str, list[Any]]:
    """The numbers behind the figure, one row per epoch."""
    table: dict[str, list[Any]] = {
        "Epoch": list(found.epochs),
        "Nearest": ["" if i == NONE else names[i] for i in found.nearest.tolist()],
    }
    for column, other in enumerate(found.neighbours.tolist()):
        table[f"To {names[other]}"] = found.distances[:, column].tolist()
    return table


@st.cache_resource(max_entries=300, show_spinner=False)
def _history(spec: TreeSpec, epochs: tuple[int, ...], index: int, stamps: tuple[int, ...]) -> NeighbourHistory | None:
    """Epochs that cannot be read are left out; None when fewer than two are left."""
    run = open_run(spec.run)
    snapshots: dict[int, np.ndarray] = {}
    for epoch in epochs:
        try:
            snapshots[epoch] = run.vectors(epoch, spec.vectors)
        except LwalError:
            continue
    if len(snapshots) < 2:
        return None
    return neighbour_history(snapshots.values(), list(snapshots), index, NEIGHBOURS, spec.distance)
