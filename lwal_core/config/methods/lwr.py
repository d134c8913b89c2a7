"""Learning with retrospection: soft labels from the network's own earlier outputs (Deng and Zhang, AAAI 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class Retrospection(MethodConfig):
    """Learning with retrospection: when outputs are recorded, and how soft."""

    title = "Retrospection"
    summary = "soft labels from the network's own earlier outputs"
    sentence = "The network's own earlier outputs become its soft labels."
    equidistant_labels = True

    name: Literal["lwr"] = "lwr"
    retrospection_epochs: int = Field(
        5, ge=1, le=10_000, title="Retrospection epochs", description="Epochs before the outputs are recorded as soft labels for the "
        "first time, and between two recordings (1 to 10,000; the paper tries 2, 3 and 5).",
    )  # fmt: skip
    temperature: float = Field(
        5.0, gt=0.0, le=1e3, title="Retrospection temperature", description="Softening of recorded outputs: they are divided by this "
        "before the softmax (above 0, up to 1,000; the paper's 5).",
    )  # fmt: skip

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        if option == "retrospection_epochs":
            count = self.retrospection_epochs
            return "every epoch" if count == 1 else f"every {count} epochs"
        return super().option_text(option)

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.lwr import RetrospectionLabels

        return RetrospectionLabels(len(task.class_names), task.train_size, self.retrospection_epochs, self.temperature)
