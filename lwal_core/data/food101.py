"""``food101``: 101,000 photographs of 101 dishes, reduced to small squares.

Source: L. Bossard, M. Guillaumin, L. Van Gool, Food-101, ECCV 2014,
https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/. Decoding takes minutes, so the reduced images are kept in
``$LWAL_HOME/cache/images``; the photographs are not copied. Where they would not fit into memory, they are streamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.data.array_cache import cached_array
from lwal_core.data.dataset import Dataset
from lwal_core.data.downloaded import check_counts, fetched
from lwal_core.data.image_files import decode_files, judge_failures
from lwal_core.data.splits import balanced_rows
from lwal_core.data.stream import ImageFiles
from lwal_core.data.streamed import image_streams, streamed
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.datafiles.limits import streaming_note
from lwal_core.errors import DataError

_FOLDER = "food-101"
_ARCHIVE = "food-101.tar.gz"
_FORMAT = 1  # to be raised when images are cropped or scaled in another way
_IMAGES_A_PART = 4_096


def load_food101(config: DataConfig) -> Dataset:
    """Read Food-101, downloading it the first time: cropped to a square at the centre and scaled, as folders of images are.

    Args:
        config: `image_size` is the side in pixels (32 when empty, as in arXiv:2209.04528); `per_class` and `split_seed` draw a
            balanced training subset, and only its images are decoded.

    Raises:
        DataError: It is not here and cannot be downloaded, or images are missing or cannot be read.
    """
    source_stats(config)  # refuses what cannot be
    download = DOWNLOADS["food101"]
    lists = fetched(download, _lists)
    class_names = tuple(name.replace("_", " ") for name in lists["names"])
    (train_files, y_train), (test_files, y_test) = lists["train"], lists["test"]
    check_counts(download, y_train, y_test)
    rows = balanced_rows(y_train, config.per_class, config.split_seed, config.name, class_names)
    train_files, y_train = [train_files[row] for row in rows], y_train[rows]
    size = config.image_size or download.shape[1]
    note = streaming_note(len(train_files) + len(test_files), size)
    pictures = ImageFiles(lists["root"], [str(lists["root"] / file) for file in (*train_files, *test_files)])
    labels, places = np.concatenate([y_train, y_test]), np.arange(len(pictures))
    train, test = places[: len(y_train)], places[len(y_train) :]
    if note:
        return streamed(config, pictures, labels, train, test, class_names, size, (note,))
    # Kept apart, so that another subset of the training images finds the test images decoded.
    x_train, x_test = (torch.from_numpy(_decoded(lists["root"], part, size)) for part in (train_files, test_files))
    return Dataset.build(
        name=config.name, kind="images", x_train=x_train, y_train=torch.from_numpy(y_train), x_test=x_test,
        y_test=torch.from_numpy(y_test), class_names=class_names,
        files=image_streams(config, pictures, labels, train, test, size),
    )  # fmt: skip


def _lists(root: Path) -> dict[str, Any]:
    """Class names, and files and labels of both parts, as the archive's own lists say."""
    if not (root / _FOLDER / "meta").is_dir() or not (root / _FOLDER / "images").is_dir():
        _fetch(root)
    folder = root / _FOLDER
    by_part = {part: json.loads((folder / "meta" / f"{part}.json").read_text("utf-8")) for part in ("train", "test")}
    names = sorted(by_part["train"])
    found: dict[str, Any] = {"root": folder / "images", "names": names}
    for part, by_class in by_part.items():
        if sorted(by_class) != names:
            raise ValueError("train.json and test.json list different classes")
        files = [f"{one}.jpg" for name in names for one in by_class[name]]
        if any(len(Path(file).parts) != 2 or ".." in file for file in files):
            raise ValueError(f"{part}.json lists files outside the class folders")
        found[part] = files, np.repeat(np.arange(len(names)), [len(by_class[name]) for name in names])
    return found


def _fetch(root: Path) -> None:
    """Download and unpack beside the final place and move it there whole: torchvision takes a half unpacked folder for a
    finished one."""
    from torchvision.datasets import Food101

    aside = root / ".food101.part"
    aside.mkdir(exist_ok=True)
    shutil.rmtree(aside / _FOLDER, ignore_errors=True)
    by_hand, archive = root / _ARCHIVE, aside / _ARCHIVE
    if by_hand.exists():
        archive.unlink(missing_ok=True)
        archive.symlink_to(by_hand)
    Food101(aside, download=True)  # checks the archive's MD5 sum, and fetches it if it is not there or not whole
    shutil.rmtree(root / _FOLDER, ignore_errors=True)
    os.replace(aside / _FOLDER, root / _FOLDER)
    shutil.rmtree(aside)


def _decoded(root: Path, files: list[str], size: int) -> NDArray[np.uint8]:
    """All images as uint8 ``[N, 3, size, size]``."""
    key = {
        "format": _FORMAT,
        "pillow": PIL.__version__,
        "files": _stamp(root, files),
        "number": len(files),
        "size": size,
    }

    def compute(start: int, stop: int) -> NDArray[Any]:
        paths = [str(root / file) for file in files[start:stop]]
        images, failures = decode_files(paths, size)
        if failures:
            judge_failures(str(root), files[start:stop].__getitem__, len(paths), failures, allowed=0)
        return images

    return cached_array("images", key, (len(files), 3, size, size), np.uint8, compute, rows_a_part=_IMAGES_A_PART)


def _stamp(root: Path, files: list[str]) -> str:
    """SHA-256 over names, sizes and times of the files, so that a changed file is decoded again."""
    known: dict[str, tuple[int, int]] = {}
    for folder in sorted({file.partition("/")[0] for file in files}):
        if (root / folder).is_dir():
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    facts = entry.stat()
                    known[f"{folder}/{entry.name}"] = facts.st_size, facts.st_mtime_ns
    missing = [file for file in files if file not in known]
    if missing:
        raise DataError(
            f"{len(missing):,} of {len(files):,} images of Food-101 are missing in {str(root)!r} (first: {missing[0]!r}).",
            f"Delete {str(root.parent)!r} to have it unpacked again.",
        )
    return hashlib.sha256(json.dumps([(file, *known[file]) for file in files]).encode()).hexdigest()
