"""A model as it is becomes a run: class means, head vectors, three accuracies, confusion, thumbnails."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from lwal_core.config import IMAGE_DATA, DataConfig, ReadyModelConfig
from lwal_core.config.encoder import RANDOM
from lwal_core.config.ready_model import Layer
from lwal_core.data import Dataset, load_dataset
from lwal_core.datafiles.source_stats import source_stats
from lwal_core.errors import TrainingError
from lwal_core.imports.model_names import given_names
from lwal_core.jobs import RunLock, create_analysis
from lwal_core.jobs.stop import Cancelled
from lwal_core.ready_models.embedding import Embedded, Progress, embed, nearest_neighbours_accuracy
from lwal_core.ready_models.matching import matching_outputs
from lwal_core.ready_models.model import ReadyModel
from lwal_core.ready_models.sources import load_model
from lwal_core.recording.arrays import table
from lwal_core.recording.epoch_writer import EpochWriter
from lwal_core.recording.options import class_names, taxonomy_name
from lwal_core.recording.predictions import tested
from lwal_core.results.ready_model import NEIGHBOURS_COLUMN, ONLY_EPOCH, accuracies
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.record import DataInfo
from lwal_core.security.permissions import check_writable
from lwal_core.training.devices import device_title, is_out_of_memory, pick_device

MAX_IMAGE_SIZE = 512
_SIZED = (*IMAGE_DATA, "food101")
"""Data sets whose images are read at the size that is asked for."""


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
    notes: list[str]


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
    """Embed a data set with a model as it is, and record a run of it, in this process and without waiting for a slot.

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
    ready = ReadyModelConfig.parse(
        {"model": model_name, "layer": layer, "weights": weights, "taxonomy": taxonomy_name(taxonomy, home),
         "names": None if names is None else tuple(names)}
    )  # fmt: skip
    run = create_analysis(ready, data, seed=seed, device=device, name=name, home=home)
    try:
        with RunLock(run.path):
            writer = RunWriter(run.path)
            writer.take()
            writer.begin()
            analyse_run(run.path, progress=progress)
            RunWriter(run.path).move_to("done")
    except BaseException:
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    made = Run(run.path)
    return Analysis(made, accuracies(made), made.record.data.notes if made.record.data else [])


def analyse_run(
    folder: Path, should_stop: Callable[[], bool] = lambda: False, progress: Progress | None = None
) -> None:
    """Analyse the model that the record of a run names, whose folder this process owns.

    What an earlier process recorded is deleted first: an analysis that was lost begins anew. Results are written when all of them
    are there.

    Args:
        folder: The run folder.
        should_stop: Asked between batches.
        progress: Told the number of finished samples, and of all.

    Raises:
        Cancelled: ``should_stop`` said so.
        LwalError: The model or the data cannot be used.
    """
    if os.environ.get("RANK", "0").strip() not in ("", "0"):
        raise TrainingError("Nothing is recorded in a process of a higher RANK.", "Unset RANK.")
    writer = RunWriter(folder)
    writer.clear_results()
    config, ready = writer.record.config, writer.record.ready_model
    assert ready is not None
    data, seed = config.data, config.training.seed
    place = pick_device(config.training.device)
    source_stats(data, ask=False)  # refuses, before a model is fetched, what cannot be read
    model = load_model(ready.model, ready.weights, seed)
    if data.name.startswith(_SIZED) and data.image_size is None:
        data = data.model_copy(update={"image_size": min(model.resized, MAX_IMAGE_SIZE)})
    dataset = load_dataset(data)
    chosen, notes = _chosen(model, dataset, ready.names)

    def on_batch(done: int, total: int) -> None:
        if should_stop():
            raise Cancelled
        writer.progress(ONLY_EPOCH, done, total)
        if progress is not None:
            progress(done, total)

    started = time.perf_counter()
    try:
        embedded = embed(model, dataset, layer=ready.layer, chosen=chosen, device=place, progress=on_batch)
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"{model.name} takes more memory than {place.type} has.", "Choose a smaller one."
            ) from None
        raise
    neighbours = nearest_neighbours_accuracy(embedded, dataset.y_train, dataset.y_test)
    seconds = time.perf_counter() - started
    writer.update(
        config=ready.run_config(
            data,
            seed=seed,
            device=config.training.device,
            weights=model.weights if ready.random else model.weights[:16],
            input_size="x".join(map(str, model.input_size[::-1])),
        ),
        class_names=class_names(dataset.class_names),
        data=DataInfo(
            fingerprint="",
            kind="unknown",
            input_shape=[],
            train_size=len(dataset.x_train),
            test_size=len(dataset.x_test),
            notes=[*notes, *dataset.notes],
            taxonomy=taxonomy_name(
                ready.taxonomy if ready.taxonomy is not None else dataset.taxonomy, folder.parents[1]
            ),
        ),
        parameters=model.parameters,
        device=device_title(place),
    )
    _record(writer, model, dataset, embedded, chosen, {"seconds": seconds, NEIGHBOURS_COLUMN: neighbours})


def _record(
    writer: RunWriter,
    model: ReadyModel,
    dataset: Dataset,
    embedded: Embedded,
    chosen: list[int] | None,
    numbers: dict[str, float],
) -> None:
    epochs = EpochWriter(writer, dataset.num_classes, epochs_known=True, again=False, came_to=None)
    asked = writer.record.ready_model
    vectors = model.head_vectors() if asked is not None and asked.layer == "features" else None
    fits = vectors is not None and vectors.shape[1] == embedded.class_means.shape[1]
    given = {
        "class_means": embedded.class_means,
        "labels": vectors[chosen] if vectors is not None and fits and chosen is not None else None,
        "feature_means": embedded.feature_means,
    }
    tables = {name: table(v, name, "CK", epochs.sizes(name)) for name, v in given.items() if v is not None}
    with epochs.together():  # its row says that the run has an epoch, so it comes last
        epochs.vectors(ONLY_EPOCH, tables)
        found = tested(
            dataset.y_test, None, embedded.outputs, embedded.test,
            classes=dataset.num_classes, means=epochs.means(ONLY_EPOCH), width=epochs.width,
        )  # fmt: skip
        epochs.test(ONLY_EPOCH, found)
        if isinstance(dataset.x_test, Tensor):
            epochs.images(dataset.x_test.permute(0, 2, 3, 1).expand(-1, -1, -1, 3), dataset.y_test)
        elif (pictures := dataset.thumbnails()) is not None:
            writer.samples(*pictures)
        epochs.numbers(ONLY_EPOCH, numbers)


def _chosen(model: ReadyModel, dataset: Dataset, names: tuple[str, ...] | None) -> tuple[list[int] | None, list[str]]:
    """Outputs that stand for the classes, None where some class has none; and a sentence about it."""
    if model.head is None:
        return None, [f"{model.name} has no head; its features are what it gives."]
    outputs = len(model.head.weight)  # type: ignore[arg-type]
    given = None if names is None else list(given_names(names, outputs))
    if given is not None and len(given) != outputs:
        raise TrainingError(
            f"{len(given):,} names are given, and {model.name} has {outputs:,} outputs.",
            "Give a name for each, a line each.",
        )
    known = given if given is not None else list(model.class_names)
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
