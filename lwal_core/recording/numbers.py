"""Numbers of each epoch, by name: those that the app knows, and a program's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lwal_core.recording.arrays import RecordError, scalar
from lwal_core.runs.metrics import COLUMNS, MAX_EXTRA, MAX_NAME, read_rows
from lwal_core.sanitize import quoted

MAX_EPOCH = 10_000
ALIASES = {
    "train_loss": "loss",
    "test_accuracy": "test_accuracy_own",
    "validation_accuracy": "validation_accuracy_own",
    "train_accuracy": "train_accuracy_own",
    "lr": "learning_rate",
}
"""What people call the columns that the app's own trainings have."""
USUAL = {
    **dict.fromkeys(("test_acc", "eval_accuracy", "eval_acc"), "test_accuracy_own"),
    **dict.fromkeys(
        ("val_accuracy", "val_acc", "valid_accuracy", "valid_acc", "validation_acc"), "validation_accuracy_own"
    ),
    "train_acc": "train_accuracy_own",
}
"""What other programs call them. Two such names of one column are two columns: the first that comes is the app's, unless it has
the name of :data:`ALIASES` as well."""
VALIDATION = ("validation_accuracy_own", "validation_accuracy_mean")
_RISING = ("seconds", "step", "samples")


def whole_epoch(epoch: Any) -> int:
    """An epoch as a whole number.

    Raises:
        RecordError: It is none from 0 to 10,000.
    """
    number = scalar(epoch, "epoch")
    if number != int(number) or not 0 <= number <= MAX_EPOCH:
        raise RecordError("epoch", f"epoch is {number:,}.", f"It must be a whole number from 0 to {MAX_EPOCH:,}.")
    return int(number)


class EpochRows:
    """The rows of ``metrics.jsonl`` so far.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.rows: dict[int, dict[str, float | int]] = dict(sorted(read_rows(folder).items()))
        self._columns = {name for row in self.rows.values() for name in row}
        self._others = self._columns - {*COLUMNS}
        self._given: dict[str, str] = {}  # by which name a column came
        self._highest = {
            name: max(row[name] for row in self.rows.values() if name in row)
            for name in _RISING
            if any(name in row for row in self.rows.values())
        }

    @property
    def last(self) -> int:
        """The last epoch; -1 before the first."""
        return next(reversed(self.rows), -1)  # they come in ascending order

    def of(self, epoch: int) -> Mapping[str, float | int]:
        """The numbers of an epoch so far."""
        return self.rows.get(epoch, {})

    def accuracy(self, epoch: int | None) -> float | None:
        """Accuracy by which an epoch is the best one, by the program's predictions, or by nearest class mean where it gave
        none: on the validation part where the run has one, else on the test set."""
        row = self.of(-1 if epoch is None else epoch)
        part = "validation" if self.has_validation else "test"
        return row.get(f"{part}_accuracy_own", row.get(f"{part}_accuracy_mean"))

    @property
    def has_validation(self) -> bool:
        """Whether accuracy on a validation part was given for any epoch."""
        return not self._columns.isdisjoint(VALIDATION)

    @property
    def nearest(self) -> bool:
        """Whether accuracy is known by nearest class mean alone."""
        return "test_accuracy_mean" in self._columns and "test_accuracy_own" not in self._columns

    @property
    def unread(self) -> list[str]:
        """Accuracies of no training part that no curve shows, as no test accuracy is there; empty where one is."""
        if not self._columns.isdisjoint(("test_accuracy_own", "test_accuracy_mean")):
            return []
        return sorted(name for name in self._columns if "acc" in name.lower() and "train" not in name.lower())

    def check_order(self, epoch: int) -> None:
        """Refuse an epoch before the last one that is no repetition.

        Raises:
            RecordError: It comes too late.
        """
        if epoch < self.last and epoch not in self.rows:
            raise RecordError(
                "epoch order", f"Epoch {epoch} comes after epoch {self.last}.", "Log epochs in ascending order."
            )

    def read(self, epoch: int, numbers: Mapping[str, Any]) -> tuple[dict[str, float | int], list[RecordError]]:
        """Numbers by the names of their columns, and what is wrong with those that are left out."""
        found: dict[str, float | int] = {}
        problems: list[RecordError] = []
        others = set(self._others)
        for given, value in numbers.items():
            name = self._column(given, numbers)
            try:
                number = scalar(value, given)
                self._check(epoch, given, name, number)
                if name not in COLUMNS and name not in others:
                    if len(others) >= MAX_EXTRA:
                        raise RecordError(
                            "names", f"{given} is one name too many.", f"A run has at most {MAX_EXTRA} of its own."
                        )
                    others.add(name)
                found[name] = number
            except RecordError as error:
                problems.append(error)
        return found, problems

    def _column(self, given: str, numbers: Mapping[str, Any]) -> str:
        """The column of a number by its name."""
        name = ALIASES.get(given, given)
        if name in COLUMNS:
            self._given[name] = given
            return name
        usual = USUAL.get(given)
        if usual is None or any(ALIASES.get(other, other) == usual for other in numbers):
            return given
        return usual if self._given.setdefault(usual, given) == given else given

    def merged(self, epoch: int, found: Mapping[str, float | int]) -> dict[str, float | int]:
        """Add numbers to an epoch's; the whole row, as it is written."""
        row = self.rows.setdefault(epoch, {"epoch": epoch})
        row.update(found)
        row["epoch"] = epoch
        self._columns.update(found)
        self._others.update(name for name in found if name not in COLUMNS)
        self._highest.update({n: max(found[n], self._highest.get(n, 0)) for n in _RISING if n in found})
        return dict(row)

    def _check(self, epoch: int, given: str, name: str, number: float | int) -> None:
        if not 0 < len(name) <= MAX_NAME or not name.isprintable() or name == "epoch":
            raise RecordError(
                "names", f"{quoted(given, 60)} is no name for a number.", f"Use 1 to {MAX_NAME} printable characters."
            )
        if "accuracy" in name and name in COLUMNS and not 0 <= number <= 1:
            raise RecordError(given, f"{given} is {number:g}.", "Give a fraction, from 0 to 1.")
        if name in _RISING and (epoch <= self.last or number < self._highest.get(name, 0)):
            before = max((row[name] for at, row in self.rows.items() if at < epoch and name in row), default=0)
            after = min((row[name] for at, row in self.rows.items() if at > epoch and name in row), default=number)
            if not before <= number <= after:
                other, where = (before, "an earlier") if number < before else (after, "a later")
                raise RecordError(
                    given,
                    f"{given} is {number:g}, and {other:g} in {where} epoch.",
                    f"Give the {name} so far, summed up.",
                )
