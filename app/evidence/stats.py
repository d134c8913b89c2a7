"""Numbers on whether a class tree is real, for the Hierarchy page: other seeds, resampled samples, a taxonomy, the
baseline, mistakes. Computed once a tree and kept.

A part that cannot be had is a sentence (markdown) that says why and what to do, in the place of its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.selection import Selection
from app.common.widgets import plain
from app.evidence.baseline_tree import baseline_run
from app.tree.stats import Agreement, TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import (
    Consensus,
    CrossAgreement,
    SeedAgreement,
    bootstrap_support,
    chance_severity,
    clade_support,
    clades,
    common_ancestor_heights,
    cross_agreement,
    majority_consensus,
    mistake_severity,
    scarce_classes,
    seed_agreement,
    tree_of_clades,
)
from lwal_core.analysis.trees.matching import renumbered
from lwal_core.errors import LwalError
from lwal_core.runs import Run, RunSummary, VectorSource, one_per_seed, open_run
from lwal_core.runs.paths import EVALUATION

DRAWS = ((300, 200), (1_000, 60))
"""Resampled trees for up to so many classes: about two seconds at most; above them none are made."""

MAJORITY = 0.5
"""A clade in more than this share of trees counts as found again."""


class SeedTree(NamedTuple):
    """The tree of one seed: equal ones are the same tree."""

    run_id: str
    seed: int
    epoch: int
    source: VectorSource
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
    """

    seeds: tuple[int, ...]
    absent: tuple[int, ...]
    support: tuple[float, ...]
    agreement: SeedAgreement
    consensus: Consensus


@dataclass(frozen=True)
class SampleEvidence:
    """What resampling the test samples says.

    Attributes:
        support: ``[n - 1]`` share of the resampled trees with each clade; nan for none.
        draws: Number of resampled trees.
        samples: Number of test samples.
        epoch: Epoch of the embeddings.
        scarce: Number of classes with a single sample, which do not vary.
    """

    support: tuple[float, ...]
    draws: int
    samples: int
    epoch: int
    scarce: int


@dataclass(frozen=True, eq=False)
class BaselineEvidence:
    """Trees of the baseline beside this one.

    Attributes:
        label: Method of the baseline, plain text.
        seeds: Its seeds, ascending.
        epochs: Epochs of its trees, ascending, each once.
        source: Vectors that its trees are of.
        tells_labels: Whether what differs between the two is that this run learned its labels and the baseline's are
            all equally far apart; only then do its trees say what learned labels did.
        support: ``[n - 1]`` share of its seeds with each clade; nan for none.
        same_seed: Number of clades in its tree of the same seed; None when it has no such run.
        between: This method's seeds against the baseline's.
    """

    label: str
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    source: VectorSource
    tells_labels: bool
    support: tuple[float, ...]
    same_seed: int | None
    between: CrossAgreement


class Mistakes(NamedTuple):
    """Mistakes of one run on the test samples of the taxonomy's classes.

    Attributes:
        severity: Mean height of the lowest common group; nan without mistakes.
        chance: The same if mistakes went to any other class alike.
        accuracy: By nearest class mean, among these classes.
        mistakes: How many.
        epoch: The evaluation's.
        levels: Largest possible height.
    """

    severity: float
    chance: float
    accuracy: float
    mistakes: int
    epoch: int
    levels: int


@dataclass(frozen=True, eq=False)
class Evidence:
    """All there is to say about a tree; a string says why a part is missing (markdown).

    Attributes:
        clades: Nodes of the clades, highest first.
        seeds: Other seeds of the same group.
        samples: Resampled test samples.
        taxonomy: Agreement with a taxonomy.
        baseline: The baseline's trees.
        mistakes: This run's mistakes against the taxonomy.
        baseline_mistakes: Those of the baseline's run of the same seed; None when there is none.
    """

    clades: tuple[int, ...]
    seeds: SeedEvidence | str
    samples: SampleEvidence | str
    taxonomy: Agreement | str
    baseline: BaselineEvidence | str
    mistakes: Mistakes | str
    baseline_mistakes: Mistakes | None

    def found_again(self, support: Sequence[float], n: int) -> int:
        """Number of the tree's clades in more than half of the trees behind a support."""
        return sum(support[node - n] > MAJORITY for node in self.clades)


