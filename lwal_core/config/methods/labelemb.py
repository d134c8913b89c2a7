"""Label embedding network: soft labels learned by a second head (arXiv:1710.10393)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class LabelEmbedding(MethodConfig):
    """Label embedding network and the weights of its losses."""

    title = "Label embedding network"
    summary = "soft labels learned by a second head"
    sentence = "A second head learns a soft label for each class while the network trains."

    name: Literal["labelemb"] = "labelemb"
    alpha: float = Field(
        0.9, gt=0.0, le=1.0, title="Alpha", description="Probability of the true class above which the second head is held back "
        "(above 0, up to 1; the paper's 0.9).",
    )  # fmt: skip
    beta: float = Field(
        0.5, ge=0.0, le=1.0, title="Beta", description="Share of the true class in what the outputs are trained towards; the rest is "
        "the learned soft label (0 to 1; the paper's 0.5).",
    )  # fmt: skip
    tau: float = Field(
        2.0, gt=0.0, le=1e3, title="Tau", description="Softening of the second head's outputs before the label matrix learns from "
        "them (above 0, up to 1,000; the paper's 2).",
    )  # fmt: skip

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.labelemb import LabelEmbeddingNetwork

        return LabelEmbeddingNetwork(
            len(task.class_names), task.features, self.alpha, self.beta, self.tau, seed=task.seed
        )
