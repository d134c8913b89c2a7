"""Columns beside a class tree: strips, names, order of the branches, highlight."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.columns import colourings, columns_stamp
from app.common.wording import plain
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.value_order import turns_by_mean
from lwal_core.errors import LwalError
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.runs import Run

STRIPS, ON_NAMES, ORDER, STANDS_OUT = "leaf_strip", "leaf_names", "branch_order", "stands_out"
"""Session keys and query parameters: what is beside the leaves, on their names, orders the branches, stands out."""
MEASURES = {"accuracy": "Test accuracy", "samples": "Test samples"}
MOST_STRIPS = 4
NONE = ""
_OWN = "own "
"""Before the title of a column among the options, so that no column can be taken for a measure."""


class OwnChoice(NamedTuple):
    """What the reader wants to see of each class, as options; empty for nothing."""

    strips: tuple[str, ...] = ()
    on_names: str = NONE
    order: str = NONE
    stands_out: str = NONE


class OwnLook(NamedTuple):
    """What a tree is drawn with.

    Attributes:
        strips: Beside the leaves.
        looks: Of the names; None for the usual ones.
        order: Numbers that order the branches; None for none.
        key: What all of it was made from, to be part of a cache key; None for nothing.
        columns: All columns that people brought for the classes, by title.
        problem: What could not be shown, a sentence in markdown; empty for nothing.
    """

    strips: tuple[Colouring, ...] = ()
    looks: LeafLooks | None = None
    order: Colouring | None = None
    key: Hashable | None = None
    columns: Mapping[str, Colouring] = MappingProxyType({})
    problem: str = ""

    def redacted(self) -> OwnLook:
        """The same with its texts as they may leave the installation."""
        key = None if self.key is None else ("leaves", self.key)
        strips = tuple(strip.redacted() for strip in self.strips)
        return self._replace(strips=strips, looks=self.looks and self.looks.redacted(), key=key)


def draw_own_columns(run: Run) -> OwnChoice:
    """The controls, all in the address; those for columns of one's own are there once somebody brought some."""
    own = _own(run)
    titles = _titles(own)
    shown = [key for key in titles if not key.startswith(_OWN) or own[key.removeprefix(_OWN)].kind != "label"]
    numbers = [key for key in shown if not key.startswith(_OWN) or own[key.removeprefix(_OWN)].kind == "number"]
    _forget_what_is_gone(STRIPS, shown)
    strips = st.multiselect(
        "Beside the leaves", shown, format_func=titles.__getitem__, key=STRIPS, bind="query-params",
        max_selections=MOST_STRIPS, placeholder="Nothing",
        help="Squares and shapes: test accuracy and samples of the best epoch, and what *Your columns* below brought.",
    )  # fmt: skip
    on_names = order = stands_out = NONE
    if own:
        on_names = _select("On the names", [f"{_OWN}{title}" for title in own], titles, ON_NAMES, "Class name alone",
                           "Categories give the names their colours; numbers and labels stand after them.")  # fmt: skip
    if own or st.session_state.get(ORDER):
        order = _select("Turn branches by", numbers, titles, ORDER, "Nothing",
                        "Of each two branches the one with the lower mean comes first. The tree stays the same.")  # fmt: skip
    if parts := _parts(own):
        named = {key: title for key, (title, _) in parts.items()}
        stands_out = _select("Stand out", list(parts), named, STANDS_OUT, "All classes alike",
                             "These classes are in bold, the others in grey.")  # fmt: skip
    return OwnChoice(tuple(strips), on_names, order, stands_out)


def own_look(run: Run, choice: OwnChoice) -> OwnLook:
    """What the tree is drawn with; a column that is gone, or test results that are not there yet, are said."""
    own, problem = _own(run), ""
    if not any(choice):
        return OwnLook(columns=own)
    found: dict[str, Colouring] = {f"{_OWN}{title}": colouring for title, colouring in own.items()}
    if any(key in MEASURES for key in (*choice.strips, choice.order)):
        try:
            found |= _measures(run)
        except LwalError as error:
            problem = plain(str(error))
    strips = tuple(found[key] for key in choice.strips if key in found)
    colors: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    if (names := found.get(choice.on_names)) is not None:
        if names.kind == "category":
            known = names.known.tolist()
            colors = tuple(color if known[i] else "" for i, color in enumerate(names.colors()))
        else:
            texts = tuple(names.text(i) for i in range(len(names)))
    parts = _parts(own)
    stands_out = parts[choice.stands_out][1] if choice.stands_out in parts else None
    looks = LeafLooks(colors, texts, stands_out) if colors or texts or stands_out is not None else None
    key = (choice, columns_stamp(run), evaluation.evaluation_stamp(run))
    return OwnLook(strips, looks, found.get(choice.order), key if strips or looks else None, own, problem)


