"""Text tables of label vectors, as spreadsheets, pandas, R, TensorBoard and word-vector tools write them.

One row per class: numbers, and at most one column of names. Head line, column of names, decimal comma and thousands separators
are found in the first rows, those as :mod:`.text_rows` cuts them; then the file is read row by row.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.arrays import as_float32
from lwal_core.datafiles.cells import GAPS, find_separators, is_fraction, is_series, is_whole, like_number, name_key
from lwal_core.datafiles.limits import named
from lwal_core.datafiles.text_rows import (
    DELIMITER_NAMES,
    Form,
    find_form,
    first_lines,
    read_lines,
    records,
    text_encoding,
)
from lwal_core.errors import ImportFileError

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".vec")
MAX_TABLE_BYTES = 2**30
"""Largest table in memory, as float32."""
MAX_ROWS = 1_000_000
"""Most rows of a file, those of other classes included: word vectors of a whole language fit."""
_NAME_HEADS = frozenset({"class", "class name", "classes", "name", "names", "label", "labels", "word", "words"})
_INDEX_HEADS = frozenset({"", "index", "idx", "unnamed: 0", "id", "nr", "no", "row", "#"})
_HEADS = _NAME_HEADS | {"", "index"}
_SERIES_HEADS = (
    _HEADS | _INDEX_HEADS | {"token", "country", "species", "item", "category", "entity", "term", "concept", "code"}
)
"""First heads of a line whose other heads are numbers."""
_MISSING = frozenset(
    {"#n/a", "#na", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "n/a", "na", "null", "none", "nan", "-", "?"}
)


@dataclass(frozen=True, eq=False)
class TextTable:
    """What a text table holds: float32 ``[R,K]``, R names or None, and sentences on what was taken for what."""

    vectors: NDArray[np.float32]
    names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Columns:
    """What the cells are.

    ``used`` are the columns that are not empty, ``heads`` the cells of the first line where that is a head line, ``names``
    the column of names, ``maybe`` whether it may be the first component instead, ``numbers`` the columns of numbers.
    """

    width: int
    used: frozenset[int]
    heads: tuple[str, ...]
    names: int | None
    maybe: bool
    numbers: tuple[int, ...]
    decimal: str = "."
    thousands: str = ""


def read_table(path: Path) -> TextTable:
    """Read a text table.

    Raises:
        ImportFileError: It is no table of numbers with at most one column of names; the message names the line.
    """
    notes: list[str] = []
    with path.open("rb") as file:
        encoding = text_encoding(file.read(2**10))
    lines = first_lines(read_lines(path, encoding))
    form = find_form(path, encoding, lines)
    sample = [cells for _, cells in records(path, form, lines)]
    if not sample:
        raise ImportFileError(f"{path.name!r} holds no vectors.", "Write one row per class: its name, then numbers.")
    columns = _find_columns(path, sample, form.delimiter, notes)
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    for position, (number, cells) in enumerate(records(path, form)):
        if position == 0 and columns.heads:
            continue
        where = f"{path.name!r}, line {number}"
        cells = _fitted(where, cells, columns, form)
        if columns.names is not None:
            names.append(cells[columns.names])
        rows.append(_numbers(where, cells, columns))
        if len(rows) == 1 or len(rows) > MAX_ROWS:
            check_shape(path, (len(rows), len(rows[0])))
    if not rows:
        raise ImportFileError(f"{path.name!r} holds no vectors.", "Write one row per class: its name, then numbers.")
    check_shape(path, (len(rows), len(rows[0])))
    vectors = np.stack(rows)
    if form.encoding.startswith(("utf-16", "utf-32")):
        notes.append(f"Its text is {form.encoding.upper()[:6]}.")
    if columns.maybe and not _are_class_numbers(names, vectors):
        first = as_float32(np.array([[float(name)] for name in names]))
        return TextTable(np.hstack([first, vectors]), None, tuple(notes))
    return TextTable(vectors, tuple(names) if columns.names is not None else None, tuple(notes))


def check_shape(path: Path, shape: Sequence[int]) -> None:
    """Refuse what is no table of label vectors.

    Raises:
        ImportFileError: Other than two dimensions, too many rows or columns, or more than :data:`MAX_TABLE_BYTES`.
    """
    if len(shape) != 2 or min(shape) < 1 or shape[1] > MAX_LABEL_DIM or shape[0] > MAX_ROWS:
        raise ImportFileError(
            f"{path.name!r} holds an array of shape {tuple(shape)}.",
            f"Label vectors have shape [classes, K] with K from 1 to {MAX_LABEL_DIM:,}, and at most {MAX_ROWS:,} rows.",
        )
    size = shape[0] * shape[1] * 4
    if size > MAX_TABLE_BYTES:
        raise ImportFileError(
            f"{path.name!r} holds {shape[0]:,} vectors of {shape[1]:,} numbers, {size / 2**30:.1f} GiB as float32; at most "
            f"{MAX_TABLE_BYTES / 2**30:.0f} GiB are allowed.",
            "Keep the rows of your classes only.",
        )


def _trimmed(cells: Sequence[str]) -> int:
    """Cells before the empty ones at the end."""
    return max((j + 1 for j, cell in enumerate(cells) if cell), default=0)


def _find_columns(path: Path, sample: list[list[str]], delimiter: str, notes: list[str]) -> _Columns:
    usual = Counter(
        map(len, sample[1:] if len(sample) > 1 and not any(map(like_number, sample[0])) else sample)
    ).most_common(1)[0][0]
    width = max((_trimmed(row) for row in sample if len(row) == usual), default=usual)
    first = sample[0] if delimiter != " " else _joined(sample[0], width)
    if len(sample) > 1 and len(first) == width - 1 and not any(map(like_number, first)):
        first = ["", *first]  # R leaves out the head of the column of names
    if width < 2 or len(first) < width:
        raise ImportFileError(
            f"{path.name!r}, line 1: "
            + (
                f"{len(first)} cells where {width} are expected."
                if width > 1
                else f"one cell, {' '.join(first).strip()[:40]!r}, where a name and numbers are expected."
            ),
            "Write the class name and the same number of numbers in every row, separated by "
            + f"{DELIMITER_NAMES.get(delimiter, repr(delimiter))}.",
        )
    if width > MAX_LABEL_DIM + 2:
        check_shape(path, (len(sample), width - 1))
    rest = [row for row in sample[1:] if len(row) >= width]
    filled = [j for j in range(width) if first[j] or any(row[j] for row in rest)]
    head = _is_head([first[j] for j in filled], [[row[j] for j in filled] for row in rest], notes)
    rows = rest if head else [first, *rest]
    heads = tuple(first[:width]) if head else ()
    names, maybe = _find_names(filled, heads, rows)
    index = _indices(filled, names, heads, rows) if names is not None and not maybe else []
    numbers = tuple(j for j in filled if j != names and j not in index)
    if index:
        called = "Its first column" if index == filled[:1] else f"What is called {named(heads[j] for j in index)}"
        notes.append(f"{called} numbers the rows and is left out.")
    decimal, thousands = find_separators(path, [row[j] for row in rows for j in numbers], delimiter)
    return _Columns(width, frozenset(filled), heads, names, maybe, numbers, decimal, thousands)


def _joined(cells: list[str], width: int) -> list[str]:
    """A row between blanks whose name holds blanks itself."""
    spare = len(cells) - width
    return (
        [" ".join(cells[: spare + 1]), *cells[spare + 1 :]]
        if spare > 0 and all(map(like_number, cells[spare + 1 :]))
        else cells
    )


def _is_head(first: Sequence[str], rest: Sequence[Sequence[str]], notes: list[str]) -> bool:
    """Whether the first row is a line of heads.

    It is if its first cell is empty or says class, name or label; if words stand above all numbers; or if its other
    cells are a series of whole numbers (years, or those of columns) above what is no such series.
    """
    if name_key(first[0]) in _HEADS:
        return True
    above = [cell for j, cell in enumerate(first) if j and (not rest or any(like_number(row[j]) for row in rest))]
    if above and any(above) and not any(like_number(cell) or cell.lower() in _MISSING for cell in above if cell):
        return True
    if not rest or not is_series(first[1:]):
        return False
    fractions = len(rest) > 1 and all(
        sum(is_fraction(cell) for cell in row[1:]) >= 0.5 * (len(row) - 1) for row in rest
    )
    if like_number(first[0]):  # numbers alone: pandas' names of columns, 0 to K
        return fractions and is_series(first) and first[0] == "0" and not all(is_whole(row[0]) for row in rest)
    years = len(first) > 2 and all(1000 <= int(cell) <= 2999 for cell in first[1:])
    if name_key(first[0]) in _SERIES_HEADS or years or (fractions and (len(first) > 3 or first[1] == "0")):
        notes.append(f"Its first line is taken for heads: {', '.join(map(repr, first[:3]))} and so on.")
        return True
    return False


def _is_index(column: int, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    if heads and heads[column] and name_key(heads[column]) in _INDEX_HEADS:
        return True
    cells = [row[column] for row in rows]
    start = int(cells[0]) if cells and cells[0] in ("0", "1") else 0
    return cells == [str(start + i) for i in range(len(cells))] and (
        not heads or name_key(heads[column]) in _INDEX_HEADS
    )


def _indices(columns: Sequence[int], names: int, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Columns that number the rows: before the names whatever they are called, unless like the components after them."""
    before = [j for j in columns if j < names]
    if not heads:
        return before if len(before) == 1 and _is_index(before[0], heads, rows) else []
    stems = [re.sub(r"\d+$", "", heads[j]) for j in columns if j > names]
    found = []
    for j in columns:
        whole = all(is_whole(row[j]) for row in rows) and len({row[j] for row in rows}) == len(rows)
        counts = j in before and [int(row[j]) for row in rows[:2]] in ([0, 1], [1, 2]) if whole else False
        component = len(heads[j]) == 1 or re.sub(r"\d+$", "", heads[j]) in stems
        if j != names and whole and (_is_index_head(heads[j]) or (counts and not component)):
            found.append(j)
    return found


