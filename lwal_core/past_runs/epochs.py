"""Curves of a training: rows as programs log them, with holes and several per epoch, as one row for each epoch."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import ImportFileError
from lwal_core.past_runs.columns import TITLES, Chosen, choose, meaning
from lwal_core.recording.numbers import ALIASES
from lwal_core.runs.metrics import COLUMNS
from lwal_core.sanitize import printable

MAX_EPOCHS = 10_000
"""The last epoch that is read, and how many there may be."""
MAX_VALUES = 1_000_000
"""Numbers of a file that are read."""
MAX_COLUMNS = 200
MAX_OTHERS, MAX_NAME = 50, 100
"""Further columns that are kept, and characters of their names."""
_TAKEN = frozenset({*COLUMNS, *ALIASES})


class Row(NamedTuple):
    """A line of a log: the epoch, which may be a fraction, and the step, where it says them; and numbers by name."""

    epoch: float | None
    step: float | None
    values: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Curves:
    """Numbers by epoch.

    Attributes:
        epochs: Ascending, from 0 to 10,000.
        columns: The app's columns ``[E]``, nan where there is no value, by the name that the recorder has for them.
        others: Further columns of the file ``[E]``, by their own names.
        shifted: Whether 1 was added to the file's epochs, as it counts trained epochs from 0.
        notes: What was taken for what, and what was left out, a sentence each.
    """

    epochs: tuple[int, ...]
    columns: dict[str, NDArray[np.float64]]
    others: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    shifted: bool = False
    notes: tuple[str, ...] = ()

    def row(self, position: int) -> dict[str, float]:
        """The numbers of an epoch by name, those that there are."""
        every = {**self.others, **self.columns}
        return {name: float(values[position]) for name, values in every.items() if np.isfinite(values[position])}


def curves_of(file: str, rows: Sequence[Row], notes: Iterable[str] = ()) -> Curves:
    """Curves of the rows of a log.

    Args:
        file: Its name, for messages.
        rows: In the order of the file.
        notes: Sentences about the file, which come first.

    Raises:
        ImportFileError: There is no number in it that belongs to an epoch.
    """
    told = list(notes)
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    if len(names) > MAX_COLUMNS:
        told.append(f"Of its {len(names):,} columns the first {MAX_COLUMNS} are read.")
        names = names[:MAX_COLUMNS]
    placed, left = _placed(rows, names, told)
    if left:
        told.append(f"{left:,} rows have no whole number from 0 to {MAX_EPOCHS:,} for their epoch and are left out.")
    epochs = sorted({epoch for epoch, _ in placed})
    if not epochs or not names:
        raise ImportFileError(
            f"{file!r} has no numbers by epoch.",
            "Curves are rows with a column epoch (or step) and numbers beside it, such as train_loss and test_accuracy.",
        )
    columns, repeated = _columns(placed, epochs, names)
    if repeated:
        told.append(repeated)
    chosen, refused = choose(columns)
    told += refused
    shifted = epochs[0] == 0 and any(
        name in chosen and np.isfinite(chosen[name].values[0]) for name in ("train_loss", "train_accuracy", "seconds")
    )
    if shifted:
        told.append("Its epochs count from 0; 1 is added, as epoch 0 stands for the network before training here.")
        epochs = [epoch + 1 for epoch in epochs]
    told.append(_told(chosen))
    others = _others(columns, {taken.column for taken in chosen.values()}, told)
    found = {name: taken.values for name, taken in chosen.items()}
    return Curves(tuple(epochs), found, others, shifted, tuple(told))


def _told(chosen: Mapping[str, Chosen]) -> str:
    if not chosen:
        return f"No column is named like {', '.join(TITLES.values())}; all are kept by their own names."
    parts = [
        f"{taken.column[:80]!r} is read as {TITLES[name]}" + (f" ({taken.note})" if taken.note else "")
        for name, taken in chosen.items()
    ]
    absent = [title for name, title in TITLES.items() if name not in chosen]
    return "; ".join(parts) + (f"; there is no column of {' or '.join(absent)}." if absent else ".")


def _others(
    columns: Mapping[str, NDArray[np.float64]], taken: set[str], told: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Further columns, by names that can be shown and that are none of the app's."""
    found: dict[str, NDArray[np.float64]] = {}
    for name, values in columns.items():
        shown = " ".join(printable(name).split())[:MAX_NAME]
        if name in taken or not shown or not np.isfinite(values).any():
            continue
        if len(found) == MAX_OTHERS:
            told.append(f"Of its further columns the first {MAX_OTHERS} are kept.")
            break
        shown = f"{shown} (file)"[-MAX_NAME:] if shown in _TAKEN else shown
        found.setdefault(shown, values)
    return found


