"""Learned labels beside a head: two ways to represent the classes on the same features, read together."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from lwal_core.config.base.label_dim import LabelDim, label_dim
from lwal_core.config.base.method import MethodConfig, Rule, TaskInfo, Variant

if TYPE_CHECKING:
    from lwal_core.methods.base import ClassHead, LabelMethod


class Hybrid(MethodConfig):
    """A head with cross-entropy, and a branch of learned labels on the same features; the branch makes the embedding."""

    title = "Hybrid"
    summary = "learned labels beside a head, read together"
    variants: ClassVar = {
        "Hybrid": Variant(
            "A one-hot head and learned labels share one network; both together name the class.", {"head": "linear"}
        ),
        "Hybrid, cosine head": Variant(
            "The hybrid, with a head that compares directions alone.",
            {"head": "cosine"},
            "Few images a class: ahead early, more parameters.",
        ),
    }
    in_title = frozenset({"head"})
    learns_labels = True
    predictor = "product"

    name: Literal["hybrid"] = "hybrid"
    head: Literal["linear", "cosine"] = Field(
        "linear", description="Head beside the labels. linear: as in one-hot training. cosine: the cosine between features and a "
        "vector for each class, times a learned scale that starts at 10.",
    )  # fmt: skip
    reading: Literal["product", "head", "labels"] = Field(
        "product", title="Read by", description="Rule that predicts. product: probability by the head times probability by the "
        "distances to the class means, of which the square root is taken. head: largest output of the head. labels: nearest label.",
    )  # fmt: skip
    branch_weight: float = Field(
        1.0, gt=0.0, le=1e4, title="Branch weight", description="Weight of the labels' loss beside the head's (above 0, up to 10,000; 1 "
        "counts both alike).",
    )  # fmt: skip
    branch_dim: LabelDim = Field(
        "10x", description="Label dimension K of the labels beside the head: a number, or a multiple of the number of classes such "
        "as 1x or 10x.",
    )  # fmt: skip
    branch_push_weight: float = Field(
        0.0, ge=0.0, le=1e4, title="Push weight in the branch", json_schema_extra={"term": "Push loss"},
        description="Weight of the push loss within the labels' loss (0 to 10,000; 0 switches it off).",
    )  # fmt: skip
    branch_leave_one_out: bool = Field(
        True, title="Leave a sample out of its own class mean in the branch", description="Leave a sample out of the class mean "
        "that it is pulled to in the labels' loss, so that it cannot pull itself.",
    )  # fmt: skip
    branch_labels: Literal["learned", "fixed"] = Field(
        "learned", title="Labels in the branch", json_schema_extra={"since": "0.3"},
        description="learned: class means of the batch, as in LwAL. fixed: rows of the identity, which stay as they are: a control with "
        "the same parameters and no learned label.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _only_what_applies(self) -> Hybrid:
        if self.branch_labels == "fixed" and self.branch_push_weight:
            raise ValueError("branch_push_weight does not apply to fixed labels; leave it out")
        return self

    @property
    def rule(self) -> Rule:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return self.reading

    @property
    def softmax_temperature(self) -> float | None:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return 1.0

    def resolve_dim(self, num_classes: int) -> int:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return label_dim(self.branch_dim, num_classes, "branch_dim")

    def titled(self) -> str:
        """``Hybrid``, with the head where it is not a linear one."""
        return self.title if self.head == "linear" else f"{self.title}, {self.head} head"

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        words = {
            "head": f"{self.head} head",
            "reading": f"read by {self.reading}",
            "branch_dim": f"K={self.branch_dim.replace('x', ' C')}",
            "branch_push_weight": f"push {self.branch_push_weight:g}",
            "branch_leave_one_out": "own sample not left out",
            "branch_labels": f"{self.branch_labels} labels",
        }
        return words[option] if option in words else super().option_text(option)

    def class_head(self, features: int, num_classes: int) -> ClassHead:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.hybrid import build_head

        return build_head(self.head, features, num_classes)

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.hybrid import LabelsBesideHead

        classes = len(task.class_names)
        return LabelsBesideHead(
            classes,
            task.features,
            self.resolve_dim(classes),
            self.head,
            self.branch_weight,
            self.branch_push_weight,
            leave_one_out=self.branch_leave_one_out,
            learned=self.branch_labels == "learned",
            reading=self.reading,
            seed=task.seed,
        )
