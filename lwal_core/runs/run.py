"""Reader of a run folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
from pydantic import BaseModel

from lwal_core.config import RunConfig
from lwal_core.errors import RunError
from lwal_core.runs import paths
from lwal_core.runs.evaluation import Evaluation, Layer, best_evaluation, sampled_evaluation
from lwal_core.runs.files import array_names, read_arrays, read_npz
from lwal_core.runs.metrics import RULE_TITLES, Metrics, Predictor, Reading, read_metrics
from lwal_core.runs.record import ACTIVE, RunRecord, Status, read_record

VectorSource = Literal["centroids", "features", "labels", "confusion"]
SOURCE_TITLES: dict[str, str] = {
    "centroids": "Class means",
    "features": "Feature means",
    "labels": "Label table",
    "confusion": "Confusion matrix",
}
"""What the distances of a class tree are between: class means of the outputs, of the features that the last layer makes them
of, or the label table. The confusion matrix has shares of the test samples of a class rather than
vectors in a space: it makes a tree and no projection."""

START_GRACE_SECONDS = 120.0
"""A queued run that no queue holds and that has no process for longer than this never started; starting Python takes a
few seconds."""


SILENT_SECONDS, SILENT_RECORDER_SECONDS = 90.0, 1_800.0
"""How long a process on another machine may show nothing before that is said: one of this app, and a program that records."""


@dataclass(frozen=True)
class LabelSnapshot:
    """Vectors of the classes at the end of an epoch (0: before training).

    ``labels [C,K]``: the label table as the training step left it (the identity for one-hot). ``centroids [C,K]``:
    class means of the embeddings in evaluation mode over the consolidation sample, the "consolidated labels".
    ``accuracy_mean [C]`` and ``accuracy_own [C]``: test accuracy of each class by predictor, a fraction, nan for a class
    without test samples; None in runs that were trained before it was recorded. ``feature_means [C,D]``: class means of
    the features over the same samples, and ``accuracy_features [C]``; None where they are not kept.
    ``precision_mean`` and ``precision_own`` ``[C]``: share of the samples taken for a class that are of it, nan where none
    is; the recall of a class is its accuracy. ``calibration [3,15]``: test samples, summed confidence and right ones in each of
    15 equal intervals of confidence, by the rule that the method is used with. None likewise.
    """

    epoch: int
    labels: np.ndarray
    centroids: np.ndarray
    accuracy_mean: np.ndarray | None = None
    accuracy_own: np.ndarray | None = None
    feature_means: np.ndarray | None = None
    accuracy_features: np.ndarray | None = None
    precision_mean: np.ndarray | None = None
    precision_own: np.ndarray | None = None
    calibration: np.ndarray | None = None

    def precision(self, predictor: Predictor = "mean") -> np.ndarray | None:
        """Precision of each class on the test set ``[C]``; None where it was not recorded."""
        return {"mean": self.precision_mean, "own": self.precision_own}.get(predictor)

    def accuracy(self, predictor: Predictor = "mean") -> np.ndarray | None:
        """Test accuracy of each class ``[C]``; None where it was not recorded."""
        found: np.ndarray | None = getattr(self, f"accuracy_{predictor}")
        return found


@dataclass(frozen=True)
class Samples:
    """Thumbnails: ``images [M,H,W,3]`` uint8 and their classes ``y [M]``."""

    images: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Progress:
    """Where a running training is inside its epoch."""

    epoch: int
    batch: int
    batches: int
    updated: datetime


class Pulse(BaseModel):
    """A sign of life of a training process, every few seconds.

    ``cpu_percent`` counts 100 for each core in full use; ``memory_bytes`` is resident memory; GPU numbers are None
    without one, ``gpu_used_bytes`` and ``gpu_total_bytes`` of the whole device.
    """

    updated: datetime
    cpu_percent: float
    memory_bytes: int
    gpu_used_bytes: int | None = None
    gpu_total_bytes: int | None = None


class Run:
    """A run folder, opened for reading. Cheap: only ``run.json`` is read at once, everything else on demand."""

    def __init__(self, path: Path, record: RunRecord | None = None) -> None:
        self.path = path
        self.record = record or read_record(path)

    @property
    def id(self) -> str:
        """Id, also the folder's name."""
        return self.record.id

    @property
    def config(self) -> RunConfig:
        """The configuration that was trained."""
        return self.record.config

    @property
    def name(self) -> str:
        """The name a person gave, or one made of the method and the data."""
        return self.record.name or f"{self.config.method_label()} on {self.config.data.title}"

    @property
    def startable(self) -> bool:
        """Whether a process of this app does its work: a training, or the analysis of a model. What another program recorded, or
        somebody imported, is neither started nor stopped here."""
        return self.config.method.trainable or self.record.ready_model is not None

    @property
    def group(self) -> str:
        """Key shared by the runs that differ in nothing but the seed."""
        return self.config.group_key()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names; empty until the data was loaded."""
        return tuple(self.record.class_names)

    @property
    def status(self) -> Status:
        """The status that holds now: a run whose process is gone is ``interrupted`` whatever the record says."""
        record = self.record
        if record.status not in ACTIVE:
            return record.status
        if record.job is not None and record.status == "queued":
            return "queued"  # whoever was about to start it, the queue still has it
        if record.owner is None:
            queued_at = record.history[-1].at if record.history else record.created
            age = (datetime.now(UTC) - queued_at).total_seconds()
            return "interrupted" if age > START_GRACE_SECONDS else record.status
        return "interrupted" if record.owner.alive() is False else record.status

    @property
    def active(self) -> bool:
        """Whether this run waits for its turn or is being trained."""
        return self.status in ACTIVE

    def metrics(self) -> Metrics:
        """What was logged so far, one row per epoch."""
        return read_metrics(self.path)

    def progress(self) -> Progress | None:
        """Position inside the current epoch; None when nothing was written yet."""
        try:
            values = orjson.loads((self.path / paths.PROGRESS).read_bytes())
            return Progress(
                values["epoch"], values["batch"], values["batches"], datetime.fromisoformat(values["updated"])
            )
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None

    def pulse(self) -> Pulse | None:
        """The training process's last sign of life; None when there was none yet."""
        try:
            return Pulse.model_validate(orjson.loads((self.path / paths.PULSE).read_bytes()))
        except (OSError, ValueError):
            return None

    def silent_since(self) -> datetime | None:
        """Since when a run that is said to be in a process has shown nothing of it, where the process is on another machine and
        cannot be asked; None while it is not silent for long.

        A training shows itself every few seconds, a program that records once an epoch.
        """
        owner = self.record.owner
        if self.record.status not in ("running", "cancelling") or owner is None or owner.alive() is not None:
            return None
        signs = [
            _changed(self.path / name)
            for name in (paths.RECORD, paths.METRICS, paths.PULSE, paths.PROGRESS, paths.LABELS)
        ]
        last = max(filter(None, signs), default=self.record.created)
        patience = SILENT_SECONDS if self.startable else SILENT_RECORDER_SECONDS
        return last if (datetime.now(UTC) - last).total_seconds() > patience else None

    def predictor(self, reading: Reading = "as-used") -> Predictor:
        """The column of accuracies that a reading takes of this run."""
        if reading != "as-used":
            return reading
        return "mean" if self.config.method.rule == "labels" else "own"

    @property
    def rule(self) -> str:
        """The rule that the method is used with, as said after "by"."""
        return RULE_TITLES[self.config.method.rule]

    def accuracy(self, reading: Reading = "as-used") -> np.ndarray:
        """Test accuracy by epoch, ``[E+1]``, nan where it was not measured."""
        return self.metrics().accuracy(self.predictor(reading))

    def validation_accuracy(self, reading: Reading = "as-used") -> np.ndarray:
        """Accuracy on the validation part by epoch, ``[E+1]``, nan without one; where it is not known by this reading, as the
        method is used, or as the program gave it that recorded the run."""
        metrics = self.metrics()
        columns = [metrics.accuracy(rule, "validation") for rule in (self.predictor(reading), self.predictor(), "own")]
        return next((column for column in columns if not np.isnan(column).all()), columns[0])

    def label_epochs(self) -> list[int]:
        """Epochs that have a label snapshot, ascending."""
        return paths.label_epochs(self.path)

    def labels(self, epoch: int) -> LabelSnapshot:
        """Label table and class means of an epoch.

        Raises:
            RunError: There is no such snapshot, or its file is damaged.
        """
        arrays = self._arrays(paths.label_file(self.path, epoch), ("labels", "centroids"))
        labels, centroids = arrays["labels"], arrays["centroids"]
        if labels.ndim != 2 or centroids.ndim != 2 or not len(labels) == len(centroids) == len(self.class_names):
            raise RunError(
                f"Run {self.id}: the labels of epoch {epoch} have shapes {labels.shape} and {centroids.shape} "
                f"for {len(self.class_names)} classes.", "The file is damaged; choose another epoch.",
            )  # fmt: skip
        means = arrays.get("feature_means")
        if means is not None and (means.ndim != 2 or len(means) != len(labels)):
            raise RunError(
                f"Run {self.id}: the feature means of epoch {epoch} have the shape {means.shape}.",
                "The file is damaged; choose another epoch.",
            )
        names = ("accuracy_mean", "accuracy_own", "accuracy_features", "precision_mean", "precision_own")
        shares = {name: arrays.get(name) for name in names}
        if any(share is not None and share.shape != (len(labels),) for share in shares.values()):
            raise RunError(
                f"Run {self.id}: accuracies or precisions of the classes at epoch {epoch} do not fit {len(labels)} classes.",
                "The file is damaged; choose another epoch.",
            )
        calibration = arrays.get("calibration")
        if calibration is not None and not (
            calibration.ndim == 2 and len(calibration) == 3 and np.all(calibration >= 0)
        ):
            calibration = None
        return LabelSnapshot(epoch, labels, centroids, feature_means=means, calibration=calibration, **shares)

    def sources(self, *, confusion: bool = False) -> tuple[VectorSource, ...]:
        """Which vectors of its classes there are, the one to begin with first.

        Args:
            confusion: Whether the confusion matrix counts, where one was recorded: it makes a tree and no projection.
        """
        given: tuple[VectorSource, ...] = tuple(
            s
            for s in ("centroids", "features", "labels")
            if s in self.record.vectors  # type: ignore[misc]
        )
        if not (confusion and self.record.best_epoch is not None and (self.path / paths.EVALUATION).is_file()):
            return given or ("centroids",)
        if not self.label_epochs():
            return ("confusion",)
        return (*(given or ("centroids",)), "confusion")

    def vectors(self, epoch: int, source: VectorSource = "centroids", *, layer: Layer = "outputs") -> np.ndarray:
        """Vectors of the classes at an epoch: class means ``[C,K]``, feature means ``[C,D]``, or the label table; of the confusion
        matrix the share of the test samples of each class (rows) that is taken for each, ``[C,C]``.

        Args:
            epoch: The epoch.
            source: Which vectors.
            layer: ``"features"`` takes class means of the features, as the source ``"features"`` does.

        Raises:
            RunError: There are none of this epoch, or a class without test samples has no shares.
        """
        if layer == "features" and source in ("centroids", "features"):
            return self._feature_means(epoch)
        if layer == "features":
            raise RunError(f"The {SOURCE_TITLES[source].lower()} is of the outputs.", "Leave the layer out.")
        if source == "confusion":
            return self._confusion_rates(epoch)
        if source == "features":
            return self._feature_means(epoch)
        if source not in self.sources():
            raise RunError(
                f"Run {self.id} has no {SOURCE_TITLES[source].lower()}.",
                f"Use {' or '.join(self.sources())}: its program recorded nothing else.",
            )
        snapshot = self.labels(epoch)
        return snapshot.centroids if source == "centroids" else snapshot.labels

    def evaluation(self, layer: Layer = "outputs", epoch: int | None = None) -> Evaluation:
        """The test set as the best epoch saw it, or a sample of it as another one did.

        Args:
            layer: Embeddings and predictions of the outputs, or of the features, which are kept of the best epoch alone.
            epoch: One of :meth:`tested_epochs`; None for the best one.

        Raises:
            RunError: No epoch has been evaluated yet, nothing was kept of this one, or the file is damaged.
        """
        classes = len(self.class_names)
        if epoch is None:
            arrays = self._arrays(self.path / paths.EVALUATION, ("z", "y", "pred", "confusion", "epoch"))
            return best_evaluation(self.id, paths.EVALUATION, arrays, classes, layer)
        if layer != "outputs" or epoch not in self.tested_epochs():
            raise RunError(
                f"Run {self.id} keeps no {layer} of test samples of epoch {epoch}.", "Leave the epoch out for the best."
            )
        file = paths.tested_file(self.path, epoch)
        return sampled_evaluation(self.id, file.name, self._arrays(file, ("z", "y", "pred")), classes, epoch)

    def layers(self) -> tuple[Layer, ...]:
        """The layers that test embeddings are kept of; only the names in the file are read."""
        names = array_names(self.path / paths.EVALUATION)
        return ("outputs", "features") if "features" in names else ("outputs",)

    def tested_epochs(self) -> list[int]:
        """Epochs of which a sample of the test set is kept, ascending."""
        return paths.tested_epochs(self.path)

    def _feature_means(self, epoch: int) -> np.ndarray:
        means = self.labels(epoch).feature_means
        if means is None and self.record.best_epoch == epoch and (self.path / paths.EVALUATION).is_file():
            means = self._arrays(self.path / paths.EVALUATION, ()).get("feature_means")
        if means is None or means.ndim != 2 or len(means) != len(self.class_names):
            raise RunError(
                f"Run {self.id} has no feature means of epoch {epoch}.",
                "They are kept by trainings of today, of wide features for the best epoch alone; look at class means.",
            )
        return means

    def _confusion_rates(self, epoch: int) -> np.ndarray:
        found = self.evaluation()
        if found.epoch != epoch:
            raise RunError(
                f"Run {self.id} has a confusion matrix of epoch {found.epoch} alone.",
                "Look at that epoch, or at class means.",
            )
        counts = found.confusion.astype(np.float64)
        totals = counts.sum(axis=1, keepdims=True)
        if not totals.all():
            name = self.class_names[int(np.flatnonzero(totals[:, 0] == 0)[0])]
            raise RunError(
                f"The class {name!r} has no test samples, so its confusions are not known.", "Look at class means."
            )
        rates: np.ndarray = counts / totals
        return rates

    def samples(self) -> Samples | None:
        """Thumbnails of the classes; None for data that is no images or when the file is damaged."""
        try:
            arrays = read_npz(self.path / paths.SAMPLES)
            images, y = arrays["images"], arrays["y"]
        except (OSError, ValueError, KeyError):
            return None
        return Samples(images, y) if images.ndim == 4 and len(images) == len(y) else None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that the training process printed; empty when there are none."""
        path = self.path / paths.LOG
        try:
            with open(path, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 64 * 1024))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _arrays(self, path: Path, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        try:
            arrays = read_arrays(path)
        except FileNotFoundError:
            raise RunError(
                f"Run {self.id} has no {path.relative_to(self.path)} yet.", "It appears when the epoch is done."
            ) from None
        except (OSError, ValueError) as error:
            raise RunError(
                f"Run {self.id}: {error}.", "The file is damaged; train again or restore it from a copy."
            ) from None
        missing = [name for name in names if name not in arrays]
        if missing:
            raise RunError(f"Run {self.id}: {path.name} lacks {', '.join(missing)}.", "The file is damaged.")
        return arrays


def _changed(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def open_run(run_id: str, home: str | os.PathLike[str] | None = None) -> Run:
    """Open a run by its id.

    Raises:
        RunNotFound: No such run. RunError: its record is damaged or foreign.
    """
    return Run(paths.run_folder(run_id, home))
