"""Confusion matrix along a class tree: folded to clades, with precision, recall and F1 of every clade."""

from __future__ import annotations

from lwal_core.analysis.trees.confusion.folding import (
    OTHER,
    FoldedConfusion,
    checked_counts,
    fold_confusion,
    largest_first,
)
from lwal_core.analysis.trees.confusion.measures import CladeMeasures, Mistake, clade_measures, top_mistakes

__all__ = [
    "OTHER", "CladeMeasures", "FoldedConfusion", "Mistake", "checked_counts", "clade_measures", "fold_confusion",
    "largest_first", "top_mistakes",
]  # fmt: skip
