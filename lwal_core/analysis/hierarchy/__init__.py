"""Class tree: agglomerative clustering of class vectors, its cuts, subtrees and leaf order."""

from lwal_core.analysis.hierarchy.tree import (
    EUCLIDEAN_METHODS,
    FLAT_TOLERANCE,
    METHODS,
    METRICS,
    Hierarchy,
    build_hierarchy,
)

__all__ = ["EUCLIDEAN_METHODS", "FLAT_TOLERANCE", "METHODS", "METRICS", "Hierarchy", "build_hierarchy"]
