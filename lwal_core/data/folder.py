"""The `folder:PATH` data set: image files sorted into class folders.

Which files belong to it is decided by :func:`lwal_core.datafiles.scan_folder` before any is opened. The files are
untrusted: only plain picture formats are decoded, size is judged from the header before pixels are unpacked, and each
    failure is kept with its reason.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lwal_core.config import DataConfig
from lwal_core.data.dataset import Dataset
from lwal_core.data.splits import balanced_rows, split_rows
from lwal_core.datafiles import FolderListing, scan_folder
from lwal_core.datafiles.facts import FOLDER_IMAGE_SIZE, FOLDER_PREFIX, folder_facts
from lwal_core.errors import DataError

MAX_PIXELS = 80_000_000
"""Pixels an image file may have; 80 million take 240 MB as RGB while they are scaled down."""
MAX_UNREADABLE_SHARE = 0.01
"""More than this is no longer the odd broken file but a data set that is not what it seems."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_MAX_WORKERS = 8
_FILES_A_TASK = 64


def load_folder(config: DataConfig) -> Dataset:
    """Read, crop and scale all images of a folder.

    Args:
        config: `name` is "folder:PATH"; `image_size` is the side in pixels (32 when empty); `test_fraction` and
            `split_seed` split a folder without train/ and test/; `per_class` limits the training set.

    Raises:
        DataError: The folder's layout is not usable, the images would not fit into memory, or more than 1 % of them
            cannot be read.
    """
    path = config.name.removeprefix(FOLDER_PREFIX)
    listing = scan_folder(path)
    folder_facts(listing, config)  # refuses what would not fit
    size = config.image_size or FOLDER_IMAGE_SIZE
    train_files, y_train, test_files, y_test = _chosen_files(listing, config)
    images, failures = _decode(train_files + test_files, size)
    notes = listing.notes
    x_train, x_test = images[: len(train_files)], images[len(train_files) :]
    if failures:
        notes += (_judge_failures(path, listing.path, train_files + test_files, failures),)
        readable = np.ones(len(images), dtype=bool)
        readable[list(failures)] = False
        in_train, in_test = readable[: len(train_files)], readable[len(train_files) :]
        x_train, y_train, x_test, y_test = x_train[in_train], y_train[in_train], x_test[in_test], y_test[in_test]
    repeated = _number_repeated(x_train, x_test)
    if repeated:
        notes += (f"{repeated:,} of {len(x_test):,} test images also occur in the training set, pixel for pixel.",)
    return Dataset.build(
        name=config.name, kind="images", x_train=torch.from_numpy(x_train), y_train=torch.from_numpy(y_train),
        x_test=torch.from_numpy(x_test), y_test=torch.from_numpy(y_test), class_names=listing.classes, notes=notes,
    )  # fmt: skip


def _chosen_files(
    listing: FolderListing, config: DataConfig
) -> tuple[list[str], NDArray[np.int64], list[str], NDArray[np.int64]]:
    """Files and labels of the training and the test set, after split and subset and before any file is opened."""
    train_files = [file for files in listing.train_files for file in files]
    y_train = np.repeat(np.arange(len(listing.classes)), listing.train_counts)
    test_files = [file for files in listing.test_files for file in files]
    y_test = np.repeat(np.arange(len(listing.classes)), listing.test_counts)
    if listing.layout == "one_level":
        train, test = split_rows(y_train, config.test_fraction, config.split_seed)
        test_files, y_test = [train_files[row] for row in test], y_train[test]
        train_files, y_train = [train_files[row] for row in train], y_train[train]
    rows = balanced_rows(y_train, config.per_class, config.split_seed, config.name, listing.classes)
    return [train_files[row] for row in rows], y_train[rows], test_files, y_test


def _decode(files: Sequence[str], size: int) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """All images as uint8 ``[N, 3, size, size]``, and the reason for each that failed, by position.

    Pillow releases the interpreter lock while it decodes and scales, so threads use all cores without copying images
    between processes.
    """
    images = np.zeros((len(files), 3, size, size), dtype=np.uint8)
    failures: dict[int, str] = {}

    def decode_some(start: int) -> None:
        for position in range(start, min(start + _FILES_A_TASK, len(files))):
            try:
                images[position] = read_image(files[position], size)
            # A foreign file can fail in any way inside a decoder; the reason is reported beside the file's name.
            except Exception as error:
                failures[position] = str(error).replace(files[position], "the file") or type(error).__name__

    with warnings.catch_warnings(), ThreadPoolExecutor(min(_MAX_WORKERS, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; what matters is refused by number of pixels
        for _ in pool.map(decode_some, range(0, len(files), _FILES_A_TASK)):
            pass
    return images, failures


def read_image(file: str | Path, size: int) -> NDArray[np.uint8]:
    """One image file as a square: upright, in RGB on white, cropped at the centre, scaled.

    Args:
        file: A picture in a common format; of moving pictures the first frame is used.
        size: Pixels a side.

    Returns:
        uint8 ``[3, size, size]``.

    Raises:
        ValueError: It has more than `MAX_PIXELS` pixels or holds floating-point values, whose range is not known.
        Exception: Whatever the decoder raises for a broken file.
    """
    with Image.open(file, formats=_FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError(f"{opened.width:,} x {opened.height:,} pixels, more than {MAX_PIXELS:,}")
        # JPEG can be decoded at a half, a quarter or an eighth of its size in a fraction of the time. Asking for twice
        # the target leaves the scaling below enough to average.
        opened.draft("RGB", (2 * size, 2 * size))
        image = _as_rgb(ImageOps.exif_transpose(opened))
    square = ImageOps.fit(image, (size, size), method=Image.Resampling.BICUBIC)
    return np.asarray(square).transpose(2, 0, 1)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known")
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow's own conversion cuts 16-bit values off at 255, which turns most of a picture white.
        levels = np.clip(np.asarray(image).astype(np.int64), 0, 65_535) >> 8
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha).convert("RGB")
    return image.convert("RGB")


def _judge_failures(given: str, root: Path, files: Sequence[str], failures: dict[int, str]) -> str:
    """A note about the images that were skipped, or a refusal when there are too many."""
    shown = sorted(failures)[:5]
    listed = "; ".join(f"{os.path.relpath(files[position], root)!r} ({failures[position]})" for position in shown)
    if len(failures) > len(shown):
        listed += f"; and {len(failures) - len(shown):,} more"
    count = f"{len(failures):,} of {len(files):,} images"
    if len(failures) > MAX_UNREADABLE_SHARE * len(files):
        raise DataError(
            f"{count} in {given!r} cannot be read: {listed}.",
            f"Repair or remove them; up to {MAX_UNREADABLE_SHARE:.0%} would be skipped.",
        )
    return f"Skipped {count} that cannot be read: {listed}."


def _number_repeated(x_train: NDArray[np.uint8], x_test: NDArray[np.uint8]) -> int:
    """Test images that are, byte for byte, also training images: such a test measures memory."""
    seen = {blake2b(image, digest_size=16).digest() for image in np.ascontiguousarray(x_train)}
    return sum(blake2b(image, digest_size=16).digest() in seen for image in np.ascontiguousarray(x_test))
