"""Reference matrix: how far every two classes are apart by somebody's judgement, or how often another model takes one for the other.

A reference that is no tree: similarities that people gave, distances of another space, confusions of another model. Of several
repeats (people, seeds, sessions) all are kept: how well they agree with each other is the most that anything can agree with them.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.datafiles.arrays import open_arrays
from lwal_core.datafiles.text_rows import find_form, first_lines, read_lines, records, text_encoding
from lwal_core.errors import AnalysisError, LwalError
from lwal_core.sanitize import printable
from lwal_core.taxonomy.class_names import singular_forms, spelling_key

MatrixKind = Literal["distance", "similarity", "confusion"]
KINDS: tuple[MatrixKind, ...] = get_args(MatrixKind)
ENDINGS = ("csv", "tsv", "npz")
MAX_BYTES = 50 * 2**20
MAX_CLASSES, MAX_REPEATS, MAX_NAME = 2_000, 50, 200
_ARRAY_NAMES = ("matrix", "distances", "distance", "similarities", "similarity", "confusion", "confusions")


@dataclass(frozen=True, eq=False)
class ReferenceMatrix:
    """Distances between n classes, of R repeats.

    Attributes:
        title: What to call it.
        kind: What the file held.
        names: The classes.
        repeats: ``[R, n, n]``, symmetric, 0 on the diagonal; the larger the less alike.
    """

    title: str
    kind: MatrixKind
    names: tuple[str, ...]
    repeats: FloatArray

    def kept(self, names: Sequence[str]) -> dict[int, int]:
        """Indices of the given names that mean a class of this matrix which no other of them means, with its row.

        As for taxonomies, case, blanks, underscores, hyphens and an English plural ending do not matter.
        """
        rows = {spelling_key(name): row for row, name in enumerate(self.names)}
        forms: dict[str, set[int]] = {}
        for row, name in enumerate(self.names):
            for form in singular_forms(name):
                forms.setdefault(form, set()).add(row)
        found: dict[int, int] = {}
        for i, name in enumerate(names):
            exact = rows.get(spelling_key(name))
            if exact is None:
                meant = set().union(*(forms.get(form, set()) for form in singular_forms(name)))
                exact = meant.pop() if len(meant) == 1 else None
            if exact is not None:
                found[i] = exact
        counts = Counter(found.values())
        return {i: row for i, row in found.items() if counts[row] == 1}


def read_matrix(path: Path, kind: MatrixKind | None = None, title: str = "") -> ReferenceMatrix:
    """Read a reference matrix from a file; nothing in it is unpickled.

    - Table (CSV, TSV): the first row has the names of the columns, the first cell of each other row that of the row; both the
      same names. Half a matrix is enough: an empty cell is taken from the other side of the diagonal.
    - ``.npz``: ``names [n]`` (or ``class_names``) as text, and ``matrix``, ``distances``, ``similarity`` or ``confusion``, ``[n, n]`` or
      of several repeats ``[R, n, n]``.

    Args:
        path: The file.
        kind: What the numbers are. ``"distance"``: the larger the less alike. ``"similarity"``: the larger the more alike.
            ``"confusion"``: counts with true classes in rows, of which the shares are taken. Told by the array's name or the
            diagonal when left out.
        title: What to call it; the file's name when left out.

    Raises:
        AnalysisError: The file is too large, damaged, or not such a matrix.
        ImportFileError: An array or a text cannot be read.
    """
    if kind is not None and kind not in KINDS:
        raise AnalysisError(f"There are no matrices of the kind {kind!r}.", f"Use {', '.join(KINDS)}.")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AnalysisError(f"The file {path.name!r} cannot be read.", "Give a file that is there.") from error
    if size > MAX_BYTES:
        raise AnalysisError(
            f"The file has {size / 2**20:.1f} MiB, at most {MAX_BYTES // 2**20} MiB are read.", "Keep fewer classes."
        )
    if path.suffix.lower() == ".npz":
        names, values, told = _from_arrays(path)
    else:
        names, values, told = *_from_table(path), None
    _check_names(names)
    used = kind or told or _kind_of(values)
    return ReferenceMatrix(
        " ".join(printable(title or path.stem).split())[:MAX_NAME] or "matrix",
        used,
        tuple(names),
        _distances(values, used),
    )


def parse_matrix(data: bytes, file_name: str, kind: MatrixKind | None = None) -> ReferenceMatrix:
    """Read a reference matrix that was uploaded, by way of a temporary file.

    Args:
        data: The file's bytes.
        file_name: Its name, of which only the last part matters.
        kind: As for :func:`read_matrix`.

    Raises:
        AnalysisError: As :func:`read_matrix`.
        ImportFileError: An array or a text cannot be read.
    """
    given = PurePath(file_name)
    suffix = given.suffix.lower() if given.suffix.lower().removeprefix(".") in ENDINGS else ".csv"
    with tempfile.NamedTemporaryFile(prefix="matrix", suffix=suffix) as file:
        file.write(data)
        file.flush()
        try:
            return read_matrix(Path(file.name), kind, given.stem)
        except LwalError as error:  # which calls the file by a name that nobody gave it
            raise AnalysisError(error.message.replace(Path(file.name).name, given.name[:80]), error.hint) from error


def _from_arrays(path: Path) -> tuple[list[str], FloatArray, MatrixKind | None]:
    file = open_arrays(path, kinds=("npz",))
    label = next((name for name in ("names", "class_names") if name in file.headers), None)
    array = next((name for name in _ARRAY_NAMES if name in file.headers), None)
    if label is None or array is None:
        raise AnalysisError(
            f"{path.name!r} has the arrays {', '.join(map(repr, list(file.headers)[:8])) or 'none'}.",
            "A reference matrix has 'names' and one of " + ", ".join(map(repr, _ARRAY_NAMES)) + ".",
        )
    header = file.headers[array]
    shape = header.shape if len(header.shape) == 3 else (1, *header.shape)
    if (
        not header.numeric
        or len(shape) != 3
        or shape[1] != shape[2]
        or shape[1] > MAX_CLASSES
        or not 1 <= shape[0] <= MAX_REPEATS
    ):
        raise AnalysisError(
            f"The array {array!r} has the shape {header.shape} and the type {header.dtype}.",
            f"Give numbers [n, n] or [R, n, n], with up to {MAX_CLASSES:,} classes and {MAX_REPEATS} repeats.",
        )
    if not file.headers[label].text or len(file.headers[label].shape) != 1:
        raise AnalysisError(f"The array {label!r} holds no texts.", "Save it by numpy.asarray(names, dtype=str).")
    names: list[Any] = file.read(label, MAX_BYTES).tolist()
    texts = [name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in names]
    values = file.read(array, 4 * MAX_BYTES).astype(np.float64).reshape(shape)
    if len(texts) != shape[1]:
        raise AnalysisError(f"There are {len(texts):,} names for {shape[1]:,} classes.", "Give one name a class.")
    kinds: dict[str, MatrixKind] = {"dis": "distance", "sim": "similarity", "con": "confusion"}
    return texts, values, kinds.get(array[:3])


def _from_table(path: Path) -> tuple[list[str], FloatArray]:
    with path.open("rb") as file:
        encoding = text_encoding(file.read(2**10))
    lines = first_lines(read_lines(path, encoding))
    if not lines:
        raise AnalysisError("The file is empty.", "Give a table with the class names in its first row and column.")
    rows: list[tuple[int, list[str]]] = []
    for number, cells in records(path, find_form(path, encoding, lines)):
        if any(cell.strip() for cell in cells):
            rows.append((number, cells))
        if len(rows) > MAX_CLASSES + 1:
            raise AnalysisError(f"The table has more than {MAX_CLASSES:,} classes.", "Keep fewer.")
    hint = "The first row names the columns, the first cell of each other row is its class, and both name the same classes."
    names = [cell.strip() for cell in rows[0][1][1:]] if rows else []
    while names and not names[-1]:
        names.pop()
    of_rows = [cells[0].strip() for _, cells in rows[1:]]
    if len(names) < 2 or sorted(names) != sorted(of_rows):
        raise AnalysisError(f"The rows and the columns of {path.name!r} do not name the same classes.", hint)
    place = {name: at for at, name in enumerate(names)}
    values = np.full((1, len(names), len(names)), math.nan)
    for number, cells in rows[1:]:
        for column, cell in enumerate(cells[1 : len(names) + 1]):
            text = cell.strip()
            if text:
                try:
                    values[0, place[cells[0].strip()], column] = float(text)
                except ValueError:
                    raise AnalysisError(f"Row {number} has {text[:40]!r} in the place of a number.", hint) from None
    return names, values


def _check_names(names: Sequence[str]) -> None:
    if not 3 <= len(names) <= MAX_CLASSES:
        raise AnalysisError(f"The matrix has {len(names):,} classes.", f"From 3 to {MAX_CLASSES:,} can be compared.")
    if any(not name or len(name) > MAX_NAME or not name.isprintable() for name in names):
        raise AnalysisError(
            "A class has no name, a very long one, or one with control characters.", "Give plain names."
        )
    twice = [name for name, count in Counter(map(spelling_key, names)).items() if count > 1]
    if twice:
        raise AnalysisError(f"The class {twice[0][:80]!r} is there twice.", "Name each class once.")


def _kind_of(values: FloatArray) -> MatrixKind:
    """Told by the diagonal: classes are nearest to themselves."""
    diagonal = np.diagonal(values, axis1=1, axis2=2)
    others = values[:, ~np.eye(values.shape[1], dtype=bool)]
    with np.errstate(invalid="ignore"):
        low, high = np.nanmin(others), np.nanmax(others)
        if np.isnan(diagonal).all():
            raise AnalysisError("The diagonal is empty, so that it is not clear what the numbers are.", "Say the kind.")
        if (np.nan_to_num(diagonal, nan=0.0) == 0).all() and low >= 0 and high > 0:
            return "distance"
        if np.nanmean(diagonal) > np.nanmean(others):
            counts = (
                np.isfinite(values).all() and (values >= 0).all() and (values == np.round(values)).all() and high > 1
            )
            return "confusion" if counts else "similarity"
    raise AnalysisError("It is not clear whether large numbers mean alike or unlike.", "Say the kind of the matrix.")


def _distances(values: npt.NDArray[np.float64], kind: MatrixKind) -> FloatArray:
    """Symmetric distances; what is missing on one side of the diagonal is taken from the other."""
    if np.isinf(values).any():
        raise AnalysisError("The matrix has numbers that are not finite.", "Give finite numbers.")
    n = values.shape[1]
    if kind == "confusion":
        totals = np.nansum(values, axis=2, keepdims=True)
        if (np.nan_to_num(values) < 0).any() or not (totals > 0).all() or np.isnan(values).any():
            raise AnalysisError(
                "A confusion matrix has counts from 0, and samples of every class.",
                "Say another kind, or leave classes out.",
            )
        values = values / totals
    turned = values.transpose(0, 2, 1)
    both = np.where(np.isnan(values), turned, np.where(np.isnan(turned), values, (values + turned) / 2))
    off = ~np.eye(n, dtype=bool)
    if np.isnan(both[:, off]).any():
        raise AnalysisError("Two classes have no number on either side of the diagonal.", "Fill the cells.")
    if kind != "distance":
        both = both[:, off].max(axis=1)[:, None, None] - both
    elif (both[:, off] < 0).any():
        raise AnalysisError("A distance is below 0.", "Say another kind of matrix, or give distances.")
    found: FloatArray = np.where(off, both, 0.0)
    return found
