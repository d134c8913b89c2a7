"""The tree of all seeds: the clades that most of them have, drawn in place of the tree of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.common.address import known_choice
from app.common.selection import Selection
from app.common.widgets import FIGURE_HEIGHT
from app.evidence.seeds import SeedTree, consensus_or_reason, seed_trees
from app.evidence.text import consensus_finding
from app.tree.stats import Group, TreeKey
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import Consensus
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.dendrogram import ROW_HEIGHT
from lwal_core.figures.palette import Theme, neutral
from lwal_core.runs import Run, RunSummary

if TYPE_CHECKING:
    import plotly.graph_objects as go

SEEDS = "tree_seeds"
"""Session key: whether the tree of one seed is drawn or what all of them agree on; in the address."""
SEED_TITLES = {"one": "This seed", "all": "All seeds"}

ABOUT = (
    "Numbers: percent of the {trees} seeds with the clade; the more, the thicker the branch above it. Where seeds disagree, a node has "
    "several children. Heights count levels. Leaves have the colours of this seed's groups."
)


def pick_seeds(chosen: Selection, run: Run) -> bool:
    """The choice between the tree of this seed and what all seeds agree on; whether the latter is chosen.

    There is no choice with fewer than three seeds, of which there is no majority.
    """
    known_choice(SEEDS, "The choice of seeds", SEED_TITLES.values())
    if len(_group(chosen, run)) < MIN_SEEDS:
        return False
    picked = st.segmented_control(
        "Tree of", list(SEED_TITLES), format_func=SEED_TITLES.__getitem__, default="one", required=True, key=SEEDS,
        bind="query-params",
        help="All seeds: the clades that more than half of the seeds have (majority-rule consensus). The thicker a branch, the more "
        "seeds have the clade below it.",
    )  # fmt: skip
    return picked == "all"


def consensus_of(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy) -> Consensus | str:
    """What all seeds of a run's group agree on, or why there is nothing (markdown)."""
    own = SeedTree(key.spec, run.config.training.seed, key.stamp)
    others, absent = seed_trees(_group(chosen, run), own, h)
    return consensus_or_reason(key, h, others, absent)


def consensus_answer(consensus: Consensus, n: int) -> str:
    """The page's answer where the tree of all seeds is drawn, at most twelve words."""
    return f"{consensus_finding(consensus, n)}."


def consensus_view(
    consensus: Consensus,
    tree: Hierarchy,
    h: Hierarchy,
    groups: Sequence[Group],
    node: int | None,
    pictures: Sequence[str] | None,
    theme: Theme,
) -> go.Figure:
    """The consensus, its leaves in the colours and shapes of one seed's groups.

    Args:
        consensus: What the seeds agree on.
        tree: The same as a tree.
        h: The tree of the seed whose groups give the colours.
        groups: Its groups.
        node: What was picked in ``h``: the smallest clade of the consensus that holds it is ringed.
        pictures: A picture of each class, or None.
        theme: ``"light"`` or ``"dark"``.
    """
    colors, symbols = [neutral("line", theme)] * h.n, ["circle"] * h.n
    for group in groups:
        for i in group.members:
            colors[i], symbols[i] = group.color, group.symbol
    ringed = None
    if node is not None:
        ringed = node if node < h.n else tree.smallest_clade(h.members(node).tolist())
    return dendrogram_figure(
        tree, theme=theme, support=consensus.shares.tolist(), class_colors=colors, class_symbols=symbols, chosen=ringed,
        pictures=pictures, height=FIGURE_HEIGHT if tree.n * ROW_HEIGHT <= FIGURE_HEIGHT else None,
    )  # fmt: skip


def consensus_table(consensus: Consensus, tree: Hierarchy) -> dict[str, list[Any]]:
    """The clades of the consensus, those in most seeds first."""
    rows = [(share, tree.n + row) for row, share in enumerate(consensus.shares.tolist()) if not math.isnan(share)]
    rows.sort(key=lambda row: (-row[0], row[1]))
    return {
        "Clade": [tree.clade_name(node) for _, node in rows],
        "Classes": [int(tree.sizes[node]) for _, node in rows],
        "Seeds": [round(share * consensus.trees) for share, _ in rows],
        "Of": [consensus.trees] * len(rows),
    }


def _group(chosen: Selection, run: Run) -> Sequence[RunSummary]:
    group = next((group for group in chosen.groups if group.key == run.group), None)
    return group.runs if group and len(group.seeds) >= MIN_SEEDS else ()
