"""How long a training will take, from runs like it that are finished. Never a guess from nothing."""

from __future__ import annotations

import os

from lwal_core.config import RunConfig
from lwal_core.runs.layout import run_folder
from lwal_core.runs.listing import list_runs
from lwal_core.runs.metrics import read_metrics

LOOK_AT = 3
"""Runs averaged: the newest ones, as the machine may have changed."""


def estimate_seconds(config: RunConfig, home: str | os.PathLike[str] | None = None) -> float | None:
    """Seconds of training alone that this configuration will take here, or None when no run like it has trained yet.

    A run is like it when data, encoder, method, batch size and device are the same.
    """
    rates: list[float] = []
    for run in list_runs(home):
        if len(rates) == LOOK_AT:
            break
        if run.problem or run.epochs_done < 1 or run.workload != config.workload():
            continue
        metrics = read_metrics(run_folder(run.id, home))
        rates.append(float(metrics.seconds[-1]) / metrics.epochs_done)
    return sum(rates) / len(rates) * config.training.epochs if rates else None
