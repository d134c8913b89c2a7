"""Class names beside vectors: text arrays, metadata, lists in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import orjson

from lwal_core.datafiles.arrays import ArrayFile, readable
from lwal_core.datafiles.limits import MAX_CLASSES
from lwal_core.errors import ImportFileError

NAME_KEYS = (
    "class_names", "names", "classes", "classes_", "labels", "label_names", "categories", "words", "vocab", "index_to_key",
    "id2label", "idx_to_class", "class_to_idx", "label2id",
)  # fmt: skip
"""What people call a list of class names."""
MAX_NAMES, MAX_NAME_BYTES = MAX_CLASSES, 4_000
_HOW = {
    "npy": "numpy.array(names, dtype=str)",
    "npz": "numpy.array(names, dtype=str)",
    "safetensors": "metadata={'class_names': json.dumps(names)}",
    "torch": "a list of texts",
}


def names_beside(arrays: ArrayFile, count: int, table: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Class names of an array file, and sentences about those that were not read.

    Args:
        arrays: The opened file.
        count: Rows of the table they should fit.
        table: Name of that table, for the message.

    Raises:
        ImportFileError: There are names, but not one per row.
    """
    found: dict[str, Any] = {}
    texts = [key for key, header in arrays.headers.items() if header.text and header.shape == (count,)]
    for key in (*NAME_KEYS, *(texts if len(texts) == 1 and texts[0] not in NAME_KEYS else ())):
        if key in arrays.metadata:
            found[key] = _from_json(arrays.path.name, key, arrays.metadata[key])
        header = arrays.headers.get(key)
        if header is None or key == table or len(header.shape) < 1 or math.prod(header.shape) != header.shape[0]:
            continue
        if header.text and header.shape[0] <= MAX_CLASSES:
            values = arrays.read(key, MAX_CLASSES * MAX_NAME_BYTES)
            with readable(
                arrays.path, arrays.format, f"The names in {key!r} of {arrays.path.name!r} are no valid text."
            ):
                found[key] = [
                    text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in values.ravel()
                ]
        elif header.dtype == "object":
            found[key] = None
    return choose_names(arrays.path.name, found, count, table, arrays.format)


def choose_names(
    file: str, found: Mapping[str, Any], count: int, table: str, form: str
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """The first list of names that fits the rows of a table, and sentences about those that cannot be read.

    Args:
        file: Name of the file.
        found: A list of texts by its key; None where it is there in a form that is not read.
        count: Rows of the table.
        table: Its name.
        form: ``"npz"``, ``"safetensors"`` or ``"torch"``, for what to do.

    Raises:
        ImportFileError: ``class_names`` or ``names`` do not have one name per row.
    """
    lists = {key: value for key, value in found.items() if value is not None}
    for value in lists.values():
        if len(value) == count:
            return tuple(value), ()
    for key in ("class_names", "names"):
        if key not in lists:
            continue
        value = lists[key]
        raise ImportFileError(
            f"{file!r} has {count:,} vectors{f' in {table!r}' if table else ''} and {len(value):,} class names in {key!r}.",
            "Each row needs one name.",
        )
    return None, tuple(
        f"{key!r} holds {len(lists[key]):,} texts, which do not fit {count:,} vectors and are left aside."
        if key in lists
        else f"The names in {key!r} are not read, as they are Python objects or no list of texts; save them as {_HOW[form]}."
        for key in found
    )


def as_names(value: object) -> list[str] | None:
    """The texts of a list, of a mapping from their numbers, or of one to their numbers, in order; None for others."""
    if isinstance(value, Mapping):
        numbered = {str(key): text for key, text in value.items()}
        if all(isinstance(number, int) for number in value.values()):
            numbered = {str(number): text for text, number in value.items()}
        value = [numbered.get(str(i)) for i in range(len(value))]
    if isinstance(value, list | tuple) and value and all(isinstance(text, str) for text in value):
        return list(value)
    return None


def is_feature_file(arrays: ArrayFile) -> bool:
    """Whether an archive has the arrays of a data set of features rather than vectors of classes."""
    return {"x_train", "y_train"} <= arrays.headers.keys()


def _from_json(file: str, key: str, text: str) -> list[str] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    names = as_names(value)
    if names is not None:
        return names
    if key == "class_names":
        raise ImportFileError(
            f"class_names in the metadata of {file!r} is no list of texts.", "Write json.dumps(['cat', 'dog'])."
        )
    return None
