"""``folder:PATH``, image files in one folder per class, and ``table:FILE``, those that a table names.

Which files belong to it is decided by :func:`lwal_core.datafiles.source_stats.scan_images` before any is opened.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.image_files import decode_files, judge_failures, judge_grey_levels
from lwal_core.data.splits import balanced_rows, split_rows
from lwal_core.data.stream import ImageFiles
from lwal_core.data.streamed import streamed
from lwal_core.datafiles import FolderListing
from lwal_core.datafiles.limits import streams
from lwal_core.datafiles.shards import scan_shards
from lwal_core.datafiles.source_stats import FOLDER_IMAGE_SIZE, SHARDS_PREFIX, folder_stats, scan_images


def load_folder(config: DataConfig) -> Dataset:
    """Read, crop and scale all images of a folder; where they take more than ``LWAL_DATA_MEMORY``, as streams.

    Args:
        config: `name` is "folder:PATH" or "table:FILE"; `image_size` is the side in pixels (32 when empty); `test_fraction` and
            `split_seed` split a folder without train/ and test/; `per_class` limits the training set.

    Raises:
        DataError: The folder's layout is not usable, or more than 1 % of its images cannot be read.
    """
    listing = scan_images(config.name)
    stats = folder_stats(listing, config)
    size = config.image_size or FOLDER_IMAGE_SIZE
    train_files, y_train, test_files, y_test = _chosen_files(listing, config)
    held = np.arange(len(train_files)) >= len(train_files) - sum(listing.validation_counts)
    if streams(stats.train + stats.validation + stats.test, size):
        files = ImageFiles(listing.path, train_files + test_files)
        labels, places = np.concatenate([y_train, y_test]), np.arange(len(files))
        train, test = places[: len(y_train)], places[len(y_train) :]
        data = streamed(config, files, labels, train, test, listing.classes, size, stats.notes)
        return replace(data, set_apart=_rows(held))
    grey_levels: list[int] = []
    images, failures = decode_files(train_files + test_files, size, grey_levels, config.fit)
    notes = (*listing.notes, *filter(None, [judge_grey_levels(grey_levels)]))
    x_train, x_test = images[: len(train_files)], images[len(train_files) :]
    if failures:
        notes += (judge_failures(config.name.partition(":")[2], listing.path, train_files + test_files, failures),)
        readable = np.ones(len(images), dtype=bool)
        readable[list(failures)] = False
        in_train, in_test = readable[: len(train_files)], readable[len(train_files) :]
        x_train, y_train, x_test, y_test = x_train[in_train], y_train[in_train], x_test[in_test], y_test[in_test]
        held = held[in_train]
    repeated = _number_repeated(x_train, x_test)
    if repeated:
        notes += (f"{repeated:,} of {len(x_test):,} test images also occur in the training set, pixel for pixel.",)
    return Dataset.build(
        name=config.name, kind="images", x_train=torch.from_numpy(x_train), y_train=torch.from_numpy(y_train),
        x_test=torch.from_numpy(x_test), y_test=torch.from_numpy(y_test), class_names=listing.classes, notes=notes,
        set_apart=_rows(held),
    )  # fmt: skip


def load_shards(config: DataConfig) -> Dataset:
    """Images inside shards, always as streams.

    Args:
        config: `name` is "shards:PATTERN", the rest as for :func:`load_folder`.

    Raises:
        DataError: As :func:`lwal_core.datafiles.shards.scan_shards`.
    """
    images = scan_shards(config.name.removeprefix(SHARDS_PREFIX))
    listing = images.listing()
    stats = folder_stats(listing, config)
    train, y_train, test, _ = _chosen_files(listing, config)
    held = np.arange(len(y_train)) >= len(y_train) - sum(listing.validation_counts)
    data = streamed(
        config, images, images.labels, np.array(train, np.int64), np.array(test, np.int64), listing.classes,
        config.image_size or FOLDER_IMAGE_SIZE, stats.notes,
    )  # fmt: skip
    return replace(data, set_apart=_rows(held))


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
