"""Static labels: one vector per class, given before training and constant."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from lwal_core.config.base.method import MethodConfig, TaskInfo

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod

SENTENCE_VECTORS = "sentence"
"""Value of ``label_vectors`` that stands for embeddings of the class names."""
VECTOR_FILES = (".npy", ".csv", ".tsv", ".safetensors")
"""Endings of the files that ``label_vectors`` may name."""


class Static(MethodConfig):
    """Static labels and where their vectors come from."""

    title = "Static labels"
    summary = "fixed label vectors, such as embeddings of the class names"
    predictor = "labels"

    name: Literal["static"] = "static"
    label_vectors: str = Field(
        SENTENCE_VECTORS, max_length=4_096, title="Vectors of static labels", description="Where static labels come from: sentence, or "
        "a file of vectors that ends in .npy, .csv, .tsv or .safetensors, one row per class. Sentence stands for embeddings of the "
        "class names (needs the extra 'text').",
        json_schema_extra={"file": True, "placeholder": "sentence, or the path of a .npy, .csv, .tsv or .safetensors file"},
    )  # fmt: skip

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

    def resolve_dim(self, num_classes: int) -> int | None:
        """None: the labels are as wide as their vectors."""
        return None

    def option_text(self, option: str) -> str:
        """The file's name without its ending, short and free of markup: legends and tables show it."""
        return re.sub(r"[^\w .-]+", "_", PurePath(self.label_vectors).stem)[:40]

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.static import StaticLabels, static_vectors

        return StaticLabels(static_vectors(self.label_vectors, task.class_names))
