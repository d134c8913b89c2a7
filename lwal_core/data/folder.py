"""Images of files: ``folder:PATH``, ``table:FILE``, ``shards:PATTERN`` and ``hf-data:PLACE``.

Which images belong to a data set is decided by :mod:`lwal_core.datafiles` before any is opened.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.image_files import decode_files, judge_failures, judge_grey_levels
from lwal_core.data.splits import balanced_rows, split_rows
from lwal_core.data.stream import ImageFiles, Opened, Pictures
from lwal_core.data.streamed import image_streams, streamed
from lwal_core.datafiles import FolderListing
from lwal_core.datafiles.hub_images import scan_hub_images
from lwal_core.datafiles.limits import streams
from lwal_core.datafiles.shards import scan_shards
from lwal_core.datafiles.source_stats import FOLDER_IMAGE_SIZE, SHARDS_PREFIX, folder_stats, scan_images


class _Chosen(NamedTuple):
    """Images of a run: all pictures with their classes, the numbers of those in both parts, and which of the training part are
    for validation."""

    pictures: Pictures
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    held: NDArray[np.bool_]


def load_folder(config: DataConfig) -> Dataset:
    """Read, crop and scale all images of a folder; where they take more than ``LWAL_DATA_MEMORY``, as streams.

    Args:
        config: `name` is "folder:PATH" or "table:FILE"; `image_size` is the side in pixels (32 when empty); `test_fraction` and
            `split_seed` split a folder without train/ and test/; `per_class` limits the training set.

    Raises:
        DataError: The folder's layout is not usable, or more than 1 % of its images cannot be read.
    """
    listing = scan_images(config)
    train, y_train, test, y_test = _chosen_files(listing, config)
    files, places = ImageFiles(listing.path, train + test), np.arange(len(train) + len(test))
    labels = np.concatenate([y_train, y_test])
    return _load(
        config,
        listing,
        _Chosen(files, labels, places[: len(train)], places[len(train) :], _held(listing, len(train))),
    )


def load_shards(config: DataConfig) -> Dataset:
    """Images inside shards, always as streams.

    Args:
        config: `name` is "shards:PATTERN", the rest as for :func:`load_folder`.

    Raises:
        DataError: As :func:`lwal_core.datafiles.shards.scan_shards`.
    """
    images = scan_shards(config.name.removeprefix(SHARDS_PREFIX))
    return _load(config, images.listing(), _numbered(images, images.labels, images.listing(), config), always=True)


def load_hub_data(config: DataConfig) -> Dataset:
    """Images of a data set that the library ``datasets`` reads, in memory where they fit, otherwise as streams.

    Args:
        config: `name` is "hf-data:PLACE", the rest as for :func:`load_folder`.

    Raises:
        DataError: As :func:`lwal_core.datafiles.hub_images.scan_hub_images`, or more than 1 % of the images cannot be read.
    """
    images = scan_hub_images(config, ask=False)
    listing = images.listing()
    return _load(config, listing, _numbered(images, images.labels, listing, config))


def _numbered(pictures: Pictures, labels: NDArray[np.int64], listing: FolderListing, config: DataConfig) -> _Chosen:
    train, _, test, _ = _chosen_files(listing, config)
    held = _held(listing, len(train))
    return _Chosen(pictures, labels, np.array(train, np.int64), np.array(test, np.int64), held)


def _held(listing: FolderListing, train: int) -> NDArray[np.bool_]:
    return np.arange(train) >= train - sum(listing.validation_counts)


def _load(config: DataConfig, listing: FolderListing, chosen: _Chosen, *, always: bool = False) -> Dataset:
    """The chosen images, `always` as streams or only where they do not fit into memory."""
    size, stats = config.image_size or FOLDER_IMAGE_SIZE, folder_stats(listing, config)
    pictures, labels, train, test, held = chosen
    if always or streams(stats.train + stats.validation + stats.test, size):
        data = streamed(config, pictures, labels, train, test, listing.classes, size, stats.notes)
        return replace(data, set_apart=_rows(held))
    grey_levels: list[int] = []
    places = np.concatenate([train, test])
    images, failures = decode_files(Opened(pictures, places), size, grey_levels, config.square)
    notes = (*listing.notes, *filter(None, [judge_grey_levels(grey_levels)]))
    x_train, x_test = images[: len(train)], images[len(train) :]
    if failures:
        given = config.name.partition(":")[2]
        notes += (judge_failures(given, lambda row: pictures.name(int(places[row])), len(places), failures),)
        readable = np.ones(len(images), dtype=bool)
        readable[list(failures)] = False
        in_train, in_test = readable[: len(train)], readable[len(train) :]
        x_train, train, held = x_train[in_train], train[in_train], held[in_train]
        x_test, test = x_test[in_test], test[in_test]
    repeated = _number_repeated(x_train, x_test)
    if repeated:
        notes += (f"{repeated:,} of {len(x_test):,} test images also occur in the training set, pixel for pixel.",)
    return Dataset.build(
        name=config.name, kind="images", x_train=torch.from_numpy(x_train), y_train=torch.from_numpy(labels[train]),
        x_test=torch.from_numpy(x_test), y_test=torch.from_numpy(labels[test]), class_names=listing.classes, notes=notes,
        set_apart=_rows(held), files=image_streams(config, pictures, labels, train, test, size),
    )  # fmt: skip


def _rows(held: NDArray[np.bool_]) -> torch.Tensor | None:
    return torch.from_numpy(np.flatnonzero(held)) if held.any() else None


def _chosen_files(
    listing: FolderListing, config: DataConfig
) -> tuple[list[str], NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Files and labels of the training and the test set, after split and subset and before any file is opened; those for
    validation are the last of the training set."""
    train_files = [file for files in listing.train_files for file in files]
    y_train = np.repeat(np.arange(len(listing.classes)), listing.train_counts)
    test_files = [file for files in listing.test_files for file in files]
    y_test = np.repeat(np.arange(len(listing.classes)), listing.test_counts)
    if listing.layout == "one_level":
        train, test = split_rows(y_train, config.test_fraction, config.split_seed)
        test_files, y_test = [train_files[row] for row in test], y_train[test]
        train_files, y_train = [train_files[row] for row in train], y_train[train]
    rows = balanced_rows(y_train, config.per_class, config.split_seed, config.name, listing.classes)
    held_files = [file for files in listing.validation_files for file in files]
    y_held = np.repeat(np.arange(len(listing.validation_files)), listing.validation_counts)
    train_files = [train_files[row] for row in rows]
    return train_files + held_files, np.concatenate([y_train[rows], y_held]), test_files, y_test


def _number_repeated(x_train: NDArray[np.uint8], x_test: NDArray[np.uint8]) -> int:
    """Test images that are, byte for byte, also training images: such a test measures memory."""
    seen = {blake2b(image, digest_size=16).digest() for image in np.ascontiguousarray(x_train)}
    return sum(blake2b(image, digest_size=16).digest() in seen for image in np.ascontiguousarray(x_test))
