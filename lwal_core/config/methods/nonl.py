"""NONL: the prototype of a sample's class against the samples of other classes alone (arXiv:2605.20302)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lwal_core.config.base.contrast import temperature_field
from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod, OutputLayer


class Nonl(MethodConfig):
    """Learned prototypes of length 1, read by the largest cosine."""

    title = "NONL"
    summary = "prototypes contrasted with the samples of other classes"
    sentence = "A vector for each class is contrasted with the samples of other classes."
    equidistant_labels = True

    name: Literal["nonl"] = "nonl"
    contrast_temperature: float = temperature_field()

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return f"temperature {self.contrast_temperature:g}"

    def output_layer(self, features: int, num_classes: int) -> OutputLayer:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.cosine_head import CosineHead

        return CosineHead(features, num_classes, 1 / self.contrast_temperature)

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.prototype_contrast import PrototypeContrast

        return PrototypeContrast(len(task.class_names), negatives_only=True)
