"""Modules of the label methods, one file per method, behind one small protocol (:class:`LabelMethod`); and their losses.

Their options, and how each is built from them, are in :mod:`lwal_core.config.methods`.
"""

from __future__ import annotations

from lwal_core.config import TaskInfo
from lwal_core.methods.adaptive import AdaptiveLabels, initial_labels
from lwal_core.methods.base import CLASS_HEAD_KEY, LabelLoss, LabelMethod, LabelModule, Outputs, StepContext
from lwal_core.methods.cosine_head import CosineHead
from lwal_core.methods.cpcc import CorrelatedWithTree
from lwal_core.methods.hybrid import LabelsBesideHead, product_scores
from lwal_core.methods.labelemb import LabelEmbeddingNetwork
from lwal_core.methods.losses import class_centroids, label_distances, pull_loss, push_loss
from lwal_core.methods.lwr import RetrospectionLabels
from lwal_core.methods.maxsup import SuppressedMaximum
from lwal_core.methods.onehot import OneHotLabels
from lwal_core.methods.prototype_contrast import PrototypeContrast
from lwal_core.methods.smoothing import SmoothedLabels
from lwal_core.methods.static import StaticLabels, static_vectors
from lwal_core.methods.supcon import ContrastedSamples
from lwal_core.methods.unit_layer import UnitLayer

__all__ = [
    "CLASS_HEAD_KEY",
    "AdaptiveLabels",
    "ContrastedSamples",
    "CorrelatedWithTree",
    "CosineHead",
    "LabelEmbeddingNetwork",
    "LabelLoss",
    "LabelMethod",
    "LabelModule",
    "LabelsBesideHead",
    "OneHotLabels",
    "Outputs",
    "PrototypeContrast",
    "RetrospectionLabels",
    "SmoothedLabels",
    "StaticLabels",
    "StepContext",
    "SuppressedMaximum",
    "TaskInfo",
    "UnitLayer",
    "class_centroids",
    "initial_labels",
    "label_distances",
    "product_scores",
    "pull_loss",
    "push_loss",
    "static_vectors",
]
