"""``metrics.jsonl``: one line per epoch, from epoch 0 (before training) on."""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple

import numpy as np
import orjson

from lwal_core.config.base.method import Rule
from lwal_core.runs import paths
from lwal_core.runs.files import append_line, atomic_write
from lwal_core.sanitize import printable

Predictor = Literal["mean", "own"]
PREDICTOR_TITLES: dict[str, str] = {"mean": "nearest class mean", "own": "own predictor"}
"""``mean``: the class whose consolidated mean is nearest, for every method alike. ``own``: the method's own rule."""

Reading = Literal["as-used", "mean", "own"]
READING_TITLES: dict[str, str] = {"as-used": "the rule each method is used with", **PREDICTOR_TITLES}
"""How accuracies are read, by what is said after "by". ``as-used``, the default: ``mean`` for methods that are used by the
nearest label, ``own`` for the others. The two others: one rule for all."""
RULE_TITLES: dict[Rule, str] = {
    "labels": PREDICTOR_TITLES["mean"],
    "head": "largest output",
    "product": "product of head and class means",
}
"""What ``as-used`` is for a method, by the rule that it is used with."""

COLUMNS: tuple[str, ...] = (
    "epoch",
    "step",
    "samples",
    "seconds",
    "learning_rate",
    "loss",
    "pull",
    "push",
    "train_accuracy_mean",
    "train_accuracy_own",
    "test_accuracy_mean",
    "test_accuracy_own",
)
MAX_EXTRA, MAX_NAME = 64, 100
"""Columns of a program's own that are read, and characters of a column's name."""


@dataclass(frozen=True)
class Metrics:
    """Columns of ``metrics.jsonl``, each ``[E+1]`` float64 with nan where a value is not defined.

    Row 0 is the untrained network: it has accuracies and no losses. ``seconds`` is training time alone, summed up;
    ``samples`` are training samples seen; ``loss``, ``pull`` and ``push`` are means over the epoch's steps (pull and
    push unweighted); train accuracies are taken in evaluation mode on the consolidation sample; accuracies are
    fractions. ``extra`` has what a program that recorded the run logged besides, by name, at most 64 columns.
    """

    epoch: np.ndarray
    step: np.ndarray
    samples: np.ndarray
    seconds: np.ndarray
    learning_rate: np.ndarray
    loss: np.ndarray
    pull: np.ndarray
    push: np.ndarray
    train_accuracy_mean: np.ndarray
    train_accuracy_own: np.ndarray
    test_accuracy_mean: np.ndarray
    test_accuracy_own: np.ndarray
    damaged_lines: int = 0
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.epoch)

    def accuracy(self, predictor: Predictor = "mean", split: Literal["train", "test"] = "test") -> np.ndarray:
        """Accuracy by epoch, ``[E+1]``, by the predictor asked for."""
        column: np.ndarray = getattr(self, f"{split}_accuracy_{predictor}")
        return column

    @property
    def epochs_done(self) -> int:
        """Trained epochs so far."""
        return int(self.epoch[-1]) if len(self) else 0


LONG_BYTES = 2**16
"""From some 150 epochs on what was read of a file is kept: every page asks for a long training's several times, and each time
takes longer than the last."""
_KEPT = 8


class _Read(NamedTuple):
    """What was read of a file: its identity, size and times, then the checksum of its bytes."""

    stamp: tuple[int, ...]
    checksum: int
    size: int
    metrics: Metrics


_long: OrderedDict[Path, _Read] = OrderedDict()
_lock = Lock()


def read_metrics(folder: Path) -> Metrics:
    """Read what has been logged so far. Lines that are not whole are counted and left out, whatever they hold; a missing
    file gives no rows. The arrays are shared and cannot be written to."""
    path = folder / paths.METRICS
    try:
        with open(path, "rb") as file:
            known = os.fstat(file.fileno())
            stamp = (known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)
            with _lock:
                kept = _long.get(path)
            if kept is not None and kept.stamp == stamp:
                return kept.metrics
            data = file.read()
    except FileNotFoundError:
        return _parsed(b"")
    metrics = None if kept is None else _with_new_lines(kept, data)
    if metrics is None:
        metrics = _parsed(data)
    if len(data) == known.st_size >= LONG_BYTES:
        read = _Read(stamp, zlib.crc32(data), len(data), metrics)
        with _lock:
            _long[path] = read
            _long.move_to_end(path)
            while len(_long) > _KEPT:
                _long.popitem(last=False)
    return metrics


def _with_new_lines(kept: _Read, data: bytes) -> Metrics | None:
    """What was read before and the lines after it; None where the file is not that one with lines of later epochs
    appended."""
    before = data[: kept.size]
    if len(before) < kept.size or not before.endswith(b"\n") or zlib.crc32(before) != kept.checksum:
        return None
    added = _parsed(data[kept.size :])
    if len(added) and len(kept.metrics) and added.epoch[0] <= kept.metrics.epoch[-1]:
        return None
    if kept.metrics.extra or added.extra:  # a column may begin late, or end
        return None
    columns = {name: np.append(getattr(kept.metrics, name), getattr(added, name)) for name in COLUMNS}
    return _shared(columns, kept.metrics.damaged_lines + added.damaged_lines, {})


def _shared(columns: dict[str, np.ndarray], damaged: int, extra: dict[str, np.ndarray]) -> Metrics:
    for column in (*columns.values(), *extra.values()):
        column.flags.writeable = False
    return Metrics(**columns, damaged_lines=damaged, extra=extra)


def _parsed(data: bytes) -> Metrics:
    lines = data.splitlines()
    rows: dict[int, dict[str, object]] = {}
    damaged = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
            epoch = row["epoch"]
            if not isinstance(epoch, int) or epoch < 0:
                raise ValueError
        except (orjson.JSONDecodeError, ValueError, KeyError, TypeError):
            damaged += 1
            continue
        rows[epoch] = row  # a resumed run may log an epoch again; the last one counts
    ordered = [rows[epoch] for epoch in sorted(rows)]
    columns = {name: np.array([_number(row.get(name)) for row in ordered], dtype=np.float64) for name in COLUMNS}
    others = list(dict.fromkeys(name for row in ordered for name in row if name not in COLUMNS))
    named = {printable(name)[:MAX_NAME]: name for name in others[:MAX_EXTRA]}
    extra = {
        shown: np.array([_number(row.get(name)) for row in ordered], dtype=np.float64) for shown, name in named.items()
    }
    return _shared(columns, damaged, extra)


def append_metrics(folder: Path, row: dict[str, float | int]) -> None:
    """Append one epoch as a whole line."""
    append_line(folder / paths.METRICS, orjson.dumps(row))


def read_rows(folder: Path) -> dict[int, dict[str, float]]:
    """The numbers of every epoch by name, for whoever goes on writing them."""
    metrics = read_metrics(folder)
    columns = {**{name: getattr(metrics, name) for name in COLUMNS}, **metrics.extra}
    return {
        int(epoch): {name: float(column[i]) for name, column in columns.items() if not np.isnan(column[i])}
        for i, epoch in enumerate(metrics.epoch)
    }


def keep_metrics_until(folder: Path, epoch: int) -> None:
    """Drop lines past an epoch, before training goes on from its checkpoint."""
    path = folder / paths.METRICS
    if not path.exists():
        return
    kept = []
    for line in path.read_bytes().splitlines():
        try:
            if orjson.loads(line)["epoch"] <= epoch:
                kept.append(line)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
    atomic_write(path, lambda file: file.write(b"".join(line + b"\n" for line in kept)))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
