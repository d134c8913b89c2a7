"""Writer of a run folder; only the process that owns the run writes results."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from lwal_core import __version__
from lwal_core.config import ReadyModelConfig, RunConfig
from lwal_core.errors import RunError, RunNotFound
from lwal_core.runs import paths
from lwal_core.runs.cuts import groups_named
from lwal_core.runs.evaluation import FeatureSample, half, kept_of
from lwal_core.runs.files import atomic_write, write_arrays, write_json
from lwal_core.runs.home_folder import check_home
from lwal_core.runs.metrics import Predictor, append_metrics
from lwal_core.runs.owner import Owner
from lwal_core.runs.record import ClassGroup, RunRecord, Status, StatusChange, change_record, read_record, write_record
from lwal_core.runs.run import Run
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable

PROGRESS_INTERVAL = 0.5  # seconds between two progress files: often enough for a bar, seldom enough for a disk


def tidy_name(name: str) -> str:
    """A name as it is kept: one line of printable characters, at most 200."""
    return " ".join(printable(name).split())[:200]


def create_run(
    config: RunConfig,
    *,
    name: str = "",
    tags: tuple[str, ...] = (),
    home: str | os.PathLike[str] | None = None,
    made_from: str = "",
    ready_model: ReadyModelConfig | None = None,
) -> Run:
    """Make the folder of a new, queued run.

    Args:
        config: What will be trained.
        name: A name for people, at most 200 characters, any text; may be empty.
        tags: Words to find the run by.
        home: Where; default ``$LWAL_HOME`` or ``./var``.
        made_from: Id of the run that this one is made from, if any.
        ready_model: What will be analysed as it is, in place of a training; its ``run_config`` makes the configuration.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        HomeError: The home cannot be written.
        LocksUnsupportedError: Its file system has no locks; no run is left behind.
        RunError: ``labels_from`` names no cut that is kept with a run.
    """
    check_writable("make a run")
    groups = _groups(config, made_from, home)
    run_id = paths.new_id(config.method_spelled_out(), config.data.title, f"s{config.training.seed}")
    check_home(home)
    folder = paths.run_folder(run_id, home)
    now = datetime.now(UTC)
    record = RunRecord(
        id=run_id,
        name=tidy_name(name),
        tags=list(tags),
        status="queued",
        history=[StatusChange(status="queued", at=now)],
        config=config,
        created=now,
        versions=versions(),
        made_from=made_from,
        ready_model=ready_model,
        groups=groups,
    )
    with paths.new_folder(home) as making:  # there as a whole, or not at all
        write_record(making, record)
        paths.place_folder(making, folder)
    return Run(folder, record)


def _groups(config: RunConfig, made_from: str, home: str | os.PathLike[str] | None) -> list[ClassGroup]:
    """Groups that are the classes; those of the run that this one is made from where they are called alike."""
    if config.data.labels_from is None:
        return []
    if made_from:
        with suppress(RunError, RunNotFound):
            before = read_record(paths.run_folder(made_from, home))
            if before.groups and before.config.data.labels_from == config.data.labels_from:
                return before.groups
    return list(groups_named(config.data.labels_from, home))


class RunWriter:
    """The training process's hand on its run folder.

    Args:
        folder: The run folder, made by :func:`create_run`.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """

    def __init__(self, folder: Path) -> None:
        check_writable("change a run")
        self.folder = folder
        self.record = read_record(folder)
        self._progress_written = 0.0

    def take(self) -> None:
        """Write this process into the record as the run's owner, and delete what a killed one left half written."""
        self.update(owner=Owner.this_process())
        for part in (paths.CHECKPOINT, paths.LABELS, paths.MODEL, paths.TESTED):  # only the owner writes there
            for left in (self.folder / part).glob(".*.part"):
                left.unlink(missing_ok=True)

    def move_to(self, status: Status, reason: str = "") -> None:
        """Change the status and note when and why."""
        self.record = change_record(self.folder, lambda record: record.moved_to(status, reason))

    def update(self, **fields: Any) -> None:
        """Set fields of the record and write it."""
        self.record = change_record(self.folder, lambda record: record.model_copy(update=fields))

    def begin(self) -> bool:
        """Move a queued run to ``running``; False when it was cancelled in the meantime."""
        self.record = change_record(
            self.folder, lambda record: record.moved_to("running") if record.status == "queued" else record
        )
        return self.record.status == "running"

    def clear_results(self) -> None:
        """Delete what an earlier process recorded, for work that begins anew."""
        for part in (paths.LABELS, paths.TESTED):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        for name in (paths.METRICS, paths.EVALUATION, paths.SAMPLES, paths.PROGRESS):
            (self.folder / name).unlink(missing_ok=True)
        self.update(best_epoch=None, label_dim=None, vectors=[], warnings=[])

    def labels(
        self,
        epoch: int,
        labels: np.ndarray,
        centroids: np.ndarray,
        accuracy: dict[Predictor, np.ndarray] | None = None,
        feature_means: np.ndarray | None = None,
        measured: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Write the snapshot of an epoch: label table and class means, both ``[C,K]``, the test accuracy of each
        class ``[C]`` by predictor where it was measured, class means of the features ``[C,D]``, and what else was measured on
        the test set, by the names of :class:`lwal_core.runs.LabelSnapshot`; all stored as float32."""
        arrays = {"labels": labels.astype(np.float32), "centroids": centroids.astype(np.float32)}
        arrays |= {f"accuracy_{name}": values.astype(np.float32) for name, values in (accuracy or {}).items()}
        arrays |= {name: values.astype(np.float32) for name, values in (measured or {}).items()}
        if feature_means is not None:
            arrays["feature_means"] = feature_means.astype(np.float32)
        write_arrays(paths.label_file(self.folder, epoch), arrays, {"epoch": str(epoch)})

    def metrics(self, *rows: dict[str, float | int]) -> None:
        """Append the metrics of an epoch, or of several at once."""
        append_metrics(self.folder, *rows)

    def evaluation(
        self,
        epoch: int,
        z: np.ndarray,
        y: np.ndarray,
        pred: np.ndarray,
        confusion: np.ndarray,
        rule: Predictor = "mean",
        features: FeatureSample | None = None,
        scores: np.ndarray | None = None,
    ) -> None:
        """Write the test set as this epoch sees it, the best one; see :class:`lwal_core.runs.Evaluation` for shapes."""
        arrays = {
            "z": half(z),
            "y": y.astype(np.int32),
            "pred": pred.astype(np.int32),
            "confusion": confusion.astype(np.int64),
            "epoch": np.array([epoch], dtype=np.int64),
        }
        if rule == "own":
            arrays["own"] = np.ones(1, dtype=np.int64)
        if features is not None:
            arrays |= features.arrays()
        if scores is not None:
            arrays["scores"] = half(scores)
        write_arrays(self.folder / paths.EVALUATION, arrays)

    def tested(
        self,
        epoch: int,
        z: np.ndarray,
        y: np.ndarray,
        pred: np.ndarray,
        rows: np.ndarray | None = None,
        rule: Predictor = "mean",
    ) -> None:
        """Write the same sample of the test set as each epoch sees it, and thin out those of earlier epochs.

        Args:
            epoch: From 0.
            z: Embeddings ``[M,K]``.
            y: True classes ``[M]``.
            pred: Predicted classes ``[M]``.
            rows: Their places in the test set ``[M]``; None where they are not known.
            rule: What ``pred`` is by.
        """
        before = paths.tested_epochs(self.folder)
        last = max([epoch, *before])
        if kept_of(epoch, last):
            arrays = {"z": half(z), "y": y.astype(np.int32), "pred": pred.astype(np.int32)}
            if rows is not None:
                arrays["rows"] = rows.astype(np.int32)
            if rule == "own":
                arrays["own"] = np.ones(1, dtype=np.int64)
            write_arrays(paths.tested_file(self.folder, epoch), arrays, {"epoch": str(epoch)})
        for old in before:
            if not kept_of(old, last):
                paths.tested_file(self.folder, old).unlink(missing_ok=True)

    def samples(self, images: np.ndarray, y: np.ndarray) -> None:
        """Write the thumbnails, ``images [M,H,W,3]`` uint8."""
        atomic_write(
            self.folder / paths.SAMPLES,
            lambda file: np.savez_compressed(file, images=images.astype(np.uint8), y=y.astype(np.int32)),
        )

    def skipped(self, table: str) -> None:
        """Write the list of images that could not be read, as CSV."""
        atomic_write(self.folder / paths.SKIPPED, lambda file: file.write(table.encode()))

    def read_skipped(self) -> str:
        """The list that :meth:`skipped` wrote; empty where there is none."""
        try:
            with (self.folder / paths.SKIPPED).open(encoding="utf-8", newline="") as file:
                return file.read()
        except (OSError, UnicodeError):
            return ""

    def progress(self, epoch: int, batch: int, batches: int) -> None:
        """Note the position inside an epoch; cheap, as it writes at most twice per second."""
        now = time.monotonic()
        if batch < batches and now - self._progress_written < PROGRESS_INTERVAL:
            return
        self._progress_written = now
        values = {"epoch": epoch, "batch": batch, "batches": batches, "updated": datetime.now(UTC).isoformat()}
        write_json(self.folder / paths.PROGRESS, values, durable=False)


def versions() -> dict[str, str]:
    """Versions that decide the numbers. torch is looked up by its metadata, not imported."""
    return dict(_installed())


@cache
def _installed() -> dict[str, str]:
    found = {"lwal": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "numpy", "scipy", "scikit-learn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
