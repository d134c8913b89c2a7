"""Writer of what belongs to an epoch: its numbers, the vectors of its classes, and the test set as the best one sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.config import RunConfig
from lwal_core.config.methods.external import External
from lwal_core.recording.arrays import check_shape, class_numbers
from lwal_core.recording.numbers import VALIDATION, EpochRows
from lwal_core.recording.predictions import Tested, thumbnails
from lwal_core.runs import RunWriter
from lwal_core.runs.evaluation import samples_kept
from lwal_core.runs.metrics import Predictor
from lwal_core.runs.paths import SAMPLES
from lwal_core.runs.run import VectorSource

_SOURCES: dict[str, VectorSource] = {"class_means": "centroids", "labels": "labels", "feature_means": "features"}


class EpochWriter:
    """What was recorded of the epochs so far, and the newest one that more may be said of.

    Args:
        writer: Writer of the run folder.
        classes: Number of classes C.
        epochs_known: Whether the configuration says how many epochs there will be.
        again: Whether the run was recorded before.
        came_to: Called with each epoch of which numbers come, if given.
    """

    def __init__(
        self, writer: RunWriter, classes: int, *, epochs_known: bool, again: bool, came_to: Callable[[int], None] | None
    ) -> None:
        self.rows = EpochRows(writer.folder)
        self._writer, self._classes, self._epochs_known, self._came_to = writer, classes, epochs_known, came_to
        record = writer.record
        self._vectors: set[VectorSource] = set(record.vectors) if again else set()
        self._widths: dict[str, int] = (
            {} if not again or record.label_dim is None else {"class_means": record.label_dim}
        )
        self._tested: Tested | None = None  # of that epoch, until its accuracy on a validation part is known
        self._at: int | None = None  # the epoch whose vectors and shares these are
        self._tables: dict[str, np.ndarray] = {}
        self._shares: dict[Predictor, Any] = {}
        self._measured: dict[str, Any] = {}
        self._counted: set[str] = set()  # its numbers that were worked out from predictions
        self._held: dict[int, dict[str, float | int]] | None = None  # rows that are written later

    @property
    def _config(self) -> RunConfig:
        return self._writer.record.config

    def sizes(self, name: str) -> dict[str, int]:
        """Sizes that a table of this name must have, by letter."""
        known = {"C": self._classes}
        return known | ({"K": self._widths[name]} if name in self._widths else {})

    @property
    def width(self) -> int | None:
        """K of the class means; None before any."""
        return self._widths.get("class_means")

    def means(self, epoch: int) -> np.ndarray | None:
        """Class means of an epoch, ``[C,K]``, if it is the newest one and has them."""
        return self._tables.get("class_means") if self._at == epoch else None

    def numbers(self, epoch: int, found: Mapping[str, float | int]) -> None:
        """Write numbers that the program gave, by the names of their columns.

        Raises:
            RecordError: The epoch comes too late.
        """
        if epoch == self._at:
            self._counted -= found.keys()
        self._write_row(epoch, found)
        if self._tested is not None and epoch == self._at and not found.keys().isdisjoint(VALIDATION):
            self._keep_if_best(epoch, self._tested)

    def vectors(self, epoch: int, tables: Mapping[str, np.ndarray]) -> None:
        """Write ``class_means`` or ``labels`` or both, ``[C,K]`` each, and ``feature_means [C,D]`` if given.

        Raises:
            RecordError: The epoch comes too late.
        """
        self._come_to(epoch)
        self._tables.update(tables)
        self._widths.update({name: value.shape[1] for name, value in tables.items()})
        self._write_tables(epoch)

    def test(self, epoch: int, found: Tested) -> None:
        """Write what was counted on the test set.

        Raises:
            RecordError: The epoch comes too late.
        """
        self._come_to(epoch)
        self._shares, self._measured = found.class_accuracy, found.class_arrays
        row = {"test_accuracy_mean": found.mean, "test_accuracy_own": found.own}
        row |= {f"test_{name}": value for name, value in found.measures.items()}
        given = self.rows.of(epoch).keys() - self._counted  # a number that was given stands
        counted = {name: value for name, value in row.items() if value is not None and name not in given}
        self._counted |= counted.keys()
        self._write_row(epoch, counted)
        if self._tables:
            self._write_tables(epoch)
        self._keep_sample(epoch, found)
        self._tested = found
        self._keep_if_best(epoch, found)

    def images(self, images: Any, classes: Any) -> None:
        """Keep a few pictures of each class, uint8 ``[N,H,W,3]``, unless there are some.

        Raises:
            RecordError: Shape or type is another one, or the classes do not fit.
        """
        y = class_numbers(classes, "targets", None, self._classes)
        check_shape(images, "images", "NHW3", {"N": len(y)})
        if not (self._writer.folder / SAMPLES).exists():
            self._writer.samples(*thumbnails(images, y, self._classes))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the numbers of all epochs of the block at its end."""
        self._held = {}
        try:
            yield
        finally:
            rows, self._held = self._held, None
            if rows:
                self._writer.metrics(*rows.values())

    def set_epochs(self, epochs: int) -> None:
        """Say in the configuration how many epochs there are."""
        config = self._config
        if epochs != config.training.epochs:
            training = config.training.model_copy(update={"epochs": epochs})
            self._writer.update(config=config.model_copy(update={"training": training}))

    def _come_to(self, epoch: int) -> None:
        self.rows.check_order(epoch)
        if epoch != self._at:
            self._at, self._tables, self._shares, self._counted, self._tested = epoch, {}, {}, set(), None
            self._measured = {}

    def _write_row(self, epoch: int, found: Mapping[str, float | int]) -> None:
        self.rows.check_order(epoch)
        if self._came_to is not None:
            self._came_to(epoch)
        row = self.rows.merged(epoch, found)
        if self._held is None:
            self._writer.metrics(row)
        else:
            self._held[epoch] = row
        if epoch > self._config.training.epochs and not self._epochs_known:
            self.set_epochs(epoch)
        method = self._config.method
        if isinstance(method, External) and method.nearest != self.rows.nearest:
            method = method.model_copy(update={"nearest": self.rows.nearest})
            self._writer.update(config=self._config.model_copy(update={"method": method}))

    def _write_tables(self, epoch: int) -> None:
        given = {name: self._tables[name] for name in ("class_means", "labels") if name in self._tables}
        stands_in = next(iter(given.values()))  # the file has both; the record says which one was given
        means, labels = given.get("class_means", stands_in), given.get("labels", stands_in)
        self._writer.labels(epoch, labels, means, self._shares, self._tables.get("feature_means"), self._measured)
        new = self._vectors | {_SOURCES[name] for name in self._tables}
        if new != self._vectors or self._writer.record.label_dim is None:
            self._vectors = new
            self._writer.update(vectors=sorted(new), label_dim=int(stands_in.shape[1]))
        if epoch not in self.rows.rows:
            self._write_row(epoch, {})

    def _keep_sample(self, epoch: int, found: Tested) -> None:
        """Keep what is shown of every epoch; a run that was begun in the older format goes on without."""
        if self._writer.record.format < 2:
            return
        rows = subsample_per_class(found.y, samples_kept(found.z.shape[1]))
        self._writer.tested(epoch, found.z[rows], found.y[rows], found.pred[rows], rule=found.rule)

    def _keep_if_best(self, epoch: int, found: Tested) -> None:
        record = self._writer.record
        accuracy, best = self.rows.accuracy(epoch), record.best_epoch
        if accuracy is None:
            return
        # The network before training is the best one only while there is no other.
        better = epoch > 0 and (best == 0 or accuracy > (self.rows.accuracy(best) or 0.0))
        if not (best is None or epoch == best or better):
            return
        self._writer.evaluation(epoch, found.z, found.y, found.pred, found.confusion, found.rule)
        assert record.data is not None
        self._writer.update(best_epoch=epoch, data=record.data.model_copy(update={"test_size": found.count}))
