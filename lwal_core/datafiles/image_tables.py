"""Tables of image files, ``path,label[,split]`` as CSV, TSV or Parquet."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lwal_core.datafiles.arrays import readable
from lwal_core.datafiles.cells import name_key
from lwal_core.datafiles.folders import FolderListing, natural_key
from lwal_core.datafiles.limits import MAX_CLASSES, named, resolved
from lwal_core.datafiles.parquet_rows import open_parquet, parquet_rows
from lwal_core.datafiles.signatures import content_of
from lwal_core.datafiles.text_rows import find_form, first_lines, read_lines, records, text_encoding
from lwal_core.errors import DataError
from lwal_core.sanitize import quoted, seen

MAX_ROWS = 5_000_000
MAX_TABLE_BYTES = 2**30
"""Of text, or unpacked of Parquet."""
MAX_MISSING_SHARE = 0.01
"""More rows than this without their file are no longer the odd lost file."""
_MAX_CELL = 4_096

_HEADS = {
    "path": ("path", "file", "filename", "file name", "filepath", "file path", "image", "image path", "img"),
    "label": ("label", "class", "class name", "category", "target", "species"),
    "split": ("split", "part", "subset", "partition"),
}
_PARTS = {
    "train": ("train", "training"), "test": ("test", "testing"), "validation": ("val", "valid", "validation", "dev"),
}  # fmt: skip
_FORM = (
    "Its first row names the columns: path, label and, if the data is split already, split with train, test and val."
)


class _Columns(NamedTuple):
    path: int
    label: int
    split: int | None


def scan_table(path: str | Path) -> FolderListing:
    """List the image files that a table names. No image is opened.

    Args:
        path: CSV, TSV or Parquet with the columns path, label and perhaps split. Paths are relative to the table's folder, or
            absolute and below it.

    Returns:
        The same as of a folder: "train_test" with a column of splits, otherwise "one_level".

    Raises:
        DataError: The table cannot be read or is too large, names a file outside its folder, more than 1 % of its files are
            not there, or its classes cannot be trained on.
    """
    file = resolved(path, "table")
    if not file.is_file():
        raise DataError(f"{str(path)!r} is a folder, not a table.", "Give the file, or use folder:PATH.")
    where = quoted(str(path))
    heads, rows = _parquet_rows(file) if file.suffix.lower() == ".parquet" else _text_rows(file)
    columns = _columns(where, heads)
    finder = _Finder(file.parent)
    parts: dict[str, dict[str, list[str]]] = {part: defaultdict(list) for part in _PARTS}
    place_of: dict[str, int] = {}
    missing: list[str] = []
    number = 0
    for number, (line, cells) in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise DataError(f"The table {where} has more than {MAX_ROWS:,} rows.", "Split it.")
        if len(cells) <= max(part for part in columns if part is not None):
            raise DataError(f"{where}, row {line}: {len(cells)} cells where {len(heads)} are expected.", _FORM)
        name, label = str(cells[columns.path] or ""), _label(where, line, cells[columns.label])
        part = "train" if columns.split is None else _part(where, line, cells[columns.split])
        found = finder.find(where, line, name)
        if found is None:
            missing.append(name)
            continue
        before = place_of.setdefault(found, line)
        if before != line:
            raise DataError(f"{where}, row {line}: {name!r} stands in row {before}, too.", "Name each file once.")
        parts[part][label].append(found)
    notes = _judge_missing(where, missing, number)
    return _listing(where, file.parent, parts, columns.split is not None, notes)


class _Finder:
    """Finds files below a folder, links included that stay there; asks for the true place of each folder once."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._inside: dict[str, bool] = {}

    def find(self, where: str, line: int, name: str) -> str | None:
        """The path of a file; None where it is not there.

        Raises:
            DataError: It is outside, or no path.
        """
        if not name or len(name) > _MAX_CELL or "\0" in name:
            raise DataError(f"{where}, row {line}: {name[:80]!r} is no path.", _FORM)
        path = os.path.normpath(os.path.join(self.root, name))
        folder = os.path.dirname(path)
        if folder not in self._inside:
            self._inside[folder] = self._is_inside(os.path.realpath(folder))
        try:
            mode = os.lstat(path).st_mode if self._inside[folder] else 0
            if stat.S_ISLNK(mode):
                mode = os.stat(path).st_mode if self._is_inside(os.path.realpath(path)) else 0
        except OSError:
            return None
        if not mode:
            raise DataError(
                f"{where}, row {line}: {name[:200]!r} lies outside the table's folder.",
                "Put the table above the images; paths are relative to its folder.",
            )
        return path if stat.S_ISREG(mode) else None

    def _is_inside(self, path: str) -> bool:
        return path == self.root or path.startswith(self.root.rstrip("/") + "/")


