"""Severity of a classifier's decisions under a tree of the classes, and decisions that the tree makes better.

What is asked of the scores: functions that look at the order of the classes alone (:func:`hierarchical_distance_at_k`,
:func:`ordered_preference_at_k`) take any finite numbers, the larger the likelier. Functions that weigh classes by their
probability (:func:`conditional_risk_minimisation`, :func:`expected_costs`, :mod:`lwal_core.analysis.stopping`) take
probabilities, for example the softmax of logits: numbers from 0 whose rows are divided by their sums; logits are refused.

Distances are any costs between the classes, ``[C, C]``: heights of the lowest common ancestor
(:func:`lwal_core.analysis.trees.common_ancestor_heights`) as in the papers, or hops.

Sources: L. Bertinetto et al., *Making Better Mistakes*, CVPR 2020 (hierarchical distance at k); S. Karthik et al., *No Cost Likelihood
Manipulation at Test Time for Making Better Mistakes in Deep Networks*, ICLR 2021, arXiv:2104.00795 (conditional risk minimisation);
K. Järvelin, J. Kekäläinen, *Cumulated gain-based evaluation of IR techniques*, TOIS 20 (2002) (discounted gain). That the distance
at k does not see the order of the k classes is shown by D. Sani, S. Anand, *Hier-COS*, CVPR 2026, arXiv:2503.07853, who propose a score of
their own for it (HOPS); :func:`ordered_preference_at_k` answers the same question by the older, better known measure.
"""

from __future__ import annotations

import math
import operator

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.trees.severity import hierarchical_distance_at_k as ranked_distance_at_k
from lwal_core.errors import AnalysisError


def probabilities_of(scores: npt.ArrayLike) -> FloatArray:
    """Scores as probabilities, ``[N, C]``: rows are divided by their sums.

    Raises:
        AnalysisError: No matrix, values below 0 or not finite, or a row without any value above 0.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise AnalysisError(f"The scores have the shape {values.shape}.", "Give [N, C], a score for each class.")
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise AnalysisError("The scores must be probabilities: finite numbers from 0.", "Take the softmax of logits.")
    sums = values.sum(axis=1, keepdims=True)
    if not (sums > 0).all() or not np.isfinite(sums).all():
        raise AnalysisError("A row of the scores is 0 for every class, or too large to be added up.")
    found: FloatArray = values / sums
    return found


def expected_costs(scores: npt.ArrayLike, distances: npt.ArrayLike) -> FloatArray:
    """Cost that each decision is expected to have, ``[N, C]``: the mean of its distances to all classes, weighted by probability.

    Args:
        scores: Probabilities ``[N, C]``, see the module.
        distances: ``[C, C]``, the true class in rows; finite numbers from 0, 0 on the diagonal.

    Raises:
        AnalysisError: Shapes that do not fit, or values out of range.
    """
    p = probabilities_of(scores)
    costs: FloatArray = p @ _costs(distances, p.shape[1])
    return costs


def conditional_risk_minimisation(scores: npt.ArrayLike, distances: npt.ArrayLike) -> IntArray:
    """The decision of least expected cost for each sample, ``[N]``: no training, no parameter.

    Of decisions that cost the same the more probable class is taken. Where all classes are equally far from each other
    it is the most probable class.

    Args:
        scores: Probabilities ``[N, C]``, see the module.
        distances: As for :func:`expected_costs`.

    Raises:
        AnalysisError: As :func:`expected_costs`.
    """
    p = probabilities_of(scores)
    costs = expected_costs(p, distances)
    least = costs == costs.min(axis=1, keepdims=True)
    found: IntArray = np.where(least, p, -1.0).argmax(axis=1)
    return found


def ranked_classes(scores: npt.ArrayLike, k: int) -> IntArray:
    """The k classes with the largest scores, the largest first, ``[N, k]``; of equal ones the first.

    Raises:
        AnalysisError: No matrix, values that are not finite, or k outside 1 to C.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise AnalysisError(f"The scores, of shape {values.shape}, must be a matrix of finite numbers.", "Give [N, C].")
    if isinstance(k, bool) or not 1 <= operator.index(k) <= values.shape[1]:
        raise AnalysisError(f"k = {k!r} classes cannot be taken of {values.shape[1]}.", "Give a k from 1 to C.")
    found: IntArray = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return found


def hierarchical_distance_at_k(
    scores: npt.ArrayLike, distances: npt.ArrayLike, targets: npt.ArrayLike, k: int = 1
) -> float:
    """Mean distance between the true class and each of the k classes with the largest scores, right ones included.

    At k = 1 it is the error rate times the mistake severity; above, it cannot be 0. At k = C it is the same for any scores.

    Args:
        scores: ``[N, C]``, see the module.
        distances: ``[C, C]``, the true class in rows.
        targets: True classes ``[N]``.
        k: 1 to C.

    Returns:
        From 0 to the largest distance; ``nan`` without samples.

    Raises:
        AnalysisError: Shapes that do not fit, or values out of range.
    """
    return ranked_distance_at_k(ranked_classes(scores, k), targets, distances)


def ordered_preference_at_k(
    scores: npt.ArrayLike, distances: npt.ArrayLike, targets: npt.ArrayLike, k: int = 5
) -> float:
    """Whether near classes stand before far ones among the k with the largest scores: normalised discounted cumulated gain.

    A class gains 1 less its distance to the true class over the largest distance of that class; the gain at rank r is
    divided by log2(r + 1), and the sum by that of the best order. Unlike :func:`hierarchical_distance_at_k` it falls where a far class
    stands before a near one.

    Args:
        scores: ``[N, C]``, see the module.
        distances: As for :func:`expected_costs`.
        targets: True classes ``[N]``.
        k: 1 to C.

    Returns:
        0 to 1, 1 for the best order; ``nan`` without samples, or where a class is 0 away from all others.

    Raises:
        AnalysisError: Shapes that do not fit, or values out of range.
    """
    ranked = ranked_classes(scores, k)
    ranked_distance_at_k(ranked, targets, distances)  # refuses targets and distances that do not fit
    apart = _costs(distances, np.shape(scores)[1])
    y = np.asarray(targets)
    farthest = apart.max(axis=1)
    if not len(y) or not farthest[y].all():
        return math.nan
    gains = 1 - apart / np.where(farthest > 0, farthest, 1)[:, None]
    weights = 1 / np.log2(np.arange(2, k + 2))
    best = -np.sort(-gains, axis=1)[:, :k] @ weights
    return float(((gains[y[:, None], ranked] @ weights) / best[y]).mean())


def _costs(distances: npt.ArrayLike, classes: int) -> FloatArray:
    costs = np.asarray(distances, dtype=np.float64)
    if costs.shape != (classes, classes):
        raise AnalysisError(
            f"The distances have the shape {costs.shape}, there are {classes} classes.",
            f"Give ({classes}, {classes}).",
        )
    if not (np.isfinite(costs).all() and (costs >= 0).all() and not np.diag(costs).any()):
        raise AnalysisError("The distances must be finite numbers from 0, and 0 on the diagonal.")
    return costs
