"""Evaluation by two predictors: the method's own, and the nearest consolidated class mean.

Consolidated labels are class means of the embeddings in evaluation mode over a class-balanced sample of the training
set. The last batch's means, which the paper predicts with, are taken in training mode and lag behind the weights; see
docs/science.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lwal_core.data.samples import Samples, pieces
from lwal_core.encoders import Classifier
from lwal_core.methods import LabelMethod, Outputs, class_centroids, label_distances
from lwal_core.training.layers import FeatureLayer, FeatureResult


@dataclass(frozen=True)
class EvaluationResult:
    """State of the model after an epoch; accuracies are fractions.

    ``centroids [C,K]`` consolidated class means, ``z [N,K]`` test embeddings, ``pred [N]`` their classes by nearest
    class mean, ``class_accuracy_mean`` and ``class_accuracy_own`` ``[C]`` test accuracies of each class, nan for a class
    without test samples; ``features`` the same of the features, where they are looked at.
    """

    centroids: Tensor
    z: Tensor
    pred: Tensor
    train_accuracy_mean: float
    train_accuracy_own: float
    test_accuracy_mean: float
    test_accuracy_own: float
    class_accuracy_mean: Tensor
    class_accuracy_own: Tensor
    features: FeatureResult | None = None
    test_accuracy_features: float = float("nan")
    class_accuracy_features: Tensor | None = None


@torch.no_grad()
def embed(model: Classifier, x: Samples) -> Tensor:
    """On the model's device, embeddings ``[N,K]`` of raw samples in evaluation mode; the model's mode is put back."""
    return _embed(model, x)[0]


def _embed(
    model: Classifier,
    x: Samples,
    class_head: nn.Module | None = None,
    on_features: Callable[[Tensor, int], None] | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Embeddings ``[N,K]`` of raw samples, and what a method's own head makes of their features, ``[N,C]``; the features of
    each piece, with the place of its first sample, are shown to ``on_features``."""
    was_training, device = model.training, model.head.weight.device
    model.eval()
    z, logits, at = [], [], 0
    try:
        # Features of all samples at once could take more memory than everything else together.
        for part in pieces(x, device):
            features = model.features(part)
            z.append(model.head(features))
            if class_head is not None:
                logits.append(class_head(features))
            if on_features is not None:
                on_features(features, at)
            at += len(part)
    finally:
        model.train(was_training)
    if not z:
        return torch.zeros(0, model.head.out_features, device=device), None
    return torch.cat(z), torch.cat(logits) if logits else None


@torch.no_grad()
def nearest_centroid(z: Tensor, centroids: Tensor) -> Tensor:
    """Index of the nearest row of ``centroids [C,K]`` for every row of ``z [N,K]``; ``[N]``."""
    return torch.cat([label_distances(part, centroids).argmin(dim=1) for part in _chunks(z, centroids)])


@torch.no_grad()
def evaluate(
    model: Classifier,
    method: LabelMethod,
    x_sample: Samples,
    y_sample: Tensor,
    x_test: Samples,
    y_test: Tensor,
    num_classes: int,
    layer: FeatureLayer | None = None,
) -> EvaluationResult:
    """Embed the consolidation sample and the test set once and read both with both predictors.

    Args:
        model: From raw samples to embeddings.
        method: Whose own rule is the other predictor.
        x_sample: Raw training samples ``[M,...]`` that the consolidated class means are taken from, in memory or as a stream.
        y_sample: Their classes ``[M]``.
        x_test: Raw test samples ``[N,...]``, likewise.
        y_test: Their classes ``[N]``.
        num_classes: C.
        layer: Reads the features in the same pass; None leaves them aside.
    """
    if layer is None:
        z_sample, logits_sample = _embed(model, x_sample, method.class_head)
        z_test, logits_test = _embed(model, x_test, method.class_head)
        features = None
    else:
        layer.begin()
        z_sample, logits_sample = _embed(
            model, x_sample, method.class_head, lambda part, at: layer.add_sample(part, y_sample[at : at + len(part)])
        )
        z_test, logits_test = _embed(model, x_test, method.class_head, lambda part, at: layer.add_test(part))
        features = layer.result()
    centroids, _ = class_centroids(z_sample, y_sample, num_classes)
    pred = nearest_centroid(z_test, centroids)
    was_training = method.training
    method.train(False)
    own_sample = _read(method, Outputs(z_sample, logits_sample, centroids))
    own_test = _read(method, Outputs(z_test, logits_test, centroids))
    method.train(was_training)
    near = None if features is None else features.pred.to(y_test.device) == y_test
    return EvaluationResult(
        centroids=centroids,
        z=z_test,
        pred=pred,
        train_accuracy_mean=_share(nearest_centroid(z_sample, centroids) == y_sample),
        train_accuracy_own=_share(own_sample == y_sample),
        test_accuracy_mean=_share(pred == y_test),
        test_accuracy_own=_share(own_test == y_test),
        class_accuracy_mean=class_shares(pred == y_test, y_test, num_classes),
        class_accuracy_own=class_shares(own_test == y_test, y_test, num_classes),
        features=features,
        test_accuracy_features=float("nan") if near is None else _share(near),
        class_accuracy_features=None if near is None else class_shares(near, y_test, num_classes),
    )


def consolidation_sample(y: Tensor, per_class: int, num_classes: int, seed: int) -> Tensor:
    """Indices of a class-balanced sample of the training set, ascending: up to ``per_class`` of every class,
    ``[M]``."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(y), generator=generator)
    chosen = [order[y[order] == c][:per_class] for c in range(num_classes)]
    return torch.cat(chosen).sort().values


def confusion_matrix(y: Tensor, pred: Tensor, num_classes: int) -> Tensor:
    """Counts ``[C,C]``, true classes in rows."""
    return torch.bincount(y * num_classes + pred, minlength=num_classes**2).view(num_classes, num_classes)


def class_shares(hits: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Share of ``hits [N]`` in each class, ``[C]`` float32; nan for a class that ``y [N]`` lacks."""
    counts = torch.bincount(y, minlength=num_classes)
    right = torch.bincount(y[hits], minlength=num_classes)
    return right.float() / counts  # 0 / 0 is nan


def _read(method: LabelMethod, outputs: Outputs) -> Tensor:
    """Classes ``[N]`` by the method's own rule."""
    z = list(_chunks(outputs.z, outputs.means))
    logits = [None] * len(z) if outputs.logits is None else outputs.logits.split(len(z[0]))
    return torch.cat([method.read(Outputs(*part, outputs.means)) for part in zip(z, logits, strict=True)])


def _chunks(z: Tensor, centroids: Tensor) -> Iterator[Tensor]:
    # [chunk,C] distances stay below some 64 MiB of float32, however many classes there are.
    size = max(1, 2**24 // max(1, len(centroids)))
    return iter(z.split(size)) if len(z) else iter(())


def _share(hits: Tensor) -> float:
    return float(hits.float().mean()) if len(hits) else float("nan")
