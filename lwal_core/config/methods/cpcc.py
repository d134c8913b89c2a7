"""CPCC: one-hot labels, and distances of class means that follow a tree which the method is told (Zeng et al., ICLR 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lwal_core.config.base.method import MethodConfig, TaskInfo
from lwal_core.config.base.taxonomy import TaxonomyName, taxonomy_field

if TYPE_CHECKING:
    from lwal_core.methods.base import LabelMethod


class Cpcc(MethodConfig):
    """Cross-entropy less the correlation of class-mean distances with path lengths in a taxonomy: told the hierarchy."""

    title = "CPCC"
    summary = "one-hot labels, class means are told the taxonomy"
    sentence = "One-hot that is told the taxonomy: class means shall be as far apart as it says."
    equidistant_labels = True

    name: Literal["cpcc"] = "cpcc"
    tree_weight: float = Field(
        1.0, gt=0.0, le=1e4, title="Weight of the tree", description="Weight of the correlation between distances of class means and path "
        "lengths in the taxonomy (above 0, up to 10,000; the authors' 1).",
    )  # fmt: skip
    taxonomy: TaxonomyName = taxonomy_field()

    def option_text(self, option: str) -> str:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return str(self.taxonomy) if option == "taxonomy" else f"weight {self.tree_weight:g}"

    @property
    def told_taxonomy(self) -> bool:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        return True

    def build(self, task: TaskInfo) -> LabelMethod:
        """See :class:`~lwal_core.config.base.method.MethodConfig`."""
        from lwal_core.methods.class_tree import class_taxonomy, path_lengths
        from lwal_core.methods.cpcc import CorrelatedWithTree

        found = class_taxonomy(task.class_names, self.taxonomy or task.taxonomy)
        return CorrelatedWithTree(path_lengths(found, task.class_names), self.tree_weight)
