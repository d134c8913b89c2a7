"""Text tables of label vectors, as spreadsheets, pandas, R, TensorBoard and word-vector tools write them.

One row per class: numbers, and at most one column of names. Encoding, delimiter, quotation marks, head line, column of names,
decimal comma and thousands separators are found in a sample of the first rows; then the file is read row by row, each of
bounded length, so that no file can make one row of everything.
"""

from __future__ import annotations

import contextlib
import csv
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.arrays import as_float32
from lwal_core.datafiles.limits import named
from lwal_core.errors import ImportFileError

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".vec")
MAX_TABLE_BYTES = 2**30
"""Largest table in memory, as float32."""
MAX_ROWS = 1_000_000
"""Most rows of a file, those of other classes included: word vectors of a whole language fit."""
_MAX_LINE = 32 * MAX_LABEL_DIM  # characters: more than the longest number for every component
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 2**10, 2**20  # at most

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
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+),\d+([eE][+-]?\d+)?")
_GAPS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'\u2019](?=\d{3})")
_DELIMITERS = {".csv": ",;\t|", ".tsv": "\t,;|", ".txt": "\t ,;|", ".vec": " \t,;|"}
_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks", "|": "bars"}


@dataclass(frozen=True, eq=False)
class TextTable:
    """What a text table holds: float32 ``[R,K]``, R names or None, and sentences on what was taken for what."""

    vectors: NDArray[np.float32]
    names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Form:
    """How a file is cut into cells. ``quoted``: cells may stand in quotation marks and then hold anything; otherwise a
    quotation mark is a character like any other. ``skip``: lines before the table."""

    encoding: str
    delimiter: str = ","
    quoted: bool = True
    skip: int = 0


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
    lines = _sample(_lines(path, encoding))
    form = _find_form(path, encoding, lines)
    sample = [cells for _, cells in _records(path, form, lines)]
    if not sample:
        raise ImportFileError(f"{path.name!r} holds no vectors.", "Write one row per class: its name, then numbers.")
    columns = _find_columns(path, sample, form.delimiter, notes)
    names: list[str] = []
    rows: list[NDArray[np.float32]] = []
    for position, (number, cells) in enumerate(_records(path, form)):
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


def name_key(name: str) -> str:
    """The name without what people write differently: capitals, underscores, hyphens and repeated blanks."""
    # Tables for spreadsheets carry an apostrophe in front of names that begin like a formula.
    text = unicodedata.normalize("NFKC", name).removeprefix("'").casefold()
    return re.sub(r"[\s_\-]+", " ", text).strip() or name


def text_encoding(start: bytes) -> str:
    """Encoding by the byte order mark, or by the zeros of UTF-16 without one; UTF-8 otherwise.

    Args:
        start: The first bytes of a text, an even number of them.
    """
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if start.startswith(mark):
            return encoding
    odd, even = start[1::2].count(0), start[::2].count(0)  # UTF-8 has none, UTF-16 one for each comma and digit
    if max(odd, even) > 4 * min(odd, even):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8-sig"


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """Lines of bounded length, counted from the first."""
    try:
        with path.open(encoding=encoding) as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE + 1), ""), start=1):
                if len(line) > _MAX_LINE:
                    raise ImportFileError(
                        f"{path.name!r}, line {number}: longer than {_MAX_LINE:,} characters.",
                        f"Write one row per class, K at most {MAX_LABEL_DIM:,}.",
                    )
                if "\0" in line:
                    raise ImportFileError(
                        f"{path.name!r}, line {number}: holds bytes that are no text, so it is damaged or something else.",
                        "Copy or save it again, as CSV UTF-8.",
                    )
                yield line
    except UnicodeError as error:
        near = ""
        if isinstance(error, UnicodeDecodeError) and encoding == "utf-8-sig":
            word = re.search(rb"[^\s,;]{0,20}$", error.object[: error.start])
            rest = re.match(rb"[^\s,;]{0,20}", error.object[error.start :])
            near = ((word[0] if word else b"") + (rest[0] if rest else b"")).decode("cp1252", "replace")
        raise ImportFileError(
            f"{path.name!r} is no readable {path.suffix.lower()} file: its text is not "
            + ("UTF-16 throughout" if "16" in encoding else "UTF-8")
            + (f"; as Windows-1252, which older spreadsheets write, it would hold {near!r}." if near else "."),
            "Save it as 'CSV UTF-8' (Excel), or choose UTF-8 when exporting.",
        ) from None


