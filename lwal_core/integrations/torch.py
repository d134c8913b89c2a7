"""Plain PyTorch: one call at the end of each epoch records a test set, or a watch on the program's own pass does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from lwal_core.integrations.batches import run_network, split
from lwal_core.integrations.classifier import HeadWatch, find_head, unwrapped
from lwal_core.integrations.quiet import unnoticed
from lwal_core.integrations.tally import ClassMeans
from lwal_core.integrations.watched import WatchedPass
from lwal_core.integrations.watched_loader import Unpack, recorded, say_if_shared
from lwal_core.recording import Recorder
from lwal_core.recording.arrays import RecordError, class_numbers
from lwal_core.recording.predictions import Tested

__all__ = ["record_epoch", "recorded"]


def record_epoch(
    run: Recorder,
    epoch: int,
    model: nn.Module,
    loader: Iterable[Any],
    head: nn.Module | str | None = None,
    *,
    train_loader: Iterable[Any] | None = None,
    unpack: Unpack = split,
    mean: Any = None,
    std: Any = None,
    **numbers: Any,
) -> Tested | None:
    """Record an epoch: class means, the classifier's weights, accuracy, confusion, a sample of embeddings, pictures.

    Runs the network over the loader, in evaluation mode and without gradients, and stands in for a pass of your own: what
    it finds is what it returns. Embeddings are what the classifier is given. Modes of layers and random generators are
    afterwards what they were. Only rank 0 of a distributed training runs it; other processes return at once.

    Args:
        run: From :func:`lwal_core.start_run`.
        epoch: From 1; 0 for the network before training.
        model: The network; what DataParallel, DistributedDataParallel and torch.compile make of one is unwrapped.
        loader: Of the test set. Batches are ``(x, y)``, ``(x1, x2, y)`` or mappings with ``labels``.
        head: The classifier, or its name; None to look for the layer with weights for C classes.
        train_loader: Of training samples (some of each class do) in a second pass: class means are those of them, and accuracy
            by nearest class mean is recorded as well. None for the means of the test set, without that accuracy.
        unpack: From a batch of another kind to ``(inputs, targets)``; inputs are one tensor, a tuple, or a mapping of arguments.
        mean: What was subtracted of each channel of the pictures, in units of 0 to 1; None for nothing.
        std: What they were then divided by.
        **numbers: Further numbers of the epoch, as for :meth:`lwal_core.Recorder.log`.

    Returns:
        What was found: ``own`` is the accuracy, a fraction, ``confusion`` ``[C,C]``. None where nothing could be recorded,
        which is said as a warning.
    """
    if not run.recording and not run.id:
        return None
    found = None
    with run.careful("record_epoch") as live:
        if live:
            if numbers:
                run.log(epoch, **numbers)
            say_if_shared(run, loader)
            means = None if train_loader is None else _means(run, model, train_loader, head, unpack)
            with (
                WatchedPass(run, model, head, means=means, mean=mean, std=std) as watched,
                unnoticed(watched.model, loader),
            ):
                for batch in loader:
                    inputs, targets = unpack(batch)
                    watched.add(inputs, targets, run_network(watched.model, inputs))
                found = watched.write(epoch)
    return found


def _means(
    run: Recorder, model: nn.Module, loader: Iterable[Any], head: nn.Module | str | None, unpack: Unpack
) -> ClassMeans:
    network, classes = unwrapped(model), len(run.class_names)
    means = ClassMeans(classes)
    with HeadWatch(find_head(network, classes, head)) as watch, unnoticed(network, loader):
        for batch in loader:
            inputs, targets = unpack(batch)
            run_network(network, inputs)
            features, _ = watch.taken()
            means.add(features, class_numbers(targets, "targets", len(features), classes))
    if not means.counts.any():
        raise RecordError("train_loader", "The train_loader gave no samples.", "Give some of each class.")
    return means
