"""Imported label vectors: no training makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from lwal_core.config.base.method import MethodConfig, TaskInfo
from lwal_core.errors import TrainingError

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod

IMPORTED_METHOD: Final = "imported"
"""Name that stands in the configuration of vectors that were brought in a file."""


class Imported(MethodConfig):
    """Imported vectors; no options."""

    title = "Imported labels"
    summary = "vectors that were brought in a file; nothing trains them"
    trainable = False
    predictor = "labels"

    name: Literal["imported"] = IMPORTED_METHOD

    def resolve_dim(self, num_classes: int) -> int | None:
        """None: the labels are as wide as their vectors."""
        return None

    def build(self, task: TaskInfo) -> LabelMethod:
        """Refused; see :class:`~lwal_core.config.base.method.MethodConfig`."""
        raise TrainingError("Imported vectors are not trained.", "Choose a method to train.")
