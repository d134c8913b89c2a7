"""Columns that people brought for a run, as colourings of its classes and of its test samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lwal_core.errors import RunError
from lwal_core.figures.colouring import Colouring
from lwal_core.runs.own_columns import OwnTable, Rows


def own_colourings(tables: Sequence[OwnTable], of: Rows, rows: Sequence[str] | Sequence[int]) -> dict[str, Colouring]:
    """The columns of classes or of samples, by the title that tells them apart: the column's name, with that of its file
    where another one is called alike.

    Args:
        tables: What :func:`lwal_core.runs.own_columns.read_own_columns` gives.
        of: ``"class"`` or ``"sample"``.
        rows: Names of the R classes, or numbers of the R test samples, that the colourings are of.

    Returns:
        ``title -> colouring`` of R values each; a column without a value for any of the rows is there, too.
    """
    tables = [table for table in tables if table.of == of]
    names = [column.name for table in tables for column in table.columns]
    places = []
    for table in tables:
        place = {row: i for i, row in enumerate(table.rows)}
        places.append(np.array([place.get(row, -1) for row in rows], dtype=np.intp))
    found: dict[str, Colouring] = {}
    for table, column, at in ((t, column, at) for t, at in zip(tables, places, strict=True) for column in t.columns):
        title = column.name if names.count(column.name) == 1 else f"{column.name} ({table.name})"
        if column.kind == "number":
            numbers = np.array([np.nan if value is None else value for value in column.numbers], dtype=np.float64)
            found[title] = Colouring.of_numbers(title, np.where(at >= 0, numbers[at], np.nan))
        else:
            codes = np.where(at >= 0, np.array(column.codes, dtype=np.intp)[at], -1)
            found[title] = Colouring.of_texts(title, column.texts, codes, label=column.kind == "label")
    return found


def chosen_columns(own: Mapping[str, Colouring], titles: Sequence[str]) -> list[Colouring]:
    """The columns of these titles.

    Raises:
        RunError: A run has no such column.
    """
    for title in titles:
        if title not in own:
            known = ", ".join(map(repr, own)) or "none; `lwal annotate RUN FILE` brings some"
            raise RunError(f"This run has no column {title!r} of its classes.", f"It has: {known}.")
    return [own[title] for title in titles]
