"""Similarity of many sets of representations of the same samples, two by two, and whether members of one group are more alike.

The three measures are those of :mod:`lwal_core.analysis.similarity`. What depends on one set alone (its Gram matrix, its
neighbours, its axes) is made once, so that 50 sets of 1,000 samples take seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.similarity import NEIGHBOURS, nearest, procrustes_of_units, shared_neighbours, unit
from lwal_core.errors import AnalysisError

Measure = Literal["cka", "procrustes", "neighbours"]
MEASURE_TITLES: dict[Measure, str] = {
    "cka": "Linear CKA", "procrustes": "Procrustes distance", "neighbours": "Neighbour overlap",
}  # fmt: skip
MOST_SAMPLES = 2_000
MOST_BYTES = 2**27
"""Bytes of all Gram matrices together: 50 sets are compared on 819 samples."""
MOST_AXES = 64
"""Axes of a set that Procrustes distances are taken in: its first principal components, which hold nearly all of it."""
MOST_ARRANGEMENTS = 9_999
_EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class SimilarityMatrix:
    """How alike R sets are, ``[R, R]`` each; nan for a set whose samples are all alike.

    Attributes:
        values: By measure; CKA and neighbour overlap are 1 on the diagonal, Procrustes distances 0.
        samples: Samples that were compared.
        least_kept: Smallest share of a set's variance that its first axes hold, for the Procrustes distance; 1 where all were taken.
    """

    values: dict[Measure, FloatArray]
    samples: int
    least_kept: float

    def order(self) -> IntArray:
        """An order of the sets that puts alike ones side by side, ``[R]``: leaves of average linkage on 1 less CKA."""
        apart = 1 - np.nan_to_num(self.values["cka"], nan=0.0)
        if len(apart) < 3:
            return np.arange(len(apart))
        from scipy.cluster.hierarchy import leaves_list, linkage
        from scipy.spatial.distance import squareform

        apart = (apart + apart.T) / 2
        np.fill_diagonal(apart, 0)
        found: IntArray = leaves_list(
            linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
        ).astype(np.intp)
        return found


def samples_for(sets: int) -> int:
    """Samples that so many sets are compared on, at most."""
    return max(2, min(MOST_SAMPLES, math.isqrt(MOST_BYTES // (4 * max(1, sets)))))


def similarity_matrix(
    sets: Sequence[npt.ArrayLike], k: int = NEIGHBOURS, wanted: Callable[[], bool] = lambda: True
) -> SimilarityMatrix | None:
    """Compare sets of representations two by two.

    Args:
        sets: R matrices ``[N, D_r]`` of the same N samples in the same order; N at most :func:`samples_for` of R.
        k: Neighbours of a sample that are looked at.
        wanted: Asked between steps; work ends where it says no.

    Returns:
        None when it is not wanted any more.

    Raises:
        AnalysisError: No sets, different or too many samples, no matrices, or values that are not finite.
    """
    counts = {len(np.asarray(each)) for each in sets}
    if len(counts) != 1:
        raise AnalysisError(
            f"{len(sets)} sets of {sorted(counts)} samples cannot be compared.", "Give the same samples."
        )
    (n,) = counts
    if n > samples_for(len(sets)):
        raise AnalysisError(
            f"{n:,} samples of {len(sets)} sets take too much memory.", f"Give {samples_for(len(sets)):,}."
        )
    count = len(sets)
    grams = np.full((count, n * n), np.nan, dtype=np.float32)
    axes: list[FloatArray | None] = []
    near: list[IntArray | None] = []
    kept = 1.0
    for at, each in enumerate(sets):
        if not wanted():
            return None
        x = unit(each)
        if not x.size:
            axes.append(None)
            near.append(None)
            continue
        if x.shape[1] > MOST_AXES:  # half the time, and an error of a millionth
            x = x.astype(np.float32)
        gram = x @ x.T
        near.append(nearest(gram, k))
        grams[at] = (gram / np.linalg.norm(gram)).ravel()
        turned, share = _first_axes(x, gram)
        axes.append(turned)
        kept = min(kept, share)
    values: dict[Measure, FloatArray] = {name: np.full((count, count), math.nan) for name in MEASURE_TITLES}
    values["cka"] = np.minimum(grams @ grams.T, 1).astype(np.float64)
    for i, (one, mine) in enumerate(zip(axes, near, strict=True)):
        if not wanted():
            return None
        if one is None or mine is None:
            continue
        values["cka"][i, i], values["procrustes"][i, i], values["neighbours"][i, i] = 1, 0, 1
        for j in range(i):
            other, theirs = axes[j], near[j]
            if other is not None and theirs is not None:
                values["procrustes"][i, j] = values["procrustes"][j, i] = procrustes_of_units(one, other)
                values["neighbours"][i, j] = values["neighbours"][j, i] = shared_neighbours(mine, theirs)
    return SimilarityMatrix(values, n, kept)


def _first_axes(x: FloatArray, gram: FloatArray) -> tuple[FloatArray, float]:
    """A unit set in at most :data:`MOST_AXES` axes, of length 1 again, and the share of its variance that they hold."""
    if x.shape[1] <= MOST_AXES:
        return x, 1.0
    from scipy.linalg import eigh

    narrow = x.shape[1] <= len(x)
    small = x.T @ x if narrow else gram
    most = len(small)
    lengths, directions = eigh(small, subset_by_index=(max(0, most - MOST_AXES), most - 1), check_finite=False)
    turned: FloatArray = x @ directions if narrow else directions * np.sqrt(np.maximum(lengths, 0))
    length = float(np.linalg.norm(turned))
    return turned / length, min(1.0, length**2)


@dataclass(frozen=True)
class GroupTest:
    """Whether members of one group are more alike than members of two.

    Attributes:
        within: Mean similarity of pairs of one group.
        between: Mean similarity of pairs of two groups.
        p: Share of the arrangements of the members over the groups that differ as much; nan where there is none to try.
        least: Smallest p that so few members could have had.
    """

    within: float
    between: float
    p: float
    least: float


def group_test(similarity: npt.ArrayLike, groups: Sequence[int], seed: int = 0) -> GroupTest:
    """Permutation test over which member is of which group: are pairs of one group more alike?

    Pairs that share a member are no independent values, so that means and spreads of pairs tell nothing from chance. If
    the groups did not matter, every arrangement of the members would be as likely as the one that is there.

    Args:
        similarity: ``[R, R]``, the larger the more alike (a distance with a minus sign); pairs that are nan are left out.
        groups: The group of each member ``[R]``.
        seed: Of arrangements by chance, where there are more than :data:`MOST_ARRANGEMENTS`.

    Raises:
        AnalysisError: Shapes that do not fit.
    """
    values, labels = np.asarray(similarity, dtype=np.float64), np.unique(np.asarray(groups), return_inverse=True)[1]
    count = len(labels)
    if values.shape != (count, count):
        raise AnalysisError(
            f"Similarities of shape {values.shape} do not go with {count} members.", "Give [R, R] and [R]."
        )
    rows, columns = np.triu_indices(count, 1)
    pairs = values[rows, columns]

    def means(of: IntArray) -> tuple[float, float]:
        same = of[rows] == of[columns]
        return _mean(pairs[same]), _mean(pairs[~same])

    within, between = means(labels)
    if not math.isfinite(within - between):
        return GroupTest(within, between, math.nan, math.nan)
    sizes = np.bincount(labels)
    total = _arrangements(sizes)
    if total <= MOST_ARRANGEMENTS:
        tried = [means(of) for of in _all_arrangements(sizes)]
        least = 1 / total
    else:
        generator = np.random.default_rng(seed)
        tried = [(within, between), *(means(generator.permutation(labels)) for _ in range(MOST_ARRANGEMENTS))]
        least = 1 / len(tried)
    gaps = np.array([a - b for a, b in tried])
    p = float((gaps >= within - between - _EQUAL).mean())
    return GroupTest(within, between, p, least)


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _arrangements(sizes: IntArray) -> int:
    """Ways to share members out over groups of these sizes, groups of one size told apart by their members alone."""
    ways = math.factorial(int(sizes.sum()))
    for size in sizes.tolist():
        ways //= math.factorial(size)
    for size in set(sizes.tolist()):
        ways //= math.factorial(int((sizes == size).sum()))
    return ways


def _all_arrangements(sizes: IntArray) -> list[IntArray]:
    """Every way to share members out, each once."""
    count = int(sizes.sum())
    found: list[IntArray] = []

    def share(free: tuple[int, ...], left: tuple[int, ...], of: IntArray, number: int) -> None:
        if not left:
            found.append(of.copy())
            return
        first, rest = free[0], free[1:]  # the first free member goes into a group of each size that is left
        for size in sorted(set(left)):
            others = list(left)
            others.remove(size)
            for more in combinations(rest, size - 1):
                of[[first, *more]] = number
                share(tuple(i for i in rest if i not in more), tuple(others), of, number + 1)

    share(tuple(range(count)), tuple(sizes.tolist()), np.zeros(count, dtype=np.intp), 0)
    return found
