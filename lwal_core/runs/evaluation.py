"""Test results of a run, by layer and epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import RunError
from lwal_core.runs.metrics import Predictor

Layer = Literal["outputs", "features"]
"""Where embeddings are taken: the outputs of the network, or the features that its last layer makes them of."""

FLOAT16_MAX = 65_504.0
"""Embeddings are stored in half precision; one that exploded is stored as the largest number rather than as
infinity."""
MOST_TESTED, MOST_TESTED_BYTES = 2_000, 5 * 2**20
"""Samples of the test set that are kept of an epoch at most, as many of each class as there are, and bytes of their
embeddings."""
MOST_FEATURE_BYTES = 64 * 2**20
"""Bytes of the features of test samples, of the best epoch."""
MOST_SCORE_BYTES = 64 * 2**20
"""Bytes of the scores of test samples that a method with a head of its own gives, of the best epoch."""
MOST_EPOCHS = 50
"""Epochs after the first whose test samples are kept, beside the newest."""


@dataclass(frozen=True)
class Evaluation:
    """The test set after an epoch: embeddings ``z [N,K]`` float16, true ``y [N]``, ``pred [N]``, ``confusion [C,C]`` counts
    with true classes in rows.

    ``rule`` says how ``pred`` came about: by nearest class mean, or by the predictions of a program that recorded the run;
    of such a run ``z``, ``y`` and ``pred`` may be part of the test set, and ``z`` may be ``[N,0]``. ``layer`` says where ``z`` was
    taken. ``rows [N]`` are the samples' places in the test set where they are a part of it that is known, else None; of
    the features ``confusion`` counts all samples, of an epoch that is not the best one those of ``rows``. ``scores [N,C]`` float16
    are those that the method is used with, where ``z`` does not tell them; their softmax are probabilities.
    """

    epoch: int
    z: np.ndarray
    y: np.ndarray
    pred: np.ndarray
    confusion: np.ndarray
    rule: Predictor = "mean"
    layer: Layer = "outputs"
    rows: np.ndarray | None = None
    scores: np.ndarray | None = None

    @property
    def predicted_by(self) -> str:
        """The rule, as said after "by"."""
        if self.layer == "features":
            return "nearest class mean of features"
        return "nearest class mean" if self.rule == "mean" else "its own predictions"


@dataclass(frozen=True, eq=False)
class FeatureSample:
    """Features after the best epoch: ``rows [M]`` of the test set, ascending, their features ``z [M,D]``, the class of every test
    sample by nearest mean ``pred [N]``, and class means ``[C,D]`` where the label snapshots do not have them."""

    rows: NDArray[np.intp]
    z: NDArray[np.floating]
    pred: NDArray[np.integer]
    means: NDArray[np.floating] | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored beside the outputs."""
        found = {
            "features": half(self.z),
            "feature_rows": self.rows.astype(np.int32),
            "feature_pred": self.pred.astype(np.int32),
        }
        return found if self.means is None else found | {"feature_means": self.means.astype(np.float32)}


def half(z: np.ndarray) -> np.ndarray:
    """Embeddings as float16, none of them infinite that was finite."""
    return np.clip(z, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)


def samples_kept(width: int, most_bytes: int = MOST_TESTED_BYTES) -> int:
    """Test samples whose vectors of so many numbers are kept, at least one."""
    return max(1, min(MOST_TESTED, most_bytes // (2 * max(1, width))))


def kept_of(epoch: int, last: int) -> bool:
    """Whether test samples of an epoch stay when the run has come to the last one: every epoch of the first 50, of more
    every second, fourth and so on, so that at most 51 remain, and the newest in any case."""
    step = 1
    while last > MOST_EPOCHS * step:
        step *= 2
    return epoch == last or epoch % step == 0


def best_evaluation(run_id: str, name: str, arrays: dict[str, np.ndarray], classes: int, layer: Layer) -> Evaluation:
    """The test set after the best epoch.

    Args:
        run_id: Whose it is, for messages.
        name: Of the file.
        arrays: As stored.
        classes: C.
        layer: Which embeddings, and predictions by which.

    Raises:
        RunError: Arrays do not fit, or there are none of this layer.
    """
    _check(run_id, name, arrays, classes)
    at = arrays["epoch"]
    if arrays["confusion"].shape != (classes, classes) or at.shape != (1,) or at.dtype.kind not in "iu":
        raise _unfit(run_id, name, classes)
    y, epoch = arrays["y"], int(at[0])
    if layer == "outputs":
        scores = arrays.get("scores")
        if scores is not None and scores.shape != (len(y), classes):
            raise _unfit(run_id, name, classes)
        return Evaluation(epoch, arrays["z"], y, arrays["pred"], arrays["confusion"], _rule(arrays), scores=scores)
    if not {"features", "feature_rows", "feature_pred"} <= arrays.keys():
        raise RunError(
            f"Run {run_id} keeps no features of its test samples.",
            "Look at the outputs; trainings of today keep both, unless features are very wide.",
        )
    z, rows, pred = arrays["features"], arrays["feature_rows"], arrays["feature_pred"]
    if z.ndim != 2 or rows.shape != (len(z),) or pred.shape != y.shape or not _within(rows, len(y)):
        raise RunError(f"Run {run_id}: {name} has features of different lengths.", "The file is damaged.")
    if not _within(pred, classes):
        raise _unfit(run_id, name, classes)
    return Evaluation(epoch, z, y[rows], pred[rows], confusion_counts(y, pred, classes), "mean", "features", rows)


def sampled_evaluation(run_id: str, name: str, arrays: dict[str, np.ndarray], classes: int, epoch: int) -> Evaluation:
    """The sample of the test set after an epoch; arguments as above.

    Raises:
        RunError: Arrays do not fit.
    """
    _check(run_id, name, arrays, classes)
    y, pred, rows = arrays["y"], arrays["pred"], arrays.get("rows")
    if rows is not None and (rows.shape != y.shape or not _within(rows, 2**31)):
        raise RunError(f"Run {run_id}: {name} has arrays of different lengths.", "The file is damaged.")
    return Evaluation(epoch, arrays["z"], y, pred, confusion_counts(y, pred, classes), _rule(arrays), rows=rows)


def _check(run_id: str, name: str, arrays: dict[str, np.ndarray], classes: int) -> None:
    shape = arrays["y"].shape
    if arrays["z"].ndim != 2 or arrays["z"].shape[:1] != shape or arrays["pred"].shape != shape:
        raise RunError(f"Run {run_id}: {name} has arrays of different lengths.", "The file is damaged.")
    if not _within(np.concatenate([arrays["y"], arrays["pred"]]), classes):
        raise _unfit(run_id, name, classes)


def _unfit(run_id: str, name: str, classes: int) -> RunError:
    return RunError(f"Run {run_id}: {name} does not fit its {classes} classes.", "The file is damaged.")


def _within(numbers: np.ndarray, count: int) -> bool:
    return numbers.dtype.kind in "iu" and (not len(numbers) or bool(0 <= numbers.min() <= numbers.max() < count))


def confusion_counts(y: np.ndarray, pred: np.ndarray, classes: int) -> np.ndarray:
    """Samples by true class (rows) and predicted class ``[C,C]``."""
    cells = y.astype(np.int64) * classes + pred.astype(np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def _rule(arrays: dict[str, np.ndarray]) -> Predictor:
    return "own" if arrays.get("own", np.zeros(0)).any() else "mean"
