"""Evidence from the test set: resampled samples, and how severe the mistakes are. Computed once per tree and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.wording import plain
from app.tree.stats import Agreement, TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import (
    bootstrap_support,
    chance_severity,
    common_ancestor_heights,
    mistake_severity,
    scarce_classes,
    tree_of_clades,
)
from lwal_core.errors import LwalError, RunError
from lwal_core.runs import Run
from lwal_core.runs.paths import EVALUATION

DRAWS = ((300, 200), (1_000, 60))
"""Resampled trees for up to so many classes: about two seconds at most; above them none are made."""


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


def sample_evidence_or_reason(run: Run, key: TreeKey, h: Hierarchy) -> SampleEvidence | str:
    if h.n > DRAWS[-1][0]:
        return f"Test samples are resampled for up to {DRAWS[-1][0]:,} classes; more would take too long here."
    if run.status == "done" and not (run.path / EVALUATION).is_file():
        return "this run came without its test samples."
    try:
        return _sample_evidence(key.unturned, _h=h, stamp=evaluation.evaluation_stamp(run))
    except LwalError as error:
        return plain(str(error))


@st.cache_data(max_entries=200, show_spinner="Resampling the test samples")
def _sample_evidence(key: TreeKey, *, _h: Hierarchy, stamp: int) -> SampleEvidence:
    tested = evaluation.evaluation(key.spec.run, evaluation.layer_of(key.spec.vectors))
    if tested.z.shape[1] == 0:
        raise RunError("This run has no embeddings of its test samples.", "Its program may record them.")
    draws = next(count for most, count in DRAWS if _h.n <= most)
    z = tested.z.astype(np.float32)
    support = bootstrap_support(z, tested.y, _h, draws)
    scarce = len(scarce_classes(tested.y, _h.n))
    return SampleEvidence(tuple(support.tolist()), draws, len(z), tested.epoch, scarce)


def mistakes_or_reason(run: Run, found: Agreement | None) -> Mistakes | str:
    """Severity of a run's mistakes, or why there is none to tell (markdown)."""
    if found is None:
        return "Without a reference taxonomy there is no saying which mistakes are worse."
    try:
        epoch, confusion = evaluation.confusion(run)
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
