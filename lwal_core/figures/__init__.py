"""Analysis results as plotly figures: one palette, one layout, plain figures that any page or export can use."""

from __future__ import annotations

from lwal_core.figures.dendrogram import dendrogram_figure
from lwal_core.figures.embedding import embedding_figure
from lwal_core.figures.heatmap import confusion_heatmap, distance_heatmap

__all__ = ["confusion_heatmap", "dendrogram_figure", "distance_heatmap", "embedding_figure"]
