"""Comparison of the tree with the baseline's: scores and differing groups."""

from __future__ import annotations

import streamlit as st

from app.common import run_cache
from app.common.selection import Selection
from app.common.widgets import figure, theme
from app.common.wording import EQUIDISTANT_LABELS, counted, listed, plain
from app.tree.cut_menu import HOW_TITLES
from app.tree.cuts import cut_of_rule
from app.tree.stats import LISTED_GROUPS, TreeKey, groups, tree_key
from app.tree.toolbar import Cut
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import bakers_gamma, cophenetic_correlation, robinson_foulds
from lwal_core.analysis.trees.cuts import CutAt, cut_tops
from lwal_core.analysis.trees.matching import renumbered
from lwal_core.figures.dendrogram import Orientation
from lwal_core.runs import Run, RunSummary, one_per_seed, open_run

ANY_TREE = ("dynamic", "size", "silhouette")
"""Rules that cut any tree; a height is in the units of one tree, a cut by hand is of its clades."""


def baseline_run(chosen: Selection, run: Run) -> RunSummary | str:
    """The baseline's run with the same seed, or what to do to get one (markdown)."""
    if run.config.imported:
        return "Vectors that were imported have no one-hot baseline. The page *Trees* sets any two trees face to face."
    if chosen.baseline is None or chosen.baseline.key == run.group:
        if run.config.external:
            return (
                "There is no other method here to compare it with. Record one with the same data and seed, or choose another "
                "baseline under *Runs*."
            )
        if run.config.method.equidistant_labels:
            return "This run is the baseline itself. Pick a run with learned labels above."
        return (
            "There is no one-hot baseline here. Train one-hot with the same data and seed, or select it under *Runs*."
        )
    runs = one_per_seed(chosen.baseline.runs)
    seed = run.config.training.seed
    same = next((other for other in runs if other.seed == seed), None)
    if same is not None:
        return same
    title = plain(chosen.baseline.title)
    others = f"; it has {', '.join(str(other.seed) for other in runs)}" if runs else ""
    return f"The baseline, {title}, has no run with seed {seed}{others}. Train it with seed {seed} to compare."


def draw_baseline_comparison(
    run: Run, other: RunSummary, key: TreeKey, h: Hierarchy, cut: Cut, orientation: Orientation
) -> None:
    """The tree of this run and the baseline's with the same options, three scores, and the groups that differ.

    Args:
        run: The run.
        other: The baseline's.
        key: What the run's tree is made of.
        h: It.
        cut: Where it is cut; the baseline's tree is cut by the same rule, where that is one for any tree.
        orientation: Side of the leaves.

    Raises:
        LwalError: The baseline has no tree with these options.
    """
    baseline = open_run(other.id)
    epochs = baseline.label_epochs()
    if not epochs:
        st.info("The baseline's run has no labels yet.", icon=":material/hourglass_empty:")
        return
    epoch = min(epochs, key=lambda e: (abs(e - key.spec.epoch), e))
    if epoch != key.spec.epoch:
        st.caption(f"The baseline has no labels of epoch {key.spec.epoch}; its epoch {epoch} is shown.")
    other_key = tree_key(key.spec.at(other.id, epoch), optimal=key.optimal)
    tree = run_cache.hierarchy(other_key.spec, optimal=key.optimal)
    if set(tree.names) != set(h.names):
        st.info("The two runs have other classes, so their trees do not compare.", icon=":material/info:")
        return
    labels = [run.config.method_label(), baseline.config.method_label()]
    if labels[0] == labels[1]:
        labels = [f"{labels[0]} (this run)", f"{labels[1]} (baseline)"]
    its_cut = cut_beside(cut, other_key, tree)
    if how := how_cut(cut, its_cut):
        st.caption(how)
    sides = zip(
        st.columns(2, gap="large"), labels, (key, other_key), (h, tree), (cut, its_cut), ("this", "baseline"), strict=True
    )  # fmt: skip
    for column, label, its_key, its_tree, at, side in sides:
        with column:
            st.markdown(f"#### {plain(label)}, epoch {its_key.spec.epoch}")
            fig = tree_figure(its_key, Drawing(at.at, at.groups, orientation, theme=theme()), its_tree)
            figure(
                fig,
                key=f"tree_beside_{side}",
                summary=f"Class tree of {label}, epoch {its_key.spec.epoch}, {counted(at.groups, 'group')}.",
            )
    if baseline.config.method.equidistant_labels and key.spec.vectors == "labels":
        st.info(EQUIDISTANT_LABELS)
    _draw_scores(h, tree)
    own, its = _named_groups(key, h, cut.at), _named_groups(other_key, tree, its_cut.at)
    for title, only in (
        ("In both trees", [g for g in own if g in its]),
        (f"Only {plain(labels[0])}", [g for g in own if g not in its]),
        (f"Only {plain(labels[1])}", [g for g in its if g not in own]),
    ):
        shown = " | ".join(listed(sorted(group)) for group in only[:LISTED_GROUPS]) or "none"
        more = f" | and {len(only) - LISTED_GROUPS:,} more" if len(only) > LISTED_GROUPS else ""
        st.markdown(f"**{title}** ({len(only):,}): {shown}{more}")


def cut_beside(cut: Cut, key: TreeKey, h: Hierarchy) -> Cut:
    """Where another tree of the same classes is cut beside one: by the same rule where it is one for any tree, else at one
    height into as many groups.

    Args:
        cut: Of the first tree.
        key: What the other tree is made of.
        h: The other tree.
    """
    if cut.rule.how not in ANY_TREE:
        return Cut(cut.groups, cut.groups)
    at = cut_of_rule(key, cut.rule, h)
    return Cut(at, at if isinstance(at, int) else len(cut_tops(h, at)), cut.rule)


def how_cut(cut: Cut, its: Cut) -> str:
    """How the two trees are cut where that is not into equally many groups by one height each, a sentence; else empty."""
    if cut.rule.how in ANY_TREE:
        rule, groups = HOW_TITLES[cut.rule.how], counted(cut.groups, "group")
        return f"Both trees are cut by the same rule, *{rule}*: {groups} here, {its.groups:,} in the baseline's."
    if cut.rule.how == "merges":
        return "This tree is cut by hand, the baseline's at one height into as many groups."
    return ""


def _draw_scores(h: Hierarchy, tree: Hierarchy) -> None:
    other = renumbered(tree, h.names).linkage
    why = "fewer than 3 classes" if h.n < 3 else "a tree joins all at one height"
    scores = (
        (
            "Cophenetic correlation", cophenetic_correlation(h.linkage, other),
            "Do both join the same pairs of classes at similar heights? 1: the same up to scale, 0: unrelated.",
        ),
        (
            "Baker's gamma", bakers_gamma(h.linkage, other),
            "Do both join the pairs in the same order, whatever the heights? 1: the same order, 0: unrelated.",
        ),
        (
            "Robinson–Foulds, normalised", robinson_foulds(h.linkage, other, normalized=True),
            "Share of the clades of both trees that only one of them has. 0: the same tree, 1: nothing in common.",
        ),
    )  # fmt: skip
    with st.grid(3) as grid:
        for title, value, meaning in scores:
            with grid.cell():
                st.metric(title, format_number(value, reason=why))
                st.caption(meaning)


def _named_groups(key: TreeKey, h: Hierarchy, cut: CutAt) -> list[frozenset[str]]:
    return [frozenset(h.names[i] for i in group.members) for group in groups(key, h, cut)]
