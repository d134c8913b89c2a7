"""Data of a run before it is queued: classes, sample counts, notes.

Sizes, classes, and every reason to refuse that shows in names and headers alone. The loaders use the same
functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lwal_core.config import BUILT_IN_DATA, PATH_DATA, DataConfig
from lwal_core.config.data import DOWNLOADED_DATA, IMAGE_DATA
from lwal_core.datafiles.downloads import DOWNLOADS, Download, check_data_folder
from lwal_core.datafiles.features import FeaturesListing, read_array, read_labels, scan_features
from lwal_core.datafiles.folders import FolderListing, scan_folder
from lwal_core.datafiles.hub_images import scan_hub_images
from lwal_core.datafiles.image_tables import scan_table
from lwal_core.datafiles.limits import check_memory, check_per_class, check_present, held_out, streaming_note
from lwal_core.datafiles.pictograms import SIDE, STYLES, pictogram_table
from lwal_core.datafiles.shards import scan_shards
from lwal_core.errors import DataError

FOLDER_PREFIX, FEATURES_PREFIX, TABLE_PREFIX, SHARDS_PREFIX, HUB_PREFIX = PATH_DATA
SOURCES = (
    *BUILT_IN_DATA,
    *DOWNLOADED_DATA,
    f"{FOLDER_PREFIX}PATH",
    f"{TABLE_PREFIX}FILE",
    f"{SHARDS_PREFIX}PATTERN",
    f"{HUB_PREFIX}ORG/NAME",
    f"{FEATURES_PREFIX}PATH.npz",
)
"""The forms of a data set's name."""

DIGITS_PER_CLASS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
"""Scans of 0 to 9 in scikit-learn's digits."""
DIGITS_IMAGE_SIZE = 8
"""Pixels a side."""
SHAPES_CLASSES = 16
SHAPES_TRAIN_PER_CLASS = 150
SHAPES_TEST_PER_CLASS = 50
SHAPES_IMAGE_SIZE = 32
"""Pixels a side."""
SHAPES_SMALLEST_IMAGE_SIZE = 16
"""Pixels a side; below it a stripe is thinner than a pixel and the rays of the sun melt into a disc."""
FOLDER_IMAGE_SIZE = 32
"""Pixels a side."""
STREAMED_DOWNLOADS = ("food101",)
"""Downloaded sets whose images lie in files of their own, from which they are streamed where they do not fit into memory."""


@dataclass(frozen=True)
class SourceStats:
    """Sizes of the training and the test set a run would see, images that turn out unreadable included.

    Attributes:
        train: Training samples.
        test: Test samples.
        unit: "images" or "vectors".
        classes: Number of classes.
        notes: What would be ignored or downloaded, one sentence each.
        per_class: Training samples of each class.
        validation: Samples set apart from the training samples for validation.
    """

    train: int
    test: int
    unit: str
    classes: int
    notes: tuple[str, ...] = ()
    per_class: tuple[int, ...] = ()
    validation: int = 0

    @classmethod
    def of(
        cls, config: DataConfig, train: Sequence[int], test: int, unit: str, notes: tuple[str, ...] = (), given: int = 0
    ) -> SourceStats:
        """Sizes with the validation part that is set apart.

        Args:
            config: Of which ``validation`` is used.
            train: Training samples of each class.
            test: Test samples.
            unit: "images" or "vectors".
            notes: As above.
            given: Samples for validation that the data itself sets apart, beside the training samples.
        """
        share = 0.0 if given else config.validation
        left = tuple(count - held_out(count, share) for count in train) if share else tuple(train)
        return cls(sum(left), test, unit, len(left), notes, left, given or sum(train) - sum(left))


def unknown_source(name: str) -> DataError:
    """The refusal of a name that no data set has."""
    return DataError(f"There is no data set {name!r}.", f"Use one of {', '.join(SOURCES)}.")


def check_source(name: str) -> None:
    """Refuse a data set that is unknown, absent or plainly unusable.

    Args:
        name: As in :class:`lwal_core.config.DataConfig`.

    Raises:
        DataError: As :func:`scan_folder` and :func:`scan_features`, or no data set has this name.
    """
    if name.startswith(IMAGE_DATA):
        scan_images(DataConfig(name=name))
    elif name.startswith(FEATURES_PREFIX):
        scan_features(name.removeprefix(FEATURES_PREFIX))
    elif name not in SOURCES:
        raise unknown_source(name)


