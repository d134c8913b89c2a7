"""Feature files: shapes and types from the headers, single arrays on demand, no pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.arrays import ArrayHeader, open_arrays
from lwal_core.datafiles.limits import MAX_CLASSES, MIN_TEST_SAMPLES, check_memory, named, resolved
from lwal_core.errors import DataError

FEATURE_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class FeaturesListing:
    """The shapes in a feature file.

    Attributes:
        path: The file, resolved.
        num_train: Training samples.
        num_test: Test samples.
        num_features: Values a sample.
        num_classes: From `class_names`; None when the file has none and only its labels could tell.
        notes: What is not read, a sentence.
    """

    path: Path
    num_train: int
    num_test: int
    num_features: int
    num_classes: int | None
    notes: tuple[str, ...] = ()


def scan_features(path: str | Path) -> FeaturesListing:
    """Read the shapes of a feature file's arrays from their headers; no values are unpacked.

    Args:
        path: ``.npz`` with x_train [N, D], y_train [N], x_test [M, D], y_test [M] and, if wanted, class_names [C].

    Raises:
        DataError: No such file, no npz, an array is absent, or shapes or types do not fit.
    """
    file = resolved(path, "file")
    if not file.is_file():
        raise DataError(f"{str(path)!r} is not a file.", "Give the .npz file itself.")
    headers = open_arrays(file, wanted=lambda name: name in (*FEATURE_ARRAYS, "class_names"), kinds=("npz",)).headers
    missing = [name for name in FEATURE_ARRAYS if name not in headers]
    if missing:
        raise DataError(
            f"{str(path)!r} lacks {', '.join(missing)}; it has {named(headers) or 'no arrays'}.",
            "Save it with numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=..., class_names=...).",
        )
    for name in FEATURE_ARRAYS:
        _check_header(headers[name])
    shapes = {name: headers[name].shape for name in FEATURE_ARRAYS}
    if shapes["x_train"][1] != shapes["x_test"][1]:
        raise DataError(
            f"x_train has {shapes['x_train'][1]:,} features and x_test {shapes['x_test'][1]:,}.",
            "Both need the same features in the same order.",
        )
    for part in ("train", "test"):
        samples, labels = shapes[f"x_{part}"][0], shapes[f"y_{part}"][0]
        if samples != labels:
            raise DataError(
                f"x_{part} has {samples:,} rows but y_{part} has {labels:,} labels.", "Each row needs one label."
            )
    if shapes["x_test"][0] < MIN_TEST_SAMPLES:
        raise DataError(
            f"x_test has {shapes['x_test'][0]} sample; at least {MIN_TEST_SAMPLES} are needed.",
            "Hold out more samples.",
        )
    num_train, num_test, num_features = shapes["x_train"][0], shapes["x_test"][0], shapes["x_train"][1]
    widest = max(4, *(headers[name].itemsize for name in ("x_train", "x_test")))
    check_memory(
        repr(str(path)), num_train + num_test, num_features, "Keep fewer samples or features, as float32.", widest
    )
    num_classes = None
    if "class_names" in headers:
        names = headers["class_names"]
        if len(names.shape) != 1 or not names.text:
            raise DataError(
                f"class_names must be a list of texts, but has shape {names.shape} and type {names.dtype}.",
                "Save numpy.array(['cat', 'dog', ...], dtype=str).",
            )
        num_classes = names.shape[0]
        if num_classes > MAX_CLASSES or names.itemsize > 4_000:
            raise DataError(
                f"class_names has {num_classes:,} names of up to {names.itemsize // 4:,} characters; "
                f"at most {MAX_CLASSES:,} of 1,000 are allowed.",
                "Merge classes or shorten their names.",
            )
    others = [name for name in headers if name not in (*FEATURE_ARRAYS, "class_names")]
    notes = (f"Ignored arrays: {named(others)}; class names are read from class_names.",) if others else ()
    return FeaturesListing(file, num_train, num_test, num_features, num_classes, notes)


def read_array(listing: FeaturesListing, name: str) -> NDArray[Any]:
    """The values of one array.

    Raises:
        DataError: They are cut off, corrupt, or packed in a way that is not known here.
    """
    values = open_arrays(listing.path, wanted=lambda there: there == name).read(name)
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def read_labels(listing: FeaturesListing, name: str) -> NDArray[np.int64]:
    """The labels `y_train` or `y_test`, between 0 and the number of classes the file may have.

    Raises:
        DataError: As :func:`read_array`, or a label is out of range.
    """
    y = read_array(listing, name)
    if listing.num_classes is None and name == "y_train" and y.min() > 0:
        raise DataError(
            f"y_train has labels from {y.min()} to {y.max()} and none is 0; labels start at 0.",
            f"Subtract {y.min()} from y_train and y_test, or give class_names for all classes.",
        )
    end = MAX_CLASSES if listing.num_classes is None else listing.num_classes
    wrong = np.flatnonzero((y < 0) | (y >= end))
    if len(wrong):
        known = (
            f"{end:,} class names are given"
            if listing.num_classes is not None
            else f"at most {end:,} classes are allowed"
        )
        raise DataError(
            f"{name} has the label {y[wrong[0]]} in row {wrong[0]} (counted from 0); labels start at 0 and {known}.",
            "Number the classes from 0 without gaps"
            + ("." if listing.num_classes is None else ", and give class_names one name for each."),
        )
    return np.ascontiguousarray(y, dtype=np.int64)


def _check_header(header: ArrayHeader) -> None:
    """Dimensions and types of one array; what is no plain number is refused here, pickled objects above all."""
    name, shape, dtype = header.name, header.shape, header.dtype
    if name.startswith("x_"):
        if not header.numeric and dtype != "bool":
            raise DataError(f"{name} must hold real numbers but has type {dtype}.", _numbers_hint(name, dtype))
        if len(shape) != 2:
            raise DataError(
                f"{name} must have shape [samples, features] but has {shape}.",
                f"Flatten it: {name}.reshape(len({name}), -1).",
            )
        if shape[1] == 0:
            raise DataError(
                f"{name} has shape {shape}: samples without features.", "Save at least one number a sample."
            )
    else:
        if len(shape) != 1:
            raise DataError(
                f"{name} must have shape [samples] but has {shape}.",
                f"Save {name}.ravel()." if len(shape) == 2 and shape[1] == 1
                else f"Give one class number per sample; of one-hot rows, {name}.argmax(axis=1).",
            )  # fmt: skip
        if not dtype.startswith(("int", "uint")):
            raise DataError(
                f"{name} must hold whole class numbers but has type {dtype}.",
                f"Save {name}.astype(int)." if header.numeric or dtype == "bool"
                else "Convert it: names, numbers = numpy.unique(y, return_inverse=True); save names as class_names.",
            )  # fmt: skip
    if shape[0] == 0:
        raise DataError(f"{name} is empty.", "Training and test samples are both needed.")


def _numbers_hint(name: str, dtype: str) -> str:
    if dtype == "object":
        return f"Save numpy.stack(list({name})).astype('float32'); all samples need the same number of features."
    if dtype.lstrip("<>=|").startswith(("V", "[")):  # what numpy writes of types that it does not know, and of records
        return f"numpy keeps no bfloat16 and no records here: convert {name} to float32 before it is saved."
    return f"Save {name}.astype('float32')."