def _records(path: Path, form: _Form, sample: Sequence[str] | None = None) -> Iterator[tuple[int, list[str]]]:
    """The number of the line and the cells of each row that is not empty, of the file or of its first lines."""
    lines = _lines(path, form.encoding) if sample is None else iter(sample)
    for _ in range(form.skip):
        next(lines, "")
    lines = ("\n" if _is_comment(line) else line for line in lines)
    count = 0
    try:
        for number, cells in _cut(lines, form):
            if any(cells):
                yield number + form.skip, cells
                count += 1
    except csv.Error:
        if sample is None or not count:  # the last row of a sample may be cut
            _unpaired_quotes(path)


def _unpaired_quotes(path: Path) -> NoReturn:
    raise ImportFileError(
        f"{path.name!r} is no readable {path.suffix.lower()} file: its quotation marks are not in pairs.",
        'A cell that holds a quotation mark is written as "say ""cat""", or leave the marks out.',
    )


def _sample(lines: Iterable[str]) -> list[str]:
    kept: list[str] = []
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line) + _SAMPLE_CHARACTERS // _SAMPLE_LINES
        if size > _SAMPLE_CHARACTERS:
            break
    return kept


def _cut(lines: Iterator[str], form: _Form) -> Iterator[tuple[int, list[str]]]:
    if form.quoted:
        reader = csv.reader(lines, delimiter=form.delimiter, strict=True, skipinitialspace=True)
        for cells in reader:
            yield reader.line_num, [" ".join(cell.split()) if "\n" in cell else cell.strip() for cell in cells]
        return
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        parts = re.split(r"[ \t]+", text.strip(" \t")) if form.delimiter == " " else text.split(form.delimiter)
        yield number, [_unquoted(part.strip()) for part in parts]


def _unquoted(cell: str) -> str:
    """A cell that some writers put in quotation marks, where marks are not special."""
    if len(cell) > 2 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"')
    return cell


def _find_form(path: Path, encoding: str, lines: Sequence[str]) -> _Form:
    delimiters = _DELIMITERS.get(path.suffix.lower(), _DELIMITERS[".txt"])
    first = lines[0].strip() if lines else ""
    marked = re.fullmatch(r'"?sep=(.)"?', first, re.I)
    skip = 0
    if marked or first.lower() == "sep=":
        skip, delimiters = 1, marked[1] if marked else "\t"
    scored = []
    for delimiter in delimiters:
        for quoted in (False, True) if delimiter in "\t " else (True,):
            form = _Form(encoding, delimiter, quoted, skip)
            try:
                rows = [cells for _, cells in _records(path, form, lines)]
            except ImportFileError as error:
                if "quotation" not in error.message:
                    raise
                continue
            if (
                len(rows) > 1
                and len(rows[0]) == 2
                and all(map(_whole, rows[0]))
                and len(rows[1]) == int(rows[0][1]) + 1
            ):
                form, rows = _Form(encoding, delimiter, quoted, skip + 1), rows[1:]  # word2vec's line of sizes
            scored.append((_score(rows), form))
    if not scored:
        _unpaired_quotes(path)
    return max(scored, key=lambda pair: pair[0])[1]


def _is_comment(line: str) -> bool:
    """Whether a line is a comment as ``numpy.savetxt`` writes it, and no vector of the word ``#``."""
    if not line.startswith("#"):
        return False
    cells = [cell for cell in re.split(r"[,;\t |]+", line.strip("#\r\n ")) if cell]
    numbers = sum(map(_like_number, cells))
    return not numbers or (line.startswith("# ") and numbers < len(cells))


