"""Predictions for a test set from files: CSV, Parquet, ``.npz``. Looked at, not kept."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.arrays import ArrayFile, as_float32, open_arrays
from lwal_core.datafiles.signatures import content_of
from lwal_core.errors import ImportFileError
from lwal_core.imports import existing
from lwal_core.imports.names import NAME_KEYS, names_beside
from lwal_core.past_runs.prediction_classes import Codes, resolve
from lwal_core.past_runs.prediction_tables import MAX_SAMPLES, read_prediction_table, table_heads

MAX_ARRAY_BYTES = 2**30
PREDICTION_ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".npz")
_TARGETS = ("y", "y_true", "target", "targets")
_PREDICTED = ("pred", "preds", "y_pred", "predicted", "prediction", "predictions")
_SCORES = ("proba", "probs", "probabilities", "scores", "logits", "y_proba", "y_score")
_EMBEDDINGS = ("z", "embedding", "embeddings", "features", "x")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network said of a test set.

    Attributes:
        path: The file.
        names: C class names; ``named_by`` says where they come from, for a sentence.
        targets: True classes ``[N]``.
        predictions: Predicted classes ``[N]``; None where the file has none, and the nearest class mean stands in.
        scores: ``[N,C]``, such as probabilities or logits; None without.
        embeddings: ``[N,K]``; None without.
        notes: What was taken for what, a sentence each.
    """

    path: Path
    names: tuple[str, ...]
    named_by: str
    targets: NDArray[np.int64]
    predictions: NDArray[np.int64] | None
    scores: NDArray[np.float32] | None = None
    embeddings: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """Share of the samples whose prediction is right; None without predictions."""
        return None if self.predictions is None else float((self.predictions == self.targets).mean())

    def described(self) -> list[str]:
        """What came in, a line each, for the terminal and the dialog."""
        found = [f"{self.path.name}: predictions for {len(self.targets):,} samples of {len(self.names):,} classes"]
        if self.accuracy is not None:
            found.append(f"{self.accuracy:.2%} of them are right")
        shown = ", ".join(self.names[:8]) + (f" and {len(self.names) - 8:,} more" if len(self.names) > 8 else "")
        beside = [
            f"{what} of {values.shape[1]:,} numbers a sample"
            for what, values in (("scores", self.scores), ("embeddings", self.embeddings))
            if values is not None
        ]
        return [*found, f"names {self.named_by}: {shown}", *beside, *self.notes]


def holds_predictions(path: str | Path) -> bool:
    """Whether a file looks like predictions rather than label vectors: by its heads or the names of its arrays."""
    file = Path(path)
    ending = file.suffix.lower()
    try:
        if ending == ".parquet":
            return file.is_file()
        if ending not in PREDICTION_ENDINGS or not file.is_file():
            return False
        if ending != ".npz":
            return content_of(file) == "text" and table_heads(file) is not None
        arrays = open_arrays(file)
        found = _roles(arrays)
        return "targets" in found and len(found) > 1
    except (ImportFileError, OSError):
        return False


def read_predictions(path: str | Path, *, names: Sequence[str] | None = None) -> Predictions:
    """Read predictions.

    Args:
        path: A table with the columns ``target`` and ``predicted`` and any number of ``score_NAME``, or an ``.npz`` file with ``y``
            and ``pred``, ``proba`` or ``z``.
        names: Class names by number; None takes those of the file.

    Raises:
        ImportFileError: It is none of these, damaged or too large, or its classes do not fit together.
    """
    file = existing(path)
    if not file.is_file():
        raise ImportFileError(f"There is no file {str(path)!r}.", "Check the spelling.")
    if file.stat().st_size == 0:
        raise ImportFileError(f"{file.name!r} is empty.", "Save it again.")
    if file.suffix.lower() == ".npz":
        return _from_arrays(file, names)
    table = read_prediction_table(file)
    columns = [table.targets] + ([table.predicted] if table.predicted is not None else [])
    found, listed, by = resolve(table.codes, columns, scored=table.scored, own=table.names, given=names)
    predicted, notes = _by_scores(found[1] if len(found) > 1 else None, table.scores)
    return Predictions(file, listed, by, found[0], predicted, table.scores, notes=(*table.notes, *notes))


