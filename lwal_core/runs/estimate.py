"""Estimate of training time, from finished runs like it."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from lwal_core.config import RunConfig
from lwal_core.errors import RunError
from lwal_core.runs.listing import list_runs
from lwal_core.runs.metrics import read_metrics
from lwal_core.runs.paths import label_file, run_folder
from lwal_core.runs.record import read_record

LOOK_AT = 3
"""Runs averaged: the newest ones, as the machine may have changed."""


def estimate_seconds(config: RunConfig, home: str | os.PathLike[str] | None = None) -> float | None:
    """Seconds from start to end that this configuration will take here, or None when no run like it has finished.

    A run is like it when data, encoder, method, batch size and device are the same. Starting the process, loading the
    data and saving the model take the same time whatever the number of epochs; epochs include evaluation and
    consolidation. Runs that were resumed tell the time of their steps alone and count only where no
    other is.
    """
    workload = config.workload()
    times: list[float] = []
    steps_alone: list[float] = []
    for run in list_runs(home):
        if len(times) == LOOK_AT:
            break
        if run.problem or run.epochs_done < 1 or run.workload != workload:
            continue
        try:
            start, epoch = _measured(run_folder(run.id, home))
        except RunError:  # removed or damaged since it was listed
            continue
        known = math.isfinite(start)
        (times if known else steps_alone).append((start if known else 0.0) + epoch * config.training.epochs)
    found = times or steps_alone[:LOOK_AT]
    return sum(found) / len(found) if found else None


def epoch_seconds(folder: Path) -> float:
    """Seconds of an epoch of a run with at least one, so far: training, evaluation and consolidation; of a run that was
    resumed, training alone."""
    return _measured(folder)[1]


def _measured(folder: Path) -> tuple[float, float]:
    """Seconds that a run took whatever its number of epochs (process, data, labels before and model after training; nan
    where nothing tells), and for each of its epochs (training, evaluation, consolidation)."""
    metrics, history = read_metrics(folder), read_record(folder).history
    epochs = metrics.epochs_done
    steps_alone = float(metrics.seconds[-1]) / epochs
    started = [change.at.timestamp() for change in history if change.status == "running"]
    ended = [change.at.timestamp() for change in history if change.status == "done"]
    if len(started) != 1:  # resumed: the time between counts for nothing
        return math.nan, steps_alone
    with suppress(OSError):
        first, last = (label_file(folder, epoch).stat().st_mtime for epoch in (0, epochs))
        epoch = (last - first) / epochs
        if started[0] <= first and epoch >= steps_alone:
            return first - started[0] + max(max(ended, default=last) - last, 0.0), epoch
    if not ended:
        return math.nan, steps_alone
    # A copy: its files have new times, and its record those of the training.
    whole = ended[0] - started[0]
    epoch = min(steps_alone, whole / epochs)
    return whole - epochs * epoch, epoch
