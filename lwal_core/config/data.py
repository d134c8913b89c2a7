"""Options of the data: data set, split, image size, augmentation."""

from __future__ import annotations

from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from lwal_core.config.base.part import Part

BUILT_IN_DATA = ("digits", "shapes", "pictograms")
DOWNLOADED_DATA = ("mnist", "fashion_mnist", "cifar10", "cifar100", "food101")
PATH_DATA = ("folder:", "features:", "table:", "shards:", "hf-data:")
IMAGE_DATA = ("folder:", "table:", "shards:", "hf-data:")
"""Start of the name of images that are read from files."""
HUB_DATA = "hf-data:"
"""Start of the name of a data set that the library datasets reads: of the Hugging Face hub, or a folder."""
HUB_OPTIONS = ("subset", "image_column", "label_column")
"""Options of such a data set alone."""
IMPORTED_DATA = "imported:"
"""Start of the name that stands in the configuration of vectors that were brought in a file. What follows is the file's
title and, after ``#``, eight digits of its checksum, so that two files are never taken for repeats of one experiment."""
EXTERNAL_DATA = "external:"
"""Start of the name of data that only a program of somebody's own knows; what follows is what the program calls it."""

Fit = Literal["crop", "pad", "stretch"]
Scaling = Literal["bicubic", "bilinear", "lanczos", "nearest", "own"]


class Square(NamedTuple):
    """How an image of any sides becomes a square.

    Attributes:
        fit: As :attr:`DataConfig.fit`.
        share: Of the shorter side, kept of the middle: the image is scaled so that this share has the square's side, then cut, as the
            evaluation of timm does it; None for the whole shorter side, cut before it is scaled.
        scaling: Interpolation.
    """

    fit: Fit = "crop"
    share: float | None = None
    scaling: Scaling = "bicubic"

    def __str__(self) -> str:
        """The fit alone where the rest is as it was before there was a choice: fingerprints hold this."""
        rest = "" if self.share is None and self.scaling == "bicubic" else f" {self.share} {self.scaling}"
        return self.fit + rest


Augment = Literal["none", "crop_flip", "random_resized_crop", "trivial", "rand"]
VARIATIONS = ("augment", "color_jitter", "random_erasing")
"""Options by which training images are varied."""


