"""Reader of columns of one's own: a table with a row a class, or a row a test sample.

The first line has the heads. The column ``class`` (or ``name``, ``label``) names the class of a row, ``index`` (or
``sample``, ``test index``) the number of a test sample as the app shows it. What the other columns are is told by their
cells: numbers are a scale, a few texts are categories, a text that is another in each row is a label. Class names are
matched as those of label vectors are: exactly, else whatever their capitals, blanks, hyphens and underscores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lwal_core.datafiles.cells import GAPS, find_separators, is_whole, like_number, name_key
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
from lwal_core.runs.own_columns import MAX_COLUMNS, MAX_NAME, MAX_ROWS, MAX_TEXT, Kind, OwnColumn, OwnTable, Rows
from lwal_core.sanitize import quoted, seen

ENDINGS = (".csv", ".tsv")
MAX_BYTES = 8 * 2**20
"""Largest file that is read."""
MAX_CATEGORIES = 100
"""Different texts of a column whose colours and shapes can be told apart; one with more is a label."""

_CLASS_HEADS = frozenset({"class", "class name", "classes", "name", "names", "label", "labels"})
_INDEX_HEADS = frozenset({"index", "test index", "sample", "test sample", "sample index"})
_NOTHING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null"})
"""What stands for no value in every column, in lower case."""
_NO_NUMBER = _NOTHING | frozenset({"none", "-", "?", ".", "#div/0!", "#value!", "#ref!", "#name?", "#num!"})
"""What stands for no value in a column of numbers."""


@dataclass(frozen=True)
class FoundColumns:
    """What a file holds: its table, and sentences on what was left out and which classes have no row."""

    table: OwnTable
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    line: int
    cells: list[str]


def read_own_table(path: Path, class_names: Sequence[str], name: str | None = None) -> FoundColumns:
    """Read a file of one's own columns.

    Args:
        path: A ``.csv`` or ``.tsv`` file.
        class_names: Names of the run's classes.
        name: What to call it; None for the file's name.

    Raises:
        ImportFileError: It is no such table; the message names line and column.
    """
    form, lines = _form(path)
    heads, body = _head_and_rows(path, form, lines)
    key, of = _key_column(path, heads, body, class_names)
    width = len(heads)
    notes: list[str] = []
    rows: tuple[str, ...] | tuple[int, ...]
    if of == "class":
        rows, kept, notes = _class_rows(path, heads[key], key, body, class_names)
    else:
        rows, kept = _sample_rows(path, heads[key], key, body)
    columns = []
    for place in range(width):
        if place == key:
            continue
        cells = [row.cells[place] for row in kept]
        if not heads[place]:
            if any(row.cells[place] for row in body) and place:
                raise _wrong(path, 1, f"column {place + 1} has no name.", "Give each column a name in the first line.")
            continue  # pandas numbers the rows in a first column without a name
        columns.append(_column(path, heads[place], place, kept, cells, form.delimiter))
    if not columns:
        raise _wrong(path, 1, f"there is no column beside {heads[key]!r}.", "Write class,column or index,column.")
    shown = tidy_name(path.name if name is None else name) or "columns"
    table = OwnTable(name=shown, of=of, rows=rows, columns=tuple(columns), changed=datetime.now(UTC))
    return FoundColumns(table, tuple(notes))


def tidy_name(name: str) -> str:
    """A name of a file or a column as it is kept: on one line, nothing that cannot be seen, not too long."""
    return seen(name)[:MAX_NAME].strip()


def _form(path: Path) -> tuple[Form, list[str]]:
    """How the file is cut into cells, and its first lines."""
    if path.suffix.lower() not in ENDINGS:
        raise ImportFileError(
            f"{path.name!r} is no table that is read here.",
            "Bring a .csv or .tsv file with the columns class,column...",
        )
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            encoding = text_encoding(file.read(2**10))
    except OSError as error:
        raise ImportFileError(f"{str(path)!r} cannot be read: {error.strerror}.", "Check the path.") from None
    if size > MAX_BYTES:
        raise ImportFileError(
            f"{path.name!r} has {size / 2**20:.1f} MiB, at most {MAX_BYTES // 2**20} are read.", "Bring fewer columns."
        )
    lines = first_lines(read_lines(path, encoding))
    return find_form(path, encoding, lines), lines


def _head_and_rows(path: Path, form: Form, lines: Sequence[str]) -> tuple[list[str], list[_Row]]:
    """Heads without empty ones at the end, and all rows, each as wide."""
    found = _rows(path, form)
    first = next(found, None)
    if first is None:
        raise ImportFileError(f"{path.name!r} is empty.", "Write class,column as the first line, then a row a class.")
    heads = [tidy_name(cell.removeprefix("\ufeff")) for cell in first.cells]
    body = list(found)
    while (
        len(heads) > 1
        and not heads[-1]
        and not any(len(row.cells) >= len(heads) and row.cells[len(heads) - 1] for row in body)
    ):
        heads.pop()
    if len(heads) < 2:
        raise _wrong(
            path, first.line, f"one cell, {quoted(heads[0], 40)}, where class,column is expected.",
            "Write the heads in the first line, parted by commas, semicolons or tabs.",
        )  # fmt: skip
    if len(heads) > MAX_COLUMNS + 1:
        raise _wrong(path, first.line, f"{len(heads):,} columns, at most {MAX_COLUMNS + 1} are read.", "Keep fewer.")
    if all(map(like_number, filter(None, heads))):
        raise _wrong(path, first.line, "numbers where the heads are expected.", "Write class,column as the first line.")
    seen_at: dict[str, int] = {}
    for place, head in enumerate(heads):
        if head and seen_at.setdefault(head, place) != place:
            raise _wrong(
                path, first.line, f"columns {seen_at[head] + 1} and {place + 1} are both called {quoted(head, 40)}.",
                "Give each column a name of its own.",
            )  # fmt: skip
    if not body:
        raise ImportFileError(
            f"{path.name!r} has heads and no rows.", "Write a row a class: its name, then the values."
        )
    for row in body:
        if len(row.cells) < len(heads) or any(row.cells[len(heads) :]):
            raise _wrong(
                path, row.line, f"{len(row.cells)} cells where {len(heads)} are expected.",
                f"Part cells by {DELIMITER_NAMES.get(form.delimiter, repr(form.delimiter))}, and leave a cell empty where "
                "there is no value.",
            )  # fmt: skip
        for place, cell in enumerate(row.cells[: len(heads)]):
            if len(cell) > MAX_TEXT:
                raise _wrong(
                    path, row.line, f"{len(cell):,} characters in column {place + 1} ({heads[place][:40]!r}).",
                    f"At most {MAX_TEXT} are kept.",
                )  # fmt: skip
    return heads, body


def _rows(path: Path, form: Form) -> Iterator[_Row]:
    for count, (line, cells) in enumerate(records(path, form)):
        if count > MAX_ROWS:
            raise ImportFileError(f"{path.name!r} has more than {MAX_ROWS:,} rows.", "Keep those of the test samples.")
        yield _Row(line, [cell if cell.isprintable() else seen(cell) for cell in cells])


def _key_column(path: Path, heads: Sequence[str], body: Sequence[_Row], class_names: Sequence[str]) -> tuple[int, Rows]:
    """The column that says whose values a row has. Where classes and samples are named, the row is a sample if a class
    comes again."""
    keys = [name_key(head) for head in heads]
    classes = next((place for place, key in enumerate(keys) if key in _CLASS_HEADS), None)
    index = next((place for place, key in enumerate(keys) if key in _INDEX_HEADS), None)
    if classes is not None and index is not None:
        cells = [row.cells[classes] for row in body]
        return (index, "sample") if len(set(cells)) < len(cells) else (classes, "class")
    if index is not None:
        return index, "sample"
    if classes is not None:
        return classes, "class"
    known = {name_key(name) for name in class_names}
    if any(name_key(row.cells[0]) in known for row in body):
        return 0, "class"
    raise _wrong(
        path, 1, f"no column is called class or index; the first is {quoted(heads[0], 40)}.",
        f"Call the column of the classes class ({named(class_names)}), or that of the test samples index.",
    )  # fmt: skip


def _class_rows(
    path: Path, head: str, key: int, body: Sequence[_Row], class_names: Sequence[str]
) -> tuple[tuple[str, ...], list[_Row], list[str]]:
    """The classes that have a row, in the run's order, with their rows and sentences on the others."""
    exact = set(class_names)
    loose: dict[str, list[str]] = {}
    for class_name in class_names:
        loose.setdefault(name_key(class_name), []).append(class_name)
    row_of: dict[str, _Row] = {}
    unknown: list[str] = []
    for row in body:
        cell = row.cells[key]
        if not cell:
            raise _wrong(path, row.line, f"column {key + 1} ({head[:40]!r}) is empty.", "Write the class of each row.")
        alike = [cell] if cell in exact else loose.get(name_key(cell), [])
        if not alike:
            unknown.append(cell)
            continue
        if len(alike) > 1:
            raise _wrong(
                path,
                row.line,
                f"{quoted(cell, 40)} may be any of the classes {named(alike)}.",
                "Write it as the run does.",
            )
        before = row_of.get(alike[0])
        if before is not None and before.cells != row.cells:
            raise _wrong(
                path, row.line, f"class {quoted(alike[0], 40)} is in line {before.line:,} already, with other values.",
                "Keep one row a class.",
            )  # fmt: skip
        row_of.setdefault(alike[0], row)
    if not row_of:
        raise ImportFileError(
            f"{path.name!r} names no class of this run: {named(unknown)}.",
            f"Its classes are {named(class_names)}; capitals, blanks, hyphens and underscores do not matter.",
        )
    rows = tuple(name for name in class_names if name in row_of)
    notes = []
    if unknown:
        notes.append(f"Not a class of this run and left out: {named(dict.fromkeys(unknown))}.")
    if len(rows) < len(class_names):
        notes.append(f"Without a row: {named(name for name in class_names if name not in row_of)}.")
    return rows, [row_of[name] for name in rows], notes


