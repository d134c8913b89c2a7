"""Bootstrap support of clades: samples of each class resampled.

Each draw takes, from every class, as many of its samples as it has, with replacement, computes the class means anew
and builds the tree of these. The support of a clade is the share of draws whose tree has it. It speaks of the samples
alone: a network trained from another seed has other embeddings, and a clade that all draws have may not be found there.

Sources: B. Efron, *Bootstrap methods*, Annals of Statistics 7 (1979); J. Felsenstein, *Confidence limits on
phylogenies*, Evolution 39 (1985).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.clades import clade_support
from lwal_core.errors import AnalysisError

DRAWS = 200
"""A share of one half is then known to about ± 0.07 (two standard errors)."""

_DRAWS_AT_ONCE = 4_000_000  # resampled indices held at once, 32 MB


def bootstrap_support(
    z: npt.ArrayLike, y: npt.ArrayLike, h: Hierarchy, draws: int = DRAWS, seed: int = 0
) -> FloatArray:
    """Share of resampled trees of class means that have each clade of a tree.

    The resampled trees have the linkage and distance of ``h``. Where ``h`` is from other vectors than the means of
    ``z`` (another epoch, the training set, the label table), the support is that of its clades in trees of these
    samples.

    Args:
        z: Embeddings ``[N, K]``, finite numbers.
        y: Class of each sample ``[N]``, 0 to n - 1. A class with a single sample has the same mean in every draw, so
            that its support is too high; :func:`scarce_classes` names such classes.
        h: A tree of n classes.
        draws: Number of resampled trees, from 1.
        seed: Of the resampling.

    Returns:
        ``[n - 1]``, 0 to 1, one value a row of the linkage; ``nan`` for the root and for a row tied with its parent.

    Raises:
        AnalysisError: Shapes that do not fit, values that are not finite, a class without any sample or outside 0 to
            n - 1, fewer than one draw, or means for which the distance is not defined.
    """
    if draws < 1:
        raise AnalysisError(f"draws = {draws!r} is not a number from 1 up.", f"Give for example {DRAWS}.")
    samples, labels = _checked(z, y, h)
    means = resampled_means(samples, labels, h.n, draws, seed)
    # The leaf order has no part in which clades there are.
    trees = [build_hierarchy(vectors, h.names, h.method, h.metric, optimal_limit=0).linkage for vectors in means]
    return clade_support(h.linkage, trees)


def resampled_means(
    z: npt.NDArray[np.floating[Any]], y: npt.NDArray[np.integer[Any]], n: int, draws: int, seed: int
) -> FloatArray:
    """Class means of resampled samples, ``[draws, n, K]``.

    How often each sample of a class was drawn is a row of weights, so that all draws of a class are one product of
    matrices and no sample is copied.

    Args:
        z: Embeddings ``[N, K]``.
        y: Classes ``[N]``; each of 0 to n - 1 at least once.
        n: Number of classes.
        draws: Number of draws.
        seed: Of the generator, which draws the classes one after the other.
    """
    generator = np.random.default_rng(seed)
    means = np.empty((draws, n, z.shape[1]))
    order = np.argsort(y, kind="stable")
    starts = np.searchsorted(y[order], np.arange(n + 1))
    for c in range(n):
        own = z[order[starts[c] : starts[c + 1]]].astype(np.float64)
        count = len(own)
        at_once = max(1, _DRAWS_AT_ONCE // count)
        for first in range(0, draws, at_once):
            size = min(at_once, draws - first)
            drawn = generator.integers(0, count, size=(size, count))
            cells = (drawn + count * np.arange(size)[:, None]).ravel()
            times = np.bincount(cells, minlength=size * count).reshape(size, count)
            means[first : first + size, c] = times @ own / count
    return means


def scarce_classes(y: npt.ArrayLike, n: int) -> IntArray:
    """Classes with fewer than two samples, which resampling cannot vary, ascending.

    Args:
        y: Class of each sample ``[N]``, 0 to n - 1.
        n: Number of classes.
    """
    counts = np.bincount(np.asarray(y, dtype=np.intp), minlength=n)[:n]
    return np.flatnonzero(counts < 2)


def _checked(
    z: npt.ArrayLike, y: npt.ArrayLike, h: Hierarchy
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.integer[Any]]]:
    samples, labels = np.asarray(z), np.asarray(y)
    if samples.ndim != 2 or samples.shape[1] == 0 or labels.shape != samples.shape[:1]:
        raise AnalysisError(
            f"The samples have the shape {samples.shape} and their classes {labels.shape}.",
            "Give embeddings [N, K] and one class a sample [N].",
        )
    if samples.dtype.kind not in "fiu" or labels.dtype.kind not in "iu":
        raise AnalysisError(f"The samples are {samples.dtype} and their classes {labels.dtype}; both must be numbers.")
    if not np.isfinite(samples).all():
        broken = int((~np.isfinite(samples).all(axis=1)).sum())
        raise AnalysisError(f"{broken:,} of {len(samples):,} samples are not finite.", "Leave them out.")
    if len(labels) and (labels.min() < 0 or labels.max() >= h.n):
        raise AnalysisError(
            f"The samples are of the classes {labels.min()} to {labels.max()}, the tree has 0 to {h.n - 1}.",
            "Give the samples of the tree's classes.",
        )
    absent = np.flatnonzero(np.bincount(labels, minlength=h.n) == 0)
    if len(absent):
        more = f" and {len(absent) - 1:,} more have" if len(absent) > 1 else " has"
        raise AnalysisError(
            f"The class {h.names[absent[0]]!r}{more} no sample, so there is no mean to resample.",
            "Use a tree over the classes that have samples.",
        )
    return samples, labels
