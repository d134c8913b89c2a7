"""Samples of each class in a batch, and advice where they are few. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.config import TrainingConfig
from lwal_core.errors import ConfigError

WANTED = 4
"""Samples of a class that the advice aims at: a class mean of fewer is noisy."""
THIN = 0.1
"""Share of classes with one sample or none in a batch from which on advice is given."""


@dataclass(frozen=True)
class BatchClasses:
    """Samples of the classes in one batch.

    Attributes:
        size: Samples of a batch.
        classes: Classes of a batch of the balanced sampler; None where any class may be in a batch.
        mean: Expected samples of a class, of those that are in a batch of the balanced sampler, else of all.
        fewest: The same of the rarest class.
        thin: Expected share of all classes with one sample or none.
    """

    size: int
    classes: int | None
    mean: float
    fewest: float
    thin: float


def batch_classes(per_class: Sequence[int], training: TrainingConfig) -> BatchClasses:
    """What a batch of this sampler and size has of each class.

    Args:
        per_class: Training samples of each class, at least one class, each at least 1.
        training: Sampler and size of a batch.
    """
    counts = np.asarray(per_class, dtype=np.float64)
    total, size = counts.sum(), float(min(training.step_size, int(counts.sum())))
    if training.sampler == "balanced":
        classes, samples = min(training.classes_per_batch, len(counts)), training.samples_per_class
        thin = 1 - classes / len(counts) * (samples > 1)
        return BatchClasses(training.step_size, classes, samples, samples, thin)
    if training.sampler == "class-balanced":
        counts = np.full(len(counts), total / len(counts))
    mean = size * counts / total
    return BatchClasses(
        int(size), None, float(mean.mean()), float(mean.min()), float(_at_most_one(counts, size).mean())
    )


def _at_most_one(counts: np.ndarray, size: float) -> np.ndarray:
    """Probability that a batch drawn without replacement has one sample of a class or none, ``[C]``: hypergeometric."""
    total = counts.sum()
    none = np.exp(_log_choose(total - counts, size) - _log_choose(total, size))
    one = counts * np.exp(_log_choose(total - counts, size - 1) - _log_choose(total, size))
    return np.minimum(none + one, 1.0)


def _log_choose(n: np.ndarray, k: float) -> np.ndarray:
    """Log of the binomial coefficient; minus infinity where fewer than k are there."""
    with np.errstate(invalid="ignore"):
        value = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1)
    return np.where(n - k < -1e-9, -np.inf, value)


def check_batches(per_class: Sequence[int], training: TrainingConfig) -> None:
    """Refuse batches of more classes than there are, as a training would.

    Raises:
        ConfigError: named ``training.classes_per_batch``.
    """
    if training.sampler == "balanced" and training.classes_per_batch > len(per_class):
        problem = f"a batch is to have {training.classes_per_batch:,} classes, and the data has {len(per_class):,}"
        raise ConfigError([("training.classes_per_batch", problem)])


def batch_text(found: BatchClasses) -> str:
    """``"64 samples, 6.4 of a class on average; 1 % of the classes have one or none"``."""
    if found.classes is not None:
        text = f"{found.size:,} samples, {format_number(found.mean)} of each of {found.classes:,} classes"
        rest = "" if found.mean > 1 else "; a class mean of one sample is that sample"
        return text + rest
    text = f"{found.size:,} samples, {format_number(found.mean, digits=2)} of a class on average"
    return text + (
        f"; {format_percent(found.thin, digits=2)} of the classes have one or none" if found.thin >= 0.005 else ""
    )


def batch_advice(per_class: Sequence[int], training: TrainingConfig) -> str:
    """What to change so that class means have several samples; empty where nothing need be.

    A batch of the balanced sampler always has them where it has two of a class, and needs no advice.
    """
    found, classes = batch_classes(per_class, training), len(per_class)
    if training.sampler == "balanced":
        return (
            "" if training.samples_per_class > 1 else f"Learned labels need several samples of a class: {WANTED}, say."
        )
    if found.thin < THIN:
        return ""
    even = batch_classes(per_class, training.model_copy(update={"sampler": "class-balanced"}))
    if training.sampler == "plain" and even.thin < THIN:
        return "Learned labels need several samples of a class in a batch: the class-balanced sampler has them."
    chosen = max(2, min(classes, found.size // WANTED))
    return (
        "Learned labels need several samples of a class in a batch: the balanced sampler with "
        f"{chosen:,} classes and {WANTED} samples each has them, and so has a batch of {WANTED * classes:,} or more."
    )


def chunk_text(training: TrainingConfig) -> str:
    """What becomes of a batch that goes through the encoder in chunks; empty where none does."""
    size, batch = training.chunk_size, training.step_size
    if size is None or size >= batch:
        return ""
    return (
        f"A batch of {batch:,} goes through the encoder in {-(-batch // size):,} chunks of at most {size:,}, twice each: less memory, "
        "more time, the gradient of the whole batch. Batch norm takes its statistics from each chunk."
    )