def _score(rows: Sequence[Sequence[str]]) -> float:
    """How much a way of cutting looks like a table: rows of one length, times the share of cells that are numbers."""
    if not rows:
        return 0.0
    width, times = Counter(map(len, rows)).most_common(1)[0]
    cells = [cell for row in rows[1:] or rows if len(row) == width for cell in row if cell]
    if width < 2 or not cells:
        return 0.0
    return times / len(rows) * (0.01 + sum(map(_like_number, cells)) / len(cells))  # 5%;6% has none


def _like_number(cell: str) -> bool:
    if "_" in cell:  # Python's own 1_000, and names such as 12_34
        return False
    try:
        float(cell)
    except ValueError:
        plain = _GAPS.sub("", cell).replace("\u2212", "-")
        return bool(plain != cell and re.fullmatch(r"[+-]?[\d.,]+", plain)) or bool(
            _COMMA_GROUPS.fullmatch(plain) or _COMMA_DECIMALS.fullmatch(plain)
        )
    return True


def _trimmed(cells: Sequence[str]) -> int:
    """Cells before the empty ones at the end."""
    return max((j + 1 for j, cell in enumerate(cells) if cell), default=0)


def _find_columns(path: Path, sample: list[list[str]], delimiter: str, notes: list[str]) -> _Columns:
    usual = Counter(
        map(len, sample[1:] if len(sample) > 1 and not any(map(_like_number, sample[0])) else sample)
    ).most_common(1)[0][0]
    width = max((_trimmed(row) for row in sample if len(row) == usual), default=usual)
    first = sample[0] if delimiter != " " else _joined(sample[0], width)
    if len(sample) > 1 and len(first) == width - 1 and not any(map(_like_number, first)):
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
            + f"{_DELIMITER_NAMES.get(delimiter, repr(delimiter))}.",
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
    decimal, thousands = _separators(path, [row[j] for row in rows for j in numbers], delimiter)
    return _Columns(width, frozenset(filled), heads, names, maybe, numbers, decimal, thousands)


def _joined(cells: list[str], width: int) -> list[str]:
    """A row between blanks whose name holds blanks itself."""
    spare = len(cells) - width
    return (
        [" ".join(cells[: spare + 1]), *cells[spare + 1 :]]
        if spare > 0 and all(map(_like_number, cells[spare + 1 :]))
        else cells
    )


def _is_head(first: Sequence[str], rest: Sequence[Sequence[str]], notes: list[str]) -> bool:
    """Whether the first row is a line of heads.

    It is if its first cell is empty or says class, name or label; if words stand above all numbers; or if its other
    cells are a series of whole numbers (years, or those of columns) above what is no such series.
    """
    if name_key(first[0]) in _HEADS:
        return True
    above = [cell for j, cell in enumerate(first) if j and (not rest or any(_like_number(row[j]) for row in rest))]
    if above and any(above) and not any(_like_number(cell) or cell.lower() in _MISSING for cell in above if cell):
        return True
    if not rest or not _is_series(first[1:]):
        return False
    fractions = len(rest) > 1 and all(sum(_fraction(cell) for cell in row[1:]) >= 0.5 * (len(row) - 1) for row in rest)
    if _like_number(first[0]):  # numbers alone: pandas' names of columns, 0 to K
        return fractions and _is_series(first) and first[0] == "0" and not all(_whole(row[0]) for row in rest)
    years = len(first) > 2 and all(1000 <= int(cell) <= 2999 for cell in first[1:])
    if name_key(first[0]) in _SERIES_HEADS or years or (fractions and (len(first) > 3 or first[1] == "0")):
        notes.append(f"Its first line is taken for heads: {', '.join(map(repr, first[:3]))} and so on.")
        return True
    return False


def _fraction(cell: str) -> bool:
    return any(mark in cell for mark in ".,") and _like_number(cell)


