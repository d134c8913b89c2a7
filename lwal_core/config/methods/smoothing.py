"""Label smoothing: one-hot labels that give every class a little probability (arXiv:1512.00567, section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class Smoothing(MethodConfig):
    """Label smoothing and how much of it."""

    title = "Label smoothing"
    summary = "one-hot labels, softened"
    sentence = "One-hot, but a little of each label is spread over the other classes."
    equidistant_labels = True

    name: Literal["smoothing"] = "smoothing"
    smoothing: float = Field(
        0.1, gt=0.0, lt=1.0, title="Smoothing", description="Probability that is taken from the true class and spread evenly "
        "over all classes (above 0, below 1; 0.1 is customary).",
    )  # fmt: skip

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return f"{self.smoothing:g}"

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.smoothing import SmoothedLabels

        return SmoothedLabels(len(task.class_names), self.smoothing)
