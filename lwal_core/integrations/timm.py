"""timm: two lines in its train script record a run.

.. code-block:: python

    run = integrations.timm.start_run(args, loader_eval)                              # before the loop over epochs
    ...
    with integrations.timm.recorded(run, epoch, model, loader_eval, train_metrics) as loader:
        eval_metrics = validate(model, loader, validate_loss_fn, args)                # loader instead of loader_eval
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

import lwal_core.integrations.watched_loader as passes
from lwal_core.integrations.needed import needed
from lwal_core.recording import Recorder
from lwal_core.recording import start_run as start
from lwal_core.recording.arrays import RecordError

needed("timm")
_NOT_OPTIONS = {"seed", "epochs", "experiment", "output", "log_interval", "recovery_interval", "workers", "local_rank",
                "rank", "world_size", "distributed", "device", "resume"}  # fmt: skip


def start_run(args: Any, loader: Any, name: str = "", *, method: str = "", data: str = "", **more: Any) -> Recorder:
    """Begin a run from the options of timm's train script.

    Args:
        args: The script's options: ``model``, ``dataset`` and ``data_dir``, ``seed``, ``epochs`` and the others, which are
            kept as the run's configuration, apart from places and numbers of processes.
        loader: Of the evaluation; its data set knows the class names.
        name: A name for people.
        method: What you call your method; the model's name where it is empty.
        data: What you call your data; the data set's name or its folder's where it is empty.
        **more: As for :func:`lwal_core.start_run`, ``classes`` in place of the data set's names.

    Raises:
        LwalError: The run cannot be begun.
    """
    options = {key: value for key, value in vars(args).items() if key not in _NOT_OPTIONS}
    folder = str(options.pop("data_dir", None) or options.pop("data", None) or "")
    told = data or str(options.get("dataset") or "") or folder.rstrip("/").rpartition("/")[2] or "unknown"
    given: dict[str, Any] = {
        "classes": class_names(loader) if "classes" not in more else None,
        "method": method or str(getattr(args, "model", "timm")),
        "data": told,
        "seed": getattr(args, "seed", 0) or 0,
        "epochs": getattr(args, "epochs", None),
        "config": options,
    }
    return start(name, **given | more)


def class_names(loader: Any) -> list[str]:
    """Names of the classes of a loader's data set, in the order of their numbers.

    Raises:
        RecordError: The data set knows none.
    """
    data = loader.dataset
    for part in (getattr(data, "reader", None), data):
        numbers = getattr(part, "class_to_idx", None)
        if isinstance(numbers, Mapping) and numbers:
            return [str(name) for name, _ in sorted(numbers.items(), key=lambda item: item[1])]
    raise RecordError("classes", f"A {type(data).__name__} knows no class names.", "Give classes=[...].")


@contextmanager
def recorded(
    run: Recorder,
    epoch: int,
    model: nn.Module,
    loader: Any,
    train_metrics: Mapping[str, Any] | None = None,
    head: nn.Module | str | None = None,
    **numbers: Any,
) -> Iterator[Any]:
    """Record an epoch of timm's train script from its own validation, which is given the loader that this gives.

    Args:
        run: From :func:`start_run`.
        epoch: As the script counts, from 0; in the run it is one more.
        model: The network, wrapped or not.
        loader: Of the evaluation; timm's prefetching loaders tell how they normalise, for the pictures.
        train_metrics: What ``train_one_epoch`` gave; its loss is the training loss.
        head: The classifier; None for the network's own ``get_classifier()``.
        **numbers: Further numbers of the epoch, such as ``learning_rate``.
    """
    mean, std = (getattr(loader, name, None) for name in ("mean", "std"))  # in units of 0 to 255
    scale = {} if mean is None or std is None else {"mean": mean / 255, "std": std / 255}
    with passes.recorded(run, epoch + 1, model, loader, head, **scale) as batches:
        yield batches
    if run.recording:
        loss = {"train_loss": train_metrics["loss"]} if train_metrics and "loss" in train_metrics else {}
        run.log(epoch + 1, **loss, **numbers)
