"""Downloadable data sets: source, target folder, sizes.

Sources: MNIST (Y. LeCun, C. Cortes, C. Burges, http://yann.lecun.com/exdb/mnist/); Fashion-MNIST (H. Xiao et al.,
arXiv:1708.07747); CIFAR-10 and CIFAR-100 (A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html); Food-101
(L. Bossard et al., https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lwal_core.errors import DataError
from lwal_core.runs.paths import home
from lwal_core.settings import settings

NETWORK_TIMEOUT = 60.0
"""Seconds that a download may stand still before it is given up."""


@dataclass(frozen=True)
class Download:
    """One data set.

    Attributes:
        title: As people call it.
        train_per_class: Training images of each class.
        test_per_class: Test images of each class.
        shape: Channels, height and width of an image; of `food101` the size that its photographs are reduced to.
        url: Where the files are.
        files: What is downloaded from there.
        folder: Where the files belong, relative to :func:`data_folder`.
        ready: Files or folders that are there once the archives are unpacked, relative to :func:`data_folder`.
        megabytes: Size of the download.
        taxonomy: Reference hierarchy of its classes, if there is one.
    """

    title: str
    train_per_class: tuple[int, ...]
    test_per_class: tuple[int, ...]
    shape: tuple[int, int, int]
    url: str
    files: tuple[str, ...]
    folder: str
    ready: tuple[str, ...]
    megabytes: int
    taxonomy: str | None = None

    @property
    def here(self) -> bool:
        """Whether the unpacked files seem to be on this machine; whether they are whole shows when they are read."""
        return all((data_folder() / path).exists() for path in self.ready)

    @property
    def place(self) -> Path:
        """Folder that the files belong into."""
        return data_folder() / self.folder


def data_folder() -> Path:
    """Where downloaded data sets are kept: ``$LWAL_DATA``, else ``$LWAL_HOME/data``; absolute."""
    chosen = settings().data
    return home() / "data" if chosen is None else chosen.expanduser().resolve()


def check_data_folder() -> Path:
    """The folder of downloaded data sets, if it is there or can be made; the folder that it lies in is never made, as its
    path is then most likely mistyped.

    Raises:
        DataError: It is a file, or it and the folder that it would lie in are missing.
    """
    folder = data_folder()
    if settings().data is not None and not folder.parent.is_dir():
        raise DataError(
            f"The folder {str(folder)!r} for data sets is not there, and neither is the folder {str(folder.parent)!r} that it "
            "would lie in.",
            "Correct LWAL_DATA, or make that folder first.",
        )
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{str(folder)!r} is a file, and data sets need a folder.", "Correct LWAL_DATA.")
    return folder


@contextmanager
def patient_network() -> Iterator[None]:
    """Give up on a server that has been silent for a minute; torch and torchvision would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(NETWORK_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def reason_of(error: BaseException) -> str:
    """What a failed download says, on one line."""
    return " ".join(str(getattr(error, "reason", None) or error).split()) or type(error).__name__


_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_IDX_ARCHIVES = tuple(name + ".gz" for name in _IDX_FILES)

DOWNLOADS: dict[str, Download] = {
    "mnist": Download(
        title="MNIST",
        train_per_class=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_per_class=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        shape=(1, 28, 28),
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        files=_IDX_ARCHIVES,
        folder="MNIST/raw",
        ready=tuple(f"MNIST/raw/{name}" for name in _IDX_FILES),
        megabytes=12,
    ),
    "fashion_mnist": Download(
        title="Fashion-MNIST",
        train_per_class=(6_000,) * 10,
        test_per_class=(1_000,) * 10,
        shape=(1, 28, 28),
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files=_IDX_ARCHIVES,
        folder="FashionMNIST/raw",
        ready=tuple(f"FashionMNIST/raw/{name}" for name in _IDX_FILES),
        megabytes=31,
        taxonomy="fashion_mnist",
    ),
    "cifar10": Download(
        title="CIFAR-10",
        train_per_class=(5_000,) * 10,
        test_per_class=(1_000,) * 10,
        shape=(3, 32, 32),
        url="https://www.cs.toronto.edu/~kriz/",
        files=("cifar-10-python.tar.gz",),
        folder="",
        ready=("cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch"),
        megabytes=170,
        taxonomy="cifar10",
    ),
    "cifar100": Download(
        title="CIFAR-100",
        train_per_class=(500,) * 100,
        test_per_class=(100,) * 100,
        shape=(3, 32, 32),
        url="https://www.cs.toronto.edu/~kriz/",
        files=("cifar-100-python.tar.gz",),
        folder="",
        ready=("cifar-100-python/train", "cifar-100-python/test"),
        megabytes=169,
        taxonomy="cifar100",
    ),
    "food101": Download(
        title="Food-101",
        train_per_class=(750,) * 101,
        test_per_class=(250,) * 101,
        shape=(3, 32, 32),
        url="http://data.vision.ee.ethz.ch/cvl/",
        files=("food-101.tar.gz",),
        folder="",
        ready=("food-101/meta/train.json", "food-101/meta/test.json", "food-101/images"),
        megabytes=4_997,
    ),
}
"""By the name in the configuration."""
