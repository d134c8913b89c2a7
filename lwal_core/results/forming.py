"""How the classes of runs form: neural collapse by epoch, and the levels of the reference taxonomy. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from lwal_core.analysis.collapse.levels import level_accuracy, level_groups, level_nc1
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.levels import LevelCurves
from lwal_core.errors import RunError
from lwal_core.results.run_curves import run_curve
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.runs import Layer, Run, RunSummary

MOST_LEVELS = 8
"""Levels that are looked at: the coarsest ones and the classes."""


def collapse_curves(runs: Iterable[RunSummary], layer: Layer) -> list[Curve]:
    """Curves of runs whose extra measures are those of neural collapse of a layer, by the keys of
    :data:`~lwal_core.runs.metrics.COLLAPSE`; runs without any are left out."""
    found = []
    for run in runs:
        measures = run.opened().metrics().collapse(layer)
        if measures:
            found.append(replace(run_curve(run), extra=measures))
    return found


def level_curves(run: Run, found: LevelCurves) -> dict[str, Curve]:
    """The same as curves of a figure, by what the level is called: accuracy, and NC1 as the extra measure ``"nc1"``."""
    metrics = run.metrics()
    known = np.isin(found.epoch, metrics.epoch)
    at = np.searchsorted(metrics.epoch, found.epoch[known])
    return {
        title: Curve(
            run_id=run.id,
            group=run.group,
            method_label=run.config.method_label(),
            seed=found.seed,
            epoch=found.epoch[known],
            accuracy=accuracy[known],
            samples=metrics.samples[at],
            seconds=metrics.seconds[at],
            step=metrics.step[at],
            extra={"nc1": nc1[known]},
        )
        for title, accuracy, nc1 in zip(found.titles, found.accuracy, found.nc1, strict=True)
        if known.any()
    }


def run_levels(run: Run, *, with_nc1: bool = True) -> LevelCurves:
    """Accuracy and NC1 of a run at the levels of its reference taxonomy, from the sample of the test set that is kept of its
    epochs: accuracy by the predictions that are kept with it, NC1 of the outputs.

    Args:
        run: Whose outputs and predictions.
        with_nc1: Whether NC1 is worked out, which takes most of the time; nan without.

    Raises:
        RunError: No taxonomy fits, or it has no group of these classes, or no samples are kept.
    """
    taxonomy = run_taxonomy(run)
    if taxonomy is None:
        raise RunError("No reference taxonomy fits the classes of these runs.", "Bring one on Hierarchy.")
    kept = taxonomy.kept(run.class_names)
    levels = level_groups(
        [taxonomy.ancestors(kept[i])[::-1] if i in kept else None for i in range(len(run.class_names))]
    )
    if len(levels) < 2:
        raise RunError(f"The taxonomy {taxonomy.name} has no group of these classes.")
    levels = [*levels[: MOST_LEVELS - 1], levels[-1]] if len(levels) > MOST_LEVELS else levels
    epochs = run.tested_epochs()
    if not epochs:
        raise RunError(
            "No samples of each epoch are kept of these runs.", "Trainings keep them since run format 2; train again."
        )
    tested = [run.evaluation(epoch=epoch) for epoch in epochs]
    accuracy = [[level_accuracy(groups, each.y, each.pred) for each in tested] for groups in levels]
    nc1 = np.full((len(levels), len(tested)), np.nan)
    for column, each in enumerate(tested if with_nc1 else ()):
        if np.isfinite(each.z).all():
            nc1[:, column] = [level_nc1(groups, each.y, each.z) for groups in levels]
    counts = tuple(int(groups.max()) + 1 for groups in levels)
    seed = run.config.training.seed
    return LevelCurves(seed, counts, np.array(epochs, dtype=np.float64), np.array(accuracy), nc1)
