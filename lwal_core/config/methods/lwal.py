"""LwAL: one vector per class, learned during training (arXiv:2209.04528, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from lwal_core.config.base.label_dim import LabelDim, label_dim
from lwal_core.config.base.method import MethodConfig, TaskInfo, Variant

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class Lwal(MethodConfig):
    """Learning with adaptive labels: how wide the labels are, and when and how they are updated."""

    title = "LwAL"
    summary = "labels learned with the network"
    variants: ClassVar = {
        "LwAL": Variant(
            "A vector for each class is learned with the network, as long as there are classes.", {"dim": "1x"}
        ),
        "LwAL10": Variant("LwAL with vectors ten times as long, which leaves the classes more room.", {"dim": "10x"}),
        "lwal-plus": Variant(
            "LwAL10 that pulls each sample towards the others of its class and pushes no class away.",
            {"dim": "10x", "push_weight": 0.0, "leave_one_out": True},
            "To learn labels: accuracy near one-hot's, sometimes above.",
        ),
    }
    in_title = frozenset({"dim"})
    learns_labels = True
    predictor = "labels"

    name: Literal["lwal"] = "lwal"
    dim: LabelDim = Field(
        "1x", description="Label dimension K: a number, or a multiple of the number of classes such as 1x (LwAL) "
        "or 10x (LwAL10).",
    )  # fmt: skip
    push_weight: float = Field(
        10.0, ge=0.0, le=1e4, title="Push weight", json_schema_extra={"term": "Push loss"},
        description="Weight of the push loss, which drives samples of different classes apart in angle "
        "(0 to 10,000; the paper's 10, 0 switches it off).",
    )  # fmt: skip
    stationary_steps: int = Field(
        1, ge=1, le=1_000_000, title="Stationary steps", json_schema_extra={"term": "Stationary step"},
        description="Training steps between two label updates (the paper's 1: every step).",
    )  # fmt: skip
    warmup_steps: int = Field(
        0, ge=0, le=1_000_000, title="Warm-up steps", json_schema_extra={"term": "Warm-up step"},
        description="Training steps before the first label update (the paper tries 0, 2 and 5).",
    )  # fmt: skip
    decay: float = Field(
        1.0, gt=0.0, le=1.0, title="Decay", description="Share of the batch's class mean in the new label (above 0, up to 1; the "
        "paper's 1 replaces the label).",
    )  # fmt: skip
    memory_per_class: int = Field(
        0, ge=0, le=10_000, title="Memory, embeddings a class", json_schema_extra={"since": "0.3"}, description="Recent embeddings a "
        "class that count in its mean beside those of the batch (0 to 10,000; 0: the batch alone). They come from older weights. "
        "The hybrid's branch has none.",
    )  # fmt: skip
    memory_warmup_steps: int = Field(
        100, ge=0, le=10_000_000, json_schema_extra={"since": "0.3"}, description="Steps during which the memory is filled and not used "
        "yet (0 to 10,000,000): weights change fastest at the start.",
    )  # fmt: skip
    leave_one_out: bool = Field(
        False, title="Leave a sample out of its own class mean", description="Leave a sample out of the class mean that it is pulled "
        "to, so that it cannot pull itself.",
    )  # fmt: skip
    gradient_through_update: bool = Field(
        True, description="Let the gradient of an update step flow through the new labels into the samples that they are the means "
        "of (the paper's way); off, labels are constants for the gradient.",
    )  # fmt: skip
    distance_temperature: float = Field(
        1.0, gt=0.0, le=1e3, description="Distances are divided by this before the softmax (above 0, up to 1,000; the paper's 1). "
        "Below 1 a label that is a little nearer wins more clearly.",
    )  # fmt: skip
    start: Literal["identity", "random", "centroids"] = Field(
        "identity", description="Labels before training. identity: one-hot rows, or random unit rows where K is smaller than the "
        "number of classes (the paper's way). random: random unit rows for every K. centroids: class means of the untrained network. "
        "With a decay of 1 and no warm-up the first batch replaces them, whatever they were.",
    )  # fmt: skip

    @property
    def softmax_temperature(self) -> float | None:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return self.distance_temperature

    def resolve_dim(self, num_classes: int) -> int:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return label_dim(self.dim, num_classes, "dim")

    def titled(self) -> str:
        """``LwAL``, ``LwAL10``, or with the dimension written out."""
        return {"1x": "LwAL", "10x": "LwAL10"}.get(self.dim, f"LwAL (K={self.dim.replace('x', ' C')})")

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        words = {
            "dim": f"K={'C' if self.dim == '1x' else self.dim.replace('x', ' C')}",
            "push_weight": "no push" if self.push_weight == 0 else f"push {self.push_weight:g}",
            "stationary_steps": f"every {self.stationary_steps} steps",
            "warmup_steps": f"warm-up {self.warmup_steps}",
            "leave_one_out": f"own sample {'' if self.leave_one_out else 'not '}left out",
            "gradient_through_update": "no gradient through labels",
            "start": f"{self.start} start",
            "memory_per_class": f"memory of {self.memory_per_class} a class",
            "memory_warmup_steps": f"memory from step {self.memory_warmup_steps}",
        }
        return words[option] if option in words else super().option_text(option)

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.adaptive import AdaptiveLabels

        classes = len(task.class_names)
        return AdaptiveLabels(
            classes,
            self.resolve_dim(classes),
            self.push_weight,
            self.stationary_steps,
            self.warmup_steps,
            self.decay,
            leave_one_out=self.leave_one_out,
            gradient_through_update=self.gradient_through_update,
            distance_temperature=self.distance_temperature,
            start=self.start,
            memory_per_class=self.memory_per_class,
            memory_warmup_steps=self.memory_warmup_steps,
            seed=task.seed,
        )
