"""``lwal import`` of past trainings: checkpoints by epoch, curves, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lwal_core.cli.output import err
from lwal_core.errors import ImportFileError
from lwal_core.imports import existing
from lwal_core.imports.hub import is_hub_address
from lwal_core.past_runs.curve_files import holds_curves, read_curves
from lwal_core.past_runs.keep import MOVED, Labelling, keep_predictions, keep_training
from lwal_core.past_runs.prediction_files import holds_predictions, read_predictions
from lwal_core.past_runs.series import open_series, read_series
from lwal_core.runs import Run
from lwal_core.runs.paths import RECORD


class PastTraining(NamedTuple):
    """What was found; ``run`` is None where nothing was to be kept."""

    run: Run | None


def import_past_training(
    source: str | None,
    pattern: str,
    curves: Path | None,
    tensor: str | None,
    names: Sequence[str] | None,
    labelling: Labelling,
    *,
    dry_run: bool,
) -> PastTraining | None:
    """Import what is of a training; None where the source is something else.

    Raises:
        ImportFileError: The options do not go together, or something cannot be read.
    """
    if pattern:
        return _training(source or ".", pattern, curves, tensor, names, labelling, dry_run)
    local = None if source is None or is_hub_address(source) else existing(source)
    if curves is not None:
        if source is not None:
            raise ImportFileError(
                "--curves stands alone or goes with --series.",
                f"For the checkpoints of {source!r}: --series 'epoch_*.pt'; otherwise import the two apart.",
            )
        return _training(None, "", curves, tensor, names, labelling, dry_run)
    if local is None:
        return None
    if local.is_dir() and not (local / RECORD).exists():
        if holds_curves(local):
            return _training(None, "", local, tensor, names, labelling, dry_run)
        raise ImportFileError(
            f"{str(source)!r} is no folder of a run.",
            "Checkpoints in it are read with --series 'epoch_*.pt', an epoch each.",
        )
    if holds_curves(local):
        return _training(None, "", local, tensor, names, labelling, dry_run)
    if tensor is None and holds_predictions(local):
        found = read_predictions(local, names=names)
        _print(found.described())
        return PastTraining(None if dry_run else keep_predictions(found, labelling))
    return None


def _training(
    source: str | None,
    pattern: str,
    curves: Path | None,
    tensor: str | None,
    names: Sequence[str] | None,
    labelling: Labelling,
    dry_run: bool,
) -> PastTraining:
    read = None
    if curves is not None:
        read = (existing(curves), read_curves(curves))
        epochs = read[1].epochs
        _print([f"{curves.name}: curves of {len(epochs):,} epochs, {epochs[0]} to {epochs[-1]}", *read[1].notes])
    series = open_series(source, pattern, tensor=tensor, names=names) if source is not None else None
    if series is not None:
        _print(series.described())
    run = None
    if dry_run and series is not None:
        for _ in read_series(series):
            pass
    elif not dry_run:
        run = keep_training(series, read, labelling, classes=() if series is not None else names or ())
    if series is not None:
        _print([*(note for note in series.notes if note == MOVED), *series.left_out_lines()])
    return PastTraining(run)


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        err.print(line, highlight=False, markup=False)
