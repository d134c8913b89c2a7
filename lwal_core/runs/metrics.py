"""``metrics.jsonl``: one line per epoch, from epoch 0 (before training) on."""

from __future__ import annotations

import io
import math
import os
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import orjson

from lwal_core.config.base.method import Rule
from lwal_core.runs import paths
from lwal_core.runs.files import append_line, atomic_write
from lwal_core.sanitize import printable

Predictor = Literal["mean", "own", "features"]
PREDICTOR_TITLES: dict[str, str] = {"mean": "nearest class mean", "own": "own predictor"}
"""``mean``: the class whose consolidated mean is nearest, for every method alike. ``own``: the method's own rule. A third, ``features``, is
the nearest class mean of the features; it is no reading of all runs, as few keep it."""

Reading = Literal["as-used", "mean", "own", "features"]
READING_TITLES: dict[str, str] = {"as-used": "the rule each method is used with", **PREDICTOR_TITLES}
"""How accuracies are read, by what is said after "by". ``as-used``, the default: ``mean`` for methods that are used by the
nearest label, ``own`` for the others. The two others: one rule for all."""
EVERY_READING: dict[str, str] = {**READING_TITLES, "features": "nearest class mean of features"}
"""The same with what only runs that keep features can be read by."""
RULE_TITLES: dict[Rule, str] = {
    "labels": PREDICTOR_TITLES["mean"],
    "head": "largest output",
    "product": "product of head and class means",
}
"""What ``as-used`` is for a method, by the rule that it is used with."""

Split = Literal["train", "validation", "test"]
"""Parts of the data that accuracies are taken on."""
MEASURES: dict[str, str] = {
    "test_top5_accuracy": "Top-5 accuracy",
    "test_balanced_accuracy": "Balanced accuracy",
    "test_macro_f1": "Macro F1",
    "test_calibration_error": "Calibration error",
}
"""Measures on the test set by the rule that a method is used with, by column: fractions."""
COLLAPSE: dict[str, str] = {
    "nc1": "NC1, within over between",
    "cdnv": "Class-distance normalised variance",
    "nc2": "NC2, distance from a simplex",
    "cosine_spread": "Spread of the cosines",
    "nc3": "NC3, labels against class means",
    "nc4": "NC4, other class than the nearest mean",
}
"""Measures of neural collapse (:mod:`lwal_core.analysis.collapse`), by the end of their columns, which begin with the layer."""
COLLAPSE_COLUMNS: tuple[str, ...] = tuple(f"{layer}_{name}" for layer in ("outputs", "features") for name in COLLAPSE)

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
    "test_accuracy_features",
    "validation_accuracy_mean",
    "validation_accuracy_own",
    "test_top5_accuracy",
    "test_balanced_accuracy",
    "test_macro_f1",
    "test_calibration_error",
    *COLLAPSE_COLUMNS,
)
MAX_EXTRA, MAX_NAME = 64, 100
"""Columns of a program's own that are read, and characters of a column's name."""