def evidence(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, found: Agreement | None) -> Evidence:
    """Everything about a tree of at least three classes that is not flat.

    Args:
        chosen: The selection, which has the other seeds and the baseline.
        run: The run of the tree.
        key: What the tree is made of.
        h: The tree.
        found: Its agreement with a taxonomy, if there is one.
    """
    nodes = [node for node, share in _proper(h) if share]
    nodes.sort(key=lambda node: (-float(h.linkage[node - h.n, 2]), -node))
    own = SeedTree(run.id, run.config.training.seed, key.epoch, key.source, key.stamp)
    group = next((group for group in chosen.groups if group.key == run.group), None)
    others, absent = _seed_trees(group.runs if group else (), own, h)
    mistakes = _mistakes_or_why(run, h, found)
    same = baseline_run(chosen, run)
    theirs = None if isinstance(same, str) else _mistakes_or_why(open_run(same.id), h, found)
    return Evidence(
        clades=tuple(nodes),
        seeds=_seeds(key, h, own, others, absent) if others else _lonely(absent, key.epoch),
        samples=_samples_or_why(run, key, h),
        taxonomy=found or "No reference taxonomy that comes with the app fits these classes.",
        baseline=_baseline(chosen, run, key, h, (own, *others)),
        mistakes=mistakes,
        baseline_mistakes=theirs if isinstance(theirs, Mistakes) else None,
    )


# --- parts ---------------------------------------------------------------------------------------------------------


def _proper(h: Hierarchy) -> list[tuple[int, bool]]:
    """Every merge and whether it is a clade: not the root, not tied with its parent."""
    return [(h.n + row, not math.isnan(share)) for row, share in enumerate(clade_support(h.linkage, [h.linkage]))]


def _seed_trees(
    runs: Sequence[RunSummary], own: SeedTree, h: Hierarchy, *, source: VectorSource | None = None, near: bool = False
) -> tuple[tuple[SeedTree, ...], tuple[int, ...]]:
    """Trees of other runs with the same classes, one a seed, and the seeds that have none.

    Args:
        runs: Runs of one group.
        own: The tree that they are compared with, left out itself.
        h: The same tree.
        source: Vectors; None for those of ``own``.
        near: Whether an epoch near that of ``own`` will do, and whether the same seed is another tree.
    """
    trees, absent = [], []
    for summary in one_per_seed(runs):
        if summary.id == own.run_id or (summary.seed == own.seed and not near):
            continue
        try:
            other = open_run(summary.id)
            epochs = other.label_epochs()
        except LwalError:
            epochs = []
        if epochs and near:
            epoch = min(epochs, key=lambda e: (abs(e - own.epoch), e))
        elif own.epoch in epochs:
            epoch = own.epoch
        else:
            absent.append(summary.seed)
            continue
        if set(other.class_names) == set(h.names):
            stamp = run_cache.label_stamp(summary.id, epoch)
            trees.append(SeedTree(summary.id, summary.seed, epoch, source or own.source, stamp))
    return tuple(trees), tuple(absent)


def _linkages(trees: Sequence[SeedTree], key: TreeKey, h: Hierarchy) -> list[np.ndarray]:
    """Linkages with the classes numbered as in ``h``. The leaf order, which takes long, has no part in them."""
    made = [
        run_cache.hierarchy(open_run(tree.run_id), tree.epoch, tree.source, key.method, key.metric, optimal=False)
        for tree in trees
    ]
    return [renumbered(tree, h.names).linkage for tree in made]


def _lonely(absent: Sequence[int], epoch: int) -> str:
    if absent:
        listed = ", ".join(map(str, absent))
        return f"No other seed has labels of epoch {epoch} (seeds {listed} do not). Choose an epoch that they have too."
    return "There is only one seed of this run, so whether another training would find the same tree is open."


def _bare(key: TreeKey) -> TreeKey:
    """The key without how the branches are turned, which changes neither node numbers nor clades."""
    return TreeKey(key.run_id, key.epoch, key.source, key.method, key.metric, True, key.stamp)


def _seeds(
    key: TreeKey, h: Hierarchy, own: SeedTree, others: tuple[SeedTree, ...], absent: tuple[int, ...]
) -> SeedEvidence | str:
    try:
        support, agreed = _seed_scores(_bare(key), _h=h, own=own, others=others)
        return SeedEvidence(
            tuple(tree.seed for tree in others), absent, support, agreed, _consensus(key, _h=h, others=others)
        )
    except LwalError as error:
        return plain(str(error))


@st.cache_data(max_entries=200, show_spinner="Comparing the seeds")
def _seed_scores(
    key: TreeKey, *, _h: Hierarchy, own: SeedTree, others: tuple[SeedTree, ...]
) -> tuple[tuple[float, ...], SeedAgreement]:
    linkages = _linkages(others, key, _h)
    return tuple(clade_support(_h.linkage, linkages).tolist()), seed_agreement([_h.linkage, *linkages])


