"""Analysis results as plotly figures: one palette, one layout, plain figures that any page or export can use."""

from __future__ import annotations

from lwal_core.figures.dendrogram import dendrogram_figure

__all__ = ["dendrogram_figure"]
