"""``mnist``, ``fashion_mnist``, ``cifar10``, ``cifar100``: downloaded and read by torchvision.

torchvision compares what it downloads with the MD5 sums that it carries. The CIFAR files are Python pickles, which could
run anything on being read; torchvision unpickles them only after the same comparison, so only the published files pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset, resized
from lwal_core.data.splits import balanced_rows
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.downloads import (
    DOWNLOADS,
    Download,
    check_data_folder,
    data_folder,
    patient_network,
    reason_of,
)
from lwal_core.errors import DataError
from lwal_core.system.locks import LocksUnsupportedError, wait_for_lock

DOWNLOAD_SECONDS = 3_600.0
"""How long to wait for another process that downloads."""
_CLASSES = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10", "cifar100": "CIFAR100"}


def load_downloaded(config: DataConfig) -> Dataset:
    """Read one of the four, downloading it the first time.

    Args:
        config: `image_size` scales the images, `per_class` and `split_seed` draw a balanced training subset.

    Raises:
        DataError: It is not here and cannot be downloaded, or the files are not the published ones.
    """
    source_stats(config)  # refuses what is too large
    name, download = config.name, DOWNLOADS[config.name]
    parts = fetched(download, lambda root: _read(root, name))
    (x_train, y_train), (x_test, y_test) = parts["train"], parts["test"]
    class_names = parts["names"]
    check_counts(download, y_train, y_test)
    rows = balanced_rows(y_train, config.per_class, config.split_seed, name, class_names)
    size = config.image_size
    target = (size, size) if size else download.shape[1:]
    return Dataset.build(
        name=name, kind="images", x_train=resized(torch.from_numpy(x_train[rows]), target),
        y_train=torch.from_numpy(y_train[rows]), x_test=resized(torch.from_numpy(x_test), target),
        y_test=torch.from_numpy(y_test), class_names=class_names, taxonomy=download.taxonomy,
    )  # fmt: skip


def fetched(download: Download, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """What `read` returns, with its failures put into words; one process at a time, so that two do not mix their files.

    Args:
        download: What is read, for the messages.
        read: Given :func:`data_folder`; downloads what is missing.

    Raises:
        DataError: The download failed, or the files cannot be read.
    """
    root = check_data_folder()
    was_here = download.here
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _one_at_a_time(root), patient_network():
            return read(root)
    # torchvision reports a failed download, a wrong MD5 sum and a cut file by these; the last three come from reading.
    except (OSError, HTTPException, RuntimeError, ValueError, TypeError, AssertionError, KeyError, EOFError) as error:
        them = "it" if len(download.files) == 1 else "them"
        by_hand = f"download {', '.join(download.files)} from {download.url} elsewhere and put {them} into {str(download.place)!r}"
        if was_here:
            raise DataError(
                f"The files of {download.title} in {str(root)!r} are not whole or not the published ones ({reason_of(error)}).",
                f"Delete {str(root / download.ready[0].partition('/')[0])!r} and start again; if that fails, {by_hand}.",
            ) from error
        raise DataError(
            f"{download.title} is not on this machine and cannot be downloaded from {download.url} ({reason_of(error)}).",
            f"{by_hand[:1].upper()}{by_hand[1:]}, or set LWAL_DATA to a folder that has the data.",
        ) from error


def check_counts(download: Download, y_train: NDArray[np.int64], y_test: NDArray[np.int64]) -> None:
    """Refuse files that are not the published ones, by their number of images of each class.

    Raises:
        DataError: It differs.
    """
    for part, y, expected in (
        ("training", y_train, download.train_per_class),
        ("test", y_test, download.test_per_class),
    ):
        counts = tuple(np.bincount(y, minlength=len(expected)).tolist())
        if counts != expected:
            raise DataError(
                f"The files of {download.title} in {str(data_folder())!r} are not the published ones: "
                f"{len(y):,} {part} images instead of {sum(expected):,}, or other numbers of a class.",
                "Delete them to have them downloaded again; data of your own is read with folder:PATH or features:PATH.npz.",
            )


def _read(root: Path, name: str) -> dict[str, Any]:
    from torchvision import datasets

    reader = getattr(datasets, _CLASSES[name])
    parts: dict[str, Any] = {}
    for part in ("train", "test"):
        found = reader(root, train=part == "train", download=True)
        pixels = np.asarray(found.data)
        images = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        parts[part] = np.ascontiguousarray(images), np.asarray(found.targets, dtype=np.int64)
        # torchvision writes "3 - three" and "aquarium_fish".
        parts["names"] = tuple(one.partition(" - ")[0].replace("_", " ") for one in found.classes)
    return parts


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    try:
        held = wait_for_lock(root / ".download.lock", DOWNLOAD_SECONDS, "The folder of downloaded data sets")
    except (LocksUnsupportedError, OSError):
        yield  # A file system without locks, or one that can only be read.
        return
    with held:
        yield
