"""Mean and spread over seeds along an axis, and smoothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.comparison.curve import Curve, Quantity, XAxis, measured_points
from lwal_core.analysis.comparison.intervals import FloatArray, student_factor
from lwal_core.errors import AnalysisError

BandKind = Literal["sd", "interval", "minmax"]
BAND_TITLES: dict[BandKind, str] = {
    "sd": "± 1 sd", "interval": "95 % interval of the mean", "minmax": "lowest to highest",
}  # fmt: skip
"""What each kind of band is called in figures."""


@dataclass(frozen=True, eq=False)
class Band:
    """Mean and spread of one group's seeds along an axis; all arrays ``[X]``.

    ``n`` counts the seeds that have a value at each x and drops where some stopped earlier; ``sd``, ``low`` and
    ``high`` are nan where ``n < 2``, because one seed has no spread, and an interval's ends where ``n < 3``.
    """

    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray
    n: npt.NDArray[np.int64]
    sd: FloatArray
    x_name: XAxis
    quantity: Quantity
    kind: BandKind


def band(
    curves: Sequence[Curve],
    quantity: Quantity = "accuracy",
    x: XAxis = "epoch",
    kind: BandKind = "sd",
    *,
    grid: npt.ArrayLike | None = None,
    max_points: int = 500,
) -> Band:
    """Mean over the seeds of one group, with a band.

    Over epochs, values are paired epoch by epoch. Over samples or seconds, whose values differ between seeds, each
    curve is drawn as straight lines between its measured points and read off on a common grid; outside its own first
    and last point it has no value, so ``n`` drops there.

    Args:
        curves: Runs of one group; their lengths may differ. Empty gives a band without points.
        quantity: Which column.
        x: Which axis.
        kind: ``"sd"`` mean ± one sample standard deviation, ``"interval"`` Student's 95 % interval of the mean,
            ``"minmax"`` range.
        grid: x values ``[X]`` to read off at instead (only for samples and seconds), e.g. one grid for several groups.
        max_points: Without ``grid``: the grid is every measured x, or this many equal steps when there are more.

    Raises:
        AnalysisError: An unknown column, axis or kind of band.
    """
    for given, allowed in ((quantity, get_args(Quantity)), (x, get_args(XAxis)), (kind, get_args(BandKind))):
        if given not in allowed:
            raise AnalysisError(f"Unknown choice {given!r}.", f"Choose one of {', '.join(allowed)}.")
    points = [measured_points(curve, quantity, x) for curve in curves]
    if x == "epoch":
        common = np.unique(np.concatenate([px for px, _ in points])) if points else np.empty(0)
        table = np.full((len(points), common.size), np.nan)
        for row, (px, py) in zip(table, points, strict=True):
            row[np.searchsorted(common, px)] = py
    else:
        common = common_grid(curves, quantity, x, max_points) if grid is None else np.asarray(grid, dtype=np.float64)
        table = np.full((len(points), common.size), np.nan)
        for row, (px, py) in zip(table, points, strict=True):
            if px.size:
                row[:] = np.interp(common, px, py, left=np.nan, right=np.nan)
    return _summarise(common, table, x, quantity, kind)


def common_grid(
    curves: Sequence[Curve], quantity: Quantity = "accuracy", x: XAxis = "seconds", max_points: int = 500
) -> FloatArray:
    """Every x at which one of the curves was measured, or ``max_points`` equal steps when those are more."""
    measured = [px for px, _ in (measured_points(curve, quantity, x) for curve in curves) if px.size]
    if not measured:
        return np.empty(0)
    union = np.unique(np.concatenate(measured))
    return union if union.size <= max_points else np.linspace(union[0], union[-1], max_points)


def smooth(y: npt.ArrayLike, weight: float) -> FloatArray:
    """Exponential moving average, corrected for its start, as experiment trackers draw it.

    ``s <- weight * s + (1 - weight) * y``, divided by ``1 - weight ** k`` after ``k`` values, so that the first value
    is kept as it is. nan stays nan in its place and does not count. The input is not changed: keep showing the raw
    values beside it.

    Args:
        y: Values, ``[n]``.
        weight: In [0, 1); 0 returns a copy.

    Raises:
        AnalysisError: The weight is not in [0, 1).
    """
    if not 0 <= weight < 1:
        raise AnalysisError(f"The smoothing weight is {weight!r}.", "Give 0 (none) or more, and less than 1.")
    values = np.array(y, dtype=np.float64)
    state, correction = 0.0, 1.0
    for i, value in enumerate(values):
        if math.isfinite(value):
            state = weight * state + (1 - weight) * value
            correction *= weight
            values[i] = state / (1 - correction)
    return values


def _summarise(x: FloatArray, table: FloatArray, x_name: XAxis, quantity: Quantity, kind: BandKind) -> Band:
    """Mean and spread of ``table`` ``[runs, X]`` over its runs, nan left out, without numpy's empty-slice warnings."""
    known = np.isfinite(table)
    n = known.sum(axis=0).astype(np.int64)
    several = n >= 2
    mean = np.full(x.shape, np.nan)
    np.divide(np.where(known, table, 0.0).sum(axis=0), n, out=mean, where=n > 0)
    squares = np.where(known, (table - mean) ** 2, 0.0).sum(axis=0)
    sd = np.full(x.shape, np.nan)
    np.divide(squares, n - 1, out=sd, where=several)
    sd = np.sqrt(sd)
    if kind == "minmax":
        low = np.where(several, np.where(known, table, np.inf).min(axis=0, initial=np.inf), np.nan)
        high = np.where(several, np.where(known, table, -np.inf).max(axis=0, initial=-np.inf), np.nan)
    else:
        half = sd if kind == "sd" else sd * student_factor(n)
        low, high = mean - half, mean + half
    return Band(x, mean, low, high, n, sd, x_name, quantity, kind)