@dataclass(frozen=True)
class Metrics:
    """Columns of ``metrics.jsonl``, each ``[E+1]`` float64 with nan where a value is not defined.

    Row 0 is the untrained network: it has accuracies and no losses. ``seconds`` is training time alone, summed up;
    ``samples`` are training samples seen; ``loss``, ``pull`` and ``push`` are means over the epoch's steps (pull and
    push unweighted); train accuracies are taken in evaluation mode on the consolidation sample; accuracies and
    :data:`MEASURES` are fractions, on the validation part nan without one; neural collapse is of outputs and of features, nan where it
    is not defined or was not looked at. ``extra`` has what a program that recorded the run
    logged besides, by name, at most 64 columns.
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
    test_accuracy_features: np.ndarray
    validation_accuracy_mean: np.ndarray
    validation_accuracy_own: np.ndarray
    test_top5_accuracy: np.ndarray
    test_balanced_accuracy: np.ndarray
    test_macro_f1: np.ndarray
    test_calibration_error: np.ndarray
    outputs_nc1: np.ndarray
    outputs_cdnv: np.ndarray
    outputs_nc2: np.ndarray
    outputs_cosine_spread: np.ndarray
    outputs_nc3: np.ndarray
    outputs_nc4: np.ndarray
    features_nc1: np.ndarray
    features_cdnv: np.ndarray
    features_nc2: np.ndarray
    features_cosine_spread: np.ndarray
    features_nc3: np.ndarray
    features_nc4: np.ndarray
    damaged_lines: int = 0
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.epoch)

    def accuracy(self, predictor: Predictor = "mean", split: Split = "test") -> np.ndarray:
        """Accuracy by epoch, ``[E+1]``, by the predictor asked for."""
        column: np.ndarray | None = getattr(self, f"{split}_accuracy_{predictor}", None)
        return np.full(len(self), np.nan) if column is None else column  # by features the test set alone is read

    @property
    def has_validation(self) -> bool:
        """Whether a validation part was looked at: then the best epoch was chosen on it."""
        return bool(np.isfinite(self.validation_accuracy_mean).any() or np.isfinite(self.validation_accuracy_own).any())

    def measured(self) -> dict[str, np.ndarray]:
        """Columns of the validation part and of :data:`MEASURES` that have a value, by name."""
        names = ("validation_accuracy_mean", "validation_accuracy_own", *MEASURES)
        return {name: column for name in names if np.isfinite(column := getattr(self, name)).any()}

    def collapse(self, layer: Literal["outputs", "features"]) -> dict[str, np.ndarray]:
        """Measures of neural collapse of a layer by epoch, ``[E+1]`` each, by the keys of :data:`COLLAPSE`; those that have a
        value."""
        columns = {name: getattr(self, f"{layer}_{name}") for name in COLLAPSE}
        return {name: column for name, column in columns.items() if np.isfinite(column).any()}

    def collapsing(self) -> dict[str, np.ndarray]:
        """The same of both layers, by column."""
        return {name: column for name in COLLAPSE_COLUMNS if np.isfinite(column := getattr(self, name)).any()}

    @property
    def epochs_done(self) -> int:
        """Trained epochs so far."""
        return int(self.epoch[-1]) if len(self) else 0


LONG_BYTES = 2**16
"""From some 150 epochs on what was read of a file is kept: every page asks for a long training's several times, and each time
takes longer than the last."""
MOST_KEPT_BYTES = 2**27
"""Columns that are kept of all files together; the newest in any case."""
LINE_BYTES = 2**16
"""A longer line is none of ours, and is not read as one."""
_MOST_EPOCH = 2**53
_READ_BYTES = 2**20


class _Read(NamedTuple):
    """What was read of a file: its identity, size and times, then the checksum of its bytes, and whether the last ended a
    line."""

    stamp: tuple[int, ...]
    checksum: int
    size: int
    ended: bool
    metrics: Metrics

    @property
    def kept_bytes(self) -> int:
        """Bytes that its columns take."""
        return (len(COLUMNS) + len(self.metrics.extra)) * 8 * len(self.metrics)


_long: OrderedDict[Path, _Read] = OrderedDict()
_lock = Lock()


def read_metrics(folder: Path) -> Metrics:
    """Read what has been logged so far. Lines that are not whole are counted and left out, whatever they hold; a missing
    file gives no rows. The arrays are shared and cannot be written to. A file of any length takes the memory of its columns
    and little more."""
    path = folder / paths.METRICS
    try:
        with open(path, "rb", buffering=_READ_BYTES) as file:
            known = os.fstat(file.fileno())
            stamp = (known.st_ino, known.st_size, known.st_mtime_ns, known.st_ctime_ns)
            with _lock:
                kept = _long.get(path)
            if kept is not None and kept.stamp == stamp:
                return kept.metrics
            read = None if kept is None else _with_new_lines(kept, file, stamp)
            if read is None:
                file.seek(0)
                read = _read(file, stamp)
    except FileNotFoundError:
        return _read(io.BytesIO(), (0, 0)).metrics
    if read.size >= LONG_BYTES:
        with _lock:
            _long[path] = read
            _long.move_to_end(path)
            while len(_long) > 1 and sum(each.kept_bytes for each in _long.values()) > MOST_KEPT_BYTES:
                _long.popitem(last=False)
    return read.metrics


def _with_new_lines(kept: _Read, file: BinaryIO, stamp: tuple[int, ...]) -> _Read | None:
    """What was read before and the lines after it; None where the file is not that one with lines of later epochs
    appended, or has columns of a program's own, which may begin late, or end."""
    if not kept.ended or kept.metrics.extra:
        return None
    left, checksum = kept.size, 0
    while left and (piece := file.read(min(left, _READ_BYTES))):
        checksum = zlib.crc32(piece, checksum)
        left -= len(piece)
    if left or checksum != kept.checksum:
        return None
    added = _read(file, stamp, kept.size, checksum)
    before, after = kept.metrics, added.metrics
    if len(after) and len(before) and after.epoch[0] <= before.epoch[-1]:
        return None
    if after.extra:
        return None
    columns = {name: np.append(getattr(before, name), getattr(after, name)) for name in COLUMNS}
    return added._replace(metrics=_shared(columns, before.damaged_lines + after.damaged_lines))