def source_stats(config: DataConfig, *, ask: bool = True) -> SourceStats:
    """Sizes of what the configuration names; the loaders give exactly these, less the images that cannot be read.

    Args:
        config: The data.
        ask: Whether an ``hf-data:`` set that would first have to be unpacked for long is refused.

    Raises:
        DataError: The data cannot be used, as far as file names and headers tell.
    """
    if config.name == "digits":
        return _digits_stats(config)
    if config.name == "shapes":
        return _shapes_stats(config)
    if config.name == "pictograms":
        return _pictograms_stats(config)
    if config.name in DOWNLOADS:
        return _download_stats(config, DOWNLOADS[config.name])
    if config.name.startswith(IMAGE_DATA):
        return folder_stats(scan_images(config, ask=ask), config)
    if config.name.startswith(FEATURES_PREFIX):
        return _features_stats(config)
    raise unknown_source(config.name)


def image_shape(config: DataConfig) -> tuple[int, int, int] | None:
    """Channels, height and width of the images of a data set, as a network is given them; None for vectors.

    Raises:
        DataError: No data set has this name.
    """
    if config.name == "digits":
        channels, side = 1, DIGITS_IMAGE_SIZE
    elif config.name == "shapes":
        channels, side = 3, SHAPES_IMAGE_SIZE
    elif config.name == "pictograms":
        channels, side = 3, SIDE
    elif config.name in DOWNLOADS:
        channels, side, _ = DOWNLOADS[config.name].shape
    elif config.name.startswith(IMAGE_DATA):
        channels, side = 3, FOLDER_IMAGE_SIZE
    elif config.name.startswith(FEATURES_PREFIX):
        return None
    else:
        raise unknown_source(config.name)
    return channels, config.image_size or side, config.image_size or side


def _digits_stats(config: DataConfig) -> SourceStats:
    test = [held_out(count, config.test_fraction) for count in DIGITS_PER_CLASS]
    train = [count - held for count, held in zip(DIGITS_PER_CLASS, test, strict=True)]
    if config.per_class is not None:
        check_per_class("digits", config.per_class, train, "0123456789")
        train = [config.per_class] * len(train)
    if config.image_size is not None:
        check_memory("digits", sum(train) + sum(test), config.image_size**2, "Lower image_size.")
    return SourceStats.of(config, train, sum(test), "images")


