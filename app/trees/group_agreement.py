"""Agreement of two trees per number of groups."""

from __future__ import annotations

import streamlit as st

from app.common.widgets import figure, theme
from app.trees.pair import Pair
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.trees import fowlkes_mallows
from lwal_core.figures.group_agreement import GroupAgreement, group_agreement_figure

MOST_CUTS = 300
"""Numbers of groups that are computed: all up to so many, above them evenly thinned."""


def group_agreement(found: Pair) -> list[GroupAgreement]:
    """Bk at the cuts that both trees have, thinned above ``MOST_CUTS``, first and last always there."""
    cuts = subsample(found.cuts, MOST_CUTS)
    a, b = found.matched.left.linkage, found.matched.right.linkage
    return [GroupAgreement.of(k, fowlkes_mallows(a, b, k)) for k in cuts]


def finding(points: list[GroupAgreement]) -> str:
    """At how many numbers of groups the trees agree better than shuffled classes would, plain text."""
    tested = [point for point in points if point.beyond_chance is not None]
    if not tested:
        return "With fewer than 4 classes, groups cannot be told from chance"
    beyond = sum(bool(point.beyond_chance) for point in tested)
    what = "number" if len(tested) == 1 else "numbers"
    return f"At {beyond:,} of {len(tested):,} {what} of groups the trees agree beyond chance"


def draw_group_agreement(found: Pair, groups: int | None) -> None:
    """The figure with its numbers; a sentence when both trees have no cut in common."""
    points = group_agreement(found)
    if not points:
        st.caption("There is no number of groups that both trees can be cut into.")
        return
    said = finding(points)
    figure(
        group_agreement_figure(points, chosen=groups, theme=theme(), title=said),
        key="trees_bk",
        summary=f"{said}. Fowlkes–Mallows Bk of {found.labels[0]} and {found.labels[1]} by number of groups.",
        table={
            "Groups": [point.groups for point in points],
            "Bk": [point.bk for point in points],
            "Shuffled classes, mean": [point.expected for point in points],
            "Shuffled classes, 95 % below": [point.line for point in points],
        },
    )
    if len(points) < len(found.cuts):
        st.caption(f"Showing {len(points):,} of {len(found.cuts):,} numbers of groups.")
