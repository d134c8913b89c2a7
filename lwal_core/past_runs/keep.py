"""Runs made of what other programs left: recorded by the same recorder that a training loop uses, all at once."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import ImportFileError
from lwal_core.imports.incoming import told
from lwal_core.past_runs.curve_files import checksum
from lwal_core.past_runs.epochs import Curves
from lwal_core.past_runs.prediction_files import Predictions
from lwal_core.past_runs.series import COUNTED_FROM_0, Series, read_series
from lwal_core.recording import Recorder, start_run
from lwal_core.recording.options import configuration
from lwal_core.runs import Origin, Run, create_run
from lwal_core.runs.writer import tidy_name
from lwal_core.security.permissions import check_writable

ONLY_EPOCH = 1
"""The epoch at which predictions stand that come without a training: 0 would be the network before it."""

MOVED = "The epochs of the files are those of the curves; 1 is added to them, too."


@dataclass(frozen=True)
class Labelling:
    """What somebody calls a run that is imported.

    Attributes:
        name: A name for people; empty takes that of the file or folder.
        method: What the method is called; empty takes the name, and the run is then no repeat of any other.
        data: What the data is called, such as ``cifar10``; empty takes the name.
        seed: Training seed.
    """

    name: str = ""
    method: str = ""
    data: str = ""
    seed: int = 0


def keep_training(
    series: Series | None,
    curves: tuple[Path, Curves] | None,
    labelling: Labelling = Labelling(),
    *,
    classes: Sequence[str] = (),
    home: Path | None = None,
) -> Run:
    """Make a run of a series of checkpoints, of curves, or of both.

    Files of the series that cannot be read are left out and noted in ``series.left_out`` and in the run's warnings.

    Args:
        series: A checkpoint for each epoch; None without.
        curves: The file of curves and what it holds; None without.
        labelling: What the run is called.
        classes: Class names for curves alone; without them the run has none.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        LwalError: It cannot be recorded; no run is left behind.
    """
    check_writable("import anything")
    if series is None and curves is None:
        raise ImportFileError("There is neither a series nor a file of curves.", "Give one of them.")
    source = series.folder if series is not None else curves[0] if curves is not None else Path()
    kind: Literal["series", "curves"] = "series" if series is not None else "curves"
    names = series.first.names if series is not None else tuple(classes)
    by_curves = curves[1] if curves is not None else None
    mark = hashlib.sha256()
    if curves is not None:
        mark.update(checksum(curves[0]).encode())
    if series is not None:
        mark.update(series.first.sha256.encode())
    epochs = [epoch for epoch, _ in series.files] if series is not None else []
    last = max(*epochs[-1:], *(by_curves.epochs if by_curves is not None else ()), 1)
    with _recorded(source, labelling, names, mark.hexdigest(), home, last) as recorder:
        vectors = iter(()) if series is None else _on_the_curves_epochs(series, by_curves)
        count, shape = _log_all(recorder, vectors, by_curves)
        if series is not None and not count:
            raise ImportFileError(
                f"None of the files like {series.pattern!r} can be read any more.", "Import them again."
            )
        notes = list(by_curves.notes) if by_curves is not None else []
        if series is not None:
            notes += [*series.notes, *_left_out(series)]
        recorder.update(
            warnings=notes[:20],
            origin=Origin(
                kind=kind,
                file=tidy_name(f"{source.name}/{series.pattern}" if series is not None else source.name),
                sha256=mark.hexdigest(),
                tensor=series.tensor[:500] if series is not None else "",
                shape=list(shape),
                at=datetime.now(UTC),
            ),
        )
    return Run(_folder(recorder))


def keep_predictions(predictions: Predictions, labelling: Labelling = Labelling(), *, home: Path | None = None) -> Run:
    """Make a run of predictions: their confusion, and vectors of the classes.

    Args:
        predictions: As read.
        labelling: What the run is called.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        LwalError: They cannot be recorded; no run is left behind.
    """
    check_writable("import anything")
    means, note = class_vectors(predictions)
    mark = checksum(predictions.path)
    samples = predictions.embeddings if predictions.embeddings is not None else predictions.scores
    with _recorded(predictions.path, labelling, predictions.names, mark, home, ONLY_EPOCH) as recorder:
        recorder.log_labels(ONLY_EPOCH, class_means=means)
        recorder.log_predictions(
            ONLY_EPOCH, predictions.targets, predictions=predictions.predictions, embeddings=samples
        )
        recorder.update(
            warnings=[note, *predictions.notes],
            origin=Origin(
                kind="predictions",
                file=tidy_name(predictions.path.name),
                sha256=mark,
                shape=list(means.shape),
                at=datetime.now(UTC),
            ),
        )
    return Run(_folder(recorder))


def class_vectors(predictions: Predictions) -> tuple[NDArray[np.float32], str]:
    """A vector for each class ``[C,K]``, and a sentence about what it is.

    The mean of the samples of a class: of their embeddings, else of their scores, else of their predictions (a 1 for the
    predicted class), which is a row of the confusion matrix as shares. A class without samples has the mean of those that are
    taken for it.
    """
    classes = len(predictions.names)
    if predictions.embeddings is not None:
        values, what = predictions.embeddings, "means of the embeddings"
    elif predictions.scores is not None:
        values, what = predictions.scores, "means of the scores"
    else:
        values, what = None, "rows of the confusion matrix, as shares"
    taken = predictions.predictions if predictions.predictions is not None else predictions.targets
    counts = np.bincount(predictions.targets, minlength=classes)
    groups = [(predictions.targets, counts > 0)]
    absent = np.flatnonzero(counts == 0)
    by_taken = np.bincount(taken, minlength=classes) > 0
    groups.append((taken, (counts == 0) & by_taken))
    width = classes if values is None else values.shape[1]
    means = np.zeros((classes, width), np.float64)
    for members, wanted in groups:
        sums = np.zeros_like(means)
        if values is None:
            np.add.at(sums, (members, taken), 1.0)
        else:
            np.add.at(sums, members, values)
        here = np.bincount(members, minlength=classes)[:, None]
        means[wanted] = (sums[wanted] / here[wanted]) if wanted.any() else means[wanted]
    told = f"Vectors of the classes are {what}."
    if len(absent):
        told += f" {len(absent):,} classes have no samples: theirs are of those that are taken for them, or 0."
    return means.astype(np.float32), told


def _log_all(
    recorder: Recorder, vectors: Iterator[tuple[int, NDArray[np.float32]]], curves: Curves | None
) -> tuple[int, tuple[int, ...]]:
    """Log vectors and curves in the order of their epochs; returns how many vectors there were, and their shape."""
    waiting = {} if curves is None else {epoch: curves.row(i) for i, epoch in enumerate(curves.epochs)}
    ahead = iter(waiting.items())
    row = next(ahead, None)
    count, shape = 0, (0, 0)
    with recorder.together():
        for epoch, table in vectors:
            while row is not None and row[0] <= epoch:
                recorder.log(row[0], **row[1])
                row = next(ahead, None)
            recorder.log_labels(epoch, labels=table)
            count, shape = count + 1, (table.shape[0], table.shape[1])
        while row is not None:
            recorder.log(row[0], **row[1])
            row = next(ahead, None)
    return count, shape


def _on_the_curves_epochs(series: Series, curves: Curves | None) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The vectors; where the curves count from 0 and were moved by 1, so are files that count with them."""
    known = set(curves.epochs) if curves is not None and curves.shifted else set()
    moved = bool(known) and COUNTED_FROM_0 not in series.notes and all(epoch + 1 in known for epoch, _ in series.files)
    if moved:
        series.notes = (*series.notes, MOVED)
    for epoch, vectors in read_series(series):
        yield epoch + moved, vectors


