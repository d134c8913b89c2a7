"""Static labels: one vector per class, given before training and constant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from lwal_core.config.base.label_dim import LabelDim, label_dim
from lwal_core.config.base.method import MethodConfig, TaskInfo, Variant
from lwal_core.config.base.taxonomy import TaxonomyName, taxonomy_field

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod

SENTENCE_VECTORS = "sentence"
"""Value of ``label_vectors`` that stands for embeddings of the class names."""
MADE_VECTORS = {"etf": "ETF labels", "random": "Random labels", "taxonomy": "Taxonomy labels"}
"""Values of ``label_vectors`` that stand for vectors that are made from the classes alone, as ids of runs call them."""
VECTOR_FILES = (".npy", ".csv", ".tsv", ".safetensors")
"""Endings of the files that ``label_vectors`` may name."""


class Static(MethodConfig):
    """Static labels and where their vectors come from."""

    title = "Static labels"
    summary = "fixed label vectors, such as embeddings of the class names"
    variants: ClassVar = {
        "Static labels": Variant("Each class keeps one vector from the start, made from its name or read from a file."),
        "Static, equiangular labels": Variant(
            "Each class keeps one vector from the start; all are equally far apart.", {"label_vectors": "etf"}
        ),
        "Static, random labels": Variant(
            "Each class keeps one vector in a random direction: a control.", {"label_vectors": "random"}
        ),
        "Static, taxonomy labels": Variant(
            "Each class keeps one vector, as near to the others as the taxonomy says.", {"label_vectors": "taxonomy"}
        ),
    }
    predictor = "labels"

    name: Literal["static"] = "static"
    label_vectors: str = Field(
        SENTENCE_VECTORS, max_length=4_096, title="Vectors of static labels", description="Where static labels come from: sentence, etf, "
        "random, taxonomy, or a file of vectors that ends in .npy, .csv, .tsv or .safetensors, one row per class. Sentence stands for "
        "embeddings of the class names (needs the extra 'text'), etf for equiangular vectors (a simplex: all classes equally far apart), "
        "random for random directions, taxonomy for vectors whose cosines fall with the height of the lowest common ancestor.",
        json_schema_extra={
            "term": "Equiangular frame",
            "file": True, "words": [*MADE_VECTORS],
            "placeholder": "sentence, etf, random, taxonomy, or the path of a .npy, .csv, .tsv or .safetensors file",
        },
    )  # fmt: skip
    vector_dim: LabelDim = Field(
        "1x", json_schema_extra={"since": "0.3"}, description="Dimension K of vectors that are made (etf, random, taxonomy): a number, or "
        "a multiple of the number of classes such as 1x. Equiangular vectors and those of a taxonomy need at least one less than there "
        "are classes: K dimensions hold no more than K + 1 equiangular vectors.",
    )  # fmt: skip
    taxonomy: TaxonomyName = taxonomy_field()

    @field_validator("label_vectors")
    @classmethod
    def _known_vectors(cls, source: str) -> str:
        path = PurePath(source)
        if source not in (SENTENCE_VECTORS, *MADE_VECTORS) and not (path.stem and path.suffix.lower() in VECTOR_FILES):
            raise ValueError(
                f"{source!r} is neither {SENTENCE_VECTORS!r}, {', '.join(map(repr, MADE_VECTORS))} nor a file that ends in "
                f"{', '.join(VECTOR_FILES[:-1])} or {VECTOR_FILES[-1]}"
            )
        return source

    @classmethod
    def takes(cls, option: str, chosen: Mapping[str, Any]) -> bool:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return super().takes(option, chosen) and (option != "taxonomy" or chosen.get("label_vectors") == "taxonomy")

    @model_validator(mode="after")
    def _only_what_applies(self) -> Static:
        if self.vector_dim != "1x" and self.label_vectors not in MADE_VECTORS:
            raise ValueError(f"vector_dim does not apply to {self.label_vectors}; leave it out")
        if self.taxonomy is not None and self.label_vectors != "taxonomy":
            raise ValueError(f"taxonomy does not apply to label_vectors {self.label_vectors}; leave it out")
        return self

    @property
    def told_taxonomy(self) -> bool:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return self.label_vectors == "taxonomy"

    def resolve_dim(self, num_classes: int) -> int | None:
        """Of vectors that are made; None: other labels are as wide as their vectors."""
        return label_dim(self.vector_dim, num_classes, "vector_dim") if self.label_vectors in MADE_VECTORS else None

    def titled(self) -> str:
        """The title, which says what the vectors are where they are made."""
        return MADE_VECTORS.get(self.label_vectors, self.title)

    def option_text(self, option: str) -> str:
        """The file's name without its ending, short and free of markup: legends and tables show it."""
        if option == "vector_dim":
            return f"K={self.vector_dim.replace('x', ' C')}"
        if option == "taxonomy":
            return str(self.taxonomy)
        if self.label_vectors in MADE_VECTORS:
            return ""
        return re.sub(r"[^\w .-]+", "_", PurePath(self.label_vectors).stem)[:40]

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.static import StaticLabels, static_vectors

        dim, taxonomy = self.resolve_dim(len(task.class_names)), self.taxonomy or task.taxonomy
        return StaticLabels(static_vectors(self.label_vectors, task.class_names, dim, taxonomy, task.seed))