def _is_index_head(head: str) -> bool:
    key = name_key(head)
    return key in _INDEX_HEADS or key.startswith("unnamed: ") or key.endswith((" id", " idx", " index"))


def _find_names(columns: Sequence[int], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int | None, bool]:
    """The column of names, and whether it may be the first component of the vectors instead."""
    first = columns[0]
    texts = [j for j in columns if any(row[j] and not like_number(row[j]) for row in rows)]
    pure = [j for j in texts if not any(like_number(row[j]) for row in rows)]
    if rows and len(columns) > 1 and pure and first not in texts:
        if len(pure) == 1 and len(texts) == 1:
            return pure[0], False
        if _is_index(first, heads, rows):
            return pure[0], False
    if first in texts or (heads and name_key(heads[first]) in _HEADS):
        return first, False
    stems = [re.sub(r"\d+$", "", heads[j]) for j in columns[:2]] if heads else []
    components = len(stems) == 2 and (stems[0] == stems[1] or max(map(len, stems)) == 1)  # x0, x1 or x, y
    whole = all(is_whole(row[first]) for row in rows) and len(columns) > 1 and not components
    return (first, True) if whole else (None, False)


def _are_class_numbers(names: Sequence[str], vectors: NDArray[np.float32]) -> bool:
    """Whether whole numbers in the first column are the names of classes: each once, and no part of one-hot rows."""
    if len(set(names)) < len(names) or not all(map(is_whole, names)):
        return False
    table = np.column_stack([np.array([float(name) for name in names]), vectors])
    return not (np.isin(table, (0, 1)).all() and (table.sum(axis=1) == 1).all())


