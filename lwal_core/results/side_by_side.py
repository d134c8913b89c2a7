"""The same classes in two spaces: two runs, or two layers of one run, held against each other class by class. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import FLAT_TOLERANCE
from lwal_core.analysis.projection import align
from lwal_core.analysis.similarity import neighbours_in_common
from lwal_core.errors import AnalysisError
from lwal_core.export.tables import table_csv
from lwal_core.projections.defaults import class_frames
from lwal_core.runs import SOURCE_TITLES, Run, VectorSource

FEWEST = 4
"""Classes below which all others are neighbours of each."""
LISTED = 3
"""Nearest classes that the table names."""
NAMED = 2
"""Classes that the sentence names."""


@dataclass(frozen=True)
class Side:
    """Class vectors of a run: ``source`` at an ``epoch``."""

    run: Run
    epoch: int
    source: VectorSource

    @property
    def title(self) -> str:
        """``"Feature means after epoch 10"``."""
        return SOURCE_TITLES[self.source] + (f" after epoch {self.epoch}" if not self.run.config.imported else "")

    def vectors(self) -> NDArray[np.float64]:
        """``[C, K]``.

        Raises:
            LwalError: The epoch cannot be read or holds values that are not finite.
        """
        return class_frames(self.run, (self.epoch,), self.source)[0][self.epoch].astype(np.float64)


@dataclass(frozen=True, eq=False)
class Comparison:
    """How much the neighbourhood of each class differs between two sides.

    Attributes:
        names: C class names.
        k: Nearest classes that are looked at.
        common: How many of them each class has on both sides, ``[C]``.
        nearest: The nearest classes of each on either side, nearest first, ``[C, min(C - 1, LISTED)]`` each.
    """

    names: tuple[str, ...]
    k: int
    common: NDArray[np.intp]
    nearest: tuple[NDArray[np.intp], NDArray[np.intp]]

    @property
    def change(self) -> NDArray[np.float64]:
        """Share of the k nearest classes that differ, ``[C]``, 0 to 1."""
        return 1 - self.common / self.k

    @property
    def order(self) -> list[int]:
        """Classes, those that differ most first."""
        return np.argsort(self.common, kind="stable").tolist()

    @property
    def by_chance(self) -> float:
        """Nearest classes in common that two spaces would have that know nothing of each other, on average."""
        return self.k * self.k / (len(self.names) - 1)

    def table(self) -> dict[str, list[Any]]:
        """One row per class, those that differ most first."""
        rows = self.order
        left, right = ([", ".join(self.names[j] for j in side[i].tolist()) for i in rows] for side in self.nearest)
        return {
            "Class": [self.names[i] for i in rows],
            f"In common, of {self.k}": self.common[rows].tolist(),
            "Difference": self.change[rows].tolist(),
            "Nearest on the left": left,
            "Nearest on the right": right,
        }

    def csv(self, left: Side, right: Side) -> bytes:
        """The table with what was compared in every row."""
        columns = self.table()
        sides = [left.run.id, left.source, left.epoch, right.run.id, right.source, right.epoch, self.k]
        head = ["class", "in_common", "difference", "nearest_left", "nearest_right"]
        head += ["left_run", "left_vectors", "left_epoch", "right_run", "right_vectors", "right_epoch", "k"]
        return table_csv(head, [[*row, *sides] for row in zip(*columns.values(), strict=True)]).encode()


def usual_k(classes: int) -> int:
    """Nearest classes that are compared at first: 5, fewer where there are fewer than 11 classes."""
    return max(1, min(5, (classes - 1) // 2))


def compare_sides(left: Side, right: Side, k: int | None = None) -> Comparison:
    """Hold the neighbourhoods of the classes against each other, in the vectors and not in a picture of them.

    Args:
        left: The one side.
        right: The other side, of the same classes in any order of dimensions.
        k: Nearest classes to compare, 1 to C - 2; None for :func:`usual_k`.

    Raises:
        LwalError: Other classes, too few of them, vectors that cannot be read, or a side whose classes are all equally far apart.
    """
    names = left.run.class_names
    if tuple(right.run.class_names) != tuple(names):
        raise AnalysisError(
            "The two runs have other classes, so there is nothing to hold side by side.",
            "Select runs of the same classes.",
        )
    n = len(names)
    if n < FEWEST:
        raise AnalysisError(
            f"Of {n} classes each has all others as neighbours: nothing can differ.",
            f"It takes {FEWEST} classes or more.",
        )
    k = min(max(k or usual_k(n), 1), n - 2)
    vectors = [side.vectors() for side in (left, right)]
    for side, array in zip((left, right), vectors, strict=True):
        if equally_far(array):
            raise AnalysisError(
                f"The {side.title[:1].lower()}{side.title[1:]} are all equally far apart: no class is near another.",
                "Look at class means or feature means.",
            )
    common = neighbours_in_common(vectors[0], vectors[1], k)
    first, second = (_nearest(array, LISTED) for array in vectors)
    return Comparison(tuple(names), k, common, (first, second))


def equally_far(vectors: NDArray[np.float64]) -> bool:
    """Whether all classes are equally far apart, as those of one-hot labels are."""
    from scipy.spatial.distance import pdist

    apart = pdist(vectors)
    return bool(len(apart) and np.ptp(apart) <= FLAT_TOLERANCE * apart.max())


def _nearest(vectors: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    from scipy.spatial.distance import pdist, squareform

    apart = squareform(pdist(vectors))
    np.fill_diagonal(apart, np.inf)
    return np.argsort(apart, axis=1, kind="stable")[:, : min(most, len(vectors) - 1)]


def most_different(found: Comparison, shown: Sequence[str]) -> str:
    """The classes that differ most, a sentence.

    Args:
        found: The comparison.
        shown: The names as they may be written where the sentence stands.
    """
    if not (found.common < found.k).any():
        return f"All classes have the same {found.k} nearest classes on both sides."
    first = found.order[:NAMED]
    mean = format_number(float(found.common.mean()))
    if found.common[first[0]] < found.common[first[-1]]:
        first = first[:1]
    verb = "differs" if len(first) == 1 else "differ"
    return (
        f"{' and '.join(shown[i] for i in first)} {verb} most: {int(found.common[first[0]])} of {found.k} nearest classes in common "
        f"(mean {mean}, by chance {format_number(found.by_chance)})."
    )


def laid_beside(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Two pictures of the same classes at one size, the right one turned or mirrored onto the left one.

    Both are centred and divided by the root of their mean squared distance from the centre; the right one is then laid on the left by
    orthogonal Procrustes (P. Schönemann, Psychometrika 31, 1966), reflections allowed.

    Args:
        left: ``[C, d]`` places.
        right: ``[C, d]`` places of the same classes.

    Returns:
        Both, and the disparity that is left: the sum of squared distances between them over that of the left one, 0 to 2.

    Raises:
        AnalysisError: The shapes differ, or a value is not finite.
    """
    one, other = _one_size(np.asarray(left, dtype=np.float64)), _one_size(np.asarray(right, dtype=np.float64))
    turned, disparity = align(other, one)
    return one, turned, disparity


def _one_size(points: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = points - points.mean(axis=0)
    size = float(np.sqrt((centred**2).sum(axis=1).mean()))
    return centred / size if size > 0 else centred
