"""Classifiers of scikit-learn: what their last layer is given, its weights, and their classes as numbers of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.limits import named
from lwal_core.recording.arrays import RecordError
from lwal_core.sanitize import quoted

ACTIVATIONS: dict[str, Any] = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


def last_layer(estimator: Any, X: Any) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """What the last layer is given ``[N,K]``, and its weights ``[C,K]``; None for what there is not."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            X, estimator = estimator[:-1].transform(X), estimator[-1]
        else:
            break
    if hasattr(estimator, "coefs_"):
        z = np.asarray(X, dtype=float)
        for matrix, shift in zip(estimator.coefs_[:-1], estimator.intercepts_[:-1], strict=True):
            z = ACTIVATIONS[estimator.activation](z @ matrix + shift)
        return z, _each_class(estimator.coefs_[-1].T)
    weights: Any = getattr(estimator, "coef_", None)
    linear = (
        isinstance(weights, np.ndarray) and weights.ndim == 2 and len(_each_class(weights)) == len(estimator.classes_)
    )
    if linear and not hasattr(X, "tocsr") and np.ndim(X) == 2 and weights.shape[1] <= MAX_LABEL_DIM:
        return np.asarray(X, dtype=float), _each_class(weights)
    for name in ("decision_function", "predict_proba"):
        if hasattr(estimator, name):
            scores = np.asarray(getattr(estimator, name)(X), dtype=float)
            scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
            return scores, None
    return None, None


def _each_class(weights: NDArray[Any]) -> NDArray[Any]:
    """A row for each class; one row tells the second of two from the first."""
    return np.concatenate([-weights, weights]) if len(weights) == 1 else weights


def class_numbers_of(values: tuple[Any, ...], names: tuple[str, ...]) -> list[NDArray[np.int64]]:
    """Arrays of classes as numbers of the run's classes; the last one holds all that the estimator knows.

    Raises:
        RecordError: A class is none of the run's.
    """
    arrays = [np.asarray(value) for value in values]
    seen = list(dict.fromkeys(value for array in arrays[::-1] for value in array.tolist()))
    number = {name: index for index, name in enumerate(names)}
    if all(str(value) in number for value in seen):
        found = {value: number[str(value)] for value in seen}
    elif all(isinstance(value, int) and 0 <= value < len(names) for value in seen):
        found = {value: value for value in seen}
    elif len(seen) == len(names) == len(arrays[-1]):
        found = {value: index for index, value in enumerate(seen)}
    else:
        strange = next(value for value in seen if str(value) not in number)
        raise RecordError("y", f"The class {quoted(strange, 60)} is none of the run's.", f"They are {named(names)}.")
    return [np.array([found[value] for value in array.tolist()], np.int64) for array in arrays]
