"""Label vectors from a file: one row per class, checked and matched to class names. No torch.

Array files hold one table ``[C,K]``, with or without an array or a metadata field of names
(:mod:`lwal_core.imports.tensors`); text tables are read by :mod:`lwal_core.datafiles.tables`. With names, the order of the rows
does not matter and rows of other classes are left aside. A name matches as it is written, or else regardless of capitals,
underscores, hyphens and spaces.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwal_core.config.methods.static import VECTOR_FILES
from lwal_core.datafiles.arrays import as_float32, open_arrays
from lwal_core.datafiles.cells import name_key
from lwal_core.datafiles.limits import named, resolved
from lwal_core.datafiles.tables import MAX_TABLE_BYTES, TEXT_ENDINGS, check_shape, read_table
from lwal_core.errors import DataError
from lwal_core.imports.names import names_beside

MAX_FILE_BYTES = 2**29
"""Largest file that is read: 10,000 classes of 768 numbers are 30 MB as float32 and some 150 MB as text."""


@dataclass(frozen=True, eq=False)
class VectorTable:
    """What a vector file holds.

    Attributes:
        path: The file, resolved.
        vectors: float32 ``[R,K]``, not checked for values that are not finite.
        names: R names, or None where the file has none.
    """

    path: Path
    vectors: NDArray[np.float32]
    names: tuple[str, ...] | None


def read_vector_table(path: str | Path) -> VectorTable:
    """Read a vector file.

    Raises:
        DataError: No such file, another ending, too large, damaged, or not a table of numbers.
    """
    file = resolved(path, "file")
    if not file.is_file():
        raise DataError(f"{str(path)!r} is not a file.", "Give the file of label vectors itself.")
    ending = file.suffix.lower()
    if ending not in VECTOR_FILES:
        raise DataError(f"{str(path)!r} ends in {ending!r}.", f"Label vectors end in {', '.join(VECTOR_FILES)}.")
    size = file.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataError(
            f"{str(path)!r} has {size / 2**20:,.0f} MiB; at most {MAX_FILE_BYTES / 2**20:.0f} MiB are read.",
            "Keep the rows of your classes only, as float32 in .npy or .safetensors.",
        )
    if ending in TEXT_ENDINGS:
        table = read_table(file)
        return VectorTable(file, table.vectors, table.names)
    arrays = open_arrays(file)
    tables = [header for header in arrays.headers.values() if header.numeric and len(header.shape) == 2]
    if (len(arrays.headers) > 1 and len(tables) != 1) or not arrays.headers:
        raise DataError(
            f"{str(path)!r} holds {len(arrays.headers)} arrays{': ' if arrays.headers else ''}{named(arrays.headers)}.",
            "Save the label vectors as the only table of numbers.",
        )
    header = tables[0] if tables else next(iter(arrays.headers.values()))
    check_shape(file, header.shape)
    if not header.numeric:
        raise DataError(f"{str(path)!r} holds values of type {header.dtype}.", "Label vectors are real numbers.")
    vectors = as_float32(arrays.read(header.name, MAX_TABLE_BYTES))
    return VectorTable(file, vectors, names_beside(arrays, len(vectors), header.name)[0])


def class_vectors(table: VectorTable, class_names: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of these classes, float32 ``[C,K]``.

    Args:
        table: What a file holds.
        class_names: C names; rows are matched by name where the file has names, otherwise by order.

    Raises:
        DataError: A class has no vector or several, the number of nameless rows is wrong, a value is not finite, or two
            classes have the same vector.
    """
    if table.names is not None:
        rows = _rows_by_name(table, table.names, class_names)
    elif len(table.vectors) == len(class_names):
        rows = list(range(len(class_names)))
    else:
        raise DataError(
            f"{str(table.path)!r} has {len(table.vectors):,} vectors without names for {len(class_names):,} classes.",
            "Give one row per class in the order of the classes, or a file with class names.",
        )
    vectors = np.ascontiguousarray(table.vectors[rows])
    check_class_vectors(vectors, class_names, repr(str(table.path)))
    return vectors


def check_class_vectors(vectors: NDArray[np.float32], class_names: Sequence[str], source: str) -> None:
    """Refuse vectors that cannot serve as labels.

    Args:
        vectors: float32 ``[C,K]``.
        class_names: C names.
        source: Where they come from, for the message.

    Raises:
        DataError: A value is not finite, or two classes have the same vector, which no prediction could tell apart.
    """
    check_finite(vectors, class_names, source)
    first: dict[bytes, str] = {}
    for name, vector in zip(class_names, vectors, strict=True):
        other = first.setdefault((vector + 0.0).tobytes(), name)  # adding 0 turns -0 into 0
        if other != name:
            raise DataError(
                f"{source} has the same vector for classes {other!r} and {name!r}, so that no prediction could tell "
                "them apart.",
                "Give each class a vector of its own, or make the two one class.",
            )


def check_finite(vectors: NDArray[np.float32], class_names: Sequence[str], source: str) -> None:
    """Refuse vectors ``[C,K]`` with a value that is no finite number.

    Raises:
        DataError: The message names the first such class and component.
    """
    finite = np.isfinite(vectors)
    if not finite.all():
        row, column = (int(place) for place in np.argwhere(~finite)[0])
        raise DataError(
            f"{source} has the value {vectors[row, column]} for class {class_names[row]!r} in component {column} "
            "(counted from 0, as float32).",
            "Label vectors need finite numbers.",
        )


def _rows_by_name(table: VectorTable, names: Sequence[str], class_names: Sequence[str]) -> list[int]:
    exact: dict[str, list[int]] = defaultdict(list)
    loose: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(names):
        exact[name].append(row)
        loose[name_key(name)].append(row)
    found = [exact.get(name) or loose.get(name_key(name)) or [] for name in class_names]
    absent = [name for name, rows in zip(class_names, found, strict=True) if not rows]
    if absent:
        raise DataError(
            f"{str(table.path)!r} has no vector for {'class' if len(absent) == 1 else 'classes'} {named(absent)}.",
            f"It names {named(names)}; capitals, spaces, hyphens and underscores do not matter.",
        )
    for name, rows in zip(class_names, found, strict=True):
        if len(rows) > 1:
            raise DataError(
                f"{str(table.path)!r} has {len(rows)} vectors for class {name!r}, named {named(names[r] for r in rows)}.",
                "Keep one of them.",
            )
    return [rows[0] for rows in found]