def _roles(arrays: ArrayFile) -> dict[str, str]:
    """Which array is what, by name and number of dimensions."""
    found: dict[str, str] = {}
    for role, names, dimensions in (
        ("targets", _TARGETS, 1), ("predicted", _PREDICTED, 1), ("scores", _SCORES, 2), ("embeddings", _EMBEDDINGS, 2),
    ):  # fmt: skip
        for name in names:
            header = arrays.headers.get(name)
            if header is not None and len(header.shape) == dimensions and role not in found:
                found[role] = name
    return found


def _from_arrays(file: Path, given: Sequence[str] | None) -> Predictions:
    arrays = open_arrays(file)
    roles = _roles(arrays)
    if "targets" not in roles or len(roles) < 2:
        raise ImportFileError(
            f"{file.name!r} holds no predictions.",
            "Save y [N] and pred [N], proba [N, C] or z [N, K]: numpy.savez(FILE, z=z, y=y, pred=pred).",
        )
    count = arrays.headers[roles["targets"]].shape[0]
    for role, name in roles.items():
        if (length := arrays.headers[name].shape[0]) != count:
            raise ImportFileError(
                f"{file.name!r} has {count:,} true classes in {roles['targets']!r} and {length:,} rows in {name!r}.",
                "Each sample needs one of either.",
            )
        header = arrays.headers[name]
        if role in ("scores", "embeddings") and (not header.numeric or 0 in header.shape):
            raise ImportFileError(
                f"{name!r} in {file.name!r} holds values of type {header.dtype}.", "Save plain numbers."
            )
    if not 1 <= count <= MAX_SAMPLES:
        raise ImportFileError(f"{file.name!r} has {count:,} samples.", f"From 1 to {MAX_SAMPLES:,} are read.")
    codes = Codes(file.name)
    columns = [_coded(arrays, roles[role], codes) for role in ("targets", "predicted") if role in roles]
    scores = _numbers(arrays, roles["scores"]) if "scores" in roles else None
    embeddings = _numbers(arrays, roles["embeddings"]) if "embeddings" in roles else None
    own, unread = _own_names(arrays) if given is None else (None, ())
    many = None if scores is None else scores.shape[1]
    found, listed, by = resolve(codes, columns, scored=many, own=own, given=given)
    predicted, notes = _by_scores(found[1] if len(found) > 1 else None, scores)
    return Predictions(file, listed, by, found[0], predicted, scores, embeddings, (*notes, *unread))


def _by_scores(
    predicted: NDArray[np.int64] | None, scores: NDArray[np.float32] | None
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Predictions, which are the largest scores where there are none, and how many of those that there are differ from them."""
    if scores is None:
        return predicted, ()
    largest = scores.argmax(axis=1)
    if predicted is None:
        return largest, ("The class with the largest score is taken as the prediction.",)
    other = int((scores.max(axis=1) > scores[np.arange(len(scores)), predicted]).sum())
    return predicted, (
        f"For {other:,} samples the prediction is not the class with the largest score.",
    ) if other else ()


def _coded(arrays: ArrayFile, name: str, codes: Codes) -> array[int]:
    header = arrays.headers[name]
    values = arrays.read(name, MAX_ARRAY_BYTES)
    if header.text:
        values = np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values
    elif values.dtype.kind not in "iub" and not (
        values.dtype.kind == "f" and np.isfinite(values).all() and (values == values.round()).all()
    ):
        raise ImportFileError(
            f"{name!r} in {arrays.path.name!r} holds values that are no classes.", "Classes are whole numbers or names."
        )
    elif values.dtype.kind != "u":
        values = values.astype(np.int64)
    distinct, inverse = np.unique(values, return_inverse=True)
    code = np.array([codes.code(value) for value in distinct.tolist()], dtype=np.int64)
    return array("q", code[inverse.ravel()].tobytes())


def _numbers(arrays: ArrayFile, name: str) -> NDArray[np.float32]:
    values = as_float32(arrays.read(name, MAX_ARRAY_BYTES))
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise ImportFileError(
            f"{arrays.path.name!r} has a value that is no finite number in row {row:,} of {name!r} (counted from 0).",
            "Leave it out.",
        )
    return values


def _own_names(arrays: ArrayFile) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Class names that lie beside the predictions, and sentences about those that cannot be read."""
    headers = [
        header for key in NAME_KEYS if (header := arrays.headers.get(key)) is not None and len(header.shape) == 1
    ]
    for header in headers:
        if header.text:
            return names_beside(arrays, header.shape[0], "")[0], ()
    for header in headers:
        if header.dtype == "object":
            return None, names_beside(arrays, header.shape[0], "")[1]
    return None, ()
