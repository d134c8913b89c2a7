"""``pictograms``: 23 classes of drawings of 32 x 32 pixels in three styles, which come along."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset, resized
from lwal_core.data.splits import balanced_rows
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.pictograms import CREDIT, STYLES, pictogram_table, read_sheets


def load_pictograms(config: DataConfig) -> Dataset:
    """Read the drawings: 1,470 for training and 435 for testing.

    A drawing is in one part in all its styles, and together with what nearly repeats it: what is tested was not seen in training in
    another style or colour.

    Args:
        config: `image_size` scales the images; `validation` and `split_seed` set whole kins of the training part apart, and
            `per_class` draws a balanced subset of what is left. `test_fraction` does not apply.

    Raises:
        DataError: `per_class` is larger than the smallest class, or the files are damaged.
    """
    source_stats(config)  # refuses what is too large
    table, pictures = pictogram_table(), read_sheets()
    apart = table.validation(config.validation, config.split_seed)
    train = _samples(~table.test & ~apart)
    y = table.labels.repeat(len(STYLES))
    train = train[balanced_rows(y[train], config.per_class, config.split_seed, config.name, table.class_names)]
    held, test = _samples(apart), _samples(table.test)
    images = torch.from_numpy(np.ascontiguousarray(pictures.reshape(-1, *pictures.shape[2:]).transpose(0, 3, 1, 2)))
    if config.image_size is not None:
        images = resized(images, (config.image_size, config.image_size))
    kept = np.concatenate([train, held])
    return Dataset.build(
        name=config.name, kind="images", x_train=images[kept], y_train=torch.from_numpy(y[kept]), x_test=images[test],
        y_test=torch.from_numpy(y[test]), class_names=table.class_names, notes=(CREDIT,), taxonomy="pictograms",
        set_apart=torch.arange(len(train), len(kept)) if len(held) else None,
    )  # fmt: skip


def _samples(drawings: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows of the images of some drawings: each in all styles, one after the other."""
    return np.flatnonzero(drawings.repeat(len(STYLES)))
