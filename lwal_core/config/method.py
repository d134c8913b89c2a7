"""How classes are represented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from lwal_core.config._part import Part
from lwal_core.errors import ConfigError

MAX_LABEL_DIM = 65_536
"""Largest label dimension K: beyond it the label table of 10,000 classes alone takes 2.4 GiB."""

METHOD_TITLES = {"onehot": "One-hot", "lwal": "LwAL"}

LabelDim = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}x?$")]


class MethodConfig(Part):
    """How classes are represented while the network trains (arXiv:2209.04528, section 3)."""

    name: Literal["onehot", "lwal"] = Field(
        "lwal", description="onehot: fixed labels. lwal: labels learned with the network."
    )
    dim: LabelDim = Field(
        "1x", description="Label dimension K: a number, or a multiple of the number of classes such as 1x (LwAL) "
        "or 10x (LwAL10).",
    )  # fmt: skip
    push_weight: float = Field(
        10.0, ge=0.0, le=1e4, description="Weight of the push loss, which drives samples of different classes apart in angle "
        "(0 to 10,000; the paper's 10, 0 switches it off).",
    )  # fmt: skip
    stationary_steps: int = Field(
        1, ge=1, le=1_000_000, description="Training steps between two label updates (the paper's 1: every step).",
    )  # fmt: skip
    warmup_steps: int = Field(
        0, ge=0, le=1_000_000, description="Training steps before the first label update (the paper tries 0, 2 and 5).",
    )  # fmt: skip
    decay: float = Field(
        1.0, gt=0.0, le=1.0, description="Share of the batch's class mean in the new label (above 0, up to 1; the paper's 1 "
        "replaces the label).",
    )  # fmt: skip
    leave_one_out: bool = Field(
        False, description="Leave a sample out of the class mean that it is pulled to, so that it cannot pull itself.",
    )  # fmt: skip

    @field_validator("dim", mode="before")
    @classmethod
    def _dim_text(cls, dim: object) -> object:
        return str(dim) if isinstance(dim, int) and not isinstance(dim, bool) else dim

    @model_validator(mode="after")
    def _only_what_applies(self) -> MethodConfig:
        if self.name == "onehot":
            default = MethodConfig()
            changed = [f for f in type(self).model_fields if f != "name" and getattr(self, f) != getattr(default, f)]
            if changed:
                raise ValueError(
                    f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to onehot; leave it out"
                )
        return self

    def resolve_dim(self, num_classes: int) -> int:
        """Label dimension K for this many classes.

        Raises:
            ConfigError: K would be larger than :data:`MAX_LABEL_DIM`.
        """
        if self.name == "onehot":
            return num_classes
        k = int(self.dim[:-1]) * num_classes if self.dim.endswith("x") else int(self.dim)
        if k > MAX_LABEL_DIM:
            raise ConfigError(
                [("method.dim", f"{self.dim!r} gives K = {k:,} for {num_classes} classes; at most {MAX_LABEL_DIM:,}")]
            )
        return k

    def label(self) -> str:
        """Name for tables and legends: what differs from the paper's settings is written out."""
        if self.name == "onehot":
            return METHOD_TITLES["onehot"]
        title = {"1x": "LwAL", "10x": "LwAL10"}.get(self.dim, f"LwAL (K={self.dim.replace('x', ' C')})")
        default = MethodConfig()
        extras = [
            (
                self.push_weight != default.push_weight,
                "no push" if self.push_weight == 0 else f"push {self.push_weight:g}",
            ),
            (self.stationary_steps != 1, f"every {self.stationary_steps} steps"),
            (self.warmup_steps != 0, f"warm-up {self.warmup_steps}"),
            (self.decay != 1.0, f"decay {self.decay:g}"),
            (self.leave_one_out, "own sample left out"),
        ]
        return ", ".join([title, *(text for on, text in extras if on)])
