"""From a file to a run: what it is, which of its tensors is read as labels, and keeping it."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from lwal_core.config import IMPORTED_DATA, IMPORTED_METHOD, RunConfig
from lwal_core.datafiles.limits import MAX_CLASSES, named, resolved
from lwal_core.errors import DataError, ImportFileError, LwalError
from lwal_core.imports import tensors as files
from lwal_core.imports.label_vectors import check_finite, read_vector_table
from lwal_core.imports.tensors import TORCH_ENDINGS, TensorFacts
from lwal_core.runs import Origin, Run, paths
from lwal_core.runs.bundle import (
    MANIFEST,
    MAX_FILES,
    BundleFacts,
    examine_bundle,
    import_bundle,
    opened_zip,
    write_bundle,
)
from lwal_core.runs.imported import create_imported_run
from lwal_core.runs.writer import tidy_name
from lwal_core.sanitize import printable
from lwal_core.system.log import event

MAX_NAME_CHARACTERS = 500
MAX_NAMES_BYTES = 16 * 2**20
MAX_FILE_BYTES = 8 * 2**30
"""Largest file that is opened; of a checkpoint only the header and one tensor are read."""
MAX_FOLDER_BYTES = 2**29
"""Largest folder of a run: it is packed in memory."""
MAX_FOLDER_ENTRIES = 2 * MAX_FILES
"""Files and folders in the folder of a run: those of a bundle, and what stays on its machine."""

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
ENDINGS = (".npy", ".npz", *TEXT_ENDINGS[:2], ".safetensors", ".zip", *TORCH_ENDINGS)
"""What may be brought, by the ending of its name."""


@dataclass(frozen=True, eq=False)
class Incoming:
    """A file that has been looked at and not kept.

    Attributes:
        path: The file.
        kind: ``"table"``: one table of vectors; ``"checkpoint"``: named tensors, one of which is chosen; ``"bundle"``: a
            run.
        sha256: Checksum of the whole file.
        size: Bytes.
        tensors: What it holds (tables and checkpoints).
        tensor: The name of the one that was read; empty for a table alone in its file, and where none can be read.
        vectors: float32 ``[C,K]`` of that tensor; None where none can be read.
        names: C class names.
        named_by: Where the names come from, for a sentence.
        bundle: What a bundle holds.
        source: The address that it was fetched from, with the commit; empty for a file that somebody brought.
    """

    path: Path
    kind: Literal["table", "checkpoint", "bundle"]
    sha256: str
    size: int
    tensors: tuple[TensorFacts, ...] = ()
    tensor: str = ""
    vectors: np.ndarray | None = None
    names: tuple[str, ...] = ()
    named_by: str = ""
    bundle: BundleFacts | None = field(default=None)
    source: str = ""


def examine(path: str | Path, *, tensor: str | None = None, names: Sequence[str] | None = None) -> Incoming:
    """Look at a file or at the folder of a run; nothing is kept.

    Args:
        path: What somebody brought. Its kind is told by the ending of its name.
        tensor: The tensor to read as label vectors; None for the likeliest.
        names: Class names in the order of the rows; None takes those of the file, or numbers the classes.

    Raises:
        ImportFileError: It cannot be read as what its name says.
        DataError: It can, and is no table of label vectors; the message names the class that is wrong.
    """
    file = existing(path)
    if not file.is_file():
        raise ImportFileError(f"There is no file {str(path)!r}.", "Check the spelling.")
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise ImportFileError(
            f"{file.name!r} ends in {ending!r}.", f"What is read ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        )
    size = file.stat().st_size
    if size == 0 or size > MAX_FILE_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {size / 2**30:.1f} GiB." if size else f"{file.name!r} is empty.",
            f"Files of up to {MAX_FILE_BYTES / 2**30:.0f} GiB are read." if size else "Save it again.",
        )
    with open(file, "rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    if ending == ".zip":
        return _examine_zip(file, checksum, size)
    if ending in TORCH_ENDINGS:
        with files.torch_as_safetensors(file) as (found, readable):
            chosen = _choose(file, found, tensor)
            return _checkpoint(
                file, checksum, size, found, chosen, files.read_safetensors(readable, chosen), None, names
            )
    if ending == ".npz":
        found = files.list_npz(file)
        chosen = _choose(file, found, tensor)
        vectors = files.read_npz_array(file, chosen)
        return _checkpoint(file, checksum, size, found, chosen, vectors, files.npz_names(file), names)
    if ending == ".safetensors":
        found = files.list_safetensors(file)
        if len(found) != 1:
            chosen = _choose(file, found, tensor)
            return _checkpoint(file, checksum, size, found, chosen, files.read_safetensors(file, chosen), None, names)
    return _examine_table(file, checksum, size, names)


def existing(path: str | Path) -> Path:
    """A path that somebody typed, by the name that it was given.

    Raises:
        ImportFileError: Nothing can be reached there.
    """
    try:
        resolved(path, "file")
    except DataError as error:
        raise ImportFileError(error.message, error.hint) from None
    return Path(path).expanduser()


def import_run(incoming: Incoming, *, name: str = "", home: Path | None = None) -> tuple[Run, bool]:
    """Make a run of what :func:`examine` found.

    Args:
        incoming: As examined.
        name: A name for people; empty takes the file's, or the bundle's own.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Returns:
        The run, and whether it is new: a bundle's run may be there already.
    """
    with _told(incoming.path.name) as kept:
        run, new = _keep(incoming, name, home)
        kept.append(run)
    return run, new


def _keep(incoming: Incoming, name: str, home: Path | None) -> tuple[Run, bool]:
    if incoming.kind == "bundle":
        return import_bundle(incoming.path, name=name, home=home)
    assert incoming.vectors is not None
    title = tidy_name(name) or tidy_name(incoming.path.stem) or "vectors"
    origin = Origin(
        kind=incoming.kind,
        file=tidy_name(incoming.path.name),
        sha256=incoming.sha256,
        tensor=incoming.tensor[:500],
        shape=list(incoming.vectors.shape),
        at=datetime.now(UTC),
        source=incoming.source,
    )
    # Two tensors of one file are two sources, not repeats of one.
    mark = hashlib.sha256(f"{incoming.sha256} {incoming.tensor}".encode()).hexdigest()[:8]
    shown = re.sub(r"[#:/\\]+", " ", title).strip()[:60] or "vectors"
    config = RunConfig.parse({"data": {"name": f"{IMPORTED_DATA}{shown}#{mark}"}, "method": {"name": IMPORTED_METHOD}})
    return create_imported_run(config, incoming.vectors, incoming.names, origin, name=title, home=home), True


def import_folder(path: Path, *, name: str = "", home: Path | None = None) -> tuple[Run, bool]:
    """Copy the folder of a run from elsewhere into the home, by way of a bundle, so that the same checks hold."""
    with _told(path.name) as kept:
        run, new = _keep_folder(path, name, home)
        kept.append(run)
    return run, new


@contextmanager
def _told(file: str) -> Iterator[list[Run]]:
    """Tell what becomes of a file; the run that is made of it is put into the list."""
    kept: list[Run] = []
    try:
        yield kept
    except LwalError as error:
        log_refused(file, error)
        raise
    for run in kept:
        event("import.kept", f"{file} is kept as {run.id}", file=file, run=run.id)


def log_refused(file: str, error: LwalError) -> None:
    """Tell that a file was not taken, and why."""
    event(
        "import.refused", f"{file} is refused: {error.message}", level=logging.WARNING, file=file, reason=error.message
    )


def _keep_folder(path: Path, name: str, home: Path | None) -> tuple[Run, bool]:
    import tempfile

    from lwal_core.runs.record import read_record

    folder = existing(path).resolve()
    if not folder.is_dir():
        raise ImportFileError(f"{str(path)!r} is no folder.", "Bring the folder of a run itself.")
    record = read_record(folder)
    _check_folder(folder)
    data = write_bundle(Run(folder, record), weights=True)
    with tempfile.TemporaryDirectory(prefix="lwal-import-") as scratch:
        packed = Path(scratch) / f"{folder.name}.zip"
        packed.write_bytes(data)
        return import_bundle(packed, name=name, home=home)


def _check_folder(folder: Path) -> None:
    """Refuse what would bring in something else than a run, before any of it is read."""
    size = 0
    for count, path in enumerate(folder.rglob("*"), start=1):
        if path.is_symlink():  # a file of this machine, which the next bundle would take out
            raise ImportFileError(f"{path.name[:80]!r} in the folder is a link.", "Bring the folder of a run itself.")
        size += path.stat().st_size if paths.CHECKPOINT not in path.relative_to(folder).parts else 0  # stays there
        if count > MAX_FOLDER_ENTRIES or size > MAX_FOLDER_BYTES:
            raise ImportFileError(
                f"The folder has more than {MAX_FOLDER_ENTRIES:,} files or {MAX_FOLDER_BYTES // 2**20} MiB.",
                "Bring the folder of a single run, or the bundle that `lwal export` makes of it.",
            )


def _examine_zip(file: Path, checksum: str, size: int) -> Incoming:
    with opened_zip(file) as archive:
        names = archive.namelist()
    if MANIFEST not in names and any(name.endswith("data.pkl") for name in names):
        raise ImportFileError(
            f"{file.name!r} is a file of torch.save, not a run bundle.", "Give it the ending .pt and bring it again."
        )
    return Incoming(file, "bundle", checksum, size, bundle=examine_bundle(file))


def _examine_table(file: Path, checksum: str, size: int, names: Sequence[str] | None) -> Incoming:
    table = read_vector_table(file)
    vectors, own = table.vectors, table.names
    if own is not None and file.suffix.lower() in TEXT_ENDINGS and _are_components(own):
        # A bare table of numbers: what was read as names is the first component.
        first = np.array([[float(text)] for text in own], dtype=np.float32)
        vectors, own = np.hstack([first, vectors]), None
    chosen, source = _names(len(vectors), own, names)
    _check(vectors, chosen, file.name)
    facts = files.describe("", vectors.shape, "float32")
    return Incoming(file, "table", checksum, size, (facts,), "", vectors, chosen, source)


def _checkpoint(
    file: Path, checksum: str, size: int, found: Sequence[TensorFacts], chosen: str, vectors: np.ndarray,
    own: Sequence[str] | None, names: Sequence[str] | None,
) -> Incoming:  # fmt: skip
    listed, source = _names(len(vectors), own, names)
    _check(vectors, listed, f"{file.name}, tensor {chosen!r},")
    return Incoming(file, "checkpoint", checksum, size, tuple(found), chosen, vectors, listed, source)


def _choose(file: Path, found: Sequence[TensorFacts], wanted: str | None) -> str:
    if wanted is None:
        wanted = files.guess_label_table(found)
        if not wanted:
            shapes = named(f"{t.name} {list(t.shape)}" for t in found) or "nothing"
            raise ImportFileError(
                f"{file.name!r} has no tensor that could be label vectors; it holds {shapes}.",
                f"Label vectors are numbers of shape [classes, K] with 2 to {MAX_CLASSES:,} classes.",
            )
        return wanted
    known = {tensor.name: tensor for tensor in found}
    if wanted not in known:
        raise ImportFileError(f"{file.name!r} has no tensor {wanted[:80]!r}.", f"It has {named(known)}.")
    if not known[wanted].usable:
        raise ImportFileError(
            f"The tensor {wanted[:80]!r} has shape {list(known[wanted].shape)} and type {known[wanted].dtype}.",
            f"Label vectors are numbers of shape [classes, K] with 2 to {MAX_CLASSES:,} classes.",
        )
    return wanted


def _names(count: int, own: Sequence[str] | None, given: Sequence[str] | None) -> tuple[tuple[str, ...], str]:
    """The class names, each once and not empty, and where they come from."""
    if given is not None and len(given) != count:
        raise ImportFileError(
            f"{len(given):,} class names were given for {count:,} vectors.",
            "Give one name a row, in the order of the rows.",
        )
    chosen, source = (given, "as given") if given is not None else (own, "from the file")
    if chosen is None:
        return tuple(f"class {i}" for i in range(count)), "numbered, as the file names none"
    cleaned = [
        " ".join(printable(str(name)).split())[:MAX_NAME_CHARACTERS] or f"class {i}" for i, name in enumerate(chosen)
    ]
    twice = sorted(name for name, times in Counter(cleaned).items() if times > 1)
    if twice:
        raise ImportFileError(f"Several vectors are named {named(twice)}.", "Each class needs a name of its own.")
    return tuple(cleaned), source


def _check(vectors: np.ndarray, names: Sequence[str], source: str) -> None:
    if not 2 <= len(vectors) <= MAX_CLASSES:
        raise ImportFileError(
            f"{source} has {len(vectors):,} vector{'' if len(vectors) == 1 else 's'}.",
            f"Between 2 and {MAX_CLASSES:,} classes can be shown.",
        )
    try:
        check_finite(vectors, names, source)
    except DataError as error:
        raise ImportFileError(error.message, error.hint) from None


def _are_components(names: Sequence[str]) -> bool:
    """Whether what stands where names are expected are numbers of a table without names: all are numbers, and not all
    of them whole, as the numbers of classes would be."""
    try:
        values = [float(name) for name in names]
    except ValueError:
        return False
    return any(value != value or not value.is_integer() for value in values)
