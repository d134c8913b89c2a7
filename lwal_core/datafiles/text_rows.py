"""Rows of a text table: encoding, delimiter and quotation marks are found in its first lines; then it is read line by line.

A line has a bounded length, so that no file can make one row of everything.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.cells import is_whole, like_number
from lwal_core.errors import ImportFileError

_MAX_LINE = 32 * MAX_LABEL_DIM  # characters: more than the longest number for every component
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 2**10, 2**20  # at most

_DELIMITERS = {".csv": ",;\t|", ".tsv": "\t,;|", ".txt": "\t ,;|", ".vec": " \t,;|"}
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks", "|": "bars"}


@dataclass(frozen=True)
class Form:
    """How a file is cut into cells. ``quoted``: cells may stand in quotation marks and then hold anything; otherwise a
    quotation mark is a character like any other. ``skip``: lines before the table."""

    encoding: str
    delimiter: str = ","
    quoted: bool = True
    skip: int = 0


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


def read_lines(path: Path, encoding: str) -> Iterator[str]:
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


def records(path: Path, form: Form, sample: Sequence[str] | None = None) -> Iterator[tuple[int, list[str]]]:
    """The number of the line and the cells of each row that is not empty, of the file or of its first lines."""
    lines = read_lines(path, form.encoding) if sample is None else iter(sample)
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


def first_lines(lines: Iterable[str]) -> list[str]:
    """The lines that the form is found in: about a million characters of them."""
    kept: list[str] = []
    size = 0
    for line in lines:
        kept.append(line)
        size += len(line) + _SAMPLE_CHARACTERS // _SAMPLE_LINES
        if size > _SAMPLE_CHARACTERS:
            break
    return kept


def _cut(lines: Iterator[str], form: Form) -> Iterator[tuple[int, list[str]]]:
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


def find_form(path: Path, encoding: str, lines: Sequence[str]) -> Form:
    """The form in which the first lines look most like a table.

    Raises:
        ImportFileError: Quotation marks are not in pairs, or a line is too long.
    """
    delimiters = _DELIMITERS.get(path.suffix.lower(), _DELIMITERS[".txt"])
    first = lines[0].strip() if lines else ""
    marked = re.fullmatch(r'"?sep=(.)"?', first, re.I)
    skip = 0
    if marked or first.lower() == "sep=":
        skip, delimiters = 1, marked[1] if marked else "\t"
    scored = []
    for delimiter in delimiters:
        for quoted in (False, True) if delimiter in "\t " else (True,):
            form = Form(encoding, delimiter, quoted, skip)
            try:
                rows = [cells for _, cells in records(path, form, lines)]
            except ImportFileError as error:
                if "quotation" not in error.message:
                    raise
                continue
            if (
                len(rows) > 1
                and len(rows[0]) == 2
                and all(map(is_whole, rows[0]))
                and len(rows[1]) == int(rows[0][1]) + 1
            ):
                form, rows = Form(encoding, delimiter, quoted, skip + 1), rows[1:]  # word2vec's line of sizes
            scored.append((_score(rows), form))
    if not scored:
        _unpaired_quotes(path)
    return max(scored, key=lambda pair: pair[0])[1]


def _is_comment(line: str) -> bool:
    """Whether a line is a comment as ``numpy.savetxt`` writes it, and no vector of the word ``#``."""
    if not line.startswith("#"):
        return False
    cells = [cell for cell in re.split(r"[,;\t |]+", line.strip("#\r\n ")) if cell]
    numbers = sum(map(like_number, cells))
    return not numbers or (line.startswith("# ") and numbers < len(cells))


def _score(rows: Sequence[Sequence[str]]) -> float:
    """How much a way of cutting looks like a table: rows of one length, times the share of cells that are numbers."""
    if not rows:
        return 0.0
    width, times = Counter(map(len, rows)).most_common(1)[0]
    cells = [cell for row in rows[1:] or rows if len(row) == width for cell in row if cell]
    if width < 2 or not cells:
        return 0.0
    return times / len(rows) * (0.01 + sum(map(like_number, cells)) / len(cells))  # 5%;6% has none
