"""``digits``: 1,797 handwritten digits of 8 x 8 grey levels, from scikit-learn.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49 (the test
part of it).
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset, resized
from lwal_core.data.splits import balanced_rows, split_rows
from lwal_core.datafiles import source_stats
from lwal_core.errors import DataError

_HIGHEST_LEVEL = 16  # grey levels run from 0 (paper) to 16 (ink)


def load_digits(config: DataConfig) -> Dataset:
    """Split the digits by seed, stratified, and scale their grey levels to 0..255.

    Args:
        config: `image_size` enlarges the images, `test_fraction` and `split_seed` make the split, `per_class` limits
            the training set.

    Raises:
        DataError: `per_class` is larger than the smallest class, or scikit-learn lacks the file.
    """
    source_stats(config)  # refuses what is too large
    table = _table()
    images = np.rint(table[:, :-1].reshape(-1, 1, 8, 8) * (255 / _HIGHEST_LEVEL)).astype(np.uint8)
    y = table[:, -1].astype(np.int64)
    class_names = tuple(str(digit) for digit in range(10))
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


def _table() -> NDArray[np.float64]:
    """Grey levels and digit of each image, float64[1797, 65], from the file that scikit-learn's own reader reads:
    loading scikit-learn would take longer than training a small network.

    Raises:
        DataError: There is no such file.
    """
    package = find_spec("sklearn")
    try:
        if package is None or package.origin is None:
            raise FileNotFoundError("scikit-learn")
        path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        with gzip.open(path, "rt", encoding="ascii") as file:
            return np.loadtxt(file, delimiter=",")
    except OSError as error:
        raise DataError("The digits of scikit-learn cannot be read.", "Install scikit-learn again.") from error
