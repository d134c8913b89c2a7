"""Columns of curves: which one means what, by the names that training programs give.

A name is read word by word: which part of the data (``train``, ``val``, ``test``) and what is measured (``loss``, ``acc``, ``lr``).
A name with a word beyond those is a column of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TITLES = {
    "train_loss": "train loss",
    "test_accuracy": "test accuracy",
    "train_accuracy": "train accuracy",
    "seconds": "seconds",
    "learning_rate": "learning rate",
}
"""What is looked for, by the name that :meth:`lwal_core.recording.Recorder.log` has for it."""

_PARTS = {
    "train": "train", "training": "train", "trn": "train", "test": "test", "testing": "test", "tst": "test",
    "val": "val", "valid": "val", "validation": "val", "eval": "val", "evaluation": "val", "dev": "val",
}  # fmt: skip
_MEASURES = {
    "loss": "loss", "losses": "loss", "acc": "accuracy", "accuracy": "accuracy", "accuracies": "accuracy", "acc1": "accuracy",
    "top1": "accuracy", "prec1": "accuracy", "lr": "rate", "lrs": "rate", "seconds": "time", "secs": "time", "sec": "time",
    "time": "time", "elapsed": "time", "runtime": "time", "duration": "time",
}  # fmt: skip
_NEUTRAL = frozenset(
    {
        "epoch", "step", "mean", "avg", "average", "metrics", "metric", "percent", "pct", "classification", "multiclass", "total", "top",
        "1", "wall", "per", "s", "sgd", "adam", "adamw", "pg1", "group0", "group", "0", "scalar", "scalars", "score",
    }
)  # fmt: skip
_EPOCH = frozenset({"epoch", "epochs", "ep", "epoch number", "epoch nr"})
_STEP = frozenset({"step", "steps", "global step", "iteration", "iterations", "iter", "trainer global step"})


@dataclass(frozen=True)
class Meaning:
    """What a column is called: ``part`` of the data (empty if not said), ``measure``, ``by_step`` for a value of one step alone, and
    ``by_epoch`` for seconds of one epoch rather than since the start."""

    part: str
    measure: str
    by_step: bool = False
    by_epoch: bool = False


@dataclass(frozen=True)
class Chosen:
    """Which column was taken for what, and how its numbers were changed."""

    column: str
    values: NDArray[np.float64]
    note: str = ""


def words(name: str) -> list[str]:
    """Words of a column's name in small letters: ``"valAcc/top_1"`` -> ``["val", "acc", "top", "1"]``."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+1?|\d+|%", parted.lower())


def is_epoch(name: str) -> bool:
    """Whether a column counts epochs."""
    return " ".join(words(name)) in _EPOCH


def is_step(name: str) -> bool:
    """Whether a column counts training steps."""
    return " ".join(words(name)) in _STEP


def meaning(name: str) -> Meaning | None:
    """What a name says; None where it says something else, or too much."""
    found = words(name)
    if found[:2] == ["learning", "rate"]:
        found = ["lr", *found[2:]]
    parts = {_PARTS[word] for word in found if word in _PARTS}
    measures = {_MEASURES[word] for word in found if word in _MEASURES}
    rest = [
        word for word in found if word not in _PARTS and word not in _MEASURES and word not in _NEUTRAL and word != "%"
    ]
    if len(parts) > 1 or len(measures) != 1 or rest:
        return None
    measure = measures.pop()
    by_epoch = measure == "time" and ("epoch" in found or "duration" in found)
    return Meaning(parts.pop() if parts else "", measure, "step" in found, by_epoch)


def choose(columns: Mapping[str, NDArray[np.float64]]) -> tuple[dict[str, Chosen], list[str]]:
    """Find the columns of the app among those of a file.

    Args:
        columns: Values by epoch ``[E]``, nan where there is none, by the file's own names.

    Returns:
        The columns by the name that the recorder has for them, and sentences about those that could not be taken.
    """
    said = {name: told for name in columns if (told := meaning(name)) is not None and np.isfinite(columns[name]).any()}
    tested = any(told.measure == "accuracy" and told.part in ("val", "test") for told in said.values())
    wanted: dict[str, dict[str, int]] = {
        "train_loss": {name: _rank(m, ("", "train")) for name, m in said.items() if m.measure == "loss" and m.part in ("", "train")},
        "test_accuracy": {
            name: _rank(m, ("", "val", "test"))
            for name, m in said.items()
            if m.measure == "accuracy" and (m.part in ("val", "test") or (m.part == "" and not tested))
        },
        "train_accuracy": {
            name: _rank(m, ("", "train"))
            for name, m in said.items()
            if m.measure == "accuracy" and (m.part == "train" or (m.part == "" and tested))
        },
        "seconds": {name: _rank(m, ("", "train")) for name, m in said.items() if m.measure == "time" and m.part in ("", "train")},
        "learning_rate": {name: _rank(m, ("", "train")) for name, m in said.items() if m.measure == "rate" and m.part in ("", "train")},
    }  # fmt: skip
    chosen: dict[str, Chosen] = {}
    notes: list[str] = []
    for target, ranks in wanted.items():
        while ranks:
            name = _fullest(ranks, columns)
            taken = _read(target, name, columns[name], said[name])
            if isinstance(taken, Chosen):
                chosen[target] = taken
                break
            notes.append(taken)
            del ranks[name]
    return chosen, notes


def _rank(told: Meaning, order: Sequence[str]) -> int:
    return 2 * order.index(told.part) - (3 if told.by_step else 0)


def _fullest(ranks: Mapping[str, int], columns: Mapping[str, NDArray[np.float64]]) -> str:
    """The best by name of those that have more than half as many values as the fullest: a test at the very end is no curve."""
    counts = {name: int(np.isfinite(columns[name]).sum()) for name in ranks}
    most = max(counts.values())
    return max((name for name in ranks if 2 * counts[name] > most), key=lambda name: (ranks[name], counts[name]))


def _read(target: str, name: str, values: NDArray[np.float64], told: Meaning) -> Chosen | str:
    known = values[np.isfinite(values)]
    if target.endswith("accuracy"):
        if known.min() < 0 or known.max() > 100 + 1e-6:
            return f"{name[:80]!r} has values from {known.min():g} to {known.max():g}, which are no accuracies; it is left aside."
        if known.max() > 1 + 1e-6 or "%" in name or {"percent", "pct"} & set(words(name)):
            return Chosen(name, np.clip(values / 100, 0, 1), "in percent")
        return Chosen(name, np.clip(values, 0, 1))
    if target == "seconds":
        if known.min() < 0:
            return f"{name[:80]!r} has values below 0, which are no seconds; it is left aside."
        if told.by_epoch or (np.diff(known) < 0).any():
            summed = np.full(len(values), np.nan)
            summed[np.isfinite(values)] = np.cumsum(known)
            return Chosen(name, summed, "of each epoch, summed up")
    return Chosen(name, values)
