"""Small trainings by the libraries that record runs, each for real: two epochs on coloured squares of six classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lwal_core as lwal
from lwal_core.runs import Run
from tests.support.own_loop import NAMES

EPOCHS = 2


@dataclass(frozen=True)
class Trained:
    """A training that was recorded.

    Attributes:
        run_id: Its run.
        z: What the classifier is given for the test set after training ``[N,K]``, found without the integration.
        y: Classes of the test set ``[N]``.
        predicted: Their predicted classes ``[N]``.
        weights: Of the classifier ``[C,K]``.
    """

    run_id: str
    z: np.ndarray
    y: np.ndarray
    predicted: np.ndarray
    weights: np.ndarray


def squares(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Pictures ``[N,3,16,16]`` from 0 to 1, each class around a colour of its own, and classes ``[N]``."""
    generator = torch.Generator().manual_seed(seed)
    colors = torch.rand(len(NAMES), 3, generator=torch.Generator().manual_seed(99))
    y = torch.arange(count) % len(NAMES)
    noise = torch.rand(count, 3, 16, 16, generator=generator) - 0.5
    return (colors[y, :, None, None] + 0.3 * noise).clamp(0, 1), y


def loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Of the training set, shuffled, and of the test set."""
    return (
        DataLoader(TensorDataset(*squares(120)), 24, shuffle=True, generator=torch.Generator().manual_seed(1)),
        DataLoader(TensorDataset(*squares(60, seed=1)), 24),
    )


def small_network() -> nn.Sequential:
    """A convolution with batch normalisation, and a classifier on 8 features."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, len(NAMES)),
    )


def train_epoch(network: nn.Module, loader: Any, optimizer: torch.optim.Optimizer) -> float:
    """One epoch by cross-entropy; the last loss."""
    network.train()
    loss = torch.zeros(())
    for x, y in loader:
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def start(method: str, **more: Any) -> lwal.Recorder:
    """Begin a run whose data the app's own trainings have, too; whatever goes wrong is an error."""
    return lwal.start_run(classes=NAMES, method=method, data="digits", seed=12, strict=True, **more)


def train_torch(folder: Path) -> Trained:
    from lwal_core.integrations.torch import record_epoch

    train, test = loaders()
    network = small_network()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    with start("torch") as run:
        for epoch in range(1, EPOCHS + 1):
            loss = train_epoch(network, train, optimizer)
            assert record_epoch(run, epoch, network, test, train_loss=loss) is not None
    x, y = squares(60, seed=1)
    return _trained(run.id, network[:-1], network[-1], x, y)


def train_lightning(folder: Path) -> Trained:
    import lightning

    from lwal_core.integrations.lightning import RecordRun

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = small_network()

        def training_step(self, batch: Any, index: int) -> Tensor:
            x, y = batch
            loss = nn.functional.cross_entropy(self.network(x), y)
            self.log("train_loss", loss, on_step=False, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            x, y = batch
            self.log("val_accuracy", (self.network(x).argmax(1) == y).float().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), 1e-2)

    module, run = Module(), start("lightning")
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[RecordRun(run)], default_root_dir=folder, log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(module, *loaders())
    assert not run.recording, "the callback closes the run"
    x, y = squares(60, seed=1)
    return _trained(run.id, module.network[:-1], module.network[-1], x, y)


def train_transformers(folder: Path, **options: Any) -> Trained:
    from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification, ViTImageProcessor

    from lwal_core.integrations.transformers import RecordRun

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8,
        id2label=dict(enumerate(NAMES)), label2id={name: index for index, name in enumerate(NAMES)},
    )  # fmt: skip
    model = ViTForImageClassification(config)
    processor = ViTImageProcessor(size={"height": 16, "width": 16})

    def rows(x: Tensor, y: Tensor) -> list[dict[str, Any]]:
        pictures = [Image.fromarray((255 * each).byte().permute(1, 2, 0).numpy()) for each in x]
        pixels = processor(pictures, return_tensors="pt")["pixel_values"]
        return [{"pixel_values": p, "labels": int(c)} for p, c in zip(pixels, y, strict=True)]

    x, y = squares(60, seed=1)
    test = rows(x, y)
    arguments = TrainingArguments(
        folder, num_train_epochs=EPOCHS, per_device_train_batch_size=24, per_device_eval_batch_size=24, eval_strategy="epoch",
        save_strategy="no", report_to=[], learning_rate=1e-2, use_cpu=True, disable_tqdm=True, logging_steps=2, **options,
    )  # fmt: skip
    run = start("transformers")
    trainer = Trainer(
        model,
        arguments,
        train_dataset=rows(*squares(120)),
        eval_dataset=test,
        callbacks=[RecordRun(run, processor=processor)],
    )
    trainer.train()
    assert not run.recording, "the callback closes the run"
    pixels = torch.stack([row["pixel_values"] for row in test])
    return _trained(run.id, lambda x: model.vit(x).last_hidden_state[:, 0], model.classifier, pixels, y, model)


