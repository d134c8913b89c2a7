"""Networks between the input and the label space: a small CNN for images, a dense layer for features."""

from lwal_core.encoders.classifier import Classifier, build_encoder
from lwal_core.encoders.dense import DenseEncoder
from lwal_core.encoders.small_cnn import SmallCNN

__all__ = ["Classifier", "DenseEncoder", "SmallCNN", "build_encoder"]
