"""Counts of predictions, piece by piece, and the measures that follow from them.

No piece is kept, so a test set of any size takes the memory of its counts. Where several processes have a share each, their
counts are summed before anything is divided: the measures are those of all samples, and the same in every process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lwal_core.config.base.method import Rule
from lwal_core.methods import LabelMethod, Outputs, label_distances, product_scores
from lwal_core.methods.reduction import sum_over_processes
from lwal_core.runs import Predictor

BINS = 15
"""Intervals of equal width, closed above, that confidences from 0 to 1 are sorted into (C. Guo et al. 2017, arXiv:1706.04599)."""
TOP = 5
"""A sample counts for top-5 accuracy where at most so many classes, its own among them, score as high as its own."""


@dataclass(frozen=True)
class Reader:
    """What a method says of outputs, by both predictors, and the scores that stand behind the one it is used with.

    Attributes:
        method: In evaluation mode.
        means: Consolidated class means ``[C,K]``.
        rule: What the method is used with.
        temperature: What distances are divided by before a softmax makes probabilities of them.
    """

    method: LabelMethod
    means: Tensor
    rule: Rule
    temperature: float = 1.0

    def read(self, z: Tensor, logits: Tensor | None) -> Reading:
        """Classes and scores of embeddings ``[B,K]`` and, for methods with a head of their own, its logits ``[B,C]``."""
        distances = label_distances(z, self.means)
        mean, own = distances.argmin(dim=1), self.method.read(Outputs(z, logits, self.means))
        if self.rule == "labels":
            return Reading(mean, own, mean, -distances / self.temperature)
        if self.rule == "product" and logits is not None:
            return Reading(mean, own, own, product_scores(logits, distances))
        scores = z if logits is None else logits
        return Reading(mean, own, own, scores.float() if scores.shape[1] == len(self.means) else None)


@dataclass(frozen=True)
class Reading:
    """Classes ``[B]`` by nearest class mean, by the method's own rule and by the one it is used with, and the scores of the
    last, ``[B,C]``, whose softmax are its probabilities; None for a method that has no score for each class."""

    mean: Tensor
    own: Tensor
    used: Tensor
    scores: Tensor | None


@dataclass(frozen=True)
class Counted:
    """What was counted of N samples.

    Attributes:
        accuracy: By predictor, a fraction; nan without samples.
        class_accuracy: By predictor, ``[C]``, which is the recall of each class; nan for a class without samples.
        class_precision: By predictor, ``[C]``: share of the samples taken for a class that are of it; nan where none is.
        measures: Balanced accuracy, macro F1, top-5 accuracy (for more than five classes) and expected calibration error by
            the rule that the method is used with, under their names in ``metrics.jsonl`` without the part's.
        calibration: ``[3,15]`` samples, summed confidence and right ones of each interval of confidence; None without scores.
    """

    accuracy: dict[Predictor, float]
    class_accuracy: dict[Predictor, Tensor]
    class_precision: dict[Predictor, Tensor]
    measures: dict[str, float]
    calibration: Tensor | None

    def class_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Precision and calibration under the names that label snapshots have for them."""
        found = {f"precision_{rule}": precision.numpy() for rule, precision in self.class_precision.items()}
        return found if self.calibration is None else {**found, "calibration": self.calibration.numpy()}


class Tally:
    """Counts of one part of a data set.

    Args:
        num_classes: C.
        device: Where the pieces lie.
        scored: Whether scores are looked at; without, accuracies, precision and what follows from them are all there is.
    """

    def __init__(self, num_classes: int, device: torch.device, *, scored: bool = True) -> None:
        self._classes = num_classes
        # Of each class: its samples; those taken for it and the right ones among them by nearest mean, own rule, rule as used.
        self._counts = torch.zeros(7, num_classes, dtype=torch.int64, device=device)
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._bins = torch.zeros(3, BINS, dtype=wide, device=device)
        self._top = torch.zeros(1, dtype=torch.int64, device=device)
        self._scored = scored

    @torch.no_grad()
    def add(self, reading: Reading, y: Tensor) -> None:
        """Count a piece whose classes are ``y [B]``."""
        one = torch.ones_like(y)
        self._counts[0].index_add_(0, y, one)
        for row, pred in zip((1, 3, 5), (reading.mean, reading.own, reading.used), strict=True):
            self._counts[row].index_add_(0, pred, one)
            self._counts[row + 1].index_add_(0, y, (pred == y).to(torch.int64))
        scores = reading.scores
        if scores is None or not self._scored:
            self._scored = False
            return
        own = scores.gather(1, y[:, None])
        as_high = (scores >= own).sum(dim=1)
        self._top += ((as_high <= TOP) & torch.isfinite(own[:, 0])).sum()
        # The largest probability of a softmax, without the others.
        confidence = (scores.amax(dim=1) - torch.logsumexp(scores, dim=1)).exp().nan_to_num(0.0).to(self._bins.dtype)
        at = ((confidence * BINS).ceil().long() - 1).clamp(0, BINS - 1)
        hits = (reading.used == y).to(self._bins.dtype)
        for row, values in enumerate((torch.ones_like(confidence), confidence, hits)):
            self._bins[row].index_add_(0, at, values)

    @torch.no_grad()
    def finish(self) -> Counted:
        """The measures of all pieces, of all processes; every process must call it."""
        counts = sum_over_processes(self._counts).cpu()
        bins = sum_over_processes(self._bins).double().cpu()
        top = int(sum_over_processes(self._top))
        total = int(counts[0].sum())
        taken: dict[Predictor, Tensor] = {"mean": counts[1], "own": counts[3]}
        right: dict[Predictor, Tensor] = {"mean": counts[2], "own": counts[4]}
        measures = _of_classes(counts[0], counts[5], counts[6])
        scored = self._scored and total > 0
        if scored:
            measures["calibration_error"] = float((bins[2] - bins[1]).abs().sum() / total)
        if scored and self._classes > TOP:
            measures["top5_accuracy"] = top / total
        return Counted(
            # In float32, as ever: what a checkpoint of an older release holds is compared with it.
            accuracy={rule: float(hits.sum().float() / total) for rule, hits in right.items()},
            class_accuracy={rule: hits.float() / counts[0] for rule, hits in right.items()},  # 0 / 0 is nan
            class_precision={rule: hits.float() / taken[rule] for rule, hits in right.items()},
            measures=measures,
            calibration=bins if scored else None,
        )


def _of_classes(there: Tensor, taken: Tensor, right: Tensor) -> dict[str, float]:
    """Mean recall and mean F1 over the classes that have samples; a class that no sample is taken for has an F1 of 0."""
    present = there > 0
    if not bool(present.any()):
        return {}
    there, taken, right = (counts[present].double() for counts in (there, taken, right))
    return {
        "balanced_accuracy": float((right / there).mean()),
        "macro_f1": float((2 * right / (there + taken)).mean()),
    }
