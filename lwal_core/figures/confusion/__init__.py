"""Confusion matrix folded along a class tree: one run, and the difference of two."""

from __future__ import annotations

from lwal_core.figures.confusion.folded import folded_confusion_figure
from lwal_core.figures.confusion.grid import MatrixGrid, matrix_grid

__all__ = ["MatrixGrid", "folded_confusion_figure", "matrix_grid"]
