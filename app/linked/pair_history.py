"""History of class pairs: since when they share a clade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from app.common import run_cache
from app.common.widgets import figure, theme
from app.common.wording import counted, listed, shortened
from app.linked.selection import chosen_classes, pick_from_point
from app.tree.toolbar import GROUPS
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.class_history import NONE, PairMoments, pair_moments
from lwal_core.errors import LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.pair_moments import pair_moments_figure
from lwal_core.figures.style import shorten
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run

MOST_EPOCHS = 60
"""Epochs followed; of more, this many evenly over the training, the first and the last among them."""
TREE_WORK = 4_000_000
"""Classes squared times epochs up to which the trees of all epochs are built: a second or two."""
_CHANGES, _COMPANY, _NAMES = 6, 8, 3  # changes told in a sentence, classes in the card's strip, names told at once


def draw_class_moments(run: Run, spec: TreeSpec, h: Hierarchy, index: int, others: Sequence[int]) -> None:
    """Say and draw since when a class belongs with others, who joined it and who left.

    Args:
        run: The run.
        spec: The tree that is looked at, with its cut.
        h: The tree.
        index: The class.
        others: Its nearest classes.
    """
    cut = min(spec.cut or h.default_groups, h.n)
    moments = _moments_of(run, spec, h, cut)
    if moments is None:
        return
    st.markdown(moments_sentence(moments, h.names, index, others, cut))
    company = moments.company(index)[:_COMPANY] if 1 < cut < h.n else []
    if not company:
        return
    st.markdown(changes_sentence(moments, h.names, index))
    own = shorten(one_line(h.names[index]), 30)
    figure(
        pair_moments_figure(
            moments, [(index, other) for other in company], h.names, one=True, epoch=spec.epoch, theme=theme(),
            title=f"Who is in {own}'s group of {cut}",
        ),
        key="class_moments",
        summary=f"Epochs at which other classes are in one group with {own}, of {cut} groups.",
        table=lambda: changes_table(moments, h.names, index),
    )  # fmt: skip


def draw_pair_moments(run: Run, spec: TreeSpec, h: Hierarchy) -> None:
    """Draw since when pairs of classes are a clade of their own, and which pairs parted.

    Args:
        run: The run.
        spec: The tree that is looked at.
        h: The tree.
    """
    if len(run.label_epochs()) < 2 or h.n < 3:
        st.markdown("Pairs come together and part once there are three classes and labels of two epochs.")
        return
    cut = min(int(st.session_state.get(GROUPS) or h.default_groups), h.n)
    moments = _moments_of(run, spec, h, cut)
    if moments is None:
        return
    pairs = moments.ever_pairs()
    if not pairs:
        st.markdown("At no epoch are two classes a clade of their own.")
        return
    picked = chosen_classes(h.names)
    if picked:
        pairs.sort(key=lambda pair: not set(pair) & set(picked))
    title = pairs_title(moments, h.names)
    figure(
        pair_moments_figure(moments, pairs, h.names, epoch=spec.epoch, chosen=picked, theme=theme(), title=title),
        key="linked_moments",
        summary=f"Epochs at which {counted(len(pairs), 'pair')} of classes belong together. {title}.",
        table=lambda: pairs_table(moments, h.names),
        on_select=partial(pick_from_point, "linked_moments", h.names),
    )
    first = " Pairs of what is picked come first." if picked else ""
    st.caption(
        f"Pairs that are a clade of their own now, the oldest first, then those that parted; groups: the trees cut into {cut}."
        f"{first} A click on a mark picks the pair."
    )


def pairs_title(moments: PairMoments, names: Sequence[str]) -> str:
    """The pair that has been together for longest; plain text."""
    now = moments.pairs()
    if not now:
        return f"At epoch {moments.epochs[-1]} no two classes are a clade of their own"
    i, j, since = now[0]
    a, b = (shorten(one_line(names[k]), 24) for k in (i, j))
    when = "all along" if since == moments.epochs[0] else f"since epoch {since}"
    return f"{a} and {b} have been a clade of their own {when}"


def pairs_table(moments: PairMoments, names: Sequence[str]) -> dict[str, list[Any]]:
    """One row a pair that was ever a clade of its own."""
    table: dict[str, list[Any]] = {
        "Class": [], "and": [], "A clade since": [], "In one group since": [], "First epoch as a clade": [],
        "Last epoch as a clade": [], "Epochs as a clade": [],
    }  # fmt: skip
    for i, j in moments.ever_pairs():
        held = moments.clade_epochs(i, j).nonzero()[0].tolist()
        since = [moments.clade_since(i, j), moments.together_since(i, j)]
        row = (
            names[i], names[j], *("parted" if at is None else str(at) for at in since),
            moments.epochs[held[0]], moments.epochs[held[-1]], len(held),
        )  # fmt: skip
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table


def moments_sentence(
    moments: PairMoments, names: Sequence[str], index: int, others: Sequence[int], groups: int
) -> str:  # fmt: skip
    """Since when a class is a clade of its own with another, and in one group with its nearest classes; markdown."""
    partner = int(moments.partner[-1, index])
    own = shortened(names[index])
    first = moments.epochs[0]

    def since(epoch: int) -> str:
        return "all along" if epoch == first else f"since epoch {epoch}"

    if partner != NONE:
        clade_since = moments.clade_since(index, partner)
        assert clade_since is not None
        text = f"{own} and {shortened(names[partner])} have been a clade of their own {since(clade_since)}."
    else:
        text = f"{own} is in no clade of two at epoch {moments.epochs[-1]}."
    together = [(moments.together_since(index, j), j) for j in others]
    known = [f"{shortened(names[j])} {since(epoch)}" for epoch, j in together if epoch is not None]
    if groups > 1:
        where = f"At {groups} groups"
        text += (
            f" {where} it is together with {', '.join(known)}."
            if known
            else f" {where} it is with none of these classes."
        )
    return text


def changes_sentence(moments: PairMoments, names: Sequence[str], index: int) -> str:
    """Who joined the group of a class and who left it; markdown."""
    changes = moments.changes(index)
    if not changes:
        return "Nobody has joined or left its group."
    parts = []
    for change in changes[-_CHANGES:]:
        said = [
            f"{word} by {listed([names[i] for i in who], _NAMES)}"
            for word, who in (("joined", change.joined), ("left", change.left))
            if who
        ]
        parts.append(f"{' and '.join(said)} at epoch {change.epoch}")
    before = f"{counted(len(changes) - _CHANGES, 'change')} before, then " if len(changes) > _CHANGES else ""
    text = before + ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def changes_table(moments: PairMoments, names: Sequence[str], index: int) -> dict[str, list[Any]]:
    """One row per epoch at which the group of a class changed."""
    changes = moments.changes(index)
    return {
        "Epoch": [change.epoch for change in changes],
        "Joined by": [", ".join(names[i] for i in change.joined) for change in changes],
        "Left by": [", ".join(names[i] for i in change.left) for change in changes],
    }


def _moments_of(run: Run, spec: TreeSpec, h: Hierarchy, cut: int) -> PairMoments | None:
    """Moments of all epochs; None, and a word about it, where there would be too much to compute."""
    every = run.label_epochs()
    epochs = subsample(every, MOST_EPOCHS)
    if h.n**2 * len(epochs) > TREE_WORK:
        st.caption(f"With {h.n:,} classes, the trees of {len(epochs)} epochs are not compared here.")
        return None
    stamps = tuple(run_cache.label_stamp(run.id, e) for e in epochs)
    return _moments(replace(spec, epoch=every[-1], cut=cut), tuple(epochs), stamps)


@st.cache_resource(max_entries=50, show_spinner="Comparing the trees of the epochs")
def _moments(spec: TreeSpec, epochs: tuple[int, ...], stamps: tuple[int, ...]) -> PairMoments | None:
    """None when no tree can be built; single epochs that have none are left out."""
    trees = {}
    for epoch in epochs:
        try:
            # The order of the leaves does not matter here, and the plain one costs nothing.
            trees[epoch] = run_cache.hierarchy(replace(spec, epoch=epoch), optimal=False)
        except LwalError:
            continue
    return pair_moments(trees, spec.cut or 1) if epochs[-1] in trees else None
