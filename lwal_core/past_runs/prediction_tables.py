"""Predictions as a table: ``target, predicted[, score_NAME...]`` in text or Parquet, a row for each sample."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.arrays import readable
from lwal_core.datafiles.cells import name_key
from lwal_core.datafiles.limits import named
from lwal_core.datafiles.parquet_rows import open_parquet, parquet_rows
from lwal_core.datafiles.text_rows import Form, find_form, first_lines, read_lines, records, text_encoding
from lwal_core.errors import ImportFileError
from lwal_core.past_runs.prediction_classes import MAX_CLASSES, Codes

MAX_SAMPLES = 5_000_000
MAX_SCORES = 100_000_000
"""Scores of a table, all together."""
MAX_BYTES = 2**29
MAX_PARQUET_BYTES = 2**30
"""A Parquet file's columns, unpacked."""
_TARGET = frozenset(
    {"target", "targets", "true", "y", "y true", "label", "true label", "true class", "truth", "actual", "ground truth"}
)
_PREDICTED = frozenset(
    {"predicted", "prediction", "predictions", "pred", "preds", "y pred", "predicted label", "predicted class"}
)
_TARGET_NAME = frozenset({"target name", "true name", "label name", "class name"})
_PREDICTED_NAME = frozenset({"predicted name", "pred name", "prediction name"})
_SCORE = ("score_", "prob_", "proba_", "logit_", "score:", "prob:", "logit:")
_WHOLE_FLOAT = re.compile(r"\d+\.0+")  # as pandas writes a column with holes
_FORM = "A table of predictions has the columns target and predicted, and may have score_NAME for each class."


@dataclass(frozen=True, eq=False)
class PredictionTable:
    """What a table holds: codes of the true and predicted classes, scores ``[N,C]`` with the names of their classes (or how many)
    and names of the classes by number."""

    codes: Codes
    targets: array[int]
    predicted: array[int] | None
    scores: NDArray[np.float32] | None
    scored: Sequence[str] | int | None
    names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Heads:
    """Which column is what."""

    target: int
    predicted: int | None
    scores: tuple[int, ...]
    classes: tuple[str, ...]
    target_name: int | None
    predicted_name: int | None

    @property
    def last(self) -> int:
        return max(
            j
            for j in (self.target, self.predicted, self.target_name, self.predicted_name, *self.scores)
            if j is not None
        )


def table_heads(file: Path) -> list[str] | None:
    """The heads of a text table of predictions; None for another file."""
    heads = _text_form(file)[1]
    return heads if _find(heads) is not None else None


def read_prediction_table(file: Path) -> PredictionTable:
    """Read a table of predictions.

    Raises:
        ImportFileError: It is none, damaged, or too large; the message names the row.
    """
    if file.suffix.lower() == ".parquet":
        with readable(file, ".parquet"):
            heads, rows = _parquet_rows(file)
            return _read(file, heads, rows)
    if file.stat().st_size > MAX_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {file.stat().st_size / 2**20:,.0f} MiB; text of up to {MAX_BYTES // 2**20} MiB is read.",
            "Save it as Parquet or .npz.",
        )
    form, heads = _text_form(file)
    rows = iter(records(file, form))
    next(rows, None)
    return _read(file, heads, rows)


def _text_form(file: Path) -> tuple[Form, list[str]]:
    with file.open("rb") as stream:
        encoding = text_encoding(stream.read(2**10))
    lines = first_lines(read_lines(file, encoding))
    form = find_form(file, encoding, lines)
    return form, next((cells for _, cells in records(file, form, lines)), [])


def _find(heads: Sequence[str]) -> _Heads | None:
    def first(names: frozenset[str]) -> int | None:
        return next((j for j, head in enumerate(heads) if name_key(head) in names), None)

    target, predicted = first(_TARGET), first(_PREDICTED)
    scores = tuple(j for j, head in enumerate(heads) if head.lower().startswith(_SCORE))
    classes = tuple(heads[j][next(len(mark) for mark in _SCORE if heads[j].lower().startswith(mark)) :] for j in scores)
    if target is None or (predicted is None and len(scores) < 2):
        return None
    return _Heads(target, predicted, scores, classes, first(_TARGET_NAME), first(_PREDICTED_NAME))