def _whole(cell: str) -> bool:
    return bool(_WHOLE.fullmatch(cell))


def _is_series(cells: Sequence[str]) -> bool:
    """Whole numbers that rise by equal steps, from 0 or 1 or as years do."""
    if not cells or not all(map(_whole, cells)):
        return False
    values = [int(cell) for cell in cells]
    steps = {after - before for before, after in itertools.pairwise(values)} or {1}
    return len(steps) == 1 and min(steps) >= 1 and ((values[0] in (0, 1) and steps == {1}) or 1000 <= values[0] <= 2999)


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
        whole = all(_whole(row[j]) for row in rows) and len({row[j] for row in rows}) == len(rows)
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
    texts = [j for j in columns if any(row[j] and not _like_number(row[j]) for row in rows)]
    pure = [j for j in texts if not any(_like_number(row[j]) for row in rows)]
    if rows and len(columns) > 1 and pure and first not in texts:
        if len(pure) == 1 and len(texts) == 1:
            return pure[0], False
        if _is_index(first, heads, rows):
            return pure[0], False
    if first in texts or (heads and name_key(heads[first]) in _HEADS):
        return first, False
    stems = [re.sub(r"\d+$", "", heads[j]) for j in columns[:2]] if heads else []
    components = len(stems) == 2 and (stems[0] == stems[1] or max(map(len, stems)) == 1)  # x0, x1 or x, y
    whole = all(_whole(row[first]) for row in rows) and len(columns) > 1 and not components
    return (first, True) if whole else (None, False)


def _are_class_numbers(names: Sequence[str], vectors: NDArray[np.float32]) -> bool:
    """Whether whole numbers in the first column are the names of classes: each once, and no part of one-hot rows."""
    if len(set(names)) < len(names) or not all(map(_whole, names)):
        return False
    table = np.column_stack([np.array([float(name) for name in names]), vectors])
    return not (np.isin(table, (0, 1)).all() and (table.sum(axis=1) == 1).all())


def _separators(path: Path, cells: Sequence[str], delimiter: str) -> tuple[str, str]:
    """The mark before decimals and the one between thousands.

    Raises:
        ImportFileError: Numbers such as 1,234 alone, which may mean either.
    """
    plain = [_GAPS.sub("", cell) for cell in cells if "," in cell]
    plain = [cell for cell in plain if _like_number(cell)]
    if not plain:
        return ".", ""
    groups = [cell for cell in plain if _COMMA_GROUPS.fullmatch(cell)]
    decimals = [cell for cell in plain if _COMMA_DECIMALS.fullmatch(cell)]
    pointed = any("." in cell and "," not in cell and _like_number(cell) for cell in cells)
    if len(groups) == len(plain) and (pointed or len(decimals) < len(plain)):
        return ".", ","
    if (
        len(decimals) == len(plain)
        and (len(groups) < len(plain) or delimiter == ";")
        and not (pointed and delimiter == ",")
    ):
        return ",", "."
    if len(groups) == len(plain):
        value = groups[0]
        raise ImportFileError(
            f"{path.name!r} has the number {value!r}, which may be {value.replace(',', '')} or {value.replace(',', '.')}.",
            "Save numbers without marks between thousands, and decimals with a point.",
        )
    return ".", ""


def _fitted(where: str, cells: list[str], columns: _Columns, form: _Form) -> list[str]:
    """A row as wide as the table."""
    if form.delimiter == " " and columns.names == 0:
        cells = _joined(cells, columns.width)
    if len(cells) < columns.width or any(cell for j, cell in enumerate(cells) if cell and j not in columns.used):
        raise ImportFileError(
            f"{where}: {len(cells)} cells where {columns.width} are expected.",
            "Write the class name and the same number of numbers in every row, separated by "
            + f"{_DELIMITER_NAMES.get(form.delimiter, repr(form.delimiter))}.",
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
        return float(_GAPS.sub("", text).replace("\u2212", "-"))
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
