"""Layouts that are computed once, in a process of their own, and kept on disk. No torch, and no umap in the caller."""

from lwal_core.projections.cache import LayoutCache
from lwal_core.projections.client import request_projections, start_after_training
from lwal_core.projections.task import LayoutTask

__all__ = ["LayoutCache", "LayoutTask", "request_projections", "start_after_training"]
