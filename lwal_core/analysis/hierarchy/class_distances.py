"""Distances between class vectors, checked so that a tree over them is defined."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.errors import AnalysisError

Metric = Literal["euclidean", "cosine", "correlation"]

CONFUSION = "confusion"
"""Name of the distance of a confusion matrix: 1 - the share of samples that two classes are taken for each other."""

_CONSTANT = 1e-12  # spread relative to the largest value, below which a row is constant up to rounding


def class_distances(vectors: npt.ArrayLike, names: tuple[str, ...], metric: str) -> FloatArray:
    """Condensed distances ``[n (n - 1) / 2]`` between the rows of ``[n, K]``, float64, not negative.

    For :data:`CONFUSION` the rows are shares: of the samples of a class (row), the share that is taken for each ``[n, n]``. The
    distance of two classes is 1 less the mean of the two directions.

    Raises:
        AnalysisError: The vectors are no matrix of finite numbers with one row a name, their distances overflow, or a
            row has no direction under cosine (all zeros) or correlation (constant). The class is named.
    """
    table = _checked_table(vectors, len(names))
    _refuse(
        ~np.isfinite(table).all(axis=1),
        table,
        names,
        "is not finite",
        "Train again with a lower learning rate, or leave it out.",
    )
    if metric == CONFUSION:
        return _confusion_distances(table)
    if metric != "euclidean":
        # Both are about directions: scaling a row changes nothing and keeps its square from over- or underflowing.
        largest = np.abs(table).max(axis=1, keepdims=True)
        _refuse(
            largest[:, 0] == 0,
            table,
            names,
            f"is zero, which has no {metric} distance",
            "Use the Euclidean distance, or leave it out.",
        )
        table = table / largest
    if metric == "correlation":
        table = table - table.mean(axis=1, keepdims=True)
        _refuse(
            np.abs(table).max(axis=1) <= _CONSTANT,
            table, names, "has the same value everywhere, so it has no correlation with others",
            "Use the Euclidean distance, or leave it out.",
        )  # fmt: skip
    if len(table) == 1:
        return np.zeros(0)
    from scipy.spatial.distance import pdist

    # Centred rows have their correlation as cosine.
    distances: FloatArray = pdist(table, "euclidean" if metric == "euclidean" else "cosine")
    if not np.isfinite(distances).all():
        raise AnalysisError(
            f"The distances between these vectors are too large for a computer number (values up to {np.abs(table).max():.3g}).",
            "Scale the vectors down.",
        )
    return np.maximum(distances, 0.0)  # 1 - cosine of equal directions can be some -1e-16


def _confusion_distances(rates: FloatArray) -> FloatArray:
    if rates.shape[0] != rates.shape[1] or rates.min() < 0 or rates.max() > 1:
        raise AnalysisError(
            f"These are no shares of a confusion matrix (shape {rates.shape}, {rates.min():.3g} to {rates.max():.3g}).",
            "Give [classes, classes] from 0 to 1.",
        )
    upper = np.triu_indices(len(rates), 1)
    distances: FloatArray = 1.0 - (rates + rates.T)[upper] / 2.0
    return distances


def _checked_table(vectors: npt.ArrayLike, n: int) -> FloatArray:
    try:
        raw = np.asarray(vectors)
        if raw.dtype.kind == "c":
            raise ValueError("complex numbers")
        table = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(
            f"The class vectors cannot be read as numbers ({error}).", "Give an array [classes, dimensions]."
        ) from error
    if table.ndim != 2 or 0 in table.shape:
        raise AnalysisError(
            f"The class vectors have the shape {table.shape}.",
            "Give an array [classes, dimensions] with at least one of each.",
        )
    if len(table) != n:
        raise AnalysisError(f"There are {len(table)} class vectors and {n} names.", "Give one name a class.")
    return table


def _refuse(broken: npt.ArrayLike, table: FloatArray, names: tuple[str, ...], what: str, hint: str) -> None:
    """Raise for the first broken row, with the class's name."""
    rows = np.flatnonzero(broken)
    if len(rows):
        more = f" (and those of {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise AnalysisError(f"The vector of the class {names[rows[0]]!r}{more} {what}.", hint)
