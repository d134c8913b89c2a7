"""Curves from files: CSV, Lightning's ``metrics.csv``, ``trainer_state.json`` of transformers, TensorBoard's event files."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lwal_core.datafiles.cells import find_separators, like_number
from lwal_core.datafiles.signatures import content_of
from lwal_core.datafiles.text_rows import Form, find_form, first_lines, read_lines, records, text_encoding
from lwal_core.errors import ImportFileError
from lwal_core.imports import existing
from lwal_core.past_runs.columns import is_epoch, is_step, meaning
from lwal_core.past_runs.epochs import MAX_VALUES, Curves, Row, curves_of

MAX_BYTES = 64 * 2**20
"""Largest file of curves."""
CURVE_ENDINGS = (".csv", ".tsv", ".txt", ".json")
_EVENTS = "tfevents"


def read_curves(path: str | Path) -> Curves:
    """Read the curves of a training.

    Args:
        path: A text table, a JSON file with ``log_history``, an event file of TensorBoard, or a folder of those.

    Raises:
        ImportFileError: It is none of these, damaged, or too large.
    """
    file = existing(path)
    if file.is_dir() or _EVENTS in file.name:
        from lwal_core.past_runs.event_files import read_events

        return read_events(file)
    if not file.is_file():
        raise ImportFileError(f"There is no file {str(path)!r}.", "Check the spelling.")
    size = file.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {size / 2**20:,.0f} MiB." if size else f"{file.name!r} is empty.",
            f"Curves of up to {MAX_BYTES // 2**20} MiB are read.",
        )
    if content_of(file) != "text":
        raise ImportFileError(
            f"{file.name!r} is no text.",
            "Curves are read from CSV, JSON with log_history, and event files of TensorBoard, which have tfevents in their names.",
        )
    return _from_json(file) if file.suffix.lower() == ".json" else _from_table(file)


def holds_curves(path: str | Path) -> bool:
    """Whether a file looks like curves rather than label vectors: by its name, or by a column of epochs beside one that is known. A folder
    does if event files lie in it."""
    file = Path(path)
    try:
        if file.is_dir():
            return any(_EVENTS in each.name for each in file.iterdir())
        if _EVENTS in file.name and file.is_file():
            return True
        if file.suffix.lower() == ".json" and file.is_file() and file.stat().st_size <= MAX_BYTES:
            return b'"log_history"' in file.read_bytes()
        if file.suffix.lower() not in CURVE_ENDINGS or not file.is_file() or content_of(file) != "text":
            return False
        heads = _opened(file)[1][0]
    except (ImportFileError, OSError, IndexError):
        return False
    return any(map(is_epoch, heads)) and any(meaning(head) is not None for head in heads)


def checksum(path: Path) -> str:
    """SHA-256 of a file, or of the checksums of a folder's event files."""
    if not path.is_dir():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    files = sorted(file for file in path.iterdir() if _EVENTS in file.name and file.is_file())
    return hashlib.sha256("".join(map(checksum, files)).encode()).hexdigest()


def _from_json(file: Path) -> Curves:
    try:
        content = json.loads(file.read_bytes())  # which knows NaN, as the Trainer writes it
    except (ValueError, RecursionError):
        raise ImportFileError(f"{file.name!r} is no readable .json file.", "Copy or save it again.") from None
    history = content.get("log_history") if isinstance(content, Mapping) else content
    if not isinstance(history, list) or not all(isinstance(entry, Mapping) for entry in history):
        raise ImportFileError(
            f"{file.name!r} has no log_history.",
            "Take trainer_state.json, which the Trainer of transformers writes beside a checkpoint.",
        )
    rows, left = [], 0
    count = 0
    for entry in history:
        numbers = {str(name): _number(value) for name, value in entry.items()}
        count += len(numbers)
        _check_count(file, count)
        values, position = {}, {}
        for name, number in numbers.items():
            if number is None:
                continue
            if name in ("epoch", "step"):
                position[name] = number
            elif math.isfinite(number):
                values[name] = number
            else:
                left += 1
        rows.append(Row(position.get("epoch"), position.get("step"), values))
    return curves_of(file.name, rows, _unfinished(left))


def _number(value: Any) -> float | None:
    """A number of JSON as float; infinite where it is beyond its range, None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _from_table(file: Path) -> Curves:
    form, sample = _opened(file)
    heads = sample[0] if sample else []
    if len(sample) < 2 or not any(heads) or any(like_number(head) for head in heads if head):
        raise ImportFileError(
            f"{file.name!r} has no line of heads above its numbers.",
            "Name the columns in the first line: epoch,train_loss,test_accuracy.",
        )
    decimal, thousands = find_separators(file, [cell for cells in sample[1:] for cell in cells], form.delimiter)
    epoch = next((j for j, head in enumerate(heads) if is_epoch(head)), None)
    step = next((j for j, head in enumerate(heads) if is_step(head)), None)
    rows: list[Row] = []
    count = left = 0
    for position, (_, cells) in enumerate(records(file, form)):
        if position == 0:
            continue
        count += len(cells)
        _check_count(file, count)
        numbers: dict[int, float] = {}
        for j, cell in enumerate(cells[: len(heads)]):
            value = _cell(cell, decimal, thousands)
            if value is not None and (math.isfinite(value) or j == epoch):
                numbers[j] = value
            elif value is not None:
                left += 1
        values = {heads[j]: value for j, value in numbers.items() if j not in (epoch, step) and heads[j]}
        place = [None if j is None else numbers.get(j) for j in (epoch, step)]
        rows.append(Row(place[0], place[1], values))
    return curves_of(file.name, rows, _unfinished(left))


def _opened(file: Path) -> tuple[Form, list[list[str]]]:
    """The form of a text table, and its first rows."""
    with file.open("rb") as stream:
        encoding = text_encoding(stream.read(2**10))
    lines = first_lines(read_lines(file, encoding))
    form = find_form(file, encoding, lines)
    return form, [cells for _, cells in records(file, form, lines)]


def _cell(cell: str, decimal: str, thousands: str) -> float | None:
    text = cell.strip().removesuffix("%")
    if not text or "_" in text:
        return None
    if decimal == "," or thousands:
        text = text.replace(thousands, "").replace(decimal, ".")
    try:
        return float(text)
    except ValueError:
        return None


def _check_count(file: Path, count: int) -> None:
    if count > MAX_VALUES:
        raise ImportFileError(
            f"{file.name!r} has more than {MAX_VALUES:,} values.",
            "Keep one row per epoch, or the columns that you want.",
        )


def _unfinished(left: int) -> tuple[str, ...]:
    return (f"{left:,} values that are no finite numbers are left out.",) if left else ()
