"""Evidence from other trainings: trees of other seeds and of the baseline. Computed once per tree and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.selection import Selection
from app.common.wording import plain
from app.evidence.baseline_tree import baseline_run
from app.tree.stats import TreeKey
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import (
    Consensus,
    CrossAgreement,
    SeedAgreement,
    SetDifference,
    clade_support,
    clades,
    cross_agreement,
    majority_consensus,
    seed_agreement,
    set_difference,
    transfer_support,
)
from lwal_core.analysis.trees.matching import renumbered
from lwal_core.errors import LwalError
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, RunSummary, VectorSource, one_per_seed, open_run


class SeedTree(NamedTuple):
    """The tree of one seed: equal ones are the same tree."""

    spec: TreeSpec
    seed: int
    stamp: int


@dataclass(frozen=True, eq=False)
class SeedEvidence:
    """What other seeds say.

    Attributes:
        seeds: The other seeds, ascending.
        absent: Seeds of the group without a tree of this epoch.
        support: ``[n - 1]`` share of the other seeds with each clade; nan for none.
        agreement: All pairs of seeds, this one included.
        consensus: Clades of the majority, this seed included.
        transfer: ``[n - 1]`` transfer support of each clade by the other seeds; nan where it says nothing.
        consensus_transfer: ``[n - 1]`` the same of the clades of the consensus, by all seeds.
    """

    seeds: tuple[int, ...]
    absent: tuple[int, ...]
    support: tuple[float, ...]
    agreement: SeedAgreement
    consensus: Consensus
    transfer: tuple[float, ...]
    consensus_transfer: tuple[float, ...]

    @property
    def enough(self) -> bool:
        """Whether there are seeds enough, this one included, for shares of them to say something."""
        return len(self.seeds) + 1 >= MIN_SEEDS


@dataclass(frozen=True, eq=False)
class BaselineEvidence:
    """Trees of the baseline beside this one.

    Attributes:
        label: Method of the baseline, plain text.
        seeds: Its seeds, ascending.
        epochs: Epochs of its trees, ascending, each once.
        vectors: What its trees are of.
        tells_labels: Whether what differs between the two is that this run learned its labels and the baseline's are
            all equally far apart; only then do its trees say what learned labels did.
        support: ``[n - 1]`` share of its seeds with each clade; nan for none.
        same_seed: Number of clades in its tree of the same seed; None when it has no such run.
        between: This method's seeds against the baseline's.
        difference: Whether trees of the two methods are less alike than those of one, tested over which run is whose.
    """

    label: str
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    vectors: VectorSource
    tells_labels: bool
    support: tuple[float, ...]
    same_seed: int | None
    between: CrossAgreement
    difference: SetDifference


def seed_trees(
    runs: Sequence[RunSummary], own: SeedTree, h: Hierarchy, *, vectors: VectorSource | None = None, near: bool = False
) -> tuple[tuple[SeedTree, ...], tuple[int, ...]]:
    """Trees of other runs with the same classes, one per seed, and the seeds that have none.

    Args:
        runs: Runs of one group.
        own: The tree that they are compared with, left out itself.
        h: The same tree.
        vectors: Vectors; None for those of ``own``.
        near: Whether an epoch near that of ``own`` will do, and whether the same seed is another tree.
    """
    trees, absent = [], []
    for summary in one_per_seed(runs):
        if summary.id == own.spec.run or (summary.seed == own.seed and not near):
            continue
        try:
            other = open_run(summary.id)
            epochs = other.label_epochs()
        except LwalError:
            epochs = []
        if epochs and near:
            epoch = min(epochs, key=lambda e: (abs(e - own.spec.epoch), e))
        elif own.spec.epoch in epochs:
            epoch = own.spec.epoch
        else:
            absent.append(summary.seed)
            continue
        if set(other.class_names) == set(h.names):
            stamp = run_cache.label_stamp(summary.id, epoch)
            spec = replace(own.spec, run=summary.id, epoch=epoch, vectors=vectors or own.spec.vectors)
            trees.append(SeedTree(spec, summary.seed, stamp))
    return tuple(trees), tuple(absent)


def _linkages(trees: Sequence[SeedTree], h: Hierarchy) -> list[np.ndarray]:
    """Linkages with the classes numbered as in ``h``. The leaf order, which takes long, has no part in them."""
    made = [run_cache.hierarchy(tree.spec, optimal=False) for tree in trees]
    return [renumbered(tree, h.names).linkage for tree in made]


def no_other_seed(absent: Sequence[int], epoch: int) -> str:
    if absent:
        listed = ", ".join(map(str, absent))
        return f"No other seed has labels of epoch {epoch} (seeds {listed} do not). Choose an epoch that they have too."
    return "There is only one seed of this run, so whether another training would find the same tree is open."


def seed_evidence_or_reason(
    key: TreeKey, h: Hierarchy, own: SeedTree, others: tuple[SeedTree, ...], absent: tuple[int, ...]
) -> SeedEvidence | str:
    try:
        support, transfer, agreed = _seed_scores(key.unturned, _h=h, own=own, others=others)
        consensus, consensus_transfer = _consensus(key, _h=h, others=others)
        seeds = tuple(tree.seed for tree in others)
        return SeedEvidence(seeds, absent, support, agreed, consensus, transfer, consensus_transfer)
    except LwalError as error:
        return plain(str(error))


def consensus_or_reason(
    key: TreeKey, h: Hierarchy, others: tuple[SeedTree, ...], absent: Sequence[int]
) -> Consensus | str:
    """The clades that most of the seeds have, this one included, or why there are none (markdown)."""
    if not others:
        return no_other_seed(absent, key.spec.epoch)
    if len(others) + 1 < MIN_SEEDS:
        return f"Of {len(others) + 1} trees there is no majority. Three seeds are the fewest."
    try:
        return _consensus(key.unturned, _h=h, others=others)[0]
    except LwalError as error:
        return plain(str(error))


def shares_of_seeds(key: TreeKey, h: Hierarchy, others: tuple[SeedTree, ...]) -> tuple[float, ...] | str:
    """``[n - 1]`` share of the other seeds with each clade, nan for none; or why there is none, plain text."""
    try:
        return _shares(key.unturned, _h=h, others=others)
    except LwalError as error:
        return str(error)


@st.cache_data(max_entries=200, show_spinner=False)
def _shares(key: TreeKey, *, _h: Hierarchy, others: tuple[SeedTree, ...]) -> tuple[float, ...]:
    return tuple(clade_support(_h.linkage, _linkages(others, _h)).tolist())


@st.cache_data(max_entries=200, show_spinner="Comparing the seeds")
def _seed_scores(
    key: TreeKey, *, _h: Hierarchy, own: SeedTree, others: tuple[SeedTree, ...]
) -> tuple[tuple[float, ...], tuple[float, ...], SeedAgreement]:
    linkages = _linkages(others, _h)
    transfer = transfer_support(_h.linkage, linkages, join_ties=True)
    return (
        tuple(clade_support(_h.linkage, linkages).tolist()), tuple(transfer.tolist()),
        seed_agreement([_h.linkage, *linkages]),
    )  # fmt: skip


@st.cache_data(max_entries=200, show_spinner=False)
def _consensus(key: TreeKey, *, _h: Hierarchy, others: tuple[SeedTree, ...]) -> tuple[Consensus, tuple[float, ...]]:
    linkages = [_h.linkage, *_linkages(others, _h)]
    consensus = majority_consensus(linkages, places=np.argsort(_h.order))
    return consensus, tuple(transfer_support(consensus.linkage, linkages, join_ties=True).tolist())


def baseline_evidence_or_reason(
    chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, own: tuple[SeedTree, ...]
) -> BaselineEvidence | str:
    same = baseline_run(chosen, run)
    if chosen.baseline is None or chosen.baseline.key == run.group:
        return same if isinstance(same, str) else ""
    try:
        method = open_run(chosen.baseline.first.id).config.method
        # Equidistant labels form no tree, but the class means of that network may.
        flat = method.equidistant_labels and key.spec.vectors == "labels"
        vectors: VectorSource = "centroids" if flat else key.spec.vectors
        trees, _ = seed_trees(chosen.baseline.runs, own[0], h, vectors=vectors, near=True)
        if not trees:
            return "The baseline has no run over the same classes with labels yet. Train it on the same data."
        return _baseline_evidence(
            key.unturned, _h=h, own=own, trees=trees, label=chosen.baseline.first.method_label,
            tells_labels=method.equidistant_labels and not run.config.method.equidistant_labels,
        )  # fmt: skip
    except LwalError as error:
        return plain(str(error))


@st.cache_data(max_entries=200, show_spinner="Comparing with the baseline")
def _baseline_evidence(
    key: TreeKey,
    *,
    _h: Hierarchy,
    own: tuple[SeedTree, ...],
    trees: tuple[SeedTree, ...],
    label: str,
    tells_labels: bool,
) -> BaselineEvidence:
    linkages = _linkages(trees, _h)
    ours = [_h.linkage, *_linkages(own[1:], _h)]
    same = next((Z for tree, Z in zip(trees, linkages, strict=True) if tree.seed == own[0].seed), None)
    return BaselineEvidence(
        label=label,
        seeds=tuple(tree.seed for tree in trees),
        epochs=tuple(sorted({tree.spec.epoch for tree in trees})),
        vectors=trees[0].spec.vectors,
        tells_labels=tells_labels,
        support=tuple(clade_support(_h.linkage, linkages).tolist()),
        same_seed=None if same is None else len(clades(_h.linkage).masks & clades(same).masks),
        between=cross_agreement(ours, linkages),
        difference=set_difference(ours, linkages),
    )
