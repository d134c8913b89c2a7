"""Validation part of the training set, on which the best epoch is chosen."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.samples import Samples, subset
from lwal_core.data.splits import validation_rows
from lwal_core.errors import DataError


class Validation(NamedTuple):
    """Samples ``x [V,...]`` as those of the training set, and their classes ``y [V]``."""

    x: Samples
    y: Tensor


def split_validation(data: Dataset, config: DataConfig) -> tuple[Dataset, Validation | None]:
    """The training set without its validation part, and that part.

    Args:
        data: As it was loaded. Rows that it sets apart itself, those of a folder's ``val/``, are the part.
        config: ``validation`` is the share of each class that is drawn otherwise, by ``split_seed``; 0 for none.

    Returns:
        The data set that is left, and the part; None without one.

    Raises:
        DataError: No class has a sample to spare.
    """
    rows = data.set_apart
    if rows is None and not config.validation:
        return data, None
    if rows is None:
        rows = torch.from_numpy(validation_rows(data.y_train.numpy(), config.validation, config.split_seed))
    if not len(rows):
        raise DataError(
            f"{data.name}: no class has two training samples, so none can be set apart for validation.",
            "Leave out validation, or add samples.",
        )
    left = torch.from_numpy(np.setdiff1d(np.arange(len(data.y_train)), rows.numpy(), assume_unique=True))
    part = Validation(subset(data.x_train, rows), data.y_train[rows])
    return replace(data, x_train=subset(data.x_train, left), y_train=data.y_train[left], set_apart=None), part


def without_validation(data: Dataset) -> Dataset:
    """The data set as it is without the rows that it sets apart itself, with the fingerprint that it has then."""
    if data.set_apart is None:
        return data
    return data.without(data.set_apart)
