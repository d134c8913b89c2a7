"""Estimate of training time, from finished runs like it."""

from __future__ import annotations

import os
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

    A run is like it when data, encoder, method, batch size and device are the same. Starting the process and loading
    the data take the same time whatever the number of epochs; epochs include their evaluation.
    """
    times: list[float] = []
    for run in list_runs(home):
        if len(times) == LOOK_AT:
            break
        if run.problem or run.epochs_done < 1 or run.workload != config.workload():
            continue
        try:
            start, epoch = _measured(run_folder(run.id, home))
        except RunError:  # removed or damaged since it was listed
            continue
        times.append(start + epoch * config.training.epochs)
    return sum(times) / len(times) if times else None


def _measured(folder: Path) -> tuple[float, float]:
    """Seconds that a run took to start, and for each of its epochs."""
    metrics = read_metrics(folder)
    steps_alone = float(metrics.seconds[-1]) / metrics.epochs_done
    started = [change.at.timestamp() for change in read_record(folder).history if change.status == "running"]
    try:
        first, last = (label_file(folder, epoch).stat().st_mtime for epoch in (0, metrics.epochs_done))
    except OSError:
        return 0.0, steps_alone
    epoch = (last - first) / metrics.epochs_done
    # A resumed or copied run's times say nothing about how long it took.
    if len(started) != 1 or not started[0] <= first < last or epoch < steps_alone:
        return 0.0, steps_alone
    return first - started[0], epoch
