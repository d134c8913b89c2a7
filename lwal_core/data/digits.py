"""``digits``: 1,797 handwritten digits of 8 x 8 grey levels, from scikit-learn.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49 (the test
part of it).
"""

from __future__ import annotations

import numpy as np
import torch

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset, resized
from lwal_core.data.splits import balanced_rows, split_rows
from lwal_core.datafiles import source_stats

_HIGHEST_LEVEL = 16  # grey levels run from 0 (paper) to 16 (ink)


def load_digits(config: DataConfig) -> Dataset:
    """Split the digits by seed, stratified, and scale their grey levels to 0..255.

    Args:
        config: `image_size` enlarges the images, `test_fraction` and `split_seed` make the split, `per_class` limits
            the training set.

    Raises:
        DataError: `per_class` is larger than the smallest class.
    """
    from sklearn.datasets import load_digits as sklearn_digits

    source_stats(config)  # refuses what is too large
    found = sklearn_digits()
    images = np.rint(found.images * (255 / _HIGHEST_LEVEL)).astype(np.uint8)[:, None]
    y = found.target.astype(np.int64)
    class_names = tuple(str(name) for name in found.target_names)
    train, test = split_rows(y, config.test_fraction, config.split_seed)
    train = train[balanced_rows(y[train], config.per_class, config.split_seed, "digits", class_names)]
    x_train, x_test = torch.from_numpy(images[train]), torch.from_numpy(images[test])
    if config.image_size is not None:
        target = (config.image_size, config.image_size)
        x_train, x_test = resized(x_train, target), resized(x_test, target)
    return Dataset.build(
        name=config.name, kind="images", x_train=x_train, y_train=torch.from_numpy(y[train]), x_test=x_test,
        y_test=torch.from_numpy(y[test]), class_names=class_names,
    )  # fmt: skip
