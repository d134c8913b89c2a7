"""A training loop of somebody's own: softmax regression in numpy on points around class means, recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import lwal_core as lwal
from lwal_core.runs import Run, open_run

NAMES = ("robin", "wren", "eagle", "hawk", "duck", "goose")


def train_own(
    name: str = "my loss on birds",
    *,
    classes: Sequence[str] = NAMES,
    method: str = "my-loss",
    data: str = "birds-v2",
    seed: int = 12,
    epochs: int = 3,
    rate: float = 0.5,
    images: bool = True,
    **more: Any,
) -> Run:
    """Train and record a run; pairs of classes lie near each other."""
    count = len(classes)
    generator = np.random.default_rng(seed)
    centers = np.repeat(np.random.default_rng(0).normal(size=((count + 1) // 2, 8)) * 2, 2, axis=0)[:count]
    centers = centers + np.random.default_rng(1).normal(size=centers.shape) * 0.7
    y = np.arange(20 * count) % count
    x, x_test = (centers[y] + generator.normal(size=(len(y), 8)) for _ in range(2))
    weights = generator.normal(size=(8, count)) * 0.1
    pictures = generator.integers(0, 255, (len(y), 12, 10, 3), dtype=np.uint8)
    options = {"config": {"rate": rate}, **more}
    with lwal.start_run(name, classes=classes, method=method, data=data, seed=seed, **options) as run:
        for epoch in range(epochs + 1):
            scores = x @ weights
            shares = np.exp(scores - scores.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            z, z_test = x @ weights, x_test @ weights
            means = np.stack([z[y == c].mean(axis=0) for c in range(count)])
            loss = -np.log(shares[np.arange(len(y)), y]).mean()
            run.log_labels(epoch, class_means=means, labels=weights.T @ np.eye(8, count))
            run.log_predictions(epoch, y, scores=z_test, embeddings=z_test, images=pictures if images else None)
            if epoch:
                run.log(epoch, train_loss=loss, seconds=0.5 * epoch, spread=float(z.std()))
            weights -= rate * x.T @ (shares - np.eye(count)[y]) / len(y)
    return open_run(run.id)
