"""Label methods, one a file, behind one small protocol (:class:`LabelMethod`); and the losses they are made of."""

from __future__ import annotations

from typing import NamedTuple

from lwal_core.config import MethodConfig
from lwal_core.errors import TrainingError
from lwal_core.methods.adaptive import AdaptiveLabels, initial_labels
from lwal_core.methods.base import LabelLoss, LabelMethod, LabelModule, StepContext
from lwal_core.methods.labelemb import LabelEmbeddingNetwork
from lwal_core.methods.losses import class_centroids, label_distances, pull_loss, push_loss
from lwal_core.methods.lwr import RetrospectionLabels
from lwal_core.methods.onehot import OneHotLabels
from lwal_core.methods.smoothing import SmoothedLabels
from lwal_core.methods.static import StaticLabels, static_vectors

__all__ = [
    "AdaptiveLabels",
    "LabelEmbeddingNetwork",
    "LabelLoss",
    "LabelMethod",
    "LabelModule",
    "OneHotLabels",
    "RetrospectionLabels",
    "SmoothedLabels",
    "StaticLabels",
    "StepContext",
    "TaskFacts",
    "build_method",
    "class_centroids",
    "initial_labels",
    "label_distances",
    "pull_loss",
    "push_loss",
    "static_vectors",
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
    """The label method of a run.

    Raises:
        ConfigError: The label dimension is too large for this many classes.
        DataError: A file of label vectors cannot be read or does not fit the classes.
        TrainingError: Something the method needs is not installed, or it would take too much memory.
    """
    classes = len(task.class_names)
    match config.name:
        case "onehot":
            return OneHotLabels(classes)
        case "smoothing":
            return SmoothedLabels(classes, config.smoothing)
        case "static":
            return StaticLabels(static_vectors(config.label_vectors, task.class_names))
        case "lwr":
            return RetrospectionLabels(classes, task.train_size, config.retrospection_epochs, config.temperature)
        case "labelemb":
            return LabelEmbeddingNetwork(classes, task.features, config.alpha, config.beta, config.tau, seed=task.seed)
        case "imported":
            raise TrainingError("Imported vectors are not trained.", "Choose a method to train.")
        case "lwal":
            dim = config.resolve_dim(classes)
            assert dim is not None  # only static labels have the width of their vectors
            return AdaptiveLabels(
                classes,
                dim,
                config.push_weight,
                config.stationary_steps,
                config.warmup_steps,
                config.decay,
                leave_one_out=config.leave_one_out,
                gradient_through_update=config.gradient_through_update,
                distance_temperature=config.distance_temperature,
                start=config.start,
                seed=task.seed,
            )
