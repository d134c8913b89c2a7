"""Decisions that may stop at a group of a class tree: how often they are right, and how much they still say.

The probability of a node is the sum of those of its classes. A decision goes down to the lowest node that is at least as probable as
was asked for, so it names a class where it is sure and a group of classes where it is not. How much a node says is its specificity:
1 for a class, 0 for the root, else 1 less the logarithm of its number of classes over that of all.

Source: J. Deng, J. Krause, A. Berg, L. Fei-Fei, *Hedging Your Bets: Optimizing Accuracy-Specificity Trade-offs in Large Scale Visual
Recognition*, CVPR 2012; their DARTS algorithm chooses among the nodes by a multiplier instead of by a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, check_linkage, tie_levels
from lwal_core.analysis.severity import probabilities_of
from lwal_core.errors import AnalysisError

SURENESS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Probabilities that a node must exceed, by default; above a half there is one way down at most."""
_VALUES_AT_ONCE = 2**22


class StoppedDecisions(NamedTuple):
    """Decisions over a test set when they stop at the lowest node that is sure enough.

    Attributes:
        sureness: Probability that a node must exceed; 0 stands for no stop: every decision names the likeliest class.
        accuracy: Share of the samples whose true class is in the node.
        specificity: Mean over the samples, 0 to 1.
        named: Share of the samples for which a single class is named.
    """

    sureness: float
    accuracy: float
    specificity: float
    named: float


def stopped_decisions(
    scores: npt.ArrayLike, Z: npt.ArrayLike, targets: npt.ArrayLike, sureness: Sequence[float] = SURENESS
) -> list[StoppedDecisions]:
    """What becomes of decisions that may stop at a node of a tree, for several degrees of sureness.

    Args:
        scores: Probabilities ``[N, C]``: finite numbers from 0, rows are divided by their sums.
        Z: Linkage ``[C - 1, 4]``; merges that are tied with the one above them are no nodes of their own.
        targets: True classes ``[N]``.
        sureness: Probabilities from 0.5 to below 1.

    Returns:
        First the plain decision, then one entry for each sureness in its order. ``nan`` without samples.

    Raises:
        AnalysisError: Shapes that do not fit, or values out of range.
    """
    p, y = probabilities_of(scores), np.asarray(targets)
    linkage = check_linkage(Z)
    n = len(linkage) + 1
    if p.shape[1] != n or y.shape != p.shape[:1] or y.dtype.kind not in "iu":
        raise AnalysisError(
            f"Scores of shape {p.shape} and targets of shape {y.shape} do not go with a tree of {n} classes.",
            "Give [N, C] and whole numbers [N].",
        )
    if len(y) and not 0 <= y.min() <= y.max() < n:
        raise AnalysisError(f"The targets are {y.min()} to {y.max()}, the tree has the classes 0 to {n - 1}.")
    for least in sureness:
        if not 0.5 <= least < 1:
            raise AnalysisError(f"A sureness of {least!r} is not from 0.5 to below 1.", "Give for example 0.9.")
    if not len(y):
        return [StoppedDecisions(each, math.nan, math.nan, math.nan) for each in (0.0, *sureness)]
    children, own = linkage[:, :2].astype(np.intp), _is_node(linkage)
    has = _members(children, n)
    sizes = has.sum(axis=1)
    specificity = 1 - np.log(sizes) / math.log(n) if n > 1 else np.ones(1)
    totals = np.zeros((1 + len(sureness), 3))
    for start in range(0, len(y), step := max(1, _VALUES_AT_ONCE // len(has))):
        part, true = p[start : start + step], y[start : start + step]
        masses = np.concatenate([part, np.zeros((len(part), n - 1))], axis=1)
        for row, (left, right) in enumerate(children):
            masses[:, n + row] = masses[:, left] + masses[:, right]
        # Nodes above a half hold one another, and a child's number is below its parent's: the first one is the lowest.
        masses[:, ~own] = -1.0
        masses[:, -1] = 2.0  # the root is sure whatever rounding says
        nodes = [part.argmax(axis=1), *((masses > least).argmax(axis=1) for least in sureness)]
        for at, node in enumerate(nodes):
            totals[at] += has[node, true].sum(), specificity[node].sum(), (node < n).sum()
    return [
        StoppedDecisions(each, *(float(value) for value in row / len(y)))
        for each, row in zip((0.0, *sureness), totals, strict=True)
    ]


def _is_node(linkage: FloatArray) -> npt.NDArray[np.bool_]:
    """Which of the ``2 n - 1`` leaves and merges are nodes of their own: those that are not tied with what they are joined into."""
    n = len(linkage) + 1
    levels = tie_levels(linkage[:, 2])
    own = np.ones(2 * n - 1, dtype=bool)
    for row, pair in enumerate(linkage[:, :2].astype(np.intp)):
        for child in pair:
            if child >= n and levels[child - n] == levels[row]:
                own[child] = False
    return own


def _members(children: IntArray, n: int) -> npt.NDArray[np.bool_]:
    has = np.zeros((2 * n - 1, n), dtype=bool)
    has[np.arange(n), np.arange(n)] = True
    for row, (left, right) in enumerate(children):
        has[n + row] = has[left] | has[right]
    return has
