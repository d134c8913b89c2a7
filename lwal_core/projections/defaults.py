"""Default projections of a run, computed after training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lwal_core.analysis.base.subsample import subsample
from lwal_core.errors import AnalysisError, LwalError, RunError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.projections.shown_samples import chosen_samples, sample_epoch
from lwal_core.projections.task import ProjectionTask, expected_seconds, takes_a_moment
from lwal_core.runs import Run, VectorSource

FILM_CLASSES = 200
"""Classes up to which UMAP, t-SNE and MDS project all epochs in one frame; above, one epoch takes seconds."""
FILM_EPOCHS = 200
"""Epochs in one frame of reference: more cannot be told apart in a film, and a long training would be read from its
beginning again after each of its epochs."""
FILM_NUMBERS = 50_000_000
"""Numbers in all snapshots together (400 MB as float64) up to which they are read at once."""
MOST_SECONDS = 60.0
"""Projections that would take longer are not computed before somebody asks for them."""
NAMED = 5
"""Classes that an error names."""


def class_frames(
    run: Run, epochs: Sequence[int], source: VectorSource
) -> tuple[dict[int, np.ndarray], tuple[int, ...]]:
    """Vectors ``[C, K]`` by epoch, and the epochs that cannot be projected.

    Raises:
        LwalError: None of them can.
    """
    found: dict[int, np.ndarray] = {}
    problem: LwalError = RunError(f"Run {run.id} has no labels yet.", "They are written before the first epoch.")
    for epoch in epochs:
        try:
            vectors = run.vectors(epoch, source)
        except LwalError as error:
            problem = error
            continue
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if vectors.size and not len(broken):
            found[epoch] = vectors
        else:
            names = [shorten(one_line(run.class_names[i])) for i in broken[:NAMED].tolist()]
            more = f" and {len(broken) - NAMED:,} more" if len(broken) > NAMED else ""
            whose = f", those of {', '.join(names)}{more}" if names else ""
            problem = AnalysisError(
                f"The class vectors of epoch {epoch} hold values that are not finite{whose}.",
                "Take an epoch before the training diverged.",
            )
    if not found:
        raise problem
    return found, tuple(epoch for epoch in epochs if epoch not in found)


def shared_epochs(run: Run, epoch: int, source: VectorSource = "centroids") -> tuple[int, ...]:
    """The epochs that are projected in one frame of reference with this one: up to :data:`FILM_EPOCHS` evenly over the
    training, where so many can be read."""
    epochs = tuple(sorted({*subsample(run.label_epochs(), FILM_EPOCHS), epoch}))
    size = len(run.class_names) * vector_width(run, epoch, source) * len(epochs)
    return epochs if size <= FILM_NUMBERS else (epoch,)


def vector_width(run: Run, epoch: int, source: VectorSource) -> int:
    """Numbers in a vector of a class."""
    if source == "features":
        try:
            return int(run.vectors(epoch, source).shape[1])
        except LwalError:  # which whoever reads the vectors says better
            return 1
    return run.record.label_dim or 1


def default_tasks(run: Run) -> Iterator[ProjectionTask]:
    """What the Embeddings page asks for without further options: UMAP of the class means at the last epoch, with the test
    samples where the run keeps them. Nothing that would take longer than :data:`MOST_SECONDS`."""
    last = run.label_epochs()[-1:]
    if not last:
        return
    epochs = shared_epochs(run, last[0]) if len(run.class_names) <= FILM_CLASSES else tuple(last)
    vectors = class_frames(run, epochs, "centroids")[0]
    task = None
    try:
        z = chosen_samples(run, "outputs", sample_epoch(run, "outputs", last[0])).z
        if last[0] in vectors and z.shape[1] == vectors[last[0]].shape[1]:
            task = ProjectionTask.make([vectors[last[0]]], "umap", samples=z)
    except LwalError:  # no test samples: the classes alone
        pass
    task = task or ProjectionTask.make(tuple(vectors.values()), "umap")
    if takes_a_moment(task) and expected_seconds(task) <= MOST_SECONDS:
        yield task
