"""A checkpoint for each epoch: files of a folder in the order of the numbers in their names, and the same tensor of each."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from lwal_core.datafiles.arrays import open_arrays
from lwal_core.datafiles.signatures import content_of
from lwal_core.errors import ImportFileError, LwalError
from lwal_core.imports import ENDINGS, Incoming, choice, examine, existing
from lwal_core.imports.heads import describe
from lwal_core.imports.incoming import MAX_FILE_BYTES
from lwal_core.imports.label_vectors import check_finite
from lwal_core.imports.tensors import TORCH_ENDINGS, TorchReader
from lwal_core.past_runs.curve_files import MAX_BYTES as MAX_STATE_BYTES
from lwal_core.past_runs.epochs import MAX_EPOCHS
from lwal_core.sanitize import printable

MAX_FILES = 2_000
"""Files of a series; each is one epoch."""
MAX_LOOKED_AT = 100_000
"""Files of a folder that a pattern is compared with."""
MAX_TOTAL_BYTES = 256 * 2**30
"""Files of a series together: of each little more than one tensor is read."""
COUNTED_FROM_0 = (
    "Their names count trained epochs from 0; 1 is added, as epoch 0 stands for the network before training here."
)
LEFT_OUT = "left out: "
"""Start of what a run's warnings say of a file that is not in it."""
_NUMBER = re.compile(r"\d+")
_EPOCH = re.compile(r"(?<![a-z])(?:epoch|ep|e)[\s_=\-.]*(\d{1,9})(?!\d)", re.I)
_STEP = re.compile(r"(?<![a-z])(?:global_?step|step|iter(?:ation)?|checkpoint|ckpt)s?[\s_=\-.]*(\d{1,12})(?!\d)", re.I)


