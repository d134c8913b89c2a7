"""A model as it is becomes a run: class means, head vectors, three accuracies, confusion, thumbnails."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from lwal_core.config import DataConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.datafiles.source_stats import FOLDER_PREFIX, source_stats
from lwal_core.errors import TrainingError
from lwal_core.imports.model_names import given_names
from lwal_core.ready_models.embedding import Embedded, Layer, Progress, embed, nearest_neighbours_accuracy
from lwal_core.ready_models.matching import matching_outputs
from lwal_core.ready_models.model import RANDOM, ReadyModel
from lwal_core.ready_models.sources import load_model
from lwal_core.recording import start_run
from lwal_core.runs import Run, RunWriter
from lwal_core.security.permissions import check_writable
from lwal_core.training.devices import device_title, is_out_of_memory, pick_device

ONLY_EPOCH = 1
"""The epoch that the run has."""
MAX_IMAGE_SIZE = 512
_SIZED = (FOLDER_PREFIX, "food101")
"""Data sets whose images are read at the size that is asked for."""
NEIGHBOURS_COLUMN = "test_accuracy_5_neighbours"


@dataclass(frozen=True, eq=False)
class Analysis:
    """What came of it.

    Attributes:
        run: The run.
        numbers: Accuracies by name, fractions, and seconds.
        notes: Sentences about what the numbers are.
    """

    run: Run
    numbers: dict[str, float]
    notes: list[str] = field(default_factory=list)


def analyse(
    model_name: str,
    data: DataConfig,
    *,
    layer: Layer = "features",
    weights: str | None = None,
    seed: int = 0,
    names: list[str] | None = None,
    name: str = "",
    taxonomy: str | None = None,
    device: str = "auto",
    home: Path | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """Embed a data set with a model as it is, and record a run of it.

    Args:
        model_name: ``timm:NAME``, ``torchvision:NAME``, ``hf:ORG/REPO`` or ``hf:FOLDER``.
        data: The data. Without ``image_size``, a folder of images is read at the size that the model scales them to.
        layer: ``"features"`` or ``"output"``.
        weights: A file, ``"random"``, or None for the published ones.
        seed: Of random weights.
        names: Class names of the model's outputs, where the model has none itself.
        name: Of the run, for people.
        taxonomy: A reference hierarchy of the classes; None for the data set's own.
        device: As in a training.
        home: Where; default ``$LWAL_HOME`` or ``./var``.
        progress: Told the number of finished samples, and of all.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        LwalError: The model or the data cannot be used; no run is left behind.
    """
    check_writable("analyse a model")
    if os.environ.get("RANK", "0").strip() not in ("", "0"):
        raise TrainingError("Nothing is recorded in a process of a higher RANK.", "Unset RANK.")
    place = pick_device(device)
    source_stats(data)  # refuses, before a model is fetched, what cannot be read
    model = load_model(model_name, weights, seed)
    if data.name.startswith(_SIZED) and data.image_size is None:
        data = data.model_copy(update={"image_size": min(model.resized, MAX_IMAGE_SIZE)})
    dataset = load_dataset(data)
    chosen, notes = _chosen(model, dataset, names)
    started = time.perf_counter()
    try:
        embedded = embed(model, dataset, layer=layer, chosen=chosen, device=place, progress=progress)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"{model.name} takes more memory than {place.type} has.", "Choose a smaller one."
            ) from None
        raise
    neighbours = nearest_neighbours_accuracy(embedded, dataset.y_train, dataset.y_test)
    seconds = time.perf_counter() - started
    shown = data.model_dump(exclude_defaults=True, exclude={"name"})
    options = {
        "model": model.name, "layer": layer, "weights": model.weights if model.weights == RANDOM else model.weights[:16],
        "input_size": "x".join(map(str, model.input_size[::-1])), "data": shown,
    }  # fmt: skip
    recorder = start_run(
        name or f"{model.name.partition(':')[2].rstrip('/').rpartition('/')[2]} on {data.title}"[:120],
        classes=dataset.class_names,
        method=_method(model, layer),
        data=dataset.name,
        seed=seed,
        config=options,
        taxonomy=taxonomy if taxonomy is not None else dataset.taxonomy,
        home=home,
        epochs=ONLY_EPOCH,
        strict=True,
    )
    assert recorder.path is not None
    try:
        with recorder:
            _record(recorder, model, dataset, embedded, layer, chosen, neighbours, seconds)
            recorder.describe(
                parameters=model.parameters,
                device=device_title(place),
                train_size=len(dataset.x_train),
                test_size=len(dataset.x_test),
                notes=[*notes, *dataset.notes],
            )
    except BaseException:
        shutil.rmtree(recorder.path, ignore_errors=True)
        raise
    run = Run(recorder.path)
    metrics = run.metrics()
    numbers = {
        "nearest class mean": float(metrics.test_accuracy_mean[-1]),
        "5 nearest neighbours": neighbours,
        **({} if chosen is None else {"own head": float(metrics.test_accuracy_own[-1])}),
    }
    return Analysis(run, {**numbers, "seconds": seconds}, notes)


def _record(
    recorder: Any,
    model: ReadyModel,
    dataset: Dataset,
    embedded: Embedded,
    layer: Layer,
    chosen: list[int] | None,
    neighbours: float,
    seconds: float,
) -> None:
    vectors = model.head_vectors() if chosen is not None and layer == "features" else None
    labels = None if vectors is None or chosen is None else vectors[chosen]
    if labels is not None and labels.shape[1] != embedded.class_means.shape[1]:
        labels = None
    recorder.log_labels(
        ONLY_EPOCH, class_means=embedded.class_means, labels=labels, feature_means=embedded.feature_means
    )
    recorder.log_predictions(
        ONLY_EPOCH,
        dataset.y_test,
        scores=embedded.outputs,
        embeddings=embedded.test,
        images=dataset.x_test.permute(0, 2, 3, 1).expand(-1, -1, -1, 3) if isinstance(dataset.x_test, Tensor) else None,
    )
    pictures = None if isinstance(dataset.x_test, Tensor) else dataset.thumbnails()
    if pictures is not None:
        RunWriter(recorder.path).samples(*pictures)
    recorder.log(ONLY_EPOCH, seconds=seconds, **{NEIGHBOURS_COLUMN: neighbours})


def _chosen(model: ReadyModel, dataset: Dataset, names: list[str] | None) -> tuple[list[int] | None, list[str]]:
    """Outputs that stand for the classes, None where some class has none; and a sentence about it."""
    if model.head is None:
        return None, [f"{model.name} has no head; its features are what it gives."]
    outputs = len(model.head.weight)  # type: ignore[arg-type]
    names = None if names is None else list(given_names(names, outputs))
    if names is not None and len(names) != outputs:
        raise TrainingError(
            f"{len(names):,} names are given, and {model.name} has {outputs:,} outputs.",
            "Give a name for each, a line each.",
        )
    known = names if names is not None else list(model.class_names)
    if not known:
        drawn = "its weights are drawn at random" if model.weights == RANDOM else "nothing says their names"
        return None, [f"The head is left aside: {model.name} has {outputs:,} outputs, and {drawn}."]
    found = matching_outputs(dataset.class_names, known)
    matched = [number for number in found if number is not None]
    if len(matched) < len(found):
        missing = next(name for name, number in zip(dataset.class_names, found, strict=True) if number is None)
        return None, [
            f"The head is left aside: {len(matched):,} of the {len(found):,} classes are outputs of {model.name}; {missing!r} is none."
        ]
    among = "" if len(found) == outputs else f" It chooses among the {len(found):,} classes of the data alone."
    return matched, [f"The head is used: each class is an output of {model.name}.{among}"]


def _method(model: ReadyModel, layer: Layer) -> str:
    """What the method is called: the model, and what was changed of it."""
    name = model.name if len(model.name) <= 80 else f"{model.name.partition(':')[0]}:…{model.name[-70:]}"
    about = [*(["random weights"] if model.weights == RANDOM else []), *(["output"] if layer == "output" else [])]
    return f"{name} ({', '.join(about)})" if about else name
