"""Supervised contrastive learning (arXiv:2004.11362), with class means as the classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lwal_core.config.base.contrast import projection_field, temperature_field
from lwal_core.config.base.label_dim import LabelDim, label_dim
from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod, OutputLayer


class SupCon(MethodConfig):
    """Samples of one class attract each other, all others repel; the nearest class mean is the class."""

    title = "SupCon"
    summary = "samples contrasted with each other, read by the nearest class mean"
    sentence = "Samples of one class attract and all others repel; the nearest class mean names the class."
    predictor = "labels"

    name: Literal["supcon"] = "supcon"
    contrast_temperature: float = temperature_field()
    projection_dim: LabelDim = projection_field()

    def resolve_dim(self, num_classes: int) -> int:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return label_dim(self.projection_dim, num_classes, "projection_dim")

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        if option == "projection_dim":
            return f"K={self.projection_dim.replace('x', ' C')}"
        return f"temperature {self.contrast_temperature:g}"

    def output_layer(self, features: int, num_classes: int) -> OutputLayer:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.unit_layer import UnitLayer

        return UnitLayer(features, self.resolve_dim(num_classes))

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.supcon import ContrastedSamples

        classes = len(task.class_names)
        return ContrastedSamples(classes, self.resolve_dim(classes), self.contrast_temperature)
