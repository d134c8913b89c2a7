"""How severe the decisions of a run are under a reference taxonomy, and what a tree of the classes makes better. No torch.

Three decisions are held against each other on the same test samples: the likeliest class; the class of least expected cost where the
reference says what a mistake costs; and that where the run's own tree says it. The first tree was made by people and judges all three,
so only the third asks something new: does what was learned know which mistakes are worse? Own trees are of class means of training samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.base.linkage import FloatArray, joining_heights
from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.analysis.comparison.calibration import calibration_error
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.severity import (
    conditional_risk_minimisation,
    expected_costs,
    hierarchical_distance_at_k,
    ordered_preference_at_k,
)
from lwal_core.analysis.stopping import StoppedDecisions, stopped_decisions
from lwal_core.analysis.trees import chance_severity, common_ancestor_heights, mistake_severity
from lwal_core.errors import AnalysisError, RunError
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.results.test_scores import scores_of_tests
from lwal_core.runs import Run
from lwal_core.runs.evaluation import confusion_counts
from lwal_core.taxonomy import FEWEST_MATCHES, Taxonomy

Decision = Literal["likeliest", "reference", "own"]
DECISION_TITLES: dict[Decision, str] = {
    "likeliest": "likeliest class",
    "reference": "least cost by the reference",
    "own": "least cost by its own tree",
}
FEW = 5
"""Classes at the top that the distance and the order are looked at for, beside the first one."""
MOST_VALUES = 2**25
"""Probabilities of a test set that are looked at: all up to so many, then as many samples of each class as there are."""


@dataclass(frozen=True)
class DecisionScores:
    """One kind of decision over a test set, under the reference.

    Attributes:
        accuracy: Share of right ones.
        severity: Mean height of the lowest group that holds the true and the decided class, over the mistakes; nan without.
        distance: The same over all samples, right ones 0: what the decisions cost.
        distance_few: Mean over the first :data:`FEW` classes.
        preference: Whether near classes stand before far ones among these, 0 to 1.
    """

    accuracy: float
    severity: float
    distance: float
    distance_few: float
    preference: float


@dataclass(frozen=True, eq=False)
class RunDecisions:
    """What :func:`run_decisions` finds.

    Attributes:
        epoch: Of the network.
        taxonomy: The reference.
        classes: Classes of it that are looked at.
        left_out: Classes of the run that it does not have; samples of them are left out.
        samples: Test samples that are looked at.
        total: Test samples of these classes.
        by: Where probabilities come from.
        few: Classes at the top that are looked at, at most :data:`FEW`.
        chance: Severity if mistakes went to any other class alike.
        calibration_error: Of all test samples whose scores were kept, over 15 intervals (C. Guo et al., arXiv:1706.04599).
        scores: By decision; ``"own"`` is absent where the run has no tree.
        stopped: Decisions that may stop at a group, of the reference and of the own tree.
    """

    epoch: int
    taxonomy: Taxonomy
    classes: int
    left_out: tuple[str, ...]
    samples: int
    total: int
    by: str
    few: int
    chance: float
    calibration_error: float
    scores: dict[Decision, DecisionScores]
    stopped: dict[Decision, list[StoppedDecisions]] = field(default_factory=dict)


def run_decisions(run: Run, taxonomy: Taxonomy | None = None) -> RunDecisions:
    """Decisions of a run on its test set, under a reference taxonomy.

    Args:
        run: The run.
        taxonomy: The reference; the one that fits its classes when left out.

    Raises:
        RunError: The run keeps no scores of its test samples.
        AnalysisError: No taxonomy has three of its classes, or no test sample is of one.
    """
    reference = taxonomy or run_taxonomy(run)
    if reference is None:
        raise AnalysisError("No reference taxonomy fits the classes of this run.", "Bring one, or name one.")
    kept = list(reference.kept(run.class_names))
    if len(kept) < FEWEST_MATCHES:
        raise AnalysisError(
            f"{reference.title} has {len(kept)} of the classes of this run, {FEWEST_MATCHES} are the fewest.",
            "Choose another reference.",
        )
    tested = scores_of_tests(run)
    place = np.full(len(run.class_names), -1)
    place[kept] = np.arange(len(kept))
    known = np.flatnonzero(place[tested.y] >= 0)
    rows = known[subsample_per_class(tested.y[known], max(1, MOST_VALUES // len(kept)))]
    if not len(rows):
        raise AnalysisError(f"No test sample is of a class of {reference.title}.", "Choose another reference.")
    p, y = tested.probabilities[np.ix_(rows, np.array(kept))], place[tested.y[rows]]
    p = p + np.finfo(np.float64).tiny  # a sample that is sure of a class that is left out still has a likeliest one
    p /= p.sum(axis=1, keepdims=True)
    names = [run.class_names[i] for i in kept]
    tree = reference.linkage(names)
    heights = common_ancestor_heights(tree)
    plain = p.argmax(axis=1)
    scores: dict[Decision, DecisionScores] = {"likeliest": _scored(p, plain, y, heights)}
    stopped: dict[Decision, list[StoppedDecisions]] = {"reference": stopped_decisions(p, tree, y)}
    scores["reference"] = _of_least_cost(p, y, heights, heights)
    own = _own_tree(run, tested.epoch, kept)
    if own is not None:
        scores["own"] = _of_least_cost(p, y, _square(own), heights)
        stopped["own"] = stopped_decisions(p, own, y)
    return RunDecisions(
        epoch=tested.epoch,
        taxonomy=reference,
        classes=len(kept),
        left_out=tuple(name for i, name in enumerate(run.class_names) if place[i] < 0),
        samples=len(rows),
        total=len(known),
        by=tested.by,
        few=min(FEW, len(kept)),
        chance=chance_severity(confusion_counts(y, plain, len(kept)), heights),
        calibration_error=calibration_error(tested.probabilities, tested.y),
        scores=scores,
        stopped=stopped,
    )


def _of_least_cost(p: FloatArray, y: NDArray[np.intp], costs: FloatArray, heights: FloatArray) -> DecisionScores:
    return _scored(-expected_costs(p, costs), conditional_risk_minimisation(p, costs), y, heights)


def _scored(ranking: FloatArray, decided: NDArray[np.intp], y: NDArray[np.intp], heights: FloatArray) -> DecisionScores:
    """Scores of decisions ``[N]`` and of the order that stands behind them ``[N, C]``."""
    confusion = confusion_counts(y, decided, len(heights))
    few = min(FEW, len(heights))
    return DecisionScores(
        accuracy=float((decided == y).mean()),
        severity=mistake_severity(confusion, heights),
        distance=float(heights[y, decided].mean()),
        distance_few=hierarchical_distance_at_k(ranking, heights, y, few),
        preference=ordered_preference_at_k(ranking, heights, y, few),
    )


def _own_tree(run: Run, epoch: int, kept: list[int]) -> FloatArray | None:
    """The run's own tree of some classes at an epoch as a linkage; None where it has none of class vectors, or a flat one."""
    try:
        vectors = run.vectors(epoch, run.sources()[0])[kept]
        h = build_hierarchy(vectors, [run.class_names[i] for i in kept], optimal_limit=0)
    except (RunError, AnalysisError):
        return None
    return None if h.is_flat else h.linkage


def _square(linkage: FloatArray) -> FloatArray:
    from scipy.spatial.distance import squareform

    square: FloatArray = squareform(joining_heights(linkage))
    return square
