"""Class tree: agglomerative clustering of class vectors, its cuts, subtrees and leaf order."""

from lwal_core.analysis.hierarchy.class_distances import CONFUSION
from lwal_core.analysis.hierarchy.tree import (
    EUCLIDEAN_METHODS,
    FLAT_TOLERANCE,
    METHODS,
    METRICS,
    OPTIMAL_ORDER_LIMIT,
    Hierarchy,
    build_hierarchy,
    check_rule,
)

__all__ = [
    "CONFUSION",
    "EUCLIDEAN_METHODS",
    "FLAT_TOLERANCE",
    "METHODS",
    "METRICS",
    "OPTIMAL_ORDER_LIMIT",
    "Hierarchy",
    "build_hierarchy",
    "check_rule",
]
