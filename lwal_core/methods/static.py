"""Static labels: one vector per class, given before training and constant.

Source: X. Yu, N. Verma, arXiv:2209.04528, section 4, where the vectors are BERT embeddings of the class names.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.config.methods.static import MADE_VECTORS, SENTENCE_VECTORS
from lwal_core.imports.label_vectors import class_vectors, read_vector_table
from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.class_tree import ancestor_heights, class_taxonomy
from lwal_core.methods.label_frames import equiangular_labels, hierarchy_labels, random_labels
from lwal_core.methods.losses import at_least_float32, label_distances
from lwal_core.methods.sentences import sentence_vectors

HUBER_DELTA = 1.0
"""Where the Huber loss turns from quadratic to linear, in units of a label's component."""


class StaticLabels(LabelModule):
    """A head to K outputs that are pulled to the fixed vector of their class; the nearest vector wins.

    The loss is the Huber loss with delta 1 between ``z`` and the label, averaged over the K components and the batch.
    The average over components is the default of the framework that the paper's experiments were made with
    (``keras.losses.Huber``); a sum would be the same times K.

    The vectors are used as they are, neither centred nor scaled. Their scale matters, because an optimiser needs more
    steps to tell short labels apart: vectors with components around 1, as BERT's roughly are, train much faster than
    the same vectors at unit length (see :func:`static_vectors`).

    Args:
        labels: Label vectors ``[C,K]``, C at least 2, finite.

    Attributes:
        labels: The vectors, a buffer. It is saved with the module, so that a resumed training goes on with the vectors
            that it started with.

    Raises:
        ValueError: ``labels`` is not such a table.
    """

    labels: Tensor

    def __init__(self, labels: Tensor) -> None:
        super().__init__()
        if labels.ndim != 2 or labels.shape[0] < 2 or labels.shape[1] < 1 or not torch.isfinite(labels).all():
            raise ValueError(
                f"labels must be finite [C,K] with C at least 2 and K at least 1; got {tuple(labels.shape)}"
            )
        self.num_classes, self.dim = labels.shape
        self.register_buffer("labels", at_least_float32(labels).detach().clone())

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Huber loss of outputs ``z [B,K]`` to the labels of ``y [B]``; there is no push.

        Raises:
            ValueError: ``z`` is not ``[B,K]``.
        """
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ValueError(f"z must be [B,{self.dim}]; got {tuple(z.shape)}")
        z = at_least_float32(z)
        loss = F.huber_loss(z, self.labels.to(z.dtype)[y], delta=HUBER_DELTA)
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the nearest label by Euclidean distance, ``[B]``."""
        return label_distances(z, self.labels).argmin(dim=1)

    def label_table(self) -> Tensor:
        """The vectors that were given, ``[C,K]``."""
        return self.labels

    def extra_repr(self) -> str:
        """Sizes for ``repr``."""
        return f"{self.num_classes}, dim={self.dim}"


def static_vectors(
    source: str, class_names: Sequence[str], dim: int | None = None, taxonomy: str | None = None, seed: int = 0
) -> Tensor:
    """Label vectors for static labels, float32 ``[C,K]``.

    Embeddings of class names, and the vectors of :mod:`lwal_core.methods.label_frames`, come at unit length and are scaled to
    length ``sqrt(K)``, so that the mean square of a component is 1, the unit of the Huber loss. Angles between classes stay as
    they are. On the digits data (small CNN, Adam 1e-3, 8 epochs, one seed) that took the accuracy by nearest label from 90.5 %
    to 98.3 %. Vectors from a file are not touched.

    Args:
        source: ``"sentence"`` for embeddings of the class names, ``"etf"``, ``"random"`` or ``"taxonomy"`` for vectors that are
            made, otherwise the path of a vector file, see :mod:`lwal_core.imports.label_vectors`.
        class_names: C names.
        dim: K of vectors that are made; C when left out.
        taxonomy: Name of the taxonomy that they follow; the shipped one that fits the classes when left out.
        seed: Of vectors that are made.

    Raises:
        DataError: The file cannot be read or does not fit the classes, or two classes have the same vector.
        TrainingError: The sentence model is wanted and not installed, or no taxonomy fits the classes.
        AnalysisError: There is no taxonomy of this name.
        ConfigError: K is too small for the vectors.
    """
    if source not in (SENTENCE_VECTORS, *MADE_VECTORS):
        return torch.from_numpy(class_vectors(read_vector_table(source), class_names))
    count = len(class_names)
    if source == SENTENCE_VECTORS:
        vectors = torch.from_numpy(sentence_vectors(class_names))
    elif source == "taxonomy":
        heights = ancestor_heights(class_taxonomy(class_names, taxonomy), class_names)
        vectors = hierarchy_labels(heights, dim or count, seed)
    else:
        vectors = {"etf": equiangular_labels, "random": random_labels}[source](count, dim or count, seed)
    return vectors * vectors.shape[1] ** 0.5
