"""Networks between the input and the label space: small ones, and well-known ones with ImageNet weights if wanted.

An encoder is a module that turns normalised inputs into features ``[B, out_features]``. It has ``out_features`` and, if it
was trained before, ``input_mean_std``, see :class:`Classifier`.
"""

from lwal_core.encoders.backbone import Backbone, build_backbone
from lwal_core.encoders.build import build_encoder
from lwal_core.encoders.classifier import Classifier
from lwal_core.encoders.dense import DenseEncoder
from lwal_core.encoders.efficientnet_lite0 import EfficientNetLite0
from lwal_core.encoders.small_cnn import SmallCNN

__all__ = [
    "Backbone",
    "Classifier",
    "DenseEncoder",
    "EfficientNetLite0",
    "SmallCNN",
    "build_backbone",
    "build_encoder",
]
