"""TensorBoard projector files of a run."""

from __future__ import annotations

from lwal_core.errors import LwalError, RunError
from lwal_core.export.projector import MOST_SAMPLES, projector_points, projector_zip
from lwal_core.runs import Run
from lwal_core.security.redact import for_others


def run_projector(run: Run, epoch: int | None = None, *, most_samples: int = MOST_SAMPLES) -> bytes:
    """Write a run's class vectors and test samples as one zip file; see :mod:`lwal_core.export.projector`.

    Args:
        run: The run.
        epoch: Epoch of the class vectors; None for that of the test samples, so that both lie in one space, or for the
            last one while there are no test samples.
        most_samples: Test samples written at most.

    Raises:
        RunError: There are no labels of that epoch.
        ExportError: They cannot be written.
    """
    notes: list[str] = []
    try:
        test = run.evaluation()
    except LwalError as error:
        test = None
        notes.append(f"There are no test samples: {for_others(error.message)}")
    epochs = run.label_epochs()
    if not epochs:
        raise RunError(f"Run {run.id} has no labels yet.", "They are written before the first epoch.")
    if epoch is None:
        epoch = test.epoch if test is not None and test.epoch in epochs else epochs[-1]
    snapshot = run.labels(epoch)
    points, left_out = projector_points(
        snapshot.centroids,
        snapshot.labels,
        None if test is None else test.z,
        () if test is None else test.y,
        () if test is None else test.pred,
        most_samples=most_samples,
    )
    notes = [f"Run {run.id}, class vectors after epoch {epoch}.", *notes]
    if test is not None:
        notes.append(f"Test samples as the network embedded them after epoch {test.epoch}, the best one.")
        if test.epoch != epoch:
            notes.append("The two epochs differ, so classes and samples need not lie near each other.")
    samples = run.samples()
    if samples is not None:
        notes.append("A class has a picture of its own; of test samples none are kept: they have a tile in its colour.")
    return projector_zip(
        points,
        run.class_names,
        thumbnails=None if samples is None else samples.images,
        thumbnail_classes=() if samples is None else samples.y,
        tensor_name=f"{run.id} epoch {epoch}",
        notes=[*notes, *left_out],
    )
