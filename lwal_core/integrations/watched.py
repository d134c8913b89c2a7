"""One pass over a test set, the program's own or another, watched and then written into a run."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lwal_core.integrations.batches import as_pictures, first_picture_batch, scores_in
from lwal_core.integrations.classifier import HeadWatch, class_rows, find_head, unwrapped
from lwal_core.integrations.tally import ClassMeans, Tally
from lwal_core.recording import Recorder
from lwal_core.recording.arrays import RecordError, shape_of
from lwal_core.recording.predictions import Tested
from lwal_core.sanitize import quoted

OF_TEST_SET = "Class means are those of the test samples."


class WatchedPass:
    """A pass of a network over a test set; a context manager, which takes the hook off.

    Args:
        run: Where it is written.
        model: The network, wrapped or not.
        head: As for :func:`lwal_core.integrations.classifier.find_head`.
        means: Those of training samples; None for the means of the test set.
        mean: Normalisation of the pictures, as for :func:`lwal_core.integrations.batches.as_pictures`.
        std: As above.

    Raises:
        RecordError: The classifier is not found.
    """

    def __init__(
        self,
        run: Recorder,
        model: nn.Module,
        head: nn.Module | str | None = None,
        *,
        means: ClassMeans | None = None,
        mean: Any = None,
        std: Any = None,
    ) -> None:
        self._run, self._classes = run, len(run.class_names)
        self.model = unwrapped(model)
        self._layer = find_head(self.model, self._classes, head)
        self._scale = (mean, std)
        self._means = means
        self.tally = Tally(self._classes, None if means is None else means.table(), images=not run.has_images)
        self._watch = HeadWatch(self._layer)

    def __enter__(self) -> WatchedPass:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the hook off."""
        self._watch.close()

    def add(self, inputs: Any, targets: Any, output: Any = None) -> None:
        """Count the batch that the network has just seen.

        Args:
            inputs: What it was given, for pictures.
            targets: True classes ``[B]``.
            output: What it gave; None to take the classifier's own.

        Raises:
            RecordError: Something does not fit.
        """
        features, own = self._watch.taken()
        if shape_of(targets, "targets")[0:1] != (len(features),):
            raise RecordError(
                "targets", f"targets has the shape {list(shape_of(targets, 'targets'))}.",
                f"It must be [B] with B = {len(features):,}, the vectors that the classifier is given.",
            )  # fmt: skip
        scores = scores_in(output, len(features), self._classes)
        if scores is None:
            own = own.flatten(2).mean(2) if isinstance(own, Tensor) and own.ndim == 4 else own
            scores = scores_in(own, len(features), self._classes)
        x = first_picture_batch(inputs)
        pictures: Callable[[NDArray[np.intp]], NDArray[np.uint8]] | None = None
        if x is not None and len(x) == len(features):
            batch = x
            pictures = lambda rows: as_pictures(batch, rows, *self._scale)  # noqa: E731
        self.tally.add(features, targets, scores, pictures)

    def write(self, epoch: int) -> Tested:
        """Write what was counted as an epoch of the run.

        Raises:
            RecordError: No sample was counted.
        """
        found = self.tally.tested()
        images, classes = self.tally.pictures() or (None, None)
        of = self._means or self.tally.means
        means = of.table()
        missing = np.flatnonzero(of.counts == 0).tolist()
        rows = class_rows(self._layer, self._classes)
        if missing:
            named = quoted(self._run.class_names[missing[0]], 60)
            self._run.warn("missing classes", f"{len(missing):,} classes have no sample, {named} among them, and no mean: "
                           "the vectors of the classifier stand alone.")  # fmt: skip
            means = None
        if means is not None and rows is not None and rows.shape[1] != means.shape[1]:
            rows = None
        if means is not None or rows is not None:
            self._run.log_labels(epoch, class_means=means, labels=rows)
        self._run.log_tested(epoch, found, images, classes)
        self._run.describe(
            parameters=sum(p.numel() for p in self.model.parameters()),
            device=str(next((p.device for p in self.model.parameters()), "cpu")),
            notes=[OF_TEST_SET] if self._means is None else [],
        )
        return found