def with_order(h: Hierarchy, look: OwnLook, turned: Iterable[int]) -> tuple[int, ...]:
    """Merges to turn: those that the order by a column turns, and those that the reader turned by hand on top."""
    if look.order is None:
        return tuple(turned)
    return tuple(sorted(set(turns_by_mean(h, look.order.numbers)) ^ set(turned)))


def show_first(table_columns: Mapping[str, str]) -> None:
    """Callback: put new columns beside the leaves, as far as there is room and no choice was made.

    Args:
        table_columns: ``{title: kind}`` of the columns.
    """
    chosen = list(st.session_state.get(STRIPS, []))
    new = [f"{_OWN}{title}" for title, kind in table_columns.items() if kind != "label"]
    st.session_state[STRIPS] = (chosen + [key for key in new if key not in chosen])[:MOST_STRIPS]


def _own(run: Run) -> dict[str, Colouring]:
    try:
        return colourings(run)
    except LwalError as error:
        st.caption(plain(str(error)))
        return {}


def _titles(own: Mapping[str, Colouring]) -> dict[str, str]:
    """Options and what they are called; equal ones are told apart, as the address has nothing but their names."""
    titles, taken = dict(MEASURES), set(MEASURES.values())
    for title in own:
        shown = name = shorten(one_line(title), 60)
        number = 2
        while shown in taken:
            shown = f"{name} [{number}]"
            number += 1
        taken.add(shown)
        titles[f"{_OWN}{title}"] = shown
    return titles


def _parts(own: Mapping[str, Colouring]) -> dict[str, tuple[str, tuple[bool, ...]]]:
    """What may stand out: option, name and the classes that it means."""
    found: dict[str, tuple[str, tuple[bool, ...]]] = {}
    for title, colouring in own.items():
        name = shorten(one_line(title), 30)
        if colouring.kind == "number" and colouring.known.any():
            middle = float(np.nanmedian(colouring.numbers))
            for way, inside in (("above", colouring.numbers > middle), ("at most", colouring.numbers <= middle)):
                said = f"{name} {way} {colouring.said(middle)} (median)"
                found[f"{title} {way}"] = (said, tuple(inside.tolist()))
        elif colouring.kind == "category":
            for code, text in enumerate(colouring.texts):
                found[f"{title} = {text}"] = (
                    f"{name}: {shorten(one_line(text), 40)}",
                    tuple((colouring.codes == code).tolist()),
                )
    return found


@st.cache_data(max_entries=50, show_spinner=False)
def _counted(run_id: str, stamp: int, _confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts = _confusion.sum(axis=1).astype(np.float64)
    return counts, np.where(counts > 0, np.diag(_confusion) / np.maximum(counts, 1), np.nan)


def _measures(run: Run) -> dict[str, Colouring]:
    """Test accuracy and number of test samples of each class.

    Raises:
        LwalError: There are no test results yet.
    """
    epoch, confusion = evaluation.confusion(run)
    counts, accuracy = _counted(run.id, evaluation.evaluation_stamp(run), confusion)
    return {
        "accuracy": Colouring.of_numbers(f"test accuracy after epoch {epoch}", accuracy, percent=True),
        "samples": Colouring.of_numbers("test samples", counts),
    }


def _select(label: str, options: list[str], titles: Mapping[str, str], key: str, nothing: str, help: str) -> str:
    _forget_what_is_gone(key, options)
    chosen: str = st.selectbox(
        label, [NONE, *options], format_func=lambda option: titles.get(option, nothing), key=key, bind="query-params",
        help=help,
    )  # fmt: skip
    return chosen or NONE


def _forget_what_is_gone(key: str, options: list[str]) -> None:
    """A column that was removed, or that another run does not have, is no choice any more."""
    state = st.session_state
    chosen = state.get(key)
    if isinstance(chosen, list):
        if any(each not in options for each in chosen):
            state[key] = [each for each in chosen if each in options]
    elif chosen and chosen not in options:
        state[key] = NONE
