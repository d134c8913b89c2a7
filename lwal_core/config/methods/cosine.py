"""Cosine head: one-hot labels read by angle; a control for learned labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod, OutputLayer


class Cosine(MethodConfig):
    """One-hot labels with a head that sees the direction of the features alone; no options."""

    title = "Cosine head"
    summary = "one-hot labels, outputs are scaled cosines"
    sentence = "One-hot with outputs that compare directions and not lengths."
    equidistant_labels = True

    name: Literal["cosine"] = "cosine"

    def output_layer(self, features: int, num_classes: int) -> OutputLayer:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.cosine_head import CosineHead

        return CosineHead(features, num_classes)

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.onehot import OneHotLabels

        return OneHotLabels(len(task.class_names))
