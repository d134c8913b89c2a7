"""Images that have numbers instead of paths: those of shards, and of tables in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.folders import FolderListing
from lwal_core.datafiles.limits import named
from lwal_core.errors import DataError

TRAIN, TEST, VALIDATION = range(3)
"""Part of a data set, as a number."""


def numbered_listing(
    root: Path,
    classes: tuple[str, ...],
    labels: NDArray[np.int64],
    parts: NDArray[np.int64],
    is_split: bool,
    notes: tuple[str, ...],
) -> FolderListing:
    """The same as of a folder, with the images' numbers in the place of paths.

    Args:
        root: Folder that names are relative to.
        classes: C names.
        labels: Class of each image ``[N]``, 0 to C-1.
        parts: :data:`TRAIN`, :data:`TEST` or :data:`VALIDATION`, of each image ``[N]``.
        is_split: Whether the data says which part an image is of; otherwise all are training images, still to be split.
        notes: One sentence each.
    """

    def numbers(part: int) -> tuple[tuple[str, ...], ...]:
        rows = np.flatnonzero(parts == part)
        return tuple(tuple(map(str, rows[labels[rows] == label].tolist())) for label in range(len(classes)))

    return FolderListing(
        path=root,
        layout="train_test" if is_split else "one_level",
        classes=classes,
        train_files=numbers(TRAIN),
        test_files=numbers(TEST),
        validation_files=numbers(VALIDATION) if (parts == VALIDATION).any() else (),
        notes=notes,
    )


def check_numbered(
    what: str, labels: NDArray[np.int64], parts: NDArray[np.int64], is_split: bool, classes: Sequence[str]
) -> None:
    """Refuse classes without enough training images.

    Args:
        what: The data, as a subject in the plural: "The shards 'train-*.tar'".
        labels: As for :func:`numbered_listing`.
        parts: As for :func:`numbered_listing`.
        is_split: As for :func:`numbered_listing`.
        classes: C names.

    Raises:
        DataError: A class has no training image, or a single one where test images are still to be held out.
    """
    trained = np.bincount(labels[parts == TRAIN], minlength=len(classes))
    few = [text for text, count in zip(classes, trained, strict=True) if count < (1 if is_split else 2)]
    if few:
        lack = "no training images" if is_split else "a single image, which cannot be split into training and test"
        raise DataError(f"{what} have {lack} of {named(few)}.", "Add images, or leave the class out.")
