"""Tanglegram: two class trees face to face, whole or with folded clades."""

from __future__ import annotations

from lwal_core.figures.tanglegram.figure import MAX_HEIGHT, MIN_HEIGHT, ColorBy, tanglegram_figure
from lwal_core.figures.tanglegram.lines import AGREEING_OPACITY
from lwal_core.figures.tanglegram.sides import NAME_CHARS

__all__ = ["AGREEING_OPACITY", "MAX_HEIGHT", "MIN_HEIGHT", "NAME_CHARS", "ColorBy", "tanglegram_figure"]