def _columns(where: str, heads: Sequence[str]) -> _Columns:
    keys = [name_key(head) for head in heads]
    found = {what: next((keys.index(name) for name in names if name in keys), None) for what, names in _HEADS.items()}
    if found["path"] is None or found["label"] is None:
        raise DataError(f"The table {where} has the columns {named(heads)}.", _FORM)
    return _Columns(found["path"], found["label"], found["split"])


def _label(where: str, line: int, cell: Any) -> str:
    text = unicodedata.normalize("NFC", "" if cell is None else str(cell)[: _MAX_CELL + 1])
    label = seen(text)
    if not label or len(label) > _MAX_CELL:
        raise DataError(f"{where}, row {line}: the label is {'too long' if label else 'empty'}.", _FORM)
    return label


def part_called(name: str) -> str | None:
    """``train``, ``test`` or ``validation`` by what people call them; None for another name."""
    key = name_key(name)
    return next((part for part, names in _PARTS.items() if key in names), None)


def _part(where: str, line: int, cell: Any) -> str:
    part = part_called(str(cell or ""))
    if part is None:
        raise DataError(f"{where}, row {line}: the split is {str(cell or '')[:40]!r}.", "Write train, test or val.")
    return part


def _judge_missing(where: str, missing: Sequence[str], number: int) -> tuple[str, ...]:
    if not missing:
        return ()
    text = f"{len(missing):,} of {number:,} files that {where} names are not there (first: {missing[0][:200]!r})."
    if len(missing) > MAX_MISSING_SHARE * number:
        raise DataError(text, "Paths are relative to the table's folder.")
    return (f"Left out: {text}",)


def _listing(
    where: str, root: Path, parts: dict[str, dict[str, list[str]]], is_split: bool, notes: tuple[str, ...]
) -> FolderListing:
    classes = tuple(sorted({label for part in parts.values() for label in part}, key=natural_key))
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataError(
            f"The table {where} has {len(classes):,} {'class' if len(classes) == 1 else 'classes'}.",
            f"2 to {MAX_CLASSES:,} are allowed.",
        )
    counts = Counter({label: len(files) for label, files in parts["train"].items()})
    least = 1 if is_split else 2
    few = [label for label in classes if counts[label] < least]
    if few:
        what = "no training images" if is_split else "a single image, which cannot be split into training and test"
        raise DataError(f"The table {where} names {what} of {named(few)}.", "Add images, or leave the class out.")
    if is_split and not parts["test"]:
        raise DataError(f"The table {where} has no rows of the split test.", "Call some test, or leave the column out.")

    def files(part: str) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(parts[part].get(label, ())) for label in classes)

    return FolderListing(
        path=root,
        layout="train_test" if is_split else "one_level",
        classes=classes,
        train_files=files("train"),
        test_files=files("test"),
        validation_files=files("validation") if parts["validation"] else (),
        notes=notes,
    )


def _text_rows(file: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    if file.stat().st_size > MAX_TABLE_BYTES:
        raise DataError(f"{file.name!r} has more than {MAX_TABLE_BYTES // 2**20:,} MiB.", "Save it as Parquet.")
    if content_of(file) != "text":
        raise DataError(f"{file.name!r} is no text.", f"CSV, TSV and Parquet are read. {_FORM}")
    with file.open("rb") as stream:
        encoding = text_encoding(stream.read(2**10))
    form = find_form(file, encoding, first_lines(read_lines(file, encoding)))
    rows = records(file, form)
    return next(rows, (0, []))[1], rows


def _parquet_rows(file: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    with readable(file, ".parquet", refused=DataError):
        opened = open_parquet(file, DataError)
        heads = [str(name) for name in opened.schema_arrow.names]
        wanted = [j for j in _columns(quoted(str(file)), heads) if j is not None]
        size = sum(
            opened.metadata.row_group(i).column(j).total_uncompressed_size
            for i in range(opened.metadata.num_row_groups)
            for j in range(opened.metadata.num_columns)
            if opened.metadata.schema.column(j).path in {heads[k] for k in wanted}
        )
        if opened.metadata.num_rows > MAX_ROWS or size > MAX_TABLE_BYTES:
            raise DataError(
                f"{file.name!r} has {opened.metadata.num_rows:,} rows of {size / 2**20:,.0f} MiB.",
                f"At most {MAX_ROWS:,} rows and {MAX_TABLE_BYTES // 2**20:,} MiB are read.",
            )

    def rows() -> Iterator[tuple[int, Sequence[Any]]]:
        with readable(file, ".parquet", refused=DataError):
            yield from enumerate(
                parquet_rows(file, opened.schema_arrow, wanted), start=2
            )  # the names of the columns are row 1 of a text

    return heads, rows()