@dataclass(eq=False)
class Series:
    """Files that are read as the epochs of one training.

    Attributes:
        folder: Where they lie.
        pattern: What their names are like.
        files: Their paths, with the epoch of each; ascending.
        first: The first that could be read: which tensor, how many classes, which names.
        largest: Bytes of the largest file.
        left_out: Names of files that are not in the run, each with the reason; filled while they are read.
        notes: What was taken for what, a sentence each.
    """

    folder: Path
    pattern: str
    files: tuple[tuple[int, Path], ...]
    first: Incoming
    largest: int
    left_out: list[tuple[str, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()

    @property
    def tensor(self) -> str:
        """Name of the tensor that is read from each file; empty for tables, whose only content they are."""
        alone = self.first.tensors[0].name if len(self.first.tensors) == 1 else ""
        return self.first.tensor or alone

    def described(self) -> list[str]:
        """What came in, a line each."""
        assert self.first.vectors is not None
        classes, width = self.first.vectors.shape
        shown = ", ".join(self.first.names[:8]) + (f" and {classes - 8:,} more" if classes > 8 else "")
        return [
            f"{self.folder.name}: {len(self.files):,} files like {self.pattern}, epochs {self.files[0][0]} to {self.files[-1][0]}",
            f"read as labels: {self.tensor or 'the table'} of each; {classes:,} classes in {width:,} dimensions",
            f"names {self.first.named_by}: {shown}",
            *self.notes,
            *self.first.notes,
        ]

    def left_out_lines(self) -> list[str]:
        """Which files are not in the run and why, a line each."""
        return [f"{LEFT_OUT}{name}: {reason}" for name, reason in self.left_out]


def open_series(
    folder: str | Path, pattern: str, *, tensor: str | None = None, names: Sequence[str] | None = None
) -> Series:
    """Find the files of a series, and the tensor that is read from each.

    Args:
        folder: Where they lie.
        pattern: Names with ``*`` for what changes, such as ``epoch_*.pt`` or ``checkpoint-*/model.safetensors``.
        tensor: The tensor to read; None for the classification head of the first file that can be read.
        names: Class names in the order of the rows; None takes those of that file.

    Raises:
        ImportFileError: No such folder, no such file, too many or too large ones, or none that can be read.
    """
    root = existing(folder)
    if not root.is_dir():
        raise ImportFileError(f"{str(folder)!r} is no folder.", "Give the folder that the checkpoints lie in.")
    found = _ordered(root, _matching(root, pattern))
    sizes = [path.stat().st_size for path in found]
    size = sum(sizes)
    if size > MAX_TOTAL_BYTES:
        raise ImportFileError(
            f"The {len(found):,} files like {pattern!r} have {size / 2**30:,.0f} GiB.",
            f"At most {MAX_TOTAL_BYTES // 2**30} GiB are read; take every second one, by a pattern of their numbers.",
        )
    left_out: list[tuple[str, str]] = []
    first = None
    for path in found:
        try:
            _check(path)
            first = examine(path, tensor=tensor, names=names)
            if first.vectors is None:
                raise ImportFileError(f"{path.name!r} is a run bundle.", "")
            break
        except (LwalError, OSError) as error:
            left_out.append((_called(root, path), _reason(error)))
            first = None
    if first is None:
        raise ImportFileError(
            f"None of the {len(found):,} files like {pattern!r} can be read: {left_out[0][1]}",
            "Import one of them alone to see more.",
        )
    kept = found[len(left_out) :]
    epochs, note = _epochs(root, kept)
    return Series(
        root, pattern, tuple(zip(epochs, kept, strict=True)), first, max(sizes), left_out, (note,) if note else ()
    )


def read_series(series: Series) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The vectors of each epoch ``[C,K]``, one file at a time; what cannot be read is put into ``series.left_out``."""
    wanted = series.first
    assert wanted.vectors is not None
    with ExitStack() as stack:
        reader: TorchReader | None = None
        for epoch, path in series.files:
            try:
                _check(path)
                if series.tensor and path.suffix.lower() in TORCH_ENDINGS and content_of(path) == "torch":
                    reader = reader or stack.enter_context(TorchReader(series.largest))
                    vectors = _from_torch(reader, path, series.tensor)
                elif series.tensor and content_of(path) == "safetensors":
                    arrays = open_arrays(path)
                    facts = [describe(h.name, h.shape, h.dtype) for h in arrays.headers.values()]
                    vectors = choice.read(path, arrays, facts, choice.choose(path, facts, series.tensor, set())[0])[0]
                else:
                    table = examine(path, tensor=series.tensor or None, names=wanted.names).vectors
                    if table is None:
                        raise ImportFileError(f"{path.name!r} is a run bundle.", "")
                    vectors = table
                if vectors.shape != wanted.vectors.shape:
                    raise ImportFileError(
                        f"{series.tensor[:80] or 'The table'} has the shape {list(vectors.shape)}, not {list(wanted.vectors.shape)}.",
                        "",
                    )
                check_finite(vectors, wanted.names, path.name)
            except (LwalError, OSError) as error:
                series.left_out.append((_called(series.folder, path), _reason(error)))
                continue
            yield epoch, vectors


def _from_torch(reader: TorchReader, path: Path, tensor: str) -> NDArray[np.float32]:
    with reader.read(path, tensor) as content:
        name = choice.choose(path, content.tensors, tensor, set())[0]
        if name not in content.arrays.headers:
            raise ImportFileError(f"{tensor[:80]!r} in {path.name!r} is no plain tensor.", "")
        return choice.read(path, content.arrays, content.tensors, name)[0]


def _reason(error: LwalError | OSError) -> str:
    return error.message if isinstance(error, LwalError) else f"it cannot be read: {error.strerror}"


def _check(path: Path) -> None:
    size = path.stat().st_size
    if not 0 < size <= MAX_FILE_BYTES:
        raise ImportFileError(
            f"{path.name!r} is empty." if not size else f"{path.name!r} has {size / 2**30:.1f} GiB.", ""
        )


def _called(root: Path, path: Path) -> str:
    return printable(str(path.relative_to(root)))[:200]


def _matching(root: Path, pattern: str) -> list[Path]:
    parts = Path(pattern).parts
    if not parts or Path(pattern).is_absolute() or ".." in parts or "**" in parts or "\0" in pattern:
        raise ImportFileError(
            f"{pattern!r} is no pattern of names in the folder.",
            "Write epoch_*.pt, or checkpoint-*/model.safetensors for files in folders.",
        )
    found: list[Path] = []
    for count, path in enumerate(root.glob(pattern), start=1):
        if count > MAX_LOOKED_AT:
            break
        if path.is_file():
            found.append(path)
    if not found:
        raise ImportFileError(
            f"{root.name!r} has no files like {pattern!r}.", f"What is read ends in {', '.join(ENDINGS)}."
        )
    if len(found) > MAX_FILES:
        raise ImportFileError(
            f"{root.name!r} has {len(found):,} files like {pattern!r}.",
            f"At most {MAX_FILES:,} are read; take every tenth one, by a pattern such as epoch_*0.pt.",
        )
    return found


def _ordered(root: Path, found: Sequence[Path]) -> list[Path]:
    """By epoch where the names say it, else as people count: 2 before 10."""

    def natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
        text = str(path.relative_to(root))
        return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in re.split(r"(\d{1,18})", text) if p], text

    ordered = sorted(found, key=natural)
    numbers = [_numbered(root, path, _EPOCH) for path in ordered]
    steps = [_numbered(root, path, _STEP) for path in ordered]
    if None not in numbers:
        places = [(number or 0, steps[i] or 0) for i, number in enumerate(numbers)]
        return [ordered[i] for i in sorted(range(len(ordered)), key=lambda i: (*places[i], i))]
    return ordered


def _numbered(root: Path, path: Path, pattern: re.Pattern[str]) -> int | None:
    found = pattern.search(str(path.relative_to(root)))
    return int(found[1]) if found else None


def _epochs(root: Path, files: Sequence[Path]) -> tuple[list[int], str]:
    """An epoch for each file, ascending, and a sentence about where they come from."""
    told = [_numbered(root, path, _EPOCH) for path in files]
    steps = [_numbered(root, path, _STEP) for path in files]
    if _rising(told):
        numbers = [number for number in told if number is not None]
        if numbers[0] == 0 and steps[0] and numbers[-1] < MAX_EPOCHS:  # Lightning's epoch=0-step=50
            return [number + 1 for number in numbers], COUNTED_FROM_0
        return numbers, ""
    if None not in steps:
        states = [_epoch_of_state(path) for path in files]
        if _rising(states):
            return [
                number for number in states if number is not None
            ], "Their epochs are taken from trainer_state.json beside each."
        return _counted(len(files)), "Their names count steps; they are numbered from 1."
    only = _changing_number(root, files)
    if _rising(only):
        return [number for number in only if number is not None], ""
    last = str(files[-1].relative_to(root))
    return list(
        range(len(files))
    ), f"Their names hold no number of its own for each epoch; they are numbered from 0 to {last[:80]!r}."


def _counted(count: int) -> list[int]:
    return list(range(1, count + 1))


def _rising(numbers: Sequence[int | None]) -> bool:
    known = [number for number in numbers if number is not None]
    return (
        len(known) == len(numbers)
        and all(before < after for before, after in itertools.pairwise(known))
        and bool(known)
        and known[-1] <= MAX_EPOCHS
    )


def _changing_number(root: Path, files: Sequence[Path]) -> list[int | None]:
    """The only number in the names that is another one in each of them."""
    rows = [_NUMBER.findall(str(path.relative_to(root))) for path in files]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if len({len(row) for row in rows}) > 1:
        return [None]
    columns = [[int(row[j][-12:]) for row in rows] for j in range(width)]
    changing = [column for column in columns if len(set(column)) == len(files)]
    return list(changing[0]) if len(changing) == 1 or (changing and len(files) == 1) else [None]


def _epoch_of_state(path: Path) -> int | None:
    """The epoch at which the Trainer of transformers wrote a checkpoint."""
    state = path.parent / "trainer_state.json"
    try:
        if not state.is_file() or state.stat().st_size > MAX_STATE_BYTES:
            return None
        epoch = orjson.loads(state.read_bytes()).get("epoch")
    except (OSError, ValueError, AttributeError):
        return None
    whole = (
        isinstance(epoch, int | float)
        and not isinstance(epoch, bool)
        and 0 <= epoch <= MAX_EPOCHS
        and abs(epoch - round(epoch)) < 1e-2
    )
    return round(epoch) if whole else None
