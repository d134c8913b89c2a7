"""What moved where: classes that stand beside other classes in the two trees, as sentences."""

from __future__ import annotations

import math

import streamlit as st

from app.common.wording import counted, listed, shortened
from app.trees.pair import Pair
from lwal_core.analysis.trees.discordant_classes import Placement
from lwal_core.export.tables import joined_members, table_csv

LISTED = 5
"""Sentences on the page; the download has all."""
NAMED = 2
"""Classes that a sentence names on each side."""


def moved(found: Pair) -> list[Placement]:
    """Classes whose nearest company differs between the trees, the most misplaced first."""
    return [p for p in found.placements if set(p.left[0]) != set(p.right[0])]


def moved_sentence(found: Pair, index: int) -> str:
    """``"truck: beside automobile on the left, beside ship on the right"`` (markdown); empty where the company is the same."""
    placement = next(p for p in found.placements if p.index == index)
    return _sentence(found, placement) if set(placement.left[0]) != set(placement.right[0]) else ""


def _sentence(found: Pair, placement: Placement) -> str:
    left, right = set(placement.left[0]), set(placement.right[0])

    def beside(members: tuple[int, ...], only: set[int]) -> str:
        # Of large clades that differ by some classes, those are named that differ.
        names = [found.names[i] for i in sorted(members, key=lambda i: i not in only)]
        return listed(names, NAMED)

    name = shortened(found.names[placement.index])
    here, there = beside(placement.left[0], left - right), beside(placement.right[0], right - left)
    return f"{name}: beside {here} on the left, beside {there} on the right"


def draw_moved(found: Pair) -> None:
    """The sentences of the classes that moved most."""
    st.subheader("What moved where", anchor=False)
    all_moved = moved(found)
    if not all_moved:
        st.markdown("Nothing: every class stands beside the same classes in both trees.")
        return
    st.markdown("\n".join(f"- {_sentence(found, placement)}" for placement in all_moved[:LISTED]))
    if len(all_moved) > LISTED:
        st.caption(f"The first {LISTED} of {counted(len(all_moved), 'class', 'classes')}; the download has all.")


def moved_csv(found: Pair) -> bytes:
    """Every class that stands beside other classes, with all of its company on both sides."""
    names = found.names
    rows = [
        (
            names[p.index], joined_members(names[i] for i in p.left[0]), joined_members(names[i] for i in p.right[0]),
            None if math.isnan(p.tau) else p.tau,
        )
        for p in moved(found)
    ]  # fmt: skip
    return table_csv(["class", "beside on the left", "beside on the right", "tau"], rows).encode()
