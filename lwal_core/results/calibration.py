"""Calibration of runs on the test set: how sure a method is, and how often it is right. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.comparison.calibration import Calibration
from lwal_core.errors import LwalError
from lwal_core.runs import Run, RunSummary, one_per_seed


def run_calibration(run: Run) -> NDArray[np.float64] | None:
    """Samples, summed confidence and right ones by interval ``[3,B]`` after the epoch whose model is kept; None where it was
    not recorded."""
    best = run.record.best_epoch
    if best is None:
        return None
    try:
        bins = run.labels(best).calibration
    except LwalError:
        return None
    if bins is None or not np.isfinite(bins).all() or not bins[0].sum():
        return None
    return bins.astype(np.float64)


def group_calibration(runs: Iterable[Run]) -> Calibration | None:
    """The runs of a group taken together; None where none recorded it."""
    every = [bins for bins in map(run_calibration, runs) if bins is not None]
    fitting = [bins for bins in every if bins.shape == every[0].shape]
    if not fitting:
        return None
    return Calibration.of(np.sum(fitting, axis=0), len(fitting))


def calibrations(groups: Mapping[str, Sequence[RunSummary]]) -> dict[str, Calibration]:
    """Calibration of each group by its label, of one run a seed; groups that did not record it are left out."""
    found = {label: group_calibration(run.opened() for run in one_per_seed(runs)) for label, runs in groups.items()}
    return {label: each for label, each in found.items() if each is not None}
