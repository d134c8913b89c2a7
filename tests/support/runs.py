"""Small finished runs, written by the real writer."""

from __future__ import annotations

from typing import Any

import numpy as np

from lwal_core.config import RunConfig
from lwal_core.runs import FeatureSample, Run, RunWriter, create_run, open_run
from lwal_core.runs.record import DataInfo


def write_run(
    method: str = "lwal",
    *,
    seed: int = 12,
    classes: int = 10,
    epochs: int = 3,
    dim: int = 8,
    status: str = "done",
    name: str = "",
    class_names: list[str] | None = None,
    accuracy: float = 0.95,
    images: bool = True,
    layers: bool = False,
    options: dict[str, Any] | None = None,
    **config: Any,
) -> Run:
    """Write a run into the home of this moment as training would, from random vectors in groups, without training; with
    ``layers`` also features, which are the outputs backwards and three numbers more, and test samples by epoch; ``options`` are the
    method's."""
    values = {"method": {"name": method, **(options or {})}, "training": {"epochs": epochs, "seed": seed}, **config}
    run = create_run(RunConfig.parse(values), name=name)
    writer = RunWriter(run.path)
    names = class_names or [f"class {i}" for i in range(classes)]
    classes = len(names)
    generator = np.random.default_rng(seed)
    count = max(2 * classes, 40)
    facts = DataInfo(
        fingerprint="0" * 64,
        kind="images",
        input_shape=[1, 8, 8],
        train_size=4 * count,
        test_size=count,
        taxonomy=None,
    )
    writer.update(data=facts, class_names=names, label_dim=dim, parameters=1_000, batches_per_epoch=5, device="cpu")
    start, end = (
        np.eye(classes, dim),
        generator.normal(size=(classes, dim)) + 3 * (np.arange(classes) // 2)[:, None],
    )

    def wider(z: np.ndarray) -> np.ndarray:
        return np.hstack([z[:, ::-1], np.ones((len(z), 3))])

    for epoch in range(epochs + 1):
        share = epoch / max(epochs, 1)
        vectors = (1 - share) * start + share * end
        writer.labels(epoch, vectors, vectors + 0.01, feature_means=wider(vectors) if layers else None)
        row: dict[str, float | int] = {
            "epoch": epoch,
            "step": 5 * epoch,
            "samples": 4 * count * epoch,
            "seconds": 0.5 * epoch,
        }
        if epoch:
            row |= {"loss": 1 / epoch, "pull": 0.9 / epoch, "push": 0.01 / epoch, "learning_rate": 1e-3}
        for split in ("train", "test"):
            for predictor in ("mean", "own"):
                row[f"{split}_accuracy_{predictor}"] = accuracy * (0.5 + 0.5 * share)
        if layers:
            row["test_accuracy_features"] = accuracy * (0.4 + 0.4 * share)
        writer.metrics(row)
    y = np.arange(count) % classes
    pred = np.where(generator.random(count) < accuracy, y, (y + 1) % classes)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (y, pred), 1)
    z = end[y] + 0.3 * generator.normal(size=(count, dim))
    features = None
    if layers:
        rows = np.arange(0, count, 2)
        features = FeatureSample(rows, wider(z[rows]), np.roll(pred, 1))
        writer.update(vectors=["centroids", "features", "labels"])
        for epoch in range(epochs + 1):
            share = epoch / max(epochs, 1)
            writer.tested(epoch, share * z + (1 - share) * start[y], y, np.where(y < epoch, pred, 0), np.arange(count))
    writer.evaluation(epochs, z, y, pred, confusion, features=features)
    if images:
        writer.samples(
            generator.integers(0, 255, (2 * classes, 16, 16, 3), dtype=np.uint8), np.arange(2 * classes) // 2
        )
    writer.update(best_epoch=epochs)
    if status != "queued":
        writer.move_to(status)  # type: ignore[arg-type]
    return open_run(run.id)
