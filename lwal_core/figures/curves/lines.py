"""Lines of a curve figure: one x scale, one grid, no more points than pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.formatting import inline_label
from lwal_core.analysis.comparison.bands import Band, BandKind, common_grid, smooth
from lwal_core.analysis.comparison.bands import band as seed_band
from lwal_core.analysis.comparison.curve import Curve, Quantity, XAxis
from lwal_core.analysis.comparison.intervals import FloatArray
from lwal_core.figures import style
from lwal_core.figures.palette import method_colors

MAX_POINTS = 500  # per line; more than the pixels of a usual plot tell apart
TOTAL_POINTS = 20_000  # of all lines together, which a browser redraws without a pause


@dataclass(frozen=True, eq=False)
class Line:
    """One group ready to be drawn: ``band`` is in drawn units, ``y`` its mean after smoothing."""

    label: str
    color: str
    dash: str
    band: Band
    y: FloatArray
    curves: Sequence[Curve]

    @property
    def seeds(self) -> int:
        """Seeds at the epoch that most of them have."""
        return int(self.band.n.max())


@dataclass(frozen=True)
class XScale:
    """How x is drawn: raw values are divided by ``scale``; a logarithmic axis has no place for 0."""

    name: XAxis
    title: str
    scale: float
    hover: str
    log: bool = False


def x_axis(groups: Mapping[str, Sequence[Curve]], x: XAxis, x_max: float | None, *, log: bool = False) -> XScale:
    """Title and unit of the x axis; seconds turn into minutes or hours when there are many."""
    if x == "epoch":
        return XScale(x, "Epoch", 1.0, "epoch %{x}", log)
    if x == "step":
        return XScale(x, "Optimiser steps", 1.0, "step %{x:,.0f}", log)
    if x == "samples":
        return XScale(x, "Training samples seen", 1.0, "%{x:,.0f} samples", log)
    ends = [float(np.nanmax(c.seconds)) for curves in groups.values() for c in curves if np.isfinite(c.seconds).any()]
    longest = max([*ends, x_max or 0.0])
    scale, unit = (1.0, "s") if longest < 180 else (60.0, "min") if longest < 3 * 3600 else (3600.0, "h")
    return XScale(x, f"Training time ({unit})", scale, f"%{{x:.3~r}} {unit}", log)


def prepare_lines(
    groups: Mapping[str, Sequence[Curve]],
    quantity: Quantity,
    axis: XScale,
    kind: BandKind,
    smoothing: float,
    y_scale: float = 1.0,
    colors: Mapping[str, tuple[str, str]] | None = None,
) -> list[Line]:
    """The groups that have values, in their order, thinned out to what a browser draws without a pause.

    Args:
        groups: Runs by label.
        quantity: Which column.
        axis: From :func:`x_axis`.
        kind: What the band shows.
        smoothing: Weight of the moving average.
        y_scale: Factor from the column to drawn units.
        colors: Colour and dash by label; those of the methods when left out.
    """
    colors = method_colors(list(groups)) if colors is None else colors
    # One grid for all groups, so that the hover box can compare them at the same second.
    everyone = [curve for curves in groups.values() for curve in curves]
    limit = min(max(TOTAL_POINTS // max(len(groups), 1), 60), MAX_POINTS)
    grid = None if axis.name == "epoch" else common_grid(everyone, quantity, axis.name, limit)
    lines = []
    for label, curves in groups.items():
        raw = seed_band(curves, quantity, axis.name, kind, grid=grid)
        keep = np.flatnonzero((raw.n > 0) & ((raw.x > 0) | (not axis.log)))
        if not keep.size:
            continue
        smoothed = smooth(raw.mean[keep], smoothing)
        chosen = decimate(smoothed, limit)
        rows = keep[chosen]
        scaled = Band(
            x=raw.x[rows] / axis.scale,
            mean=raw.mean[rows] * y_scale,
            low=raw.low[rows] * y_scale,
            high=raw.high[rows] * y_scale,
            n=raw.n[rows],
            sd=raw.sd[rows] * y_scale,
            x_name=axis.name,
            quantity=quantity,
            kind=kind,
        )
        lines.append(Line(label, *colors[label], scaled, smoothed[chosen] * y_scale, curves))
    return lines


def decimate(y: FloatArray, limit: int) -> npt.NDArray[np.int64]:
    """Indices of at most ``limit`` points that keep the ends and, in equal stretches, the lowest and the highest
    value.

    Args:
        y: Values, ``[n]``; nan counts as lowest.
        limit: At least 4.
    """
    if y.size <= limit:
        return np.arange(y.size)
    edges = np.linspace(1, y.size - 1, (limit - 2) // 2 + 1).astype(np.int64)
    filled = np.where(np.isfinite(y), y, -np.inf)
    keep = {0, y.size - 1}
    for start, stop in pairwise(edges.tolist()):
        stretch = filled[start:stop]
        keep.update((start + int(stretch.argmin()), start + int(stretch.argmax())))
    return np.array(sorted(keep), dtype=np.int64)


def target_level(
    groups: Mapping[str, Sequence[Curve]], baseline: str | None, target: float | None
) -> tuple[float | None, str]:
    """The accuracy to reach, a fraction (None for none), and what to call it: the target that was given, or the mean
    best accuracy of the baseline."""
    curves = groups.get(baseline, []) if baseline is not None else []
    bests = [float(np.nanmax(c.accuracy)) for c in curves if np.isfinite(c.accuracy).any()]
    mean = float(np.mean(bests)) if bests else None
    if baseline is None or mean is None or (target is not None and abs(target - mean) > 1e-9):
        return target, "target"
    return mean, f"{inline_label(style.shorten(baseline))}'s best"


def fit_range(
    lines: Sequence[Line],
    levels: Sequence[float],
    *,
    clip: tuple[float, float] = (-math.inf, math.inf),
    log: bool = False,
) -> tuple[float, float]:
    """A y range that holds lines, bands and levels with a little air; log10 when ``log``."""
    parts = [np.asarray(levels, dtype=np.float64)]
    for line in lines:
        parts += [line.band.mean, line.y, np.clip(line.band.low, *clip), np.clip(line.band.high, *clip)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not values.size:
        return (0.0, 100.0) if math.isfinite(clip[1]) else (0.0, 1.0)
    if log:
        values = np.log10(values)
    low, high = float(values.min()), float(values.max())
    least = 2.0 if math.isfinite(clip[1]) else 0.1 if log else max(0.02 * abs(high), 1e-6)
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    span = high - low
    return low - 0.04 * span, high + 0.05 * span


def fit_x(lines: Sequence[Line], axis: XScale, x_max: float | None) -> tuple[float, float]:
    """Range of the x axis with room at both ends, in drawn units; log10 on a logarithmic axis."""
    ends = [float(end) for line in lines for end in (line.band.x[0], line.band.x[-1])]
    if x_max is not None:
        ends += [x_max / axis.scale] if axis.log else [0.0, x_max / axis.scale]
    if axis.log:
        ends = [math.log10(end) for end in ends]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    span = (high - low) or 1.0
    return low - 0.02 * span, high + 0.035 * span


def usual_seeds(lines: Sequence[Line]) -> int:
    """The number of seeds that most lines have, the larger one on a tie; 0 without lines."""
    counts = [line.seeds for line in lines]
    return max(counts, key=lambda n: (counts.count(n), n), default=0)
