"""A run reduced to what a first look needs: class means, one picture a class; for examples of many numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from lwal_core.runs import Run, paths
from lwal_core.runs.files import write_arrays
from lwal_core.runs.record import write_record

KEPT = ("labels", "centroids")
"""Arrays of an epoch that stay, beside those of one number a class."""


def reduced(run: Run, folder: Path) -> Run:
    """A copy of a run without test samples and class means of features, with the first picture of each class.

    Args:
        run: The run.
        folder: Where the copy goes; it must not be there.

    Raises:
        OSError: A file cannot be read or written.
    """
    (folder / paths.LABELS).mkdir(parents=True)
    shutil.copy(run.path / paths.METRICS, folder)
    record = run.record
    write_record(folder, record.model_copy(update={"vectors": [v for v in record.vectors if v != "features"]}))
    for epoch in run.label_epochs():
        arrays = load_file(paths.label_file(run.path, epoch))
        kept = {name: values for name, values in arrays.items() if name in KEPT or values.ndim == 1}
        write_arrays(paths.label_file(folder, epoch), kept, {"epoch": str(epoch)})
    samples = run.samples()
    if samples is not None:
        first = [int(np.flatnonzero(samples.y == index)[0]) for index in np.unique(samples.y)]
        np.savez_compressed(folder / paths.SAMPLES, images=samples.images[first], y=samples.y[first])
    return Run(folder)
