"""Selection of the linked views: the class, the clade or the pair that the other pages know too, and a pair's
numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.common.wording import counted, listed, shortened
from app.tree.chosen_node import CLADE, CLASS, pick_node
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy

PAIR = "linked_pair"
"""Session key: names of the true and the predicted class of the cell or point clicked on last."""


def chosen_classes(names: Sequence[str]) -> list[int]:
    """Indices of the classes picked on any page, ascending: one class, the classes of a clade or pair, or none."""
    index = {name: i for i, name in enumerate(names)}
    picked = st.session_state.get(CLASS)
    if picked in index:
        return [index[picked]]
    return sorted(index[name] for name in st.session_state.get(CLADE) or () if name in index)


def pick_pair(names: Sequence[str], first: int, second: int) -> None:
    """Pick two classes; in the tree that is the smallest clade that holds both."""
    st.session_state[PAIR] = (names[first], names[second])
    st.session_state[CLADE] = (names[first], names[second])
    st.session_state[CLASS] = None


def pick_from_cell(chart: str, h: Hierarchy) -> None:
    """Pick the true class of the cell clicked on, and remember which class it was taken for."""
    clicked = _clicked(chart, h.n)
    if clicked is not None:
        pick_node(h, clicked[0])
        st.session_state[PAIR] = (h.names[clicked[0]], h.names[clicked[1]])


def pick_from_point(chart: str, names: Sequence[str]) -> None:
    """Pick the pair of the point clicked on."""
    clicked = _clicked(chart, len(names))
    if clicked is not None:
        pick_pair(names, *clicked)


def pick_class(h: Hierarchy, index: int) -> None:
    """Pick a class."""
    pick_node(h, index)
    st.session_state.pop(PAIR, None)


def chosen_pair(names: Sequence[str]) -> tuple[int, int] | None:
    """The pair that was clicked on, as long as what is picked is its first class or both."""
    pair = st.session_state.get(PAIR)
    if not pair or pair[0] == pair[1] or not all(name in names for name in pair):
        return None
    still = st.session_state.get(CLASS) == pair[0] or set(st.session_state.get(CLADE) or ()) == set(pair)
    return (names.index(pair[0]), names.index(pair[1])) if still else None


def pair_sentence(h: Hierarchy, confusion: np.ndarray, pair: tuple[int, int], unit: str) -> str:
    """How often each of two classes is taken for the other, and how far apart they are; markdown."""
    i, j = pair
    total = confusion.sum(axis=1)

    def taken(a: int, b: int) -> str:
        share = float(confusion[a, b]) / float(total[a]) if total[a] else math.nan
        of = f" ({int(confusion[a, b]):,} of {int(total[a]):,})" if total[a] else ""
        return f"{shortened(h.names[a])} is taken for {shortened(h.names[b])} in {format_percent(share, reason='no test samples')}{of}"

    others, _ = h.nearest(i, h.n - 1)
    rank = int(np.flatnonzero(others == j)[0]) + 1
    distance = float(h.rows([i])[0, j])
    place = "the nearest class" if rank == 1 else f"number {rank:,} of the {h.n - 1:,} other classes by distance"
    return (
        f"**{shortened(h.names[i])} and {shortened(h.names[j])}**: {taken(i, j)}, {taken(j, i)}. They are {format_number(distance)} "
        f"{unit} apart; for {shortened(h.names[i])}, {shortened(h.names[j])} is {place}."
    )


def chosen_text(names: Sequence[str], chosen: Sequence[int]) -> str:
    """What is picked, in words (markdown); empty for nothing."""
    if not chosen:
        return ""
    text = listed([names[i] for i in chosen], 6)
    return f"Picked: {text}" if len(chosen) == 1 else f"Picked: {text} ({counted(len(chosen), 'class', 'classes')})"


def _clicked(chart: str, n: int) -> tuple[int, int] | None:
    points = st.session_state[chart]["selection"]["points"]
    custom = points[0].get("customdata") if points else None
    if not isinstance(custom, list | tuple) or len(custom) != 2:
        return None
    first, second = int(custom[0]), int(custom[1])
    return (first, second) if 0 <= first < n and 0 <= second < n else None
