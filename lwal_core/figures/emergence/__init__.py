"""Film of a class tree through training."""

from lwal_core.figures.emergence.figure import MOST_NAMES, emergence_figure, shown_epochs

__all__ = ["MOST_NAMES", "emergence_figure", "shown_epochs"]
