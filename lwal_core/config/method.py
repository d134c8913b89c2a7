"""How classes are represented."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from lwal_core.config._part import Part
from lwal_core.errors import ConfigError

MAX_LABEL_DIM = 65_536
"""Largest label dimension K: beyond it the label table of 10,000 classes alone takes 2.4 GiB."""

METHOD_TITLES = {
    "onehot": "One-hot",
    "smoothing": "Label smoothing",
    "static": "Static labels",
    "lwr": "Retrospection",
    "labelemb": "Label embedding network",
    "lwal": "LwAL",
}

IMPORTED_METHOD = "imported"
"""Name that stands in the configuration of vectors that were brought in a file: no training makes them."""

METHOD_OPTIONS: dict[str, tuple[str, ...]] = {
    "onehot": (),
    "smoothing": ("smoothing",),
    "static": ("label_vectors",),
    "lwr": ("retrospection_epochs", "temperature"),
    "labelemb": ("alpha", "beta", "tau"),
    "lwal": (
        "dim",
        "push_weight",
        "stationary_steps",
        "warmup_steps",
        "decay",
        "leave_one_out",
        "gradient_through_update",
        "distance_temperature",
        "start",
    ),
    IMPORTED_METHOD: (),
}
"""Options that each method reads; one that a method does not read is refused."""

SENTENCE_VECTORS = "sentence"
"""Value of ``label_vectors`` that stands for embeddings of the class names."""
VECTOR_FILES = (".npy", ".csv", ".tsv", ".safetensors")
"""Endings of the files that ``label_vectors`` may name."""

LabelDim = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}x?$")]


class MethodConfig(Part):
    """How classes are represented while the network trains: learned labels and what they are measured against.

    LwAL: arXiv:2209.04528, section 3; the others: its section 4 and lwal_core/methods.
    """

    name: Literal["onehot", "smoothing", "static", "lwr", "labelemb", "lwal", "imported"] = Field(
        "lwal", description="onehot: fixed labels. smoothing: one-hot labels, softened. static: fixed label vectors, such as "
        "embeddings of the class names. lwr: retrospection, soft labels from the network's own earlier outputs. labelemb: label "
        "embedding network, soft labels learned by a second head. lwal: labels learned with the network. "
        "imported: vectors that were brought in a file; nothing trains them.",
    )  # fmt: skip
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
    smoothing: float = Field(
        0.1, gt=0.0, lt=1.0, description="Probability that is taken from the true class and spread evenly over all classes (above 0, "
        "below 1; 0.1 is customary).",
    )  # fmt: skip
    label_vectors: str = Field(
        SENTENCE_VECTORS, max_length=4_096, description="Where static labels come from. sentence: embeddings of the class names "
        "(needs the extra 'text'). Otherwise a file of vectors that ends in .npy, .csv, .tsv or .safetensors, one row a class.",
    )  # fmt: skip
    retrospection_epochs: int = Field(
        5, ge=1, le=10_000, description="Epochs before the outputs are recorded as soft labels for the first time, and between two "
        "recordings (1 to 10,000; the paper tries 2, 3 and 5).",
    )  # fmt: skip
    temperature: float = Field(
        5.0, gt=0.0, le=1e3, description="Softening of recorded outputs: they are divided by this before the softmax (above 0, up to "
        "1,000; the paper's 5).",
    )  # fmt: skip
    alpha: float = Field(
        0.9, gt=0.0, le=1.0, description="Probability of the true class above which the second head is held back (above 0, up to 1; "
        "the paper's 0.9).",
    )  # fmt: skip
    beta: float = Field(
        0.5, ge=0.0, le=1.0, description="Share of the true class in what the outputs are trained towards; the rest is the learned "
        "soft label (0 to 1; the paper's 0.5).",
    )  # fmt: skip
    tau: float = Field(
        2.0, gt=0.0, le=1e3, description="Softening of the second head's outputs before the label matrix learns from them (above 0, "
        "up to 1,000; the paper's 2).",
    )  # fmt: skip

    @field_validator("dim", mode="before")
    @classmethod
    def _dim_text(cls, dim: object) -> object:
        return str(dim) if isinstance(dim, int) and not isinstance(dim, bool) else dim

    @field_validator("label_vectors")
    @classmethod
    def _known_vectors(cls, source: str) -> str:
        path = PurePath(source)
        if source != SENTENCE_VECTORS and not (path.stem and path.suffix.lower() in VECTOR_FILES):
            raise ValueError(
                f"{source!r} is neither {SENTENCE_VECTORS!r} nor a file that ends in "
                f"{', '.join(VECTOR_FILES[:-1])} or {VECTOR_FILES[-1]}"
            )
        return source

    @model_validator(mode="after")
    def _only_what_applies(self) -> MethodConfig:
        changed = [
            option
            for option, field in type(self).model_fields.items()
            if option not in ("name", *METHOD_OPTIONS[self.name]) and getattr(self, option) != field.default
        ]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to {self.name}; leave it out"
            )
        return self

    @property
    def equidistant_labels(self) -> bool:
        """Whether the label table is the identity throughout: every class equally far from every other, so that only
        class means say anything about the classes."""
        return self.name in ("onehot", "smoothing", "lwr")

    def resolve_dim(self, num_classes: int) -> int | None:
        """Label dimension K for this many classes; None for static and imported labels, which are as wide as their
        vectors.

        Raises:
            ConfigError: K would be larger than :data:`MAX_LABEL_DIM`.
        """
        if self.name in ("static", IMPORTED_METHOD):
            return None
        if self.name != "lwal":
            return num_classes
        k = int(self.dim[:-1]) * num_classes if self.dim.endswith("x") else int(self.dim)
        if k > MAX_LABEL_DIM:
            raise ConfigError(
                [("method.dim", f"{self.dim!r} gives K = {k:,} for {num_classes} classes; at most {MAX_LABEL_DIM:,}")]
            )
        return k

    def label(self) -> str:
        """Name for tables and legends: what differs from the paper's settings is written out."""
        title = METHOD_TITLES.get(self.name, "Imported labels")
        if self.name == "lwal":
            title = {"1x": "LwAL", "10x": "LwAL10"}.get(self.dim, f"LwAL (K={self.dim.replace('x', ' C')})")
        # In the order of the words; options of other methods are at their defaults and say nothing.
        words = {
            "push_weight": "no push" if self.push_weight == 0 else f"push {self.push_weight:g}",
            "stationary_steps": f"every {self.stationary_steps} steps",
            "warmup_steps": f"warm-up {self.warmup_steps}",
            "decay": f"decay {self.decay:g}",
            "leave_one_out": "own sample left out",
            "gradient_through_update": "no gradient through labels",
            "distance_temperature": f"distance temperature {self.distance_temperature:g}",
            "start": f"{self.start} start",
            "smoothing": f"{self.smoothing:g}",
            "label_vectors": _file_words(self.label_vectors),
            "retrospection_epochs": f"every {_epochs(self.retrospection_epochs)}",
            "temperature": f"temperature {self.temperature:g}",
            "alpha": f"alpha {self.alpha:g}",
            "beta": f"beta {self.beta:g}",
            "tau": f"tau {self.tau:g}",
        }
        fields = type(self).model_fields
        return ", ".join(
            [title, *(word for option, word in words.items() if getattr(self, option) != fields[option].default)]
        )

    @property
    def reads_outputs(self) -> bool:
        """Whether the method's own rule takes the largest output, rather than the nearest label of the table."""
        return self.name in ("onehot", "smoothing", "lwr", "labelemb")


def _file_words(path: str) -> str:
    """A file's name without its ending, short and free of markup: legends and tables show it."""
    return re.sub(r"[^\w .-]+", "_", PurePath(path).stem)[:40]


def _epochs(count: int) -> str:
    return "epoch" if count == 1 else f"{count} epochs"