def _shapes_stats(config: DataConfig) -> SourceStats:
    size = config.image_size or SHAPES_IMAGE_SIZE
    if size < SHAPES_SMALLEST_IMAGE_SIZE:
        raise DataError(
            f"shapes: image_size {size} is too small to tell stripes and rays apart.",
            f"Use at least {SHAPES_SMALLEST_IMAGE_SIZE} pixels.",
        )
    train = (config.per_class or SHAPES_TRAIN_PER_CLASS) * SHAPES_CLASSES
    test = SHAPES_TEST_PER_CLASS * SHAPES_CLASSES
    check_memory("shapes", train + test, 3 * size**2, "Lower image_size or per_class.")
    return SourceStats.of(config, [train // SHAPES_CLASSES] * SHAPES_CLASSES, test, "images")


def _pictograms_stats(config: DataConfig) -> SourceStats:
    table = pictogram_table()
    apart = table.validation(config.validation, config.split_seed)
    train = (np.bincount(table.labels[~table.test & ~apart]) * len(STYLES)).tolist()
    if config.per_class is not None:
        check_per_class(config.name, config.per_class, train, table.class_names)
        train = [config.per_class] * len(train)
    test, held = int(table.test.sum()) * len(STYLES), int(apart.sum()) * len(STYLES)
    check_memory(config.name, sum(train) + held + test, 3 * (config.image_size or SIDE) ** 2, "Lower image_size.")
    return SourceStats.of(config, train, test, "images", given=held)


def _download_stats(config: DataConfig, download: Download) -> SourceStats:
    train = download.train_per_class
    if config.per_class is not None:
        if config.per_class > min(train):
            raise DataError(
                f"{config.name}: per_class is {config.per_class:,}, but there are classes with only {min(train):,} training "
                "samples.",
                f"Use at most {min(train):,}, or leave per_class empty to train on everything.",
            )
        train = (config.per_class,) * len(train)
    test = sum(download.test_per_class)
    channels, height, width = download.shape
    values = channels * (config.image_size**2 if config.image_size else height * width)
    note = streaming_note(sum(train) + test, config.image_size or width) if config.name in STREAMED_DOWNLOADS else ""
    if not note:
        check_memory(config.name, sum(train) + test, values, "Lower image_size, or per_class to train on fewer images.")
    notes: tuple[str, ...] = (note,) if note else ()
    check_data_folder()
    if not download.here:
        notes += (
            f"{download.title} will be downloaded once ({download.megabytes:,} MB from {download.url} "
            f"into {str(download.place)!r}).",
        )
    return SourceStats.of(config, train, test, "images", notes)


def scan_images(config: DataConfig, *, ask: bool = True) -> FolderListing:
    """The image files of a data set of files, class by class; none is opened.

    Args:
        config: Its `name` is ``folder:PATH``, ``table:FILE``, ``shards:PATTERN`` or ``hf-data:PLACE``; of the last two, images have
            numbers instead of paths.
        ask: As of :func:`source_stats`.

    Raises:
        DataError: As :func:`scan_folder`, :func:`lwal_core.datafiles.image_tables.scan_table`,
            :func:`lwal_core.datafiles.shards.scan_shards` and :func:`lwal_core.datafiles.hub_images.scan_hub_images`.
    """
    name = config.name
    if name.startswith(HUB_PREFIX):
        return scan_hub_images(config, ask=ask).listing()
    if name.startswith(TABLE_PREFIX):
        return scan_table(name.removeprefix(TABLE_PREFIX))
    if name.startswith(SHARDS_PREFIX):
        return scan_shards(name.removeprefix(SHARDS_PREFIX)).listing()
    return scan_folder(name.removeprefix(FOLDER_PREFIX))


def folder_stats(listing: FolderListing, config: DataConfig) -> SourceStats:
    """Sizes after split and subset of a folder that is already listed.

    Raises:
        DataError: `per_class` is larger than the smallest class.
    """
    train, test = listing.split_counts(config.test_fraction)
    if config.per_class is not None:
        check_per_class(config.name, config.per_class, train, listing.classes)
        train = (config.per_class,) * len(train)
    count = sum(train) + sum(test) + sum(listing.validation_counts)
    note = streaming_note(count, config.image_size or FOLDER_IMAGE_SIZE)
    notes = (*listing.notes, note) if note else listing.notes
    return SourceStats.of(config, train, sum(test), "images", notes, sum(listing.validation_counts))


def _features_stats(config: DataConfig) -> SourceStats:
    listing = scan_features(config.name.removeprefix(FEATURES_PREFIX))
    # The one array whose values are needed to count the classes; it is small beside the vectors.
    counts = np.bincount(read_labels(listing, "y_train"), minlength=listing.num_classes or 0)
    names = _feature_names(listing, len(counts))
    if len(names) < 2:
        raise DataError(f"{config.name}: a single class.", "Provide samples of at least two classes.")
    check_present(config.name, counts.tolist(), names)
    strangers = np.setdiff1d(read_labels(listing, "y_test"), np.flatnonzero(counts))
    if len(strangers):
        raise DataError(
            f"y_test has the label {strangers[0]}, of which y_train has no samples.",
            "Leave out test samples of classes that are not trained, or train on all classes.",
        )
    train = counts.tolist()
    if config.per_class is not None:
        check_per_class(config.name, config.per_class, train, names)
        train = [config.per_class] * len(counts)
    return SourceStats.of(config, train, listing.num_test, "vectors", listing.notes)


def _feature_names(listing: FeaturesListing, count: int) -> list[str]:
    if listing.num_classes is None:
        return [f"class {label}" for label in range(count)]
    return [str(name) for name in read_array(listing, "class_names")]