def _read(file: Path, heads: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]]) -> PredictionTable:
    found = _find(heads)
    if found is None:
        raise ImportFileError(f"{file.name!r} has the columns {named(heads)}.", _FORM)
    if len(found.scores) > MAX_CLASSES:
        raise ImportFileError(
            f"{file.name!r} has scores of {len(found.scores):,} classes.", f"At most {MAX_CLASSES:,} are read."
        )
    codes = Codes(file.name)
    targets, predicted = array("q"), array("q")
    scores = array("f")
    names: dict[int, str] = {}
    for number, cells in rows:
        where = f"{file.name!r}, row {number}"
        if len(cells) <= found.last:
            raise ImportFileError(f"{where}: {len(cells)} cells where {len(heads)} are expected.", _FORM)
        targets.append(_class(where, cells[found.target], codes))
        if found.predicted is not None:
            predicted.append(_class(where, cells[found.predicted], codes))
        for at, code in ((found.target_name, targets[-1]), (found.predicted_name, predicted[-1] if predicted else -1)):
            if at is not None and code >= 0:
                _name(where, names, code, str(cells[at]))
        scores.extend(_score(where, cells[j]) for j in found.scores)
        if len(targets) > MAX_SAMPLES or len(scores) > MAX_SCORES:
            raise ImportFileError(
                f"{file.name!r} has more than {MAX_SAMPLES:,} samples or {MAX_SCORES:,} scores.",
                "Leave the scores out, or save a part.",
            )
    if not targets:
        raise ImportFileError(f"{file.name!r} has no rows below its heads.", _FORM)
    table = np.frombuffer(scores, dtype=np.float32).reshape(len(targets), -1) if found.scores else None
    numbered = all(name.strip().isdigit() for name in found.classes)
    if numbered and [int(name) for name in found.classes if len(name) < 9] != list(range(len(found.classes))):
        raise ImportFileError(
            f"{file.name!r} has scores of the classes {named(found.classes)}.", "Number them from 0, in order."
        )
    scored: Sequence[str] | int | None = (len(found.classes) if numbered else found.classes) if found.scores else None
    return PredictionTable(
        codes,
        targets,
        predicted if found.predicted is not None else None,
        table,
        scored,
        _by_number(file, codes, names, scored),
    )


def _class(where: str, cell: Any, codes: Codes) -> int:
    if cell is None or cell == "" or (isinstance(cell, float) and not math.isfinite(cell)):
        raise ImportFileError(f"{where}: a class is missing.", "Fill it in, or leave the row out.")
    if isinstance(cell, float) and cell == int(cell):
        return codes.code(int(cell))
    return codes.code(cell.partition(".")[0] if isinstance(cell, str) and _WHOLE_FLOAT.fullmatch(cell) else cell)


def _score(where: str, cell: Any) -> float:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise ImportFileError(
            f"{where}: {str(cell)[:40]!r} is no number.", "Scores are numbers, with a point before decimals."
        ) from None
    if not abs(value) < 3e38:
        raise ImportFileError(
            f"{where}: the score {value} is no finite number of single precision.", "Leave the row out."
        )
    return value


def _name(where: str, names: dict[int, str], code: int, name: str) -> None:
    if names.setdefault(code, name) != name:
        raise ImportFileError(
            f"{where}: a class is called {names[code][:80]!r} and {name[:80]!r}.", "Each class needs one name."
        )


def _by_number(
    file: Path, codes: Codes, names: dict[int, str], scored: Sequence[str] | int | None
) -> tuple[str, ...] | None:
    """Names of the classes by number, from the columns of names."""
    numbered = {text: code for text, code in codes.texts.items() if text.isdigit() and len(text) < 7}
    if not names or len(numbered) < len(codes.texts):
        return None
    found = {int(text): names.get(code, "") for text, code in numbered.items()}
    count = scored if isinstance(scored, int) else max(found) + 1
    if max(found) >= count or count > MAX_CLASSES:
        return None  # which is said where the classes are counted
    return tuple(found.get(i) or f"class {i}" for i in range(count))


def _parquet_rows(file: Path) -> tuple[list[str], Iterator[tuple[int, Sequence[Any]]]]:
    opened = open_parquet(file, ImportFileError)
    from pyarrow import types

    size = sum(opened.metadata.row_group(i).total_byte_size for i in range(opened.metadata.num_row_groups))
    if opened.metadata.num_rows > MAX_SAMPLES or size > MAX_PARQUET_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {opened.metadata.num_rows:,} rows of {size / 2**20:,.0f} MiB.",
            f"At most {MAX_SAMPLES:,} rows and {MAX_PARQUET_BYTES // 2**20} MiB are read.",
        )
    schema = opened.schema_arrow
    heads = [str(name) for name in schema.names]
    found = _find(heads)
    if found is None or len(set(heads)) < len(heads):
        raise ImportFileError(f"{file.name!r} has the columns {named(heads)}.", _FORM)
    wanted = [
        j
        for j in (found.target, found.predicted, found.target_name, found.predicted_name, *found.scores)
        if j is not None
    ]
    for j in wanted:
        kind = schema.field(j).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not (
            types.is_integer(kind)
            or types.is_floating(kind)
            or types.is_boolean(kind)
            or types.is_string(kind)
            or types.is_large_string(kind)
        ):
            raise ImportFileError(
                f"{file.name!r} holds values of type {kind} in {heads[j][:80]!r}.", "Save numbers or texts."
            )
    return heads, enumerate(parquet_rows(file, schema, wanted), start=1)