def train_timm(folder: Path) -> Trained:
    """As timm's train script does, with its networks, data sets and loaders."""
    from timm import create_model
    from timm.data import create_dataset, create_loader

    from lwal_core.integrations import timm as recording

    for part, (x, y) in {"train": squares(120), "validation": squares(60, seed=1)}.items():
        for index, (picture, label) in enumerate(zip(x, y, strict=True)):
            place = folder / "squares" / part / NAMES[label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray((255 * picture).byte().permute(1, 2, 0).numpy()).save(place / f"{index:03}.png")
    args = SimpleNamespace(
        model="vit_tiny_patch16_224", data_dir=str(folder / "squares"), seed=12, epochs=EPOCHS, lr=1e-2, workers=0
    )

    def loader(part: str) -> Any:
        data = create_dataset("", args.data_dir, split=part)
        return create_loader(
            data, (3, 16, 16), 24, is_training=part == "train", num_workers=0, device=torch.device("cpu"),
            no_aug=True, persistent_workers=False,
        )  # fmt: skip

    train, test = loader("train"), loader("validation")
    torch.manual_seed(0)
    network = create_model(
        args.model, num_classes=len(NAMES), img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2
    )
    optimizer = torch.optim.Adam(network.parameters(), args.lr)

    def validate(model: nn.Module, batches: Any) -> dict[str, float]:
        model.eval()
        with torch.no_grad():
            hits = [int((model(x).argmax(1) == y).sum()) for x, y in batches]
        return {"top1": 100 * sum(hits) / len(batches.dataset)}

    with recording.start_run(args, test, data="digits", strict=True) as run:
        for epoch in range(EPOCHS):
            metrics = {"loss": train_epoch(network, train, optimizer)}
            with recording.recorded(run, epoch, network, test, metrics) as batches:
                validate(network, batches)
    assert run.class_names == tuple(sorted(NAMES))
    x, y = (torch.cat(parts) for parts in zip(*((x.clone(), y.clone()) for x, y in test), strict=True))
    return _trained(
        run.id,
        lambda x: network.forward_head(network.forward_features(x), pre_logits=True),
        network.get_classifier(),
        x,
        y,
        network,
    )


def train_sklearn(folder: Path) -> Trained:
    from sklearn.neural_network import MLPClassifier

    from lwal_core.integrations.sklearn import record_classifier

    (x, y), (x_test, y_test) = squares(120), squares(60, seed=1)
    names = np.array(NAMES)
    estimator = MLPClassifier((8,), random_state=0, learning_rate_init=1e-2)
    with start("sklearn") as run:
        for _ in range(EPOCHS):
            for rows in np.array_split(np.random.default_rng(0).permutation(len(y)), 5):
                estimator.partial_fit(x.flatten(1).numpy()[rows], names[y][rows], classes=sorted(names))
            pictures = (255 * x_test).byte().permute(0, 2, 3, 1)
            record_classifier(
                run, estimator, x_test.flatten(1).numpy(), names[y_test], images=pictures, train_loss=estimator.loss_
            )
    z = np.maximum(x_test.flatten(1).numpy() @ estimator.coefs_[0] + estimator.intercepts_[0], 0)
    scores = z @ estimator.coefs_[1] + estimator.intercepts_[1]
    order = [sorted(NAMES).index(name) for name in NAMES]
    return Trained(run.id, z, y_test.numpy(), scores[:, order].argmax(1), estimator.coefs_[1].T[order])


TRAININGS: dict[str, Callable[[Path], Trained]] = {
    "torch": train_torch,
    "lightning": train_lightning,
    "transformers": train_transformers,
    "timm": train_timm,
    "sklearn": train_sklearn,
}


def _trained(run_id: str, features: Any, head: Any, x: Tensor, y: Tensor, network: nn.Module | None = None) -> Trained:
    for part in (features, head, network):
        if isinstance(part, nn.Module):
            part.eval()
    with torch.no_grad():
        z = features(x)
        return Trained(run_id, z.numpy(), y.numpy(), head(z).argmax(1).numpy(), head.weight.detach().numpy())


def compare_with_slow_loop(run: Run, trained: Trained) -> None:
    """The last epoch's class means and weights, accuracies and confusion, each by a loop over samples in float64."""
    assert run.label_epochs() == list(range(1, EPOCHS + 1))  # a film
    table, count = run.labels(EPOCHS), len(run.class_names)
    sums, counts, hits = np.zeros((count, trained.z.shape[1])), np.zeros(count), np.zeros(count)
    confusion = np.zeros((count, count), int)
    for z, y, predicted in zip(trained.z.astype(np.float64), trained.y, trained.predicted, strict=True):
        sums[y], counts[y] = sums[y] + z, counts[y] + 1
        hits[y] += y == predicted
        confusion[y, predicted] += 1
    assert np.abs(table.centroids - sums / counts[:, None]).max() < 1e-5
    assert np.allclose(table.labels, trained.weights, atol=1e-6)
    assert np.allclose(table.accuracy("own"), hits / counts)
    metrics = run.metrics()
    assert metrics.test_accuracy_own[-1] == pytest.approx(hits.sum() / counts.sum())
    assert np.isfinite(metrics.loss).all() and metrics.epoch.tolist() == run.label_epochs()
    test, samples = run.evaluation(), run.samples()
    assert test.confusion.sum() == len(trained.y) and (test.epoch < EPOCHS or (test.confusion == confusion).all())
    assert test.z.shape == trained.z.shape and samples is not None
    assert np.bincount(samples.y).tolist() == [9] * count
    colors = samples.images.reshape(len(samples.y), -1, 3).mean(
        axis=1
    )  # pictures are of the classes that they are said to be
    means = np.stack([colors[samples.y == c].mean(axis=0) for c in range(count)])
    assert (np.linalg.norm(colors[:, None] - means, axis=2).argmin(axis=1) == samples.y).all()
