"""What a data set holds, before anything is trained on it: classes, training samples of each, some pictures of each. No torch."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.config.data import IMAGE_DATA
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.datafiles.features import read_array, scan_features
from lwal_core.datafiles.folders import FolderListing
from lwal_core.datafiles.pictograms import pictogram_table, read_sheets
from lwal_core.datafiles.source_stats import FEATURES_PREFIX, scan_images
from lwal_core.datafiles.thumbnails import thumbnail
from lwal_core.taxonomy import load_taxonomy

SIDE = 32
"""Pixels of a thumbnail's side."""
PER_CLASS = 8
"""Thumbnails of a class."""
PICTURED = 24
"""Classes that have thumbnails; the others are listed with their counts alone."""
_GAP = 2  # pixels


@dataclass(frozen=True)
class Preview:
    """Classes of a data set, in their order.

    Attributes:
        class_names: C names; empty where only the training will tell them.
        strips: For the first classes a row of thumbnails as a ``data:`` address of a PNG; ``""`` for one without.
        unreadable: Files that were looked at and could not be read.
    """

    class_names: tuple[str, ...]
    strips: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def source_preview(config: DataConfig) -> Preview:
    """Classes and thumbnails of a data set that :func:`~lwal_core.datafiles.source_stats.source_stats` has accepted.

    Images are read from folders and tables, and from what comes along; of shards, of a set of the library datasets and of
    downloads the names are known at most.

    Args:
        config: The data.

    Raises:
        DataError: As :func:`~lwal_core.datafiles.source_stats.source_stats`.
    """
    name = config.name
    if name == "digits":
        return Preview(tuple("0123456789"), _digit_strips())
    if name == "shapes":
        return Preview(tuple(load_taxonomy("shapes").classes))
    if name == "pictograms":
        return Preview(pictogram_table().class_names, _pictogram_strips())
    if name in DOWNLOADS:
        taxonomy = DOWNLOADS[name].taxonomy
        return Preview(tuple(load_taxonomy(taxonomy).classes) if taxonomy else ())
    if name.startswith(FEATURES_PREFIX):
        listing = scan_features(name.removeprefix(FEATURES_PREFIX))
        known = listing.num_classes is not None
        return Preview(tuple(str(each) for each in read_array(listing, "class_names")) if known else ())
    if name.startswith(IMAGE_DATA):
        listed = scan_images(config)
        return _of_files(listed) if name.startswith(("folder:", "table:")) else Preview(listed.classes)
    return Preview(())


def strip(pictures: Sequence[NDArray[np.uint8]]) -> str:
    """Thumbnails side by side, as a ``data:`` address of a PNG; ``""`` of none.

    Args:
        pictures: Each uint8 ``[SIDE, SIDE, 3]``.
    """
    if not pictures:
        return ""
    row = np.full((SIDE, len(pictures) * (SIDE + _GAP) - _GAP, 3), 255, dtype=np.uint8)
    for place, picture in enumerate(pictures):
        row[:, place * (SIDE + _GAP) : place * (SIDE + _GAP) + SIDE] = picture
    stream = io.BytesIO()
    Image.fromarray(row).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _of_files(listing: FolderListing) -> Preview:
    strips, unreadable = [], []
    for files in listing.train_files[:PICTURED]:
        pictures = []
        for file in files[:PER_CLASS]:
            try:
                pictures.append(thumbnail(file, SIDE))
            except Exception:  # whatever a decoder raises for a broken file
                unreadable.append(file)
        strips.append(strip(pictures))
    return Preview(listing.classes, tuple(strips), tuple(unreadable))


@cache
def _digit_strips() -> tuple[str, ...]:
    spec = find_spec("sklearn")  # its file alone: importing it takes seconds
    places = spec.submodule_search_locations if spec else None
    file = Path(places[0], "datasets", "data", "digits.csv.gz") if places else None
    if file is None or not file.is_file():
        return ()
    rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    found = []
    for digit in range(10):
        grey = np.rint(rows[rows[:, -1] == digit][:PER_CLASS, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
        found.append(strip([np.repeat(each.repeat(4, 0).repeat(4, 1)[..., None], 3, axis=2) for each in grey]))
    return tuple(found)


@cache
def _pictogram_strips() -> tuple[str, ...]:
    table, sheets = pictogram_table(), read_sheets()
    found = []
    for label in range(min(len(table.class_names), PICTURED)):
        drawn = np.flatnonzero((table.labels == label) & ~table.test)[:PER_CLASS]
        found.append(strip([sheets[each, place % sheets.shape[1]] for place, each in enumerate(drawn.tolist())]))
    return tuple(found)
