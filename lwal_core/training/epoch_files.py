"""Files that a training writes of each epoch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.runs import Predictor, RunWriter
from lwal_core.runs.evaluation import confusion_counts, samples_kept
from lwal_core.training.evaluation import EvaluationResult
from lwal_core.training.layers import feature_layer, note_on_features


class EpochFiles:
    """Writer of the results of each epoch; a run that was begun in run format 1 goes on in it, without features and without
    samples by epoch.

    Args:
        writer: Writer of the run folder.
        y_test: Classes of the test samples ``[N]``.
        classes: C.
        width: Numbers of a feature vector, D.
        dim: Numbers of an output, K.
    """

    def __init__(self, writer: RunWriter, y_test: Tensor, classes: int, width: int, dim: int) -> None:
        self._writer, self._classes = writer, classes
        self._y = y_test.cpu().numpy()
        newer = writer.record.format > 1
        self._rows = subsample_per_class(self._y, samples_kept(dim)) if newer else None
        self.layer = feature_layer(classes, width, y_test) if newer else None
        note = note_on_features(classes, width) if newer else ""
        self.notes = [note] if note else []

    @property
    def vectors(self) -> list[Literal["centroids", "features", "labels"]]:
        """Which vectors of the classes every label snapshot has."""
        return ["centroids", "features", "labels"] if self._means_each_epoch else ["centroids", "labels"]

    @property
    def _means_each_epoch(self) -> bool:
        return self.layer is not None and self.layer.kept_each_epoch

    def write(self, epoch: int, labels: Tensor, result: EvaluationResult) -> None:
        """Write the label snapshot and the sample of the test set of an epoch.

        Args:
            epoch: From 0.
            labels: The label table ``[C,K]``.
            result: What was found.
        """
        shares: dict[Predictor, Tensor | None] = {
            **result.test.class_accuracy,
            "features": result.class_accuracy_features,
        }
        features = result.features if self._means_each_epoch else None
        self._writer.labels(
            epoch,
            labels.cpu().numpy(),
            result.centroids.cpu().numpy(),
            {rule: share.cpu().numpy() for rule, share in shares.items() if share is not None},
            None if features is None else features.means.cpu().numpy(),
            result.test.class_arrays(),
        )
        if self._rows is not None:
            z, pred = result.z[self._rows].cpu().numpy(), result.pred[self._rows].cpu().numpy()
            self._writer.tested(epoch, z, self._y[self._rows], pred, self._rows)

    def write_best(self, epoch: int, result: EvaluationResult) -> None:
        """Write the test set as the best epoch sees it."""
        pred, features = result.pred.cpu().numpy(), result.features
        self._writer.evaluation(
            epoch,
            result.z.cpu().numpy(),
            self._y,
            pred,
            confusion_counts(self._y, pred, self._classes),
            features=None if features is None else features.sample(with_means=not self._means_each_epoch),
            scores=None if result.scores is None else result.scores.cpu().numpy(),
        )
