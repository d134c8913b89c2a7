"""Training loop, the same for every label method."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from lwal_core.config import RunConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.data.array_cache import Stopped
from lwal_core.data.augment import random_crop_flip
from lwal_core.data.dataset import Marks
from lwal_core.data.frozen import frozen_features
from lwal_core.data.grouped import grouped
from lwal_core.data.samples import subset
from lwal_core.data.stream import ImageStream
from lwal_core.data.validation import split_validation, without_validation
from lwal_core.data.variation import Variation
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.encoders.layers import freeze_parts
from lwal_core.encoders.library import as_trained
from lwal_core.errors import TrainingError
from lwal_core.jobs.stop import Cancelled
from lwal_core.methods import CLASS_HEAD_KEY, LabelLoss, LabelMethod, StepContext, TaskInfo, class_centroids
from lwal_core.runs import Predictor, Run, RunWriter
from lwal_core.runs.metrics import keep_metrics_until
from lwal_core.runs.record import DataInfo
from lwal_core.training.averaging import WeightAverage
from lwal_core.training.batch_statistics import EvaluationBatches
from lwal_core.training.batches import Batch, Batches, on_device
from lwal_core.training.checkpoint import (
    flatten_optimizer,
    load_checkpoint,
    restore_optimizer,
    save_checkpoint,
    save_model,
)
from lwal_core.training.determinism import (
    augmentation_generator,
    rng_state,
    seed_everything,
    seed_follower,
    set_rng_state,
)
from lwal_core.training.devices import device_title, is_out_of_memory, out_of_memory_error, pick_device
from lwal_core.training.epoch_files import EpochFiles
from lwal_core.training.evaluation import EvaluationResult, consolidation_sample, embed, evaluate
from lwal_core.training.gradient_caching import features_in_chunks
from lwal_core.training.label_overhead import step_costs
from lwal_core.training.optimisation import Stepper, build_optimizer, learning_rate, parameter_groups, pick_dtype
from lwal_core.training.parallel import Team, share_batch_statistics, wrap_ddp
from lwal_core.training.sampling import Sampler
from lwal_core.training.skipped_list import SkippedList

STOP_CHECK_STEPS = 8
"""Steps between two times that processes which train together ask each other whether to stop."""


@dataclass
class _Counters:
    """What a checkpoint carries besides tensors."""

    epoch: int = 0
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    best_by: Predictor = "mean"
    """By which column the best epoch is chosen; checkpoints of release 0.1 do not say it and go on by class means."""
    watched_best: float | None = None
    epochs_without_better: int = 0


@dataclass(frozen=True)
class _EpochLosses:
    """Means over an epoch's steps."""

    loss: float
    pull: float
    push: float


def train_run(folder: Path, should_stop: Callable[[], bool] = lambda: False, team: Team | None = None) -> str:
    """Train a run from its folder's configuration, or go on from its checkpoint.

    Args:
        folder: A run folder.
        should_stop: Asked before every batch; True stops the training.
        team: This process's place among those that train the run together; None for one process.

    Returns:
        Why it ended before its last epoch; empty when it did not.

    Raises:
        Cancelled: ``should_stop`` said so.
        LwalError: The data or the configuration cannot be trained; the message is for people.
    """
    return _Trainer(RunWriter(folder), should_stop, team or Team()).run()


class _TrainingStep(nn.Module):
    """Network and label method as one module, so that a step is one call whether one process takes it or several."""

    def __init__(self, model: Classifier, method: nn.Module, epochs: int, chunk_size: int | None) -> None:
        super().__init__()
        self.model, self.method, self.epochs, self.chunk_size = model, method, epochs, chunk_size
        self.stepper: Stepper | None = None

    def forward(self, x: Tensor, y: Tensor, rows: Tensor, epoch: int) -> LabelLoss:
        assert self.stepper is not None
        with self.stepper.autocast():
            features = features_in_chunks(self.model, x, self.chunk_size)
            z = self.model.head(features)
        context = StepContext(rows, features.float(), epoch, self.epochs)
        loss: LabelLoss = self.method.step_loss(z.float(), y, context)  # type: ignore[operator]
        return loss