def _sample_rows(path: Path, head: str, key: int, body: Sequence[_Row]) -> tuple[tuple[int, ...], list[_Row]]:
    """Numbers of test samples, with their rows."""
    line_of: dict[int, int] = {}
    for row in body:
        cell = row.cells[key]
        where = f"column {key + 1} ({head[:40]!r})"
        if not is_whole(cell) or not 0 <= (number := int(cell)) < 2**53:
            raise _wrong(
                path, row.line, f"{quoted(cell, 40)} in {where} is no number of a test sample.",
                "Samples are numbered from 0, as the app shows them when the pointer is on a point.",
            )  # fmt: skip
        if number in line_of:
            raise _wrong(
                path, row.line, f"sample {number} is in line {line_of[number]:,} already.", "Keep one row each."
            )
        line_of[number] = row.line
    order = sorted(range(len(body)), key=lambda i: int(body[i].cells[key]))
    return tuple(int(body[i].cells[key]) for i in order), [body[i] for i in order]


def _column(path: Path, head: str, place: int, rows: Sequence[_Row], cells: Sequence[str], delimiter: str) -> OwnColumn:
    """A column by what its cells are."""
    known = [cell for cell in cells if cell.lower() not in _NO_NUMBER]
    if known and all(map(like_number, known)):
        decimal, thousands = find_separators(path, known, delimiter)
        numbers = [
            None if cell.lower() in _NO_NUMBER else _number(path, row, place, head, cell, decimal, thousands)
            for row, cell in zip(rows, cells, strict=True)
        ]
        return OwnColumn(name=head, kind="number", numbers=tuple(numbers))
    texts = dict.fromkeys(cell for cell in cells if cell.lower() not in _NOTHING)
    code = {text: i for i, text in enumerate(texts)}
    codes = tuple(code.get(cell, -1) for cell in cells)
    return OwnColumn(name=head, kind=_kind(len(texts), sum(c >= 0 for c in codes)), texts=tuple(texts), codes=codes)


def _kind(different: int, count: int) -> Kind:
    """Texts are labels where each row has its own, or where there are too many to have a colour each."""
    return "label" if different > MAX_CATEGORIES or (different == count and count > 3) else "category"


def _number(path: Path, row: _Row, place: int, head: str, cell: str, decimal: str, thousands: str) -> float:
    text = GAPS.sub("", cell).replace("\u2212", "-")
    if decimal == "," or thousands:
        text = text.replace(thousands, "").replace(decimal, ".")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _wrong(
            path, row.line, f"{quoted(cell, 40)} in column {place + 1} ({head[:40]!r}) is no finite number.",
            "Leave the cell empty where there is no value.",
        )  # fmt: skip
    return value


def _wrong(path: Path, line: int, what: str, hint: str) -> ImportFileError:
    return ImportFileError(f"{path.name!r}, line {line:,}: {what}", hint)
