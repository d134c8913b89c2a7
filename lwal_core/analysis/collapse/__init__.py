"""Neural collapse: how samples gather around their class means, and how the means stand to each other; by level of a taxonomy."""

from lwal_core.analysis.collapse.measures import NeuralCollapse, collapse_of, neural_collapse
from lwal_core.analysis.collapse.moments import ArrayError, ClassMoments

__all__ = ["ArrayError", "ClassMoments", "NeuralCollapse", "collapse_of", "neural_collapse"]