class _Trainer:
    def __init__(self, writer: RunWriter, should_stop: Callable[[], bool], team: Team) -> None:
        self.writer = writer
        self.should_stop = should_stop
        self.team = team
        self.config: RunConfig = as_trained(writer.record.config)
        self.as_used = Run(writer.folder, writer.record).predictor()
        self.counters = _Counters(best_by=self.as_used)

    def run(self) -> str:
        training = self.config.training
        self.device = self.team.device(pick_device(training.device))
        self.team.join(self.device)
        try:
            data = self._load()
            self._stop_if_asked()
            self._build(data)
            if self.team.is_main_process:
                self._describe(data)
            if not self._resume():
                self.method.begin(self._class_means)
                if self.average is not None:
                    self.average.start()
                self._finish_epoch(None)
            for epoch in range(self.counters.epoch + 1, training.epochs + 1):
                losses = self._train_epoch(epoch)
                self.counters.epoch = epoch
                self._finish_epoch(losses)
                if self._patience_is_over():
                    return f"{self._watched.replace('_', ' ')} was no better for {training.patience} epochs"
            return ""
        finally:
            self.team.leave()

    def _load(self) -> Dataset:
        """The data set, or the features that a frozen network makes of it, without the validation part."""
        data, self.skipped = load_dataset(self.config.data), SkippedList(self.writer)
        self.unreadable = data.x_train.skipped if isinstance(data.x_train, ImageStream) else None
        if self.unreadable is not None:
            self.unreadable.report = self.skipped if self.team.is_main_process else None
            self.unreadable.follows = not self.team.is_main_process
        before = self.writer.record.data
        if before is not None and not before.validation_size:
            data = without_validation(data)  # begun when a folder's val/ was not looked at, the run goes on so
        if self.config.encoder.frozen:
            try:
                data = frozen_features(data, self.config.encoder, device=self.device, should_stop=self.should_stop)
            except Stopped:
                raise Cancelled from None
        if self.writer.record.groups:
            data = grouped(data, self.writer.record.groups)
        data, self.validation = split_validation(data, self.config.data)
        if self._watched.startswith("validation") and self.validation is None:
            raise TrainingError(
                f"{self._watched} is watched, and there is no validation part.",
                "Add val/ beside train/ and test/, or give a share with --validation.",
            )
        return data

    def _build(self, data: Dataset) -> None:
        training, device = self.config.training, self.device
        # The encoder is drawn first: runs with one seed start from the same encoder, whatever their method and head.
        seed_everything(training.seed, training.compile)
        encoder = build_encoder(self.config.encoder, data.input_shape)
        self.num_classes = data.num_classes
        width = int(encoder.out_features)  # type: ignore[arg-type]
        task = TaskInfo(data.class_names, len(data.y_train), width, training.seed, data.taxonomy)
        method = self.config.method.build(task)
        mean, std = data.channel_mean_std()
        layer = self.config.method.output_layer(task.features, data.num_classes)
        self.model = Classifier(encoder, method.dim, mean, std, layer)
        share_batch_statistics(self.model.encoder, self.team)
        freeze_parts(self.model.encoder, self.config.encoder.freeze)
        self.model.to(device)
        if training.channels_last and data.kind == "images":
            self.model.encoder.to(memory_format=torch.channels_last)
        self.method: LabelMethod = method.to(device)
        step = _TrainingStep(self.model, self.method, training.epochs, training.chunk_size)
        self.optimizer = build_optimizer(parameter_groups(step, self.model.encoder, training), training)
        both = nn.ModuleList([self.model, self.method])  # type: ignore[list-item]
        self.average = None if training.ema_decay is None else WeightAverage(both, training.ema_decay)
        self.batches = Batches(
            data.x_train, data.y_train, Sampler(data.y_train, training, self.team.size), device,
            rank=self.team.rank, processes=self.team.size,
            variation=Variation.of(self.config.data, data.input_shape, training.seed),
        )  # fmt: skip
        step.stepper = self.stepper = Stepper(
            self.optimizer, training, self.batches.per_epoch, pick_dtype(training.precision, device), device
        )
        self.take_step = wrap_ddp(step, self.team, device)
        if training.compile:
            self.model.encoder.compile()
        self.x_test, self.y_test = on_device(data.x_test, device), data.y_test
        self.epoch_files = EpochFiles(self.writer, data.y_test, data.num_classes, task.features, method.dim)
        sample = consolidation_sample(
            data.y_train, training.consolidation_per_class, data.num_classes, self.config.data.split_seed
        )
        # Where the sample is the whole set, use it in place instead of copying it.
        whole = len(sample) == len(data.y_train) and self.batches.resident
        self.x_sample = self.batches.x if whole else on_device(subset(data.x_train, sample), device)
        self.y_sample = self.batches.y if whole else data.y_train[sample].to(device)

    def _class_means(self) -> tuple[Tensor, Tensor]:
        return class_centroids(embed(self.model, self.x_sample), self.y_sample, self.num_classes)

    def _describe(self, data: Dataset) -> None:
        kind: str = data.kind
        facts = DataInfo(
            fingerprint=data.fingerprint,
            pixels=data.pixels,
            kind="images" if kind == "images" else "features",
            input_shape=list(data.input_shape),
            train_size=len(data.y_train),
            test_size=len(data.y_test),
            validation_size=len(self.validation.y) if self.validation else 0,
            notes=[*data.notes, *self.epoch_files.notes, *self.skipped.notes],
            taxonomy=data.taxonomy,
        )
        before = self.writer.record.data
        if before is not None and not data.marks.agree(Marks(before.fingerprint, before.pixels)):
            raise TrainingError(
                "The data has changed since this run was started, so going on would mix two data sets.",
                "Start a new run.",
            )
        self.writer.update(
            data=facts,
            class_names=list(data.class_names),
            label_dim=self.method.dim,
            vectors=self.epoch_files.vectors,
            parameters=sum(p.numel() for p in self.stepper.parameters),
            batches_per_epoch=self.batches.per_epoch,
            device=device_title(self.device) + (f" x {self.team.size}" if self.team.size > 1 else ""),
        )
        thumbnails = data.thumbnails()
        if thumbnails is not None:
            self.writer.samples(*thumbnails)

    def _resume(self) -> bool:
        """Take up the checkpoint if there is one; False when training starts from the beginning."""
        loaded = load_checkpoint(self.writer.folder)
        if loaded is None:
            if self.team.is_main_process:
                keep_metrics_until(self.writer.folder, -1)
            return False
        parts, facts = loaded
        self.model.load_state_dict(parts["model"])
        self.method.load_state_dict(parts.get("method", {}))
        restore_optimizer(self.optimizer, parts.get("optimizer", {}))
        self.stepper.restore(parts.get("scaler", {}))
        if self.average is not None:
            self.average.mean.load_state_dict(parts["average"])
        set_rng_state(parts["rng"], self.device)
        self.counters = _Counters(**facts)
        if self.team.is_main_process:
            keep_metrics_until(self.writer.folder, self.counters.epoch)
        return True

    def _train_epoch(self, epoch: int) -> _EpochLosses:
        if not self.team.is_main_process:
            seed_follower(self.config.training.seed, epoch, self.team.rank)
        # Losses stay on the device until the epoch ends: reading one would wait for the device at every step.
        losses = torch.zeros(self.batches.per_epoch, 3, device=self.device)
        self.model.train()
        self.method.train()
        started = self._now()
        chance = augmentation_generator(self.config.training.seed, epoch, self.team.rank)
        for number, batch in enumerate(self.batches.epoch(epoch)):
            if self.team.size == 1 or number % STOP_CHECK_STEPS == 0:
                self._stop_if_asked()
            if self.config.data.augment == "crop_flip":
                batch = batch._replace(x=random_crop_flip(batch.x, chance))
            losses[number] = self._step(batch, epoch)
            self.counters.step += 1
            if self.average is not None:
                self.average.update(self.counters.step)
            self.counters.samples += len(batch.y) * self.team.size
            if self.team.is_main_process:
                self.writer.progress(epoch, number + 1, self.batches.per_epoch)
        self.counters.seconds += self._now() - started
        losses = self.team.mean(losses)
        if self.team.size == 1 and self.writer.record.label_seconds is None:
            self._time_labels(batch, epoch)
        self._refuse_non_finite(losses, epoch)
        means = losses.mean(dim=0).tolist()
        return _EpochLosses(*means)

    def _time_labels(self, batch: Batch, epoch: int) -> None:
        """Once a run, after its first epoch: what a step costs behind the encoder."""
        training = self.config.training
        costs = step_costs(
            self.model.head, self.method, batch.y, batch.rows, epoch, training.epochs,
            lambda parameters: build_optimizer(parameters, training), self.stepper.autocast,
        )  # fmt: skip
        self.writer.update(label_seconds=costs.labels, output_seconds=costs.output)

    def _step(self, batch: Batch, epoch: int) -> Tensor:
        try:
            loss = self.take_step(batch.x, batch.y, batch.rows, epoch)
            self.stepper.step(loss.total, self.counters.step)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self.team.size > 1:
                raise
            del error
            raise out_of_memory_error(len(batch.y), lambda size: self._fits(batch, size, epoch)) from None
        return torch.stack([part.detach() for part in loss])

    def _fits(self, batch: Batch, size: int, epoch: int) -> bool:
        """Whether a step with the first samples of a batch fits into memory; the run ends whatever comes of it."""
        self.optimizer.zero_grad(set_to_none=True)
        try:
            loss = self.take_step(batch.x[:size], batch.y[:size], batch.rows[:size], epoch)
            self.stepper.step(loss.total, self.counters.step)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _refuse_non_finite(self, losses: Tensor, epoch: int) -> None:
        bad = (~torch.isfinite(losses).all(dim=1)).nonzero()
        if len(bad):
            step = (epoch - 1) * self.batches.per_epoch + int(bad[0])
            rate = learning_rate(self.config.training, step, self.batches.per_epoch)
            raise TrainingError(
                f"The loss stopped being a finite number at step {step + 1:,} (epoch {epoch}, learning rate {rate:g}).",
                f"Try a learning rate of {rate / 10:g}, a larger batch, or clipping the gradient to a norm of 1.",
            )

    def _finish_epoch(self, losses: _EpochLosses | None) -> None:
        """Evaluate, write everything about the epoch, and the checkpoint last: what it promises is on disk before
        it."""
        counters = self.counters
        model, method = self._evaluated()
        used = self.config.method
        result = evaluate(
            model, method, self.x_sample, self.y_sample, self.x_test, self.y_test, self.num_classes, self.epoch_files.layer,
            used.rule, used.softmax_temperature, self.team, self.validation, EvaluationBatches.of(self.config.training),
        )  # fmt: skip
        if self.unreadable is not None and self.team.size > 1:
            self.unreadable.share(self.team.texts)
        row: dict[str, float | int] = {
            "epoch": counters.epoch,
            "step": counters.step,
            "samples": counters.samples,
            "seconds": round(counters.seconds, 6),
            "learning_rate": self.stepper.rate,
        }
        if losses is not None:
            row |= {"loss": losses.loss, "pull": losses.pull, "push": losses.push}
        for split in ("train", "test", "validation") if self.validation else ("train", "test"):
            for predictor in ("mean", "own"):
                row[f"{split}_accuracy_{predictor}"] = getattr(result, f"{split}_accuracy_{predictor}")
        if result.features is not None:
            row["test_accuracy_features"] = result.test_accuracy_features
        row |= {f"test_{name}": value for name, value in result.test.measures.items()}
        row |= result.collapse
        self._watch(row)
        accuracy = float(row[f"{self._chosen_on}_accuracy_{counters.best_by}"])
        best = counters.epoch >= 1 and self.team.decided(accuracy > counters.best_accuracy)
        if best:
            counters.best_epoch, counters.best_accuracy = counters.epoch, accuracy
        if not self.team.is_main_process:
            return
        self.epoch_files.write(counters.epoch, method.label_table(), result)
        if best:
            self._write_best(model, method, result)
        self.writer.metrics(row)
        save_checkpoint(
            self.writer.folder,
            {
                "model": self.model.state_dict(),
                "method": self.method.state_dict(),
                "optimizer": flatten_optimizer(self.optimizer),
                "scaler": self.stepper.state(),
                "average": {} if self.average is None else self.average.mean.state_dict(),
                "rng": rng_state(self.device),
            },
            vars(counters),
        )

    def _watch(self, row: dict[str, float | int]) -> None:
        """Count the epochs since the watched metric was last better."""
        counters, column = self.counters, self._watched
        if counters.epoch == 0:
            return
        column = f"{column}_{self.as_used}" if column.endswith("_accuracy") else column
        value = -float(row[column]) if column == "loss" else float(row[column])
        if counters.watched_best is None or value > counters.watched_best:
            counters.watched_best, counters.epochs_without_better = value, 0
        else:
            counters.epochs_without_better += 1

    @property
    def _chosen_on(self) -> str:
        """The part of the data that the best epoch is chosen on."""
        return "validation" if self.validation else "test"

    @property
    def _watched(self) -> str:
        """What patience watches, with the part of the data."""
        watched = self.config.training.watch
        return f"{self._chosen_on}_accuracy" if watched == "accuracy" else watched

    def _patience_is_over(self) -> bool:
        patience = self.config.training.patience
        return patience is not None and self.team.decided(self.counters.epochs_without_better >= patience)

    def _write_best(self, model: Classifier, method: LabelMethod, result: EvaluationResult) -> None:
        epoch = self.counters.epoch
        self.epoch_files.write_best(epoch, result)
        record = self.writer.record
        state = {**model.state_dict(), "labels": method.label_table(), "centroids": result.centroids}
        if method.class_head is not None:
            state |= method.class_head.state_dict(prefix=f"{CLASS_HEAD_KEY}.")
        description = {
            "model_type": "lwal-classifier",
            "class_names": record.class_names,
            "input_shape": record.data.input_shape if record.data else None,
            "label_dim": self.method.dim,
            "epoch": epoch,
            "run": self.config.to_dict(),
            "encoder": getattr(model.encoder, "description", {}),
            "versions": record.versions,
        }
        save_model(self.writer.folder, state, description)
        self.writer.update(best_epoch=epoch)

    def _evaluated(self) -> tuple[Classifier, LabelMethod]:
        """Network and label method that are evaluated and kept: those of the last step, or their means."""
        if self.average is None:
            return self.model, self.method
        model, method = self.average.follow().children()
        return model, method  # type: ignore[return-value]

    def _stop_if_asked(self) -> None:
        if self.team.any(self.should_stop()):
            raise Cancelled

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
