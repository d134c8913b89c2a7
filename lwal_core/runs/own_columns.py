"""``columns.json``: columns of their own that people brought for the classes or the test samples of a run.

A file that somebody brings is read once (:mod:`lwal_core.datafiles.own_columns`); what is kept here are its columns, each
with its kind, so that nothing has to be guessed again. Rows are class names, or numbers of test samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lwal_core.errors import RunError
from lwal_core.runs import paths
from lwal_core.runs.files import atomic_write
from lwal_core.runs.kept_file import KeptFile, locked, read_kept
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import for_others

FORMAT = 1
MAX_BYTES = 32 * 2**20
"""Largest ``columns.json`` that is read or written."""
MAX_FILES, MAX_COLUMNS, MAX_ROWS = 20, 64, 100_000
"""Files of a run, columns of a file, rows of a file."""
MAX_NAME, MAX_TEXT = 80, 200
"""Characters of a name of a column or a file, and of a cell."""

Kind = Literal["number", "category", "label"]
"""``number``: a scale; ``category``: few texts, each of several rows; ``label``: a text of (nearly) each row."""
Rows = Literal["class", "sample"]

_Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
_Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


class OwnColumn(BaseModel):
    """A column; one value a row of its table.

    Attributes:
        name: What it is called.
        kind: How it is shown.
        numbers: Of a ``number``: ``[R]`` finite values, None where there is none; else empty.
        texts: Of the others: the different texts, in the order in which they come.
        codes: Of the others: ``[R]`` places in ``texts``, -1 where there is none; else empty.
    """

    model_config = ConfigDict(frozen=True)

    name: _Name
    kind: Kind
    numbers: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...], Field(max_length=MAX_ROWS)] = ()
    texts: Annotated[tuple[_Text, ...], Field(max_length=MAX_ROWS)] = ()
    codes: Annotated[tuple[int, ...], Field(max_length=MAX_ROWS)] = ()

    @property
    def count(self) -> int:
        """Rows that it has a value for."""
        return sum(value is not None for value in self.numbers) + sum(code >= 0 for code in self.codes)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "number" and (self.texts or self.codes):
            raise ValueError(f"column {self.name!r} has numbers and texts")
        if self.kind != "number" and (self.numbers or not all(-1 <= code < len(self.texts) for code in self.codes)):
            raise ValueError(f"column {self.name!r} has a code without a text")
        return self


class OwnTable(BaseModel):
    """The columns of one file.

    Attributes:
        name: The file's name, by which it is replaced and removed.
        of: What a row is: a class, or a sample of the test set.
        rows: ``[R]`` class names, or numbers of test samples from 0; each once.
        columns: At least one; each name once.
        changed: When it was kept.
    """

    model_config = ConfigDict(frozen=True)

    name: _Name
    of: Rows
    rows: Annotated[tuple[str, ...] | tuple[int, ...], Field(min_length=1, max_length=MAX_ROWS)]
    columns: Annotated[tuple[OwnColumn, ...], Field(min_length=1, max_length=MAX_COLUMNS)]
    changed: datetime

    @model_validator(mode="after")
    def _check(self) -> Self:
        wanted = str if self.of == "class" else int
        if not all(type(row) is wanted for row in self.rows) or len(set(self.rows)) < len(self.rows):
            raise ValueError(f"the rows of {self.name!r} are not {self.of}s, each once")
        if self.of == "sample" and any(not 0 <= int(row) < 2**53 for row in self.rows):
            raise ValueError(f"{self.name!r} has a number of a sample that none can have")
        if len({column.name for column in self.columns}) < len(self.columns):
            raise ValueError(f"{self.name!r} names a column twice")
        for column in self.columns:
            if len(column.numbers if column.kind == "number" else column.codes) != len(self.rows):
                raise ValueError(f"column {column.name!r} of {self.name!r} has not one value a row")
        return self


class _File(KeptFile):
    files: Annotated[tuple[OwnTable, ...], Field(max_length=MAX_FILES)] = ()


def read_own_columns(folder: Path) -> tuple[OwnTable, ...]:
    """The tables that people brought for a run, in the order in which they came; empty where nobody did.

    Args:
        folder: The run folder.

    Raises:
        RunError: The file is damaged, too large, or of a newer format.
    """
    file = read_kept(folder, paths.COLUMNS, _File, FORMAT, MAX_BYTES)
    return () if file is None else file.files


def own_columns_for_others(folder: Path) -> bytes:
    """The file as it may leave the installation; classes stay as they are called.

    Raises:
        RunError: As :func:`read_own_columns`.
    """
    return _packed([_for_others(table) for table in read_own_columns(folder)])


def keep_own_columns(folder: Path, table: OwnTable) -> None:
    """Keep a table with a run; one of the same name gives way to it.

    Args:
        folder: The run folder.
        table: As :func:`lwal_core.datafiles.own_columns.read_own_table` gives it.

    Raises:
        RunError: Too many files, too much in all, or a damaged file, which is left as it is.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("add columns of your own")
    with locked(folder):
        tables = [each for each in read_own_columns(folder) if each.name != table.name]
        if len(tables) >= MAX_FILES:
            raise RunError(f"This run has columns of {MAX_FILES} files.", "Remove one first.")
        _write(folder, [*tables, table])


def remove_own_columns(folder: Path, name: str) -> None:
    """Remove the table of a file from a run.

    Raises:
        RunError: There is none of this name, or the file is damaged.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("remove columns")
    with locked(folder):
        tables = read_own_columns(folder)
        left = [each for each in tables if each.name != name]
        if len(left) == len(tables):
            known = ", ".join(repr(each.name) for each in tables) or "none"
            raise RunError(f"This run has no columns of a file {name!r}.", f"It has those of: {known}.")
        _write(folder, left)


def _for_others(table: OwnTable) -> OwnTable:
    """A table without what belongs to this machine alone; names that become equal are told apart by a number."""
    names: list[str] = []
    for column in table.columns:
        shown = name = for_others(column.name)[:MAX_NAME] or "column"
        number = 2
        while shown in names:
            shown = f"{name[: MAX_NAME - 4]} {number}"
            number += 1
        names.append(shown)
    columns = tuple(
        column.model_copy(update={"name": name, "texts": tuple(for_others(text)[:MAX_TEXT] for text in column.texts)})
        for column, name in zip(table.columns, names, strict=True)
    )
    return table.model_copy(update={"name": for_others(table.name)[:MAX_NAME] or "columns", "columns": columns})


def _packed(tables: Sequence[OwnTable]) -> bytes:
    return orjson.dumps({"format": FORMAT, "files": [table.model_dump(mode="json") for table in tables]})


def _write(folder: Path, tables: Sequence[OwnTable]) -> None:
    path = folder / paths.COLUMNS
    try:
        data = _packed(tables)
    except (TypeError, UnicodeEncodeError) as error:
        raise RunError(
            "A text of the columns cannot be written as UTF-8.", "Save the file anew, as CSV UTF-8."
        ) from error
    if len(data) > MAX_BYTES:
        raise RunError(
            f"The columns of this run would take {len(data) / 2**20:.0f} MiB, at most {MAX_BYTES // 2**20} are kept.",
            "Remove a file first, or bring fewer columns.",
        )
    atomic_write(path, lambda file: file.write(data))