def _read(file: BinaryIO, stamp: tuple[int, ...], start: int = 0, checksum: int = 0) -> _Read:
    """The lines of a file from a place on, to the end that it has by its stamp; what is appended meanwhile comes later."""
    columns = {name: array("d") for name in COLUMNS}
    damaged, at, whole = 0, start, True
    while at < stamp[1] and (line := file.readline(min(LINE_BYTES, stamp[1] - at))):
        at += len(line)
        checksum = zlib.crc32(line, checksum)
        begins, whole = whole, line.endswith(b"\n")
        if not begins:  # the rest of a line that is too long
            continue
        row = _row(line) if whole or at == stamp[1] else None
        if row is not None:
            for name in row:
                if name not in columns and len(columns) < len(COLUMNS) + MAX_EXTRA:
                    columns[name] = array("d", [math.nan]) * len(columns["epoch"])
            for name, column in columns.items():
                column.append(_number(row.get(name)))
        elif line.strip():
            damaged += 1
    arrays = {name: np.frombuffer(column, dtype=np.float64) for name, column in columns.items()}
    return _Read(stamp, checksum, at, whole, _shared(_in_order(arrays), damaged))


def _row(line: bytes) -> dict[str, object] | None:
    """The values of a line; None for a line that is not whole."""
    try:
        row = orjson.loads(line)
        epoch = row["epoch"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return row if type(epoch) is int and 0 <= epoch < _MOST_EPOCH else None


def _in_order(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows by epoch; a resumed run may log an epoch again, and the last one counts."""
    epoch = columns["epoch"]
    if (np.diff(epoch) > 0).all():
        return columns
    order = np.argsort(epoch, kind="stable")
    order = order[np.append(np.diff(epoch[order]) > 0, True)]
    return {name: column[order] for name, column in columns.items()}


def _shared(columns: dict[str, np.ndarray], damaged: int) -> Metrics:
    for column in columns.values():
        column.flags.writeable = False
    own = {name: columns[name] for name in COLUMNS}
    extra = {printable(name)[:MAX_NAME]: column for name, column in columns.items() if name not in COLUMNS}
    return Metrics(**own, damaged_lines=damaged, extra=extra)


def append_metrics(folder: Path, *rows: dict[str, float | int]) -> None:
    """Append epochs, each as a whole line."""
    append_line(folder / paths.METRICS, b"\n".join(map(orjson.dumps, rows)))


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
