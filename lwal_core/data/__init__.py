"""Data sets by name. The only module that decides which loader a name belongs to."""

from __future__ import annotations

from collections.abc import Callable

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.digits import load_digits
from lwal_core.data.downloaded import load_downloaded
from lwal_core.data.features import load_features
from lwal_core.data.folder import load_folder, load_hub_data, load_shards
from lwal_core.data.food101 import load_food101
from lwal_core.data.pictograms import load_pictograms
from lwal_core.data.shapes import load_shapes
from lwal_core.datafiles.source_stats import (
    FEATURES_PREFIX,
    FOLDER_PREFIX,
    HUB_PREFIX,
    SHARDS_PREFIX,
    TABLE_PREFIX,
    unknown_source,
)

__all__ = ["Dataset", "load_dataset"]

_BY_NAME: dict[str, Callable[[DataConfig], Dataset]] = {
    "digits": load_digits,
    "shapes": load_shapes,
    "pictograms": load_pictograms,
    "mnist": load_downloaded,
    "fashion_mnist": load_downloaded,
    "cifar10": load_downloaded,
    "cifar100": load_downloaded,
    "food101": load_food101,
}
_FROM_PATH: dict[str, Callable[[DataConfig], Dataset]] = {
    FOLDER_PREFIX: load_folder, TABLE_PREFIX: load_folder, SHARDS_PREFIX: load_shards, FEATURES_PREFIX: load_features,
    HUB_PREFIX: load_hub_data,
}  # fmt: skip


def load_dataset(config: DataConfig) -> Dataset:
    """Load the data set that the configuration names.

    Raises:
        DataError: The name is unknown, or the data cannot be used; the message says what to do.
    """
    if config.name in _BY_NAME:
        return _BY_NAME[config.name](config)
    for prefix, load in _FROM_PATH.items():
        if config.name.startswith(prefix):
            return load(config)
    raise unknown_source(config.name)