def _placed(rows: Sequence[Row], names: Sequence[str], told: list[str]) -> tuple[list[tuple[int, Row]], int]:
    """Each row with its epoch, and how many have none."""
    wanted = set(names)
    rows = [row for row in rows if wanted & row.values.keys()]
    if any(row.epoch is not None for row in rows):
        return _by_epoch(rows)
    if all(row.step is None for row in rows):
        told.append("It has no column of epochs; its rows are numbered from 1.")
        return [(number, row) for number, row in enumerate(rows, start=1) if number <= MAX_EPOCHS], max(
            0, len(rows) - MAX_EPOCHS
        )
    return _by_step([row for row in rows if row.step is not None], told)


def _by_epoch(rows: Sequence[Row]) -> tuple[list[tuple[int, Row]], int]:
    """Rows without an epoch belong to that of the next row that has one, at the end to the last."""
    placed: list[tuple[int, Row]] = []
    waiting: list[Row] = []
    left = 0
    last: int | None = None
    for row in rows:
        if row.epoch is None:
            waiting.append(row)
            continue
        # Within epoch 3 a log says 2.31, at its end 3.0; some programs write 2.9999.
        if not (math.isfinite(row.epoch) and 0 <= row.epoch <= MAX_EPOCHS):
            left += 1
            continue
        last = math.ceil(row.epoch - 1e-3)
        placed += [(last, each) for each in (*waiting, row)]
        waiting = []
    if last is not None:
        placed += [(last, row) for row in waiting]
    return placed, left


def _by_step(rows: Sequence[Row], told: list[str]) -> tuple[list[tuple[int, Row]], int]:
    """Steps that are few are epochs; else the k-th test is the end of epoch k, and what is logged before belongs to it."""
    steps = sorted({row.step for row in rows if row.step is not None and 0 <= row.step < math.inf})
    tests = sorted({
        row.step for row in rows
        if row.step is not None and 0 <= row.step < math.inf
        and any((m := meaning(name)) is not None and m.measure == "accuracy" and m.part in ("val", "test") for name in row.values)
    })  # fmt: skip
    ends = tests if len(tests) > 1 else steps
    if not ends:
        return [], len(rows)
    if (
        ends == steps
        and ends[-1] <= MAX_EPOCHS
        and ends[-1] < 2 * len(ends)
        and all(step == int(step) for step in ends)
    ):
        told.append("It has no column of epochs; its steps are read as epochs.")
        epoch_of = {step: int(step) for step in ends}
    else:
        told.append("It has no column of epochs; each test is read as the end of one." if ends is tests else
                    "It has no column of epochs; each of its steps is read as one.")  # fmt: skip
        epoch_of = {step: number for number, step in enumerate(ends, start=1)}
    places = np.searchsorted(ends, [row.step if row.step is not None else math.inf for row in rows])
    placed = [(epoch_of[ends[at]], row) for at, row in zip(places, rows, strict=True) if at < len(ends)]
    kept = [(epoch, row) for epoch, row in placed if epoch <= MAX_EPOCHS]
    return kept, len(rows) - len(kept)


def _columns(
    placed: Sequence[tuple[int, Row]], epochs: Sequence[int], names: Sequence[str]
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Columns ``[E]``: the mean of an epoch's losses if its steps log them, else its last value."""
    place = {epoch: i for i, epoch in enumerate(epochs)}
    values: dict[str, dict[int, list[float]]] = {name: defaultdict(list) for name in names}
    several: set[str] = set()
    steps: dict[int, set[float]] = defaultdict(set)
    for epoch, row in placed:
        if row.step is not None:
            steps[epoch].add(row.step)
        elif row.epoch is not None:
            steps[epoch].add(row.epoch)
        for name, value in row.values.items():
            if name in values and math.isfinite(value):
                values[name][place[epoch]].append(value)
                if len(values[name][place[epoch]]) > 1:
                    several.add(name)
    columns: dict[str, NDArray[np.float64]] = {}
    averaged: list[str] = []
    last: list[str] = []
    for name in names:
        told = meaning(name)
        mean = (
            name in several
            and told is not None
            and told.measure == "loss"
            and any(len(found) > 1 for found in steps.values())
        )
        column = np.full(len(epochs), np.nan)
        for at, found in values[name].items():
            with np.errstate(over="ignore"):
                column[at] = float(np.mean(found)) if mean else found[-1]
        columns[name] = np.where(np.isfinite(column), column, np.nan)  # a sum of huge numbers is none
        if name in several:
            (averaged if mean else last).append(name)
    parts = [
        f"of {', '.join(repr(name[:40]) for name in group[:5])}{' and others' if len(group) > 5 else ''} {what}"
        for group, what in (
            (averaged, "the mean of an epoch's values is taken"),
            (last, "the last value of an epoch counts"),
        )
        if group
    ]
    return columns, (f"Several rows are of one epoch: {'; '.join(parts)}." if parts else "")
