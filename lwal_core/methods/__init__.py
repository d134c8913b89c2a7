"""Label methods, one a file, behind one small protocol (:class:`LabelMethod`); and the losses they are made of."""

from __future__ import annotations

from lwal_core.config import MethodConfig
from lwal_core.methods.adaptive import AdaptiveLabels, LabelLoss, initial_labels
from lwal_core.methods.base import LabelMethod
from lwal_core.methods.losses import class_centroids, label_distances, pull_loss, push_loss
from lwal_core.methods.onehot import OneHotLabels

__all__ = [
    "AdaptiveLabels",
    "LabelLoss",
    "LabelMethod",
    "OneHotLabels",
    "build_method",
    "class_centroids",
    "initial_labels",
    "label_distances",
    "pull_loss",
    "push_loss",
]


def build_method(config: MethodConfig, num_classes: int, seed: int) -> LabelMethod:
    """The label method of a run.

    Args:
        config: Its options.
        num_classes: C.
        seed: Of whatever the method draws at random.
    """
    if config.name == "onehot":
        return OneHotLabels(num_classes)
    return AdaptiveLabels(
        num_classes,
        config.resolve_dim(num_classes),
        config.push_weight,
        config.stationary_steps,
        config.warmup_steps,
        config.decay,
        leave_one_out=config.leave_one_out,
        seed=seed,
    )