def _left_out(series: Series) -> list[str]:
    lines = series.left_out_lines()
    return [*lines[:10], *([f"and {len(lines) - 10:,} more files are left out"] if len(lines) > 10 else [])]


@contextmanager
def _recorded(
    source: Path, labelling: Labelling, names: Sequence[str], mark: str, home: Path | None, last: int
) -> Iterator[Recorder]:
    """A recorder of a new run; where it fails, no run is left behind."""
    title = tidy_name(labelling.name) or tidy_name(source.resolve().stem) or "imported"
    method = labelling.method.strip() or title[:100]
    data = labelling.data.strip() or title[:100]
    # Without a word on the method nothing says that two imports are repeats of one experiment.
    config = {} if labelling.method.strip() else {"imported": mark[:8]}
    with told(source.name) as kept:
        if names:
            recorder = start_run(
                title,
                classes=names,
                method=method,
                data=data,
                seed=labelling.seed,
                config=config,
                home=home,
                strict=True,
            )
        else:
            run = create_run(
                configuration(method, data, labelling.seed, config, max(last, 1))[0], name=title, home=home
            )
            recorder = Recorder(run.path, [], strict=True, epochs_known=True)
            recorder.update(vectors=[])
        folder = _folder(recorder)
        try:
            with recorder:
                yield recorder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        kept.append(Run(folder))


def _folder(recorder: Recorder) -> Path:
    if recorder.path is None:
        raise ImportFileError("Nothing is recorded in a process of a higher RANK.", "Unset RANK.")
    return recorder.path