@st.cache_data(max_entries=200, show_spinner=False)
def _consensus(key: TreeKey, *, _h: Hierarchy, others: tuple[SeedTree, ...]) -> Consensus:
    return majority_consensus([_h.linkage, *_linkages(others, key, _h)], places=np.argsort(_h.order))


def _samples_or_why(run: Run, key: TreeKey, h: Hierarchy) -> SampleEvidence | str:
    if h.n > DRAWS[-1][0]:
        return f"Test samples are resampled for up to {DRAWS[-1][0]:,} classes; more would take too long here."
    try:
        return _sample_evidence(_bare(key), _h=h, stamp=run_cache.file_stamp(run.id, EVALUATION))
    except LwalError as error:
        return plain(str(error))


@st.cache_data(max_entries=200, show_spinner="Resampling the test samples")
def _sample_evidence(key: TreeKey, *, _h: Hierarchy, stamp: int) -> SampleEvidence:
    evaluation = open_run(key.run_id).evaluation()
    draws = next(count for most, count in DRAWS if _h.n <= most)
    z = evaluation.z.astype(np.float32)
    support = bootstrap_support(z, evaluation.y, _h, draws)
    scarce = len(scarce_classes(evaluation.y, _h.n))
    return SampleEvidence(tuple(support.tolist()), draws, len(z), evaluation.epoch, scarce)


def _baseline(
    chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, own: tuple[SeedTree, ...]
) -> BaselineEvidence | str:
    same = baseline_run(chosen, run)
    if chosen.baseline is None or chosen.baseline.key == run.group:
        return same if isinstance(same, str) else ""
    try:
        method = open_run(chosen.baseline.first.id).config.method
        # Equidistant labels form no tree, but the class means of that network may.
        source: VectorSource = "centroids" if method.equidistant_labels else key.source
        trees, _ = _seed_trees(chosen.baseline.runs, own[0], h, source=source, near=True)
        if not trees:
            return "The baseline has no run over the same classes with labels yet. Train it on the same data."
        return _baseline_evidence(
            _bare(key), _h=h, own=own, trees=trees, label=chosen.baseline.first.method_label,
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
    linkages = _linkages(trees, key, _h)
    ours = [_h.linkage, *_linkages(own[1:], key, _h)]
    same = next((Z for tree, Z in zip(trees, linkages, strict=True) if tree.seed == own[0].seed), None)
    return BaselineEvidence(
        label=label,
        seeds=tuple(tree.seed for tree in trees),
        epochs=tuple(sorted({tree.epoch for tree in trees})),
        source=trees[0].source,
        tells_labels=tells_labels,
        support=tuple(clade_support(_h.linkage, linkages).tolist()),
        same_seed=None if same is None else len(clades(_h.linkage).masks & clades(same).masks),
        between=cross_agreement(ours, linkages),
    )


def _mistakes_or_why(run: Run, h: Hierarchy, found: Agreement | None) -> Mistakes | str:
    if found is None:
        return "Without a reference taxonomy there is no saying which mistakes are worse."
    try:
        epoch, confusion = run_cache.confusion(run)
    except LwalError as error:
        return plain(str(error))
    return mistakes_of(run.class_names, epoch, confusion, found)


def mistakes_of(names: Sequence[str], epoch: int, confusion: np.ndarray, found: Agreement) -> Mistakes | str:
    """Severity of the mistakes among the classes that a taxonomy has.

    Args:
        names: Class names of the confusion matrix.
        epoch: Epoch of the evaluation.
        confusion: Counts ``[C, C]``, true classes in rows.
        found: Agreement with the taxonomy, which has its groups.
    """
    left_out = set(found.left_out)
    kept = [i for i, name in enumerate(names) if name not in left_out]
    index = {names[i]: place for place, i in enumerate(kept)}
    groups = [[index[name] for name in group if name in index] for _, group in (*found.found, *found.missing)]
    heights = common_ancestor_heights(tree_of_clades(len(kept), groups))
    counts = np.asarray(confusion)[np.ix_(kept, kept)]
    total, right = int(counts.sum()), int(np.trace(counts))
    if not total:
        return "No test sample is of a class of the taxonomy."
    return Mistakes(
        severity=mistake_severity(counts, heights),
        chance=chance_severity(counts, heights),
        accuracy=right / total,
        mistakes=total - right,
        epoch=epoch,
        levels=int(heights.max()),
    )
