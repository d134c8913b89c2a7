"""Data sets whose images stay in their files."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.stream import Pictures, image_stream, stream_fingerprint


def streamed(
    config: DataConfig,
    pictures: Pictures,
    labels: NDArray[np.int64],
    num_train: int,
    class_names: tuple[str, ...],
    size: int,
    notes: tuple[str, ...],
) -> Dataset:
    """A data set of pictures that are decoded when they are asked for.

    Args:
        config: `name` and `fit` are used.
        pictures: The training pictures, then the test pictures.
        labels: Their classes, in the order of the pictures.
        num_train: How many of them are training pictures.
        class_names: C names.
        size: Pixels a side.
        notes: What deserves a second look, one sentence each.
    """
    places = np.arange(len(labels))
    train, test = image_stream(config.name, pictures, places[:num_train], places[num_train:], labels, size, config.fit)
    return Dataset.build(
        name=config.name, kind="images", x_train=train, y_train=torch.from_numpy(labels[:num_train]), x_test=test,
        y_test=torch.from_numpy(labels[num_train:]), class_names=class_names, notes=notes,
        fingerprint=stream_fingerprint(train, test, class_names),
    )  # fmt: skip
