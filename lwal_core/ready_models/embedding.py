"""A model runs over a data set: batches on the device, class means in float64 as they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lwal_core.config.ready_model import Layer
from lwal_core.data import Dataset
from lwal_core.data.samples import pieces
from lwal_core.datafiles.limits import check_memory
from lwal_core.errors import TrainingError
from lwal_core.integrations.tally import ClassMeans
from lwal_core.ready_models.model import ReadyModel

Progress = Callable[[int, int], None]

NEIGHBOURS = 5
_PIXELS_AT_ONCE = 256 * 64 * 64
_LARGEST_BATCH, _SMALLEST_BATCH = 256, 8


@dataclass(frozen=True, eq=False)
class Embedded:
    """A data set as a model sees it.

    Attributes:
        class_means: Of the training samples, float64 ``[C,K]``.
        train: Vectors of the training samples, float32 ``[N,K]``.
        test: Of the test samples, ``[M,K]``.
        outputs: Outputs of the test samples for the chosen ones of the model, ``[M,C]``; None without.
        feature_means: Class means of the features, float64 ``[C,D]``, where ``class_means`` are those of the outputs; else None.
    """

    class_means: NDArray[np.float64]
    train: NDArray[np.float32]
    test: NDArray[np.float32]
    outputs: NDArray[np.float32] | None
    feature_means: NDArray[np.float64] | None = None


def embed(
    model: ReadyModel,
    dataset: Dataset,
    *,
    layer: Layer = "features",
    chosen: list[int] | None = None,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Embedded:
    """Run a model over the training and the test images.

    The device holds one batch at a time; what is kept is one vector for each sample.

    Args:
        model: The model.
        dataset: Images.
        layer: ``"features"``, what the head is given, or ``"output"``, what it makes of them.
        chosen: Outputs that stand for the classes, in their order; None for none.
        device: Where to compute.
        progress: Told the number of finished samples, and of all.

    Raises:
        TrainingError: The data are no images, the model has no outputs, or gives a number that is not finite.
        DataError: The vectors would not fit into memory.
    """
    if dataset.kind != "images":
        raise TrainingError(f"A model takes images, and {dataset.name} has vectors.", "Choose a data set of images.")
    model.network.to(device)
    height, width = model.input_size
    size = min(_LARGEST_BATCH, max(_SMALLEST_BATCH, _PIXELS_AT_ONCE // (height * width)))
    total = len(dataset.x_train) + len(dataset.x_test)
    means, feature_means = ClassMeans(dataset.num_classes), ClassMeans(dataset.num_classes)
    tables: dict[str, NDArray[np.float32]] = {}
    outputs: NDArray[np.float32] | None = None
    done = 0
    for part, x, y in (("train", dataset.x_train, dataset.y_train), ("test", dataset.x_test, dataset.y_test)):
        stop = 0
        for images in pieces(x, device, size):
            start, stop = stop, stop + len(images)
            features, said = model.run(images)
            if layer == "output" and said is None:
                raise TrainingError(f"{model.name} has no outputs for classes.", "Choose the layer features.")
            vectors = (features if layer == "features" else said).cpu()  # type: ignore[union-attr]
            if not torch.isfinite(vectors).all():
                raise TrainingError(f"{model.name} gives numbers that are not finite.", "Its weights may be damaged.")
            if not tables:
                check_memory(dataset.name, total, vectors.shape[1], "Lower per_class.", bytes_per_value=4)
            if part not in tables:
                tables[part] = np.empty((len(x), vectors.shape[1]), np.float32)
            tables[part][start:stop] = vectors.numpy()
            if part == "train":
                means.add(vectors, y[start:stop].numpy())
                if layer == "output":
                    feature_means.add(features, y[start:stop].numpy())
            elif chosen is not None and said is not None:
                if outputs is None:
                    outputs = np.empty((len(x), len(chosen)), np.float32)
                outputs[start:stop] = said[:, chosen].cpu().numpy()
            done += stop - start
            if progress is not None:
                progress(done, total)
    table = means.table()
    assert table is not None  # every class has training samples
    return Embedded(table, tables["train"], tables["test"], outputs, feature_means.table())


def nearest_neighbours_accuracy(embedded: Embedded, y_train: Tensor, y_test: Tensor) -> float:
    """Share of the test samples whose class most of their 5 nearest training samples have, by Euclidean distance."""
    from sklearn.neighbors import KNeighborsClassifier

    neighbours = KNeighborsClassifier(min(NEIGHBOURS, len(y_train)), algorithm="brute")
    neighbours.fit(embedded.train, y_train.numpy())
    return float(neighbours.score(embedded.test, y_test.numpy()))
