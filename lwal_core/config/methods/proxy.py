"""Proxy anchor: a learned vector for each class, compared by angle (arXiv:2003.13911)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.contrast import projection_field
from lwal_core.config.base.label_dim import LabelDim, label_dim
from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod, OutputLayer


class Proxy(MethodConfig):
    """Proxy-Anchor of pytorch-metric-learning, read by the nearest class mean."""

    title = "Proxy anchor"
    summary = "learned vectors of the classes, compared by angle (extra 'metric')"
    sentence = "A vector for each class is learned and compared with samples by angle."
    predictor = "labels"

    name: Literal["proxy"] = "proxy"
    projection_dim: LabelDim = projection_field()
    proxy_margin: float = Field(
        0.1, ge=-1.0, le=1.0, title="Margin of the proxies", description="Cosine by which a sample must be nearer to the vector of its "
        "class, and farther from the others, than 0 (-1 to 1; the paper's 0.1).",
    )  # fmt: skip
    proxy_scale: float = Field(
        32.0, gt=0.0, le=1e3, title="Scale of the proxies", description="Factor of cosines before the softmax (above 0, up to 1,000; the "
        "paper's 32).",
    )  # fmt: skip

    def resolve_dim(self, num_classes: int) -> int:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return label_dim(self.projection_dim, num_classes, "projection_dim")

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        if option == "projection_dim":
            return f"K={self.projection_dim.replace('x', ' C')}"
        return super().option_text(option).removeprefix("proxy ")

    def output_layer(self, features: int, num_classes: int) -> OutputLayer:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.unit_layer import UnitLayer

        return UnitLayer(features, self.resolve_dim(num_classes))

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.proxy import ProxyLabels

        classes = len(task.class_names)
        return ProxyLabels(classes, self.resolve_dim(classes), self.proxy_margin, self.proxy_scale, seed=task.seed)
