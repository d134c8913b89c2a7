"""Probabilities that a run gives the classes of its test samples, by the rule that its method is used with. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import RunError
from lwal_core.runs import Evaluation, Run

LEAST_AGREEMENT = 0.99
"""Share of samples for which the largest output must be the prediction that a program gave, or its accuracy the recorded one
within the rest, before outputs count as scores."""


@dataclass(frozen=True, eq=False)
class TestScores:
    """The test set after the epoch whose model is kept.

    Attributes:
        epoch: That epoch.
        probabilities: ``[N, C]`` float64; rows add up to 1.
        y: True classes ``[N]``.
        by: Where the probabilities come from, as said after "by".
    """

    __test__ = False  # no test, whatever its name begins with

    epoch: int
    probabilities: NDArray[np.float64]
    y: NDArray[np.intp]
    by: str


def scores_of_tests(run: Run) -> TestScores:
    """Probabilities of the classes for each test sample.

    A method that is read by its head gives the softmax of its outputs, or of its own head's; one that is read by class means
    that of the distances to them with the minus sign, divided by its temperature. Embeddings are stored in half precision, so that
    a sample that lies between two classes can come out the other way than in training.

    Raises:
        RunError: There are no test samples, or nothing that was kept of them tells the scores.
    """
    from scipy.special import softmax

    found = run.evaluation()
    method, classes = run.config.method, len(run.class_names)
    z = found.z.astype(np.float64)
    if not len(z):
        raise RunError(f"Run {run.id} keeps no test samples.", "Their scores are not known.")
    if found.scores is not None:
        logits, by = found.scores.astype(np.float64), "the scores of its own head"
    elif method.rule == "labels":
        logits = -_distances(z, run, found) / (method.softmax_temperature or 1.0)
        by = "the distances to the class means"
    elif z.shape[1] == classes and not method.has_class_head and _are_scores(run, found):
        logits, by = z, "the outputs"
    else:
        raise RunError(
            f"Run {run.id} keeps no scores of its test samples, only which class each is taken for.",
            "Trainings of today keep them; for an older run of a method with a head of its own train it again.",
        )
    if not np.isfinite(logits).all():
        raise RunError(f"Run {run.id} has outputs that are no finite numbers.", "Its training went astray.")
    return TestScores(found.epoch, softmax(logits, axis=1), found.y.astype(np.intp), by)


def _distances(z: NDArray[np.float64], run: Run, found: Evaluation) -> NDArray[Any]:
    from scipy.spatial.distance import cdist

    means = run.vectors(found.epoch).astype(np.float64)
    if means.shape[1] != z.shape[1]:
        raise RunError(
            f"Run {run.id} has class means of {means.shape[1]} numbers and test samples of {z.shape[1]}.",
            "They are not of one space, so distances between them say nothing.",
        )
    return cdist(z, means)


def _are_scores(run: Run, found: Evaluation) -> bool:
    """Whether the largest output is the class that the run was recorded to predict."""
    taken = found.z.argmax(axis=1)
    if found.rule == "own":
        return bool((taken == found.pred).mean() >= LEAST_AGREEMENT)
    metrics = run.metrics()
    recorded = metrics.accuracy("own")[metrics.epoch == found.epoch]
    return bool(recorded.size and abs(recorded[0] - (taken == found.y).mean()) <= 1 - LEAST_AGREEMENT)