class DataConfig(Part):
    """Which data, and how it is cut into training and test images."""

    name: str = Field(
        "digits",
        description="Data set: digits, shapes, pictograms, mnist, fashion_mnist, cifar10, cifar100, food101, folder:PATH, table:FILE, "
        "shards:PATTERN, hf-data:ORG/NAME or features:PATH.npz. Built in are digits (8 x 8 handwritten digits), shapes (32 x 32 "
        "drawings with a known class tree) and pictograms (32 x 32 drawings of 23 kinds of things); the named sets are "
        "downloaded once; a folder holds train/<class>/*.png|jpg and test/<class>/..., or one level that is split; a table "
        "(CSV, TSV, Parquet) names image files below its own folder in the columns path, label and perhaps split; shards are "
        "tar files as WebDataset writes them; hf-data: is read by the library datasets, from the Hugging Face hub's cache or a "
        "folder (hf-data:./FOLDER); a file of features holds x_train, y_train, x_test, y_test.",
    )
    image_size: int | None = Field(
        None, ge=8, le=512, description="Side of the square that images are resized to, in pixels (8 to 512). "
        "Empty: the data set's own size, 32 for folders and food101.",
    )  # fmt: skip
    test_fraction: float = Field(
        0.2, ge=0.05, le=0.5, description="Share of the samples held out for testing where the data has no test set of its own "
        "(0.05 to 0.5).",
    )  # fmt: skip
    split_seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Seed of the train/test split and of generated data. "
        "It is separate from the training seed, so that all seeds are tested on the same samples.",
    )  # fmt: skip
    per_class: int | None = Field(
        None, ge=2, le=1_000_000, description="Train on a balanced subset of this many samples per class. Empty: all.",
    )  # fmt: skip
    fit: Fit = Field(
        "crop", title="Fit", json_schema_extra={"since": "0.3"},
        description="How an image of a folder becomes a square. crop: its middle; pad: all of "
        "it, on black; stretch: all of it, each side scaled by itself.",
    )  # fmt: skip
    scaling: Scaling = Field(
        "bicubic", json_schema_extra={"since": "0.3"},
        description="Interpolation that images of files are scaled with: bicubic, bilinear, lanczos, nearest, or own, that of a timm: or "
        "hf: backbone's evaluation, whose crop_share is taken, too. own is the default where such a backbone is given and fit is crop.",
    )  # fmt: skip
    crop_share: float | None = Field(
        None, ge=0.5, le=1.0, json_schema_extra={"since": "0.3"},
        description="Share of an image's shorter side that fit crop keeps of the middle (0.5 to 1). Empty: all of it, or with scaling own "
        "the backbone's (crop_pct).",
    )  # fmt: skip
    subset: str | None = Field(
        None, title="Subset", max_length=200, json_schema_extra={"since": "0.3", "placeholder": "Its only one"},
        description="Configuration of an hf-data: set that has several. Empty: its only or default one.",
    )  # fmt: skip
    image_column: str | None = Field(
        None, title="Column of images", max_length=200, json_schema_extra={"since": "0.3", "placeholder": "Found by its type"},
        description="Column of an hf-data: set that holds the images. Empty: the one of the type Image.",
    )  # fmt: skip
    label_column: str | None = Field(
        None, title="Column of classes", max_length=200, json_schema_extra={"since": "0.3", "placeholder": "Found by its type"},
        description="Column of an hf-data: set with the classes. Empty: the one of the type ClassLabel, or one called label or the like.",
    )  # fmt: skip
    labels_from: str | None = Field(
        None, title="Classes from a cut", max_length=200, json_schema_extra={"since": "0.3", "placeholder": "RUN:CUT"},
        description="Train on groups of the classes as coarse labels: RUN:CUT, the id of a run and the name of a cut that is kept with it "
        "(Hierarchy, Cut, Keep; or lwal cut). The groups are copied into the new run. Empty: the classes of the data.",
    )  # fmt: skip
    validation: float = Field(
        0.0, ge=0.0, le=0.5, json_schema_extra={"since": "0.3"}, description="Share of the training samples of each class that is set "
        "apart for validation (0 to 0.5; 0 for none). The best epoch and patience go by it, and the test set is looked at for the report "
        "alone. A validation part that the data has itself takes its place: val/ or valid/ beside train/ and test/ of a folder, rows of a "
        "table, shards or a split that are called so.",
    )  # fmt: skip
    augment: Augment = Field(
        "none", title="Variation",
        description="How training images are varied each time they are used. crop_flip: shifted by up to 4 pixels a side (black "
        "comes in); random_resized_crop: a part of 8 to 100 % of the area, scaled; trivial: TrivialAugment (arXiv:2103.10158); rand: "
        "RandAugment (arXiv:1909.13719); each mirrored in half of the cases. Digits and letters lose their meaning in a mirror.",
    )  # fmt: skip
    color_jitter: float = Field(
        0.0, ge=0, le=1, title="Colour jitter", json_schema_extra={"since": "0.3"},
        description="Largest relative change of brightness, contrast and saturation "
        "of a training image (0 to 1). Its hue turns by up to a quarter of that.",
    )  # fmt: skip
    random_erasing: float = Field(
        0.0, ge=0, le=1, title="Random erasing", json_schema_extra={"since": "0.3"},
        description="Probability that a rectangle of a training image is blackened "
        "(0 to 1).",
    )  # fmt: skip

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name in BUILT_IN_DATA or name in DOWNLOADED_DATA:
            return name
        for prefix in (*PATH_DATA, IMPORTED_DATA, EXTERNAL_DATA):
            if name.startswith(prefix):
                if not name[len(prefix) :].strip():
                    raise ValueError(f"{name!r} names no path; write {prefix}PATH")
                return name
        raise ValueError(
            f"{name!r} is no data set; use one of {', '.join(BUILT_IN_DATA + DOWNLOADED_DATA)}, folder:PATH, table:FILE, "
            "shards:PATTERN, hf-data:ORG/NAME or features:PATH.npz"
        )

    @field_validator("labels_from")
    @classmethod
    def _run_and_cut(cls, value: str | None) -> str | None:
        run, _, cut = (value or "").partition(":")
        if value is not None and not (run.strip() and cut.strip()):
            raise ValueError(
                f"{value!r} names no cut; write RUN:CUT, a run's id and the name of a cut that is kept with it"
            )
        return value

    @field_validator(*HUB_OPTIONS, "labels_from", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @model_validator(mode="after")
    def _only_what_applies(self) -> DataConfig:
        if (
            self.name in (*DOWNLOADED_DATA, "pictograms")
            and self.test_fraction != type(self).model_fields["test_fraction"].default
        ):
            raise ValueError(
                f"test_fraction does not apply to {self.name}, which has a test set of its own; leave it out"
            )
        if self.fit != type(self).model_fields["fit"].default and not self.name.startswith(IMAGE_DATA):
            raise ValueError(f"fit does not apply to {self.name}; it is for images of files")
        if self.scaling != "bicubic" and not self.name.startswith(IMAGE_DATA):
            raise ValueError(f"scaling does not apply to {self.name}; it is for images of files")
        if self.crop_share is not None and (self.fit != "crop" or not self.name.startswith(IMAGE_DATA)):
            raise ValueError("crop_share is for images of files and fit crop; leave it out")
        for option in HUB_OPTIONS if not self.name.startswith(HUB_DATA) else ():
            if getattr(self, option) is not None:
                raise ValueError(f"{option} does not apply to {self.name}; it is for {HUB_DATA}ORG/NAME")
        if self.name.startswith("features:"):
            for option in self.varied:
                raise ValueError(f"{option} does not apply to features, which are no images; leave it out")
        return self

    @property
    def square(self) -> Square:
        """How an image becomes a square."""
        return Square(self.fit, self.crop_share, self.scaling)

    @property
    def varied(self) -> tuple[str, ...]:
        """Options by which training images are varied."""
        defaults = type(self).model_fields
        return tuple(name for name in VARIATIONS if getattr(self, name) != defaults[name].default)

    @property
    def may_have_validation(self) -> bool:
        """Whether the data itself may set samples apart for validation: a folder with ``val/``, a table with rows of that split."""
        return self.name.startswith(IMAGE_DATA)

    @property
    def title(self) -> str:
        """Short name for tables: the built-in name, the last part of the path, or what others call it: the title of what was imported,
        the name that a recording program gave. With the name of the cut whose groups are the classes."""
        return f"{self._data_title}, {self.labels_from.partition(':')[2]}" if self.labels_from else self._data_title

    @property
    def _data_title(self) -> str:
        if self.name.startswith(IMPORTED_DATA):
            return self.name[len(IMPORTED_DATA) :].rpartition("#")[0] or self.name
        if self.name.startswith(EXTERNAL_DATA):
            return self.name[len(EXTERNAL_DATA) :]
        if self.name.startswith("shards:") and "/" in self.name:  # of a pattern, the folder says more
            return self.name.rsplit("/", 2)[-2].removeprefix("shards:") or self.name
        for prefix in PATH_DATA:
            if self.name.startswith(prefix):
                return self.name[len(prefix) :].rstrip("/").rsplit("/", 1)[-1] or self.name
        return self.name
