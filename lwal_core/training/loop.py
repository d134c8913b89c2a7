"""The training loop: one for every method, which differ only in their label method's loss and table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lwal_core.config import RunConfig, TrainingConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.errors import TrainingError
from lwal_core.methods import LabelMethod, StepContext, TaskFacts, build_method
from lwal_core.runs import RunWriter
from lwal_core.runs.metrics import keep_metrics_until
from lwal_core.runs.record import DataFacts
from lwal_core.training.checkpoint import (
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    save_checkpoint,
    save_model,
)
from lwal_core.training.determinism import epoch_order, rng_state, seed_everything, set_rng_state
from lwal_core.training.evaluation import EvaluationResult, confusion_matrix, consolidation_sample, evaluate


class Cancelled(Exception):
    """Somebody asked the training to stop; the run folder is whole up to the last finished epoch."""


@dataclass
class _Counters:
    """What a checkpoint carries besides tensors."""

    epoch: int = 0
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0


@dataclass(frozen=True)
class _EpochLosses:
    """Means over an epoch's steps."""

    loss: float
    pull: float
    push: float


def train_run(folder: Path, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Train a run from its folder's configuration, or go on from its checkpoint.

    Args:
        folder: A run folder.
        should_stop: Asked before every batch; True stops the training.

    Raises:
        Cancelled: ``should_stop`` said so.
        LwalError: The data or the configuration cannot be trained; the message is for people.
    """
    writer = RunWriter(folder)
    _Trainer(writer, should_stop).run()


def pick_device(name: str) -> torch.device:
    """The device to train on.

    Raises:
        TrainingError: It was asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise TrainingError(
                f"Device {name!r} was asked for and {count} CUDA devices are usable.", "Use auto, or see `lwal doctor`."
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("Device 'mps' was asked for and this machine has none.", "Use auto.")
    return device


class _Trainer:
    def __init__(self, writer: RunWriter, should_stop: Callable[[], bool]) -> None:
        self.writer = writer
        self.should_stop = should_stop
        self.config: RunConfig = writer.record.config
        self.counters = _Counters()

    def run(self) -> None:
        training = self.config.training
        self.device = pick_device(training.device)
        data = load_dataset(self.config.data)
        self._stop_if_asked()
        self._build(data)
        self._describe(data)
        if not self._resume():
            self._finish_epoch(None)
        for epoch in range(self.counters.epoch + 1, training.epochs + 1):
            losses = self._train_epoch(epoch)
            self.counters.epoch = epoch
            self._finish_epoch(losses)

    def _build(self, data: Dataset) -> None:
        training, device = self.config.training, self.device
        # The encoder is drawn first: runs with one seed start from the same encoder, whatever their method and head.
        seed_everything(training.seed)
        encoder = build_encoder(self.config.encoder, data.input_shape)
        self.num_classes = data.num_classes
        task = TaskFacts(data.class_names, len(data.y_train), int(encoder.out_features), training.seed)  # type: ignore[arg-type]
        method = build_method(self.config.method, task)
        mean, std = data.channel_mean_std()
        self.model = Classifier(encoder, method.dim, mean, std).to(device)
        self.method: LabelMethod = method.to(device)
        self.optimizer = _build_optimizer([*self.model.parameters(), *self.method.parameters()], training)
        self.x_train, self.y_train = data.x_train.to(device), data.y_train.to(device)
        self.x_test, self.y_test = data.x_test.to(device), data.y_test.to(device)
        sample = consolidation_sample(
            data.y_train, training.consolidation_per_class, data.num_classes, self.config.data.split_seed
        ).to(device)
        # Where the sample is the whole set, use it in place instead of copying it.
        whole = len(sample) == len(self.y_train)
        self.x_sample = self.x_train if whole else self.x_train[sample]
        self.y_sample = self.y_train if whole else self.y_train[sample]
        # A last batch of one sample has no batch statistics, so it is left out.
        count, size = len(self.y_train), training.batch_size
        self.batches = max(1, count // size + (count % size >= 2))

    def _describe(self, data: Dataset) -> None:
        kind: str = data.kind
        facts = DataFacts(
            fingerprint=data.fingerprint,
            kind="images" if kind == "images" else "features",
            input_shape=list(data.input_shape),
            train_size=len(data.y_train),
            test_size=len(data.y_test),
            notes=list(data.notes),
            taxonomy=data.taxonomy,
        )
        before = self.writer.record.data
        if before is not None and before.fingerprint != facts.fingerprint:
            raise TrainingError(
                "The data has changed since this run was started, so going on would mix two data sets.",
                "Start a new run.",
            )
        device_name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        self.writer.update(
            data=facts,
            class_names=list(data.class_names),
            label_dim=self.method.dim,
            parameters=sum(p.numel() for p in self.model.parameters()),
            batches_per_epoch=self.batches,
            device=device_name,
        )
        thumbnails = data.thumbnails()
        if thumbnails is not None:
            self.writer.samples(*thumbnails)

    def _resume(self) -> bool:
        """Take up the checkpoint if there is one; False when training starts from the beginning."""
        loaded = load_checkpoint(self.writer.folder)
        if loaded is None:
            keep_metrics_until(self.writer.folder, -1)
            return False
        parts, facts = loaded
        self.model.load_state_dict(parts["model"])
        self.method.load_state_dict(parts.get("method", {}))
        restore_optimizer(self.optimizer, parts.get("optimizer", {}))
        set_rng_state(parts["rng"], self.device)
        self.counters = _Counters(**facts)
        keep_metrics_until(self.writer.folder, self.counters.epoch)
        return True

    def _train_epoch(self, epoch: int) -> _EpochLosses:
        size = self.config.training.batch_size
        order = epoch_order(len(self.y_train), self.config.training.seed, epoch).to(self.device)
        # Losses stay on the device until the epoch ends: reading one would wait for the device at every step.
        losses = torch.zeros(self.batches, 3, device=self.device)
        self.model.train()
        self.method.train()
        started = self._now()
        for batch in range(self.batches):
            self._stop_if_asked()
            chosen = order[batch * size : (batch + 1) * size]
            features = self.model.features(self.x_train[chosen])
            context = StepContext(chosen, features, epoch, self.config.training.epochs)
            loss = self.method.step_loss(self.model.head(features), self.y_train[chosen], context)
            self.optimizer.zero_grad(set_to_none=True)
            loss.total.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            losses[batch] = torch.stack([part.detach() for part in loss])
            self.counters.step += 1
            self.counters.samples += len(chosen)
            self.writer.progress(epoch, batch + 1, self.batches)
        self.counters.seconds += self._now() - started
        self._refuse_non_finite(losses, epoch)
        means = losses.mean(dim=0).tolist()
        return _EpochLosses(*means)

    def _refuse_non_finite(self, losses: Tensor, epoch: int) -> None:
        bad = (~torch.isfinite(losses).all(dim=1)).nonzero()
        if len(bad):
            rate = self.config.training.learning_rate
            step = (epoch - 1) * self.batches + int(bad[0]) + 1
            raise TrainingError(
                f"The loss stopped being a finite number at step {step:,} (epoch {epoch}, learning rate {rate:g}).",
                f"Try a learning rate of {rate / 10:g} or a larger batch.",
            )

    def _finish_epoch(self, losses: _EpochLosses | None) -> None:
        """Evaluate, write everything about the epoch, and the checkpoint last: what it promises is on disk before
        it."""
        counters = self.counters
        result = evaluate(
            self.model, self.method, self.x_sample, self.y_sample, self.x_test, self.y_test, self.num_classes
        )
        self.writer.labels(counters.epoch, self.method.label_table().cpu().numpy(), result.centroids.cpu().numpy())
        if counters.epoch >= 1 and result.test_accuracy_mean > counters.best_accuracy:
            counters.best_epoch, counters.best_accuracy = counters.epoch, result.test_accuracy_mean
            self._write_best(result)
        row: dict[str, float | int] = {
            "epoch": counters.epoch,
            "step": counters.step,
            "samples": counters.samples,
            "seconds": round(counters.seconds, 6),
            "learning_rate": self.config.training.learning_rate,
        }
        if losses is not None:
            row |= {"loss": losses.loss, "pull": losses.pull, "push": losses.push}
        for split in ("train", "test"):
            for predictor in ("mean", "own"):
                row[f"{split}_accuracy_{predictor}"] = getattr(result, f"{split}_accuracy_{predictor}")
        self.writer.metrics(row)
        save_checkpoint(
            self.writer.folder,
            {
                "model": self.model.state_dict(),
                "method": self.method.state_dict(),
                "optimizer": flatten_optimizer(self.optimizer),
                "rng": rng_state(self.device),
            },
            vars(counters),
        )

    def _write_best(self, result: EvaluationResult) -> None:
        epoch = self.counters.epoch
        confusion = confusion_matrix(self.y_test, result.pred, self.num_classes)
        self.writer.evaluation(
            epoch, result.z.cpu().numpy(), self.y_test.cpu().numpy(), result.pred.cpu().numpy(), confusion.cpu().numpy()
        )
        record = self.writer.record
        state = {**self.model.state_dict(), "labels": self.method.label_table(), "centroids": result.centroids}
        description = {
            "model_type": "lwal-classifier",
            "class_names": record.class_names,
            "input_shape": record.data.input_shape if record.data else None,
            "label_dim": self.method.dim,
            "epoch": epoch,
            "run": self.config.to_dict(),
            "versions": record.versions,
        }
        save_model(self.writer.folder, state, description)
        self.writer.update(best_epoch=epoch)

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            raise Cancelled

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


def _build_optimizer(parameters: list[torch.nn.Parameter], training: TrainingConfig) -> torch.optim.Optimizer:
    rate, decay = training.learning_rate, training.weight_decay
    if training.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay)
    if training.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
