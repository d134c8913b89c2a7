"""Figure of training curves: accuracy and loss per epoch, sample or second."""

from lwal_core.figures.curves.drawing import UNIFIED_HOVER_GROUPS
from lwal_core.figures.curves.figure import accuracy_figure, loss_figure

__all__ = ["UNIFIED_HOVER_GROUPS", "accuracy_figure", "loss_figure"]
