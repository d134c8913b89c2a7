"""Label vectors that somebody brings in a file, one row a class: read, checked, and matched to the classes. No torch.

Formats, told apart by the ending of the name:

- ``.npy``: an array ``[C,K]``, rows in the order of the classes;
- ``.csv``, ``.tsv``: a row a class, its name in the first column and numbers in the others, with or without a line of
  heads. The first line is one if its first cell is empty or says class, name or label, or if any other cell of it is no
  number;
- ``.safetensors``: one tensor ``[C,K]``. Names may lie in the metadata under ``class_names`` as a JSON list of texts;
  without them the rows are in the order of the classes.

With names, the order of the rows does not matter and rows of other classes are left aside. A name matches as it is
written, or else regardless of capitals, underscores, hyphens and spaces.

Files are untrusted: sizes and types are judged before values are read, and pickled objects are never loaded.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors import safe_open

from lwal_core.config.method import MAX_LABEL_DIM, VECTOR_FILES
from lwal_core.datafiles.limits import named, resolved
from lwal_core.errors import DataError
from lwal_core.security.untrusted_files import check_safetensors

MAX_FILE_BYTES = 2**29
"""Largest file that is read: 10,000 classes of 768 numbers are 30 MB as float32 and some 150 MB as text."""

MAX_TABLE_BYTES = 2**30
"""Largest table in memory, as float32."""
MAX_ROWS = 1_000_000
"""Most rows of a file, those of other classes included: word vectors of a whole language fit."""
_MAX_LINE = 32 * MAX_LABEL_DIM  # characters: more than the longest number for every component

_HEADS = frozenset({"", "class", "class name", "classes", "name", "names", "label", "labels", "index", "word"})
_NUMBERS = frozenset({"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8"})


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
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DataError(
                f"{str(path)!r} has {size / 2**20:,.0f} MiB; at most {MAX_FILE_BYTES / 2**20:.0f} MiB are read.",
                "Keep the rows of your classes only, as float32 in .npy or .safetensors.",
            )
        if ending == ".npy":
            vectors, names = _read_npy(file, size), None
        elif ending == ".safetensors":
            vectors, names = _read_safetensors(file)
        else:
            vectors, names = _read_text(file, "," if ending == ".csv" else "\t")
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"The file {str(path)!r} cannot be read: {error}.", "Check its permissions.") from None
    except Exception as error:  # a foreign file can fail in many ways inside numpy's, safetensors' and csv's parsers
        raise DataError(
            f"{str(path)!r} is no readable {ending} file ({type(error).__name__}: {error}).",
            "Save it again, and without pickled objects.",
        ) from error
    if names is not None and len(names) != len(vectors):
        raise DataError(
            f"{str(path)!r} has {len(vectors):,} vectors and {len(names):,} class names.", "Each row needs one name."
        )
    return VectorTable(file, vectors, names)


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
            "Give one row a class in the order of the classes, or a file with class names.",
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
        loose[_key(name)].append(row)
    found = [exact.get(name) or loose.get(_key(name)) or [] for name in class_names]
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


def _key(name: str) -> str:
    """The name without what people write differently."""
    # Tables for spreadsheets carry an apostrophe in front of names that begin like a formula.
    text = unicodedata.normalize("NFKC", name).removeprefix("'").casefold()
    return re.sub(r"[\s_\-]+", " ", text).strip() or name


def _check_shape(file: Path, shape: Sequence[int]) -> None:
    if len(shape) != 2 or min(shape) < 1 or shape[1] > MAX_LABEL_DIM or shape[0] > MAX_ROWS:
        raise DataError(
            f"{str(file)!r} holds an array of shape {tuple(shape)}.",
            f"Label vectors have shape [classes, K] with K from 1 to {MAX_LABEL_DIM:,}, and at most {MAX_ROWS:,} rows.",
        )
    size = shape[0] * shape[1] * 4
    if size > MAX_TABLE_BYTES:
        raise DataError(
            f"{str(file)!r} holds {shape[0]:,} vectors of {shape[1]:,} numbers, {size / 2**30:.1f} GiB as float32; at most "
            f"{MAX_TABLE_BYTES / 2**30:.0f} GiB are allowed.",
            "Keep the rows of your classes only.",
        )


def _single(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite and is then refused by class
        return np.ascontiguousarray(values, dtype=np.float32)


def _read_npy(file: Path, size: int) -> NDArray[np.float32]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with file.open("rb") as stream:
        shape, _, dtype = readers[np.lib.format.read_magic(stream)](stream)
        _check_shape(file, shape)
        if dtype.kind not in "fiu":
            raise DataError(f"{str(file)!r} holds values of type {dtype}.", "Label vectors are real numbers.")
        if shape[0] * shape[1] * dtype.itemsize > size - stream.tell():
            raise DataError(f"{str(file)!r} is cut off.", "Copy or save the file again.")
        stream.seek(0)
        return _single(np.lib.format.read_array(stream, allow_pickle=False))


def _read_safetensors(file: Path) -> tuple[NDArray[np.float32], tuple[str, ...] | None]:
    check_safetensors(file)
    with safe_open(file, framework="np") as archive:
        tensors = list(archive.keys())
        if len(tensors) != 1:
            raise DataError(
                f"{str(file)!r} holds {len(tensors)} tensors{': ' if tensors else ''}{named(tensors)}.",
                "Save the label vectors alone.",
            )
        described = archive.get_slice(tensors[0])
        _check_shape(file, described.get_shape())
        if described.get_dtype() not in _NUMBERS:
            raise DataError(
                f"{str(file)!r} holds values of type {described.get_dtype()}.", "Save the label vectors as float32."
            )
        text = (archive.metadata() or {}).get("class_names")
        names = None if text is None else orjson.loads(text)
        if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise DataError(
                f"class_names in the metadata of {str(file)!r} is no list of texts.",
                "Write json.dumps(['cat', 'dog']).",
            )
        vectors = _single(archive.get_tensor(tensors[0]))
    return vectors, None if names is None else tuple(names)


def _read_text(file: Path, delimiter: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    # Line by line, each of bounded length, so that no file can make one row of everything.
    with file.open(encoding="utf-8-sig") as stream:
        lines = iter(lambda: stream.readline(_MAX_LINE + 1), "")
        filled = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
        for position, (number, line) in enumerate(filled):
            where = f"{str(file)!r}, line {number}"
            if len(line) > _MAX_LINE:
                raise DataError(
                    f"{where}: longer than {_MAX_LINE:,} characters.",
                    f"Write a row a class, K at most {MAX_LABEL_DIM:,}.",
                )
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
            if position == 0 and _is_head(cells):
                continue
            if len(cells) < 2 or (rows and len(cells) - 1 != len(rows[0])):
                raise DataError(
                    f"{where}: {len(cells)} cells" + (f" where {len(rows[0]) + 1} are expected." if rows else "."),
                    "Write the class name and the same number of numbers in every row, separated by "
                    + ("commas." if delimiter == "," else "tabs."),
                )
            names.append(cells[0].strip())
            rows.append(_single(np.array([_number(where, cell) for cell in cells[1:]])))
            if len(rows) == 1 or len(rows) > MAX_ROWS:
                _check_shape(file, (len(rows), len(rows[0])))
    if not rows:
        raise DataError(f"{str(file)!r} holds no vectors.", "Write one row a class: its name, then numbers.")
    _check_shape(file, (len(rows), len(rows[0])))
    return np.stack(rows), tuple(names)


def _is_head(cells: Sequence[str]) -> bool:
    return _key(cells[0].strip()) in _HEADS or not all(_is_number(cell) for cell in cells[1:])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(where: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise DataError(f"{where}: {cell[:40]!r} is not a number.", "Write decimals with a point.") from None
