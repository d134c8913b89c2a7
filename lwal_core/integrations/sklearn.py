"""scikit-learn: a fitted classifier as an epoch of a run; one epoch for each round of ``partial_fit``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.integrations.estimators import class_numbers_of, last_layer
from lwal_core.integrations.needed import needed
from lwal_core.recording import Recorder

needed("sklearn")


def record_classifier(
    run: Recorder,
    estimator: Any,
    X: Any,
    y: Any,
    epoch: int | None = None,
    *,
    train: tuple[Any, Any] | None = None,
    images: Any = None,
    **numbers: Any,
) -> None:
    """Record what a fitted classifier says of a test set.

    Embeddings are what its last layer is given: the last hidden layer of an MLPClassifier, the features of a linear model; of any
    other classifier they are its scores of the classes. Of a pipeline the last step counts, on what the others make of
    the samples.

    Args:
        run: From :func:`lwal_core.start_run`; its class names are the estimator's classes, or stand in their order.
        estimator: The classifier.
        X: Test samples ``[N,...]``.
        y: Their classes ``[N]``, as the estimator knows them.
        epoch: From 1; None for the one after the last.
        train: Training samples and their classes, ``(X, y)``: class means are those of them, and accuracy by nearest class mean
            is recorded as well. None for the means of the test samples, without that accuracy.
        images: uint8 ``[N,H,W,3]`` of the test samples, for pictures.
        **numbers: Further numbers of the epoch, as for :meth:`lwal_core.Recorder.log`.
    """
    with run.careful("record_classifier") as live:
        if not live:
            return
        epoch = run.last_epoch + 1 if epoch is None else epoch
        names = run.class_names
        targets, predicted, known = class_numbers_of((y, estimator.predict(X), estimator.classes_), names)
        z, weights = last_layer(estimator, X)
        means = None
        if z is not None:
            sample: tuple[Any, NDArray[np.int64]] = (z, targets)
            if train is not None:
                sample = (
                    last_layer(estimator, train[0])[0],
                    class_numbers_of((train[1], estimator.classes_), names)[0],
                )
            means = _class_means(*sample, len(names))
            if means is None:
                run.warn("missing classes", "A class has no sample, and no mean: the class means are left out.")
        rows = None
        if weights is not None and len(known) == len(names) and (means is None or weights.shape[1] == means.shape[1]):
            rows = np.empty_like(weights)
            rows[known] = weights
        if numbers:
            run.log(epoch, **numbers)
        given = {name: table for name, table in (("class_means", means), ("labels", rows)) if table is not None}
        if given and train is not None:
            run.log_labels(epoch, **given)
        run.log_predictions(epoch, targets, predictions=predicted, embeddings=z, images=images)
        if given and train is None:  # means of the test samples themselves are no rule to measure on them
            run.log_labels(epoch, **given)


def _class_means(z: Any, y: NDArray[np.int64], classes: int) -> NDArray[np.float64] | None:
    counts = np.bincount(y, minlength=classes)
    if not counts.all():
        return None
    sums = np.zeros((classes, z.shape[1]))
    np.add.at(sums, y, z)
    return sums / counts[:, None]
