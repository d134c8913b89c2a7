"""Data sets whose images stay in their files."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.skipped import Skipped
from lwal_core.data.stream import ImageStream, Pictures


def streamed(
    config: DataConfig,
    pictures: Pictures,
    labels: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    class_names: tuple[str, ...],
    size: int,
    notes: tuple[str, ...],
) -> Dataset:
    """A data set of pictures that are decoded when they are asked for.

    Args:
        config: `name` and `square` are used.
        pictures: All pictures.
        labels: Their classes, in the order of the pictures.
        train: Numbers of the training pictures.
        test: Numbers of the test pictures.
        class_names: C names.
        size: Pixels a side.
        notes: What deserves a second look, one sentence each.
    """
    x_train, x_test = image_streams(config, pictures, labels, train, test, size)
    return Dataset.build(
        name=config.name, kind="images", x_train=x_train, y_train=torch.from_numpy(labels[train]), x_test=x_test,
        y_test=torch.from_numpy(labels[test]), class_names=class_names, notes=notes, files=(x_train, x_test),
    )  # fmt: skip


def image_streams(
    config: DataConfig,
    pictures: Pictures,
    labels: NDArray[np.int64],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    size: int,
) -> tuple[ImageStream, ImageStream]:
    """Training and test images as streams; the arguments are those of :func:`streamed`."""
    skipped = Skipped(config.name, len(train) + len(test))
    x_train, x_test = (
        ImageStream(pictures, labels, places, size, config.square, skipped, np.sort(places)) for places in (train, test)
    )
    return x_train, x_test
