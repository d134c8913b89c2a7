"""MaxSup: one-hot labels with a penalty on the largest logit (arXiv:2502.15798)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class MaxSup(MethodConfig):
    """Cross-entropy with a penalty on the largest logit, and how much of it."""

    title = "MaxSup"
    summary = "one-hot labels, the largest logit is held down"
    sentence = "One-hot that holds down the largest output, against too much certainty."
    equidistant_labels = True

    name: Literal["maxsup"] = "maxsup"
    max_penalty: float = Field(
        0.1, gt=0.0, le=100.0, title="Penalty on the largest logit", description="Weight of the largest logit less the mean logit, "
        "beside the cross-entropy (above 0, up to 100; the authors' 0.1).",
    )  # fmt: skip

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return f"{self.max_penalty:g}"

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.maxsup import SuppressedMaximum

        return SuppressedMaximum(len(task.class_names), self.max_penalty)
