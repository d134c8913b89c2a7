"""Projection of class vectors and samples to two or three dimensions, with its quality."""

from lwal_core.analysis.projection.project import (
    ALGORITHM_VERSION,
    MDS_LIMIT,
    METHOD_NAMES,
    METHODS,
    PARAMS,
    Method,
    Projection,
    align,
    check_params,
    fits_exactly,
    jitter,
    project,
    project_snapshots,
    project_with_samples,
)
from lwal_core.analysis.projection.quality import Jitter, Quality, quality

__all__ = [
    "ALGORITHM_VERSION",
    "MDS_LIMIT",
    "METHODS",
    "METHOD_NAMES",
    "PARAMS",
    "Jitter",
    "Method",
    "Projection",
    "Quality",
    "align",
    "check_params",
    "fits_exactly",
    "jitter",
    "project",
    "project_snapshots",
    "project_with_samples",
    "quality",
]
