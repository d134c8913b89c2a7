"""Label methods, one a file, behind one small protocol (:class:`LabelMethod`); and the losses they are made of."""

from __future__ import annotations

from typing import NamedTuple

from lwal_core.config import MethodConfig
from lwal_core.methods.adaptive import AdaptiveLabels, initial_labels
from lwal_core.methods.base import LabelLoss, LabelMethod, LabelModule, StepContext
from lwal_core.methods.losses import class_centroids, label_distances, pull_loss, push_loss
from lwal_core.methods.onehot import OneHotLabels

__all__ = [
    "AdaptiveLabels",
    "LabelLoss",
    "LabelMethod",
    "LabelModule",
    "OneHotLabels",
    "StepContext",
    "TaskFacts",
    "build_method",
    "class_centroids",
    "initial_labels",
    "label_distances",
    "pull_loss",
    "push_loss",
]


class TaskFacts(NamedTuple):
    """What a label method may need to know of the task.

    Attributes:
        class_names: C names.
        train_size: Samples in the training set.
        features: Outputs of the encoder.
        seed: Of whatever the method draws at random.
    """

    class_names: tuple[str, ...]
    train_size: int
    features: int
    seed: int


def build_method(config: MethodConfig, task: TaskFacts) -> LabelMethod:
    """The label method of a run."""
    classes = len(task.class_names)
    if config.name == "onehot":
        return OneHotLabels(classes)
    return AdaptiveLabels(
        classes,
        config.resolve_dim(classes),
        config.push_weight,
        config.stationary_steps,
        config.warmup_steps,
        config.decay,
        leave_one_out=config.leave_one_out,
        seed=task.seed,
    )
