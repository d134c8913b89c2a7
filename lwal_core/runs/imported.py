"""Imported run: label vectors of a file as one snapshot, no training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from lwal_core.config import RunConfig
from lwal_core.runs import paths
from lwal_core.runs.record import Origin, RunRecord, StatusChange, write_record
from lwal_core.runs.run import Run
from lwal_core.runs.writer import RunWriter, tidy_name, versions
from lwal_core.security.permissions import check_writable


def create_imported_run(
    config: RunConfig,
    vectors: np.ndarray,
    names: Sequence[str],
    origin: Origin,
    *,
    name: str = "",
    home: str | os.PathLike[str] | None = None,
) -> Run:
    """Make the folder of a run of status done whose only epoch, 0, has these vectors as label table and class means.

    Args:
        config: One with ``config.imported``.
        vectors: ``[C,K]``, finite.
        names: C class names.
        origin: Where they come from.
        name: A name for people.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("import anything")
    now = datetime.now(UTC)
    run_id = paths.new_id("imported", config.data.title)
    record = RunRecord(
        id=run_id,
        name=tidy_name(name),
        status="done",
        history=[StatusChange(status="done", at=now, reason=f"imported from {origin.file}")],
        config=config,
        created=now,
        class_names=list(names),
        label_dim=int(vectors.shape[1]),
        versions=versions(),
        origin=origin,
    )
    with paths.new_folder(home) as folder:
        write_record(folder, record)
        RunWriter(folder).labels(0, vectors, vectors)
        target = paths.run_folder(run_id, home)
        paths.place_folder(folder, target)
    return Run(target)
