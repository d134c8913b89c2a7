"""Levels of a taxonomy: accuracy and NC1 where classes count as the groups that they belong to.

A level is a depth below the root of the taxonomy's tree of the given classes, after nodes that hold the same of them as the node below
are left out: level 1 are the root's children. A class that lies less deep than a level stands there for itself, as on all levels below
its own. The deepest level is the classes themselves; depths that make the same groups are one level.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.collapse.measures import neural_collapse
from lwal_core.analysis.collapse.moments import ArrayError

IntArray = npt.NDArray[np.intp]
OUTSIDE = -1
"""Group of a class that the taxonomy does not have: its samples are left out, and taking a sample for it is a mistake."""
SHARE = 0.9
"""Of its final value, which a level has to reach."""


def level_groups(paths: Sequence[Sequence[Hashable] | None]) -> list[IntArray]:
    """The groups of each level, from the coarsest to the classes themselves.

    Args:
        paths: For each of C classes, the nodes from the root of the taxonomy down to its parent; None for a class that the
            taxonomy does not have.

    Returns:
        For each level ``[C]``, the number of each class's group, from 0, or :data:`OUTSIDE`. Empty for fewer than two classes.
    """
    known = [i for i, path in enumerate(paths) if path is not None]
    members: dict[Hashable, set[int]] = {}
    for i in known:
        for node in paths[i] or ():
            members.setdefault(node, set()).add(i)
    ways = []  # of each class, the sets of classes around it, from all to itself, each smaller than the one before
    for i in known:
        around = [frozenset(members[node]) for node in paths[i] or ()]
        ways.append([*dict.fromkeys([frozenset(known), *around, frozenset({i})])])
    levels: list[IntArray] = []
    for depth in range(1, max(map(len, ways), default=1)):
        number: dict[frozenset[int], int] = {}
        groups = np.full(len(paths), OUTSIDE, dtype=np.intp)
        for i, way in zip(known, ways, strict=True):
            groups[i] = number.setdefault(way[min(depth, len(way) - 1)], len(number))
        if not levels or not np.array_equal(groups, levels[-1]):
            levels.append(groups)
    return levels


def level_accuracy(groups: IntArray, y: npt.ArrayLike, pred: npt.ArrayLike) -> float:
    """Share of the samples that are taken for a class of their own group; nan without samples of the groups.

    Args:
        groups: Group of each class ``[C]``, one of :func:`level_groups`.
        y: True classes ``[N]``.
        pred: Predicted classes ``[N]``.

    Raises:
        ArrayError: Shapes do not fit, or numbers are no classes.
    """
    true, said = (np.asarray(groups)[_classes(given, len(groups))] for given in (y, pred))
    if true.shape != said.shape:
        raise ArrayError(f"There are {len(true):,} true and {len(said):,} predicted classes.", "Give as many of both.")
    inside = true != OUTSIDE
    return float((true == said)[inside].mean()) if inside.any() else math.nan


def level_nc1(groups: IntArray, y: npt.ArrayLike, z: npt.ArrayLike) -> float:
    """NC1 with groups in place of classes; nan where it is not defined.

    Args:
        groups: Group of each class ``[C]``.
        y: True classes ``[N]``.
        z: Vectors ``[N,K]``, finite.

    Raises:
        ArrayError: As for :func:`level_accuracy` and :func:`neural_collapse`.
    """
    true, vectors = np.asarray(groups)[_classes(y, len(groups))], np.asarray(z)
    if vectors.ndim != 2 or len(vectors) != len(true):
        raise ArrayError(f"Vectors {vectors.shape} do not fit {len(true):,} classes.", "Give [N, K].")
    if not vectors.shape[1]:
        return math.nan
    inside = true != OUTSIDE
    return neural_collapse(vectors[inside], true[inside]).nc1


def epoch_of_share(epochs: npt.ArrayLike, values: npt.ArrayLike, share: float = SHARE) -> float:
    """First epoch whose value is at least a share of the last one; nan without a last value above 0.

    Args:
        epochs: Ascending ``[E]``.
        values: ``[E]``; those that are nan are left out.
        share: From 0 to 1.
    """
    at, found = np.asarray(epochs, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = np.isfinite(found)
    at, found = at[known], found[known]
    if not len(found) or found[-1] <= 0:
        return math.nan
    return float(at[np.argmax(found >= share * found[-1])])


def _classes(given: npt.ArrayLike, classes: int) -> IntArray:
    found = np.asarray(given)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        raise ArrayError(f"Classes are {found.shape} of the type {found.dtype}.", "Give whole numbers, [N].")
    if found.size and not 0 <= found.min() <= found.max() < classes:
        raise ArrayError(f"Classes go from {found.min()} to {found.max()}, there are {classes:,}.")
    return found.astype(np.intp)
