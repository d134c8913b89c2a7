"""Projections in two and three dimensions, computed once by a worker process and kept on disk. No torch, no umap in the caller."""

from lwal_core.projections.cache import ProjectionCache
from lwal_core.projections.client import Abandoned, request_projections, start_after_training
from lwal_core.projections.task import ProjectionTask

__all__ = ["Abandoned", "ProjectionCache", "ProjectionTask", "request_projections", "start_after_training"]