def _fitted(where: str, cells: list[str], columns: _Columns, form: Form) -> list[str]:
    """A row as wide as the table."""
    if form.delimiter == " " and columns.names == 0:
        cells = _joined(cells, columns.width)
    if len(cells) < columns.width or any(cell for j, cell in enumerate(cells) if cell and j not in columns.used):
        raise ImportFileError(
            f"{where}: {len(cells)} cells where {columns.width} are expected.",
            "Write the class name and the same number of numbers in every row, separated by "
            + f"{DELIMITER_NAMES.get(form.delimiter, repr(form.delimiter))}.",
        )
    return cells


def _numbers(where: str, cells: Sequence[str], columns: _Columns) -> NDArray[np.float32]:
    if not columns.thousands:
        with contextlib.suppress(ValueError):  # nearly always
            return as_float32(np.array([float(cells[j]) for j in columns.numbers]))
    return as_float32(np.array([_number(where, cells, j, columns) for j in columns.numbers]))


def _number(where: str, cells: Sequence[str], column: int, columns: _Columns) -> float:
    cell = cells[column]
    text = cell
    if columns.decimal == "," or columns.thousands:
        text = text.replace(columns.thousands, "").replace(columns.decimal, ".")
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(GAPS.sub("", text).replace("\u2212", "-"))
    except ValueError:
        called = f"column {column + 1}" + (f" ({columns.heads[column][:40]!r})" if columns.heads else "")
        if not cell:
            raise ImportFileError(
                f"{where}: {called} is empty; '' is not a number.", "Fill in every component, or leave the row out."
            ) from None
        raise ImportFileError(
            f"{where}: {cell[:40]!r} is not a number, in {called}.",
            "Write each number of the list into a column of its own."
            if cell.startswith("[")
            else "Write decimals with a point, and one column of names beside the numbers.",
        ) from None
