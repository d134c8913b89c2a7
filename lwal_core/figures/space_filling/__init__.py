"""Shape of the whole tree as areas: icicle and treemap."""

from __future__ import annotations

from lwal_core.figures.space_filling.areas import Rectangles, icicle_rectangles, treemap_rectangles
from lwal_core.figures.space_filling.figure import AreaColours, Kind, space_filling_figure

__all__ = [
    "AreaColours", "Kind", "Rectangles", "icicle_rectangles", "space_filling_figure", "treemap_rectangles",
]  # fmt: skip
