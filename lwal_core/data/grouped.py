"""Coarse labels: a data set whose classes are groups of the classes that it came with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import orjson
import torch

from lwal_core.data.dataset import Dataset, Marks, check
from lwal_core.errors import DataError
from lwal_core.runs.record import ClassGroup


def grouped(data: Dataset, groups: Sequence[ClassGroup]) -> Dataset:
    """The data set with groups as its classes; samples stay as they are.

    Args:
        data: As it was loaded, C classes.
        groups: Each class of the data is in exactly one, in any order.

    Returns:
        As many classes as groups, called by their names, in the order of the groups; another fingerprint, no taxonomy. Of features
        that were computed from images the images, too.

    Raises:
        DataError: The classes of the groups are not those of the data.
    """
    of_class = group_of_each(data.name, data.class_names, groups)
    marks = grouped_marks(data.marks, groups)
    found = replace(
        data, y_train=of_class[data.y_train], y_test=of_class[data.y_test], class_names=tuple(group.name for group in groups),
        fingerprint=marks.fingerprint, pixels=marks.pixels, taxonomy=None,
        original=None if data.original is None else grouped(data.original, groups),
    )  # fmt: skip
    check(found)
    return found


def group_of_each(name: str, class_names: Sequence[str], groups: Sequence[ClassGroup]) -> torch.Tensor:
    """Number of the group of each class, int64 ``[C]``.

    Raises:
        DataError: The classes of the groups are not these.
    """
    of_class = {member: number for number, group in enumerate(groups) for member in group.classes}
    missing = [one for one in class_names if one not in of_class]
    unknown = sorted(of_class.keys() - set(class_names))
    if missing or unknown:
        what = f"{missing[0]!r} is in no group" if missing else f"the groups have {unknown[0]!r}, which it lacks"
        more = len(missing) + len(unknown) - 1
        others = f" (and {more:,} more names differ)" if more else ""
        raise DataError(
            f"The groups of labels_from are not of the classes of {name}: {what}{others}.",
            "Take a cut of a run on the same data.",
        )
    return torch.tensor([of_class[one] for one in class_names], dtype=torch.int64)


def grouped_marks(marks: Marks, groups: Sequence[ClassGroup]) -> Marks:
    """The fingerprints that :func:`grouped` gives a data set, from those that it had."""
    told = orjson.dumps([[group.name, sorted(group.classes)] for group in groups])
    return Marks(*(hashlib.sha256(b"grouped;" + mark.encode() + told).hexdigest() if mark else "" for mark in marks))
