"""``features:PATH.npz``: precomputed feature vectors.

The file holds x_train [N, D], y_train [N], x_test [M, D], y_test [M] and may hold class_names [C]. It is untrusted:
shapes and types are judged from the headers before anything is unpacked (:func:`lwal_core.datafiles.scan_features`),
and pickled objects are never loaded.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.splits import balanced_rows
from lwal_core.datafiles import scan_features
from lwal_core.datafiles.features import read_array, read_labels
from lwal_core.datafiles.source_stats import FEATURES_PREFIX, source_stats
from lwal_core.errors import DataError
from lwal_core.sanitize import seen


def load_features(config: DataConfig) -> Dataset:
    """Read a feature file.

    Args:
        config: `name` is "features:PATH.npz"; `per_class` and `split_seed` draw a balanced training subset. The other
            fields do not apply.

    Raises:
        DataError: The file cannot be read, or its arrays do not make a data set.
    """
    source_stats(config)  # refuses what the labels alone rule out
    listing = scan_features(config.name.removeprefix(FEATURES_PREFIX))
    y_train, y_test = read_labels(listing, "y_train"), read_labels(listing, "y_test")
    names = read_array(listing, "class_names") if listing.num_classes is not None else None
    class_names = _class_names(names, y_train)
    x_train = read_array(listing, "x_train")
    if config.per_class is not None:
        rows = balanced_rows(y_train, config.per_class, config.split_seed, config.name, class_names)
        x_train, y_train = x_train[rows], y_train[rows]
    return Dataset.build(
        name=config.name, kind="features", x_train=_vectors(x_train), y_train=torch.from_numpy(y_train),
        x_test=_vectors(read_array(listing, "x_test")), y_test=torch.from_numpy(y_test), class_names=class_names,
        notes=listing.notes,
    )  # fmt: skip


def _vectors(x: NDArray[np.generic]) -> torch.Tensor:
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the check then names by row
        return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def _class_names(names: NDArray[np.str_] | None, y_train: NDArray[np.int64]) -> tuple[str, ...]:
    """Names from the file, or "class 0", "class 1" and so on up to the largest training label."""
    if names is None:
        return tuple(f"class {label}" for label in range(int(y_train.max()) + 1))
    texts = tuple(str(name) for name in names)
    unwritable = [text for text in texts if any("\ud800" <= character <= "\udfff" for character in text)]
    if unwritable:
        raise DataError(f"The class name {unwritable[0]!r} is no valid Unicode text.", "Save the names as plain text.")
    return tuple(map(seen, texts))
