"""Import of a file as a run: type, label tensor, run folder."""

from __future__ import annotations

import hashlib
import logging
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from lwal_core.config import IMPORTED_DATA, IMPORTED_METHOD, RunConfig
from lwal_core.datafiles.arrays import ArrayFile, open_arrays
from lwal_core.datafiles.limits import MAX_CLASSES, named, resolved
from lwal_core.datafiles.signatures import UNPACK, content_of
from lwal_core.datafiles.tables import TEXT_ENDINGS, read_table
from lwal_core.errors import DataError, ImportFileError, LwalError
from lwal_core.imports import choice, parts
from lwal_core.imports.heads import TensorInfo, describe
from lwal_core.imports.label_vectors import check_finite
from lwal_core.imports.model_names import given_names, imagenet_note, names_in_config
from lwal_core.imports.names import choose_names, is_feature_file, names_beside
from lwal_core.imports.tensors import TORCH_ENDINGS, torch_as_safetensors
from lwal_core.runs import Origin, Run, paths
from lwal_core.runs.bundle import (
    MANIFEST,
    MAX_FILES,
    BundleInfo,
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

MAX_TEXT_BYTES = 2**29
MAX_INDEX_BYTES = 16 * 2**20

ENDINGS = (".npy", ".npz", *TEXT_ENDINGS, ".safetensors", ".zip", *TORCH_ENDINGS)
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
        notes: What was taken for what, and what was left out, a sentence each.
    """

    path: Path
    kind: Literal["table", "checkpoint", "bundle"]
    sha256: str
    size: int
    tensors: tuple[TensorInfo, ...] = ()
    tensor: str = ""
    vectors: np.ndarray | None = None
    names: tuple[str, ...] = ()
    named_by: str = ""
    bundle: BundleInfo | None = field(default=None)
    source: str = ""
    notes: tuple[str, ...] = ()

    def described(self) -> list[str]:
        """What came in, a line each, for the terminal and the dialog."""
        size = f"{self.size / 2**20:,.2f} MiB, SHA-256 {self.sha256}"
        if self.bundle is not None:
            record = self.bundle.record
            weights = any(name.startswith("model/") for name in self.bundle.files)
            return [
                f"{self.path.name}: a run bundle, {size}",
                f"{record.name or record.id}: {record.config.method_label()} on {record.config.data.title}, "
                f"{len(record.class_names):,} classes, {record.status}, made {record.created:%Y-%m-%d}",
                f"{len(self.bundle.files):,} files, {self.bundle.total / 2**20:,.2f} MiB unpacked, "
                f"{'with' if weights else 'without'} weights; every file is checked against its checksum when it is kept",
            ]
        lines = [f"{self.path.name}: {'a table of label vectors' if self.kind == 'table' else 'a checkpoint'}, {size}"]
        if self.kind == "checkpoint":
            usable = [f"{t.name[:80]} {list(t.shape)}" for t in self.tensors if t.usable]
            lines.append(
                f"read as labels: {self.tensor}; of {len(self.tensors):,} tensors could be: {', '.join(usable[:20])}"
                + (f" and {len(usable) - 20:,} more" if len(usable) > 20 else "")
            )
        if self.vectors is not None:
            classes, width = self.vectors.shape
            shown = ", ".join(self.names[:8]) + (f" and {classes - 8:,} more" if classes > 8 else "")
            lines.append(f"{classes:,} classes in {width:,} dimensions; names {self.named_by}: {shown}")
        return [*lines, *self.notes]


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
    size = file.stat().st_size
    if file.name.lower().endswith(".index.json") and size <= MAX_INDEX_BYTES:
        part, head, note = parts.part_to_read(file, tensor)
        found = examine(part, tensor=head, names=names)
        return replace(found, notes=(note, *found.notes))
    ending = file.suffix.lower()
    if ending not in ENDINGS and not is_bundle(file):
        content_of(file)  # which says what else it is
        raise ImportFileError(
            f"{file.name!r} ends in {ending!r}.", f"What is read ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}."
        )
    if size == 0 or size > MAX_FILE_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {size / 2**30:.1f} GiB." if size else f"{file.name!r} is empty.",
            f"Files of up to {MAX_FILE_BYTES / 2**30:.0f} GiB are read." if size else "Save it again.",
        )
    kind = content_of(file)
    with open(file, "rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    found = _read(file, kind, tensor, names)
    return replace(found, sha256=checksum, size=size, notes=(*choice.file_notes(file, kind), *found.notes))


def _read(file: Path, kind: str, tensor: str | None, names: Sequence[str] | None) -> Incoming:
    """What a file holds, by its content where that is told by its first bytes, else by its ending."""
    ending = file.suffix.lower()
    if kind in ("npy", "npz", "safetensors"):
        arrays = open_arrays(file)
        if is_feature_file(arrays):
            raise ImportFileError(
                f"{file.name!r} is a feature file: samples of a data set, not vectors of classes.",
                f"Train on it: lwal train --dataset features:{file.name}, or Train, Feature file.",
            )
        tensors = tuple(describe(h.name, h.shape, h.dtype) for h in arrays.headers.values())
        with choice.others_offered(tensors):
            return _from_arrays(file, arrays, tensors, {}, tensor, names)
    if ending == ".zip" or is_bundle(file):
        return _examine_zip(file)
    if kind == "zip" and zipfile.is_zipfile(file):
        raise ImportFileError(f"{file.name!r} is a zip archive.", UNPACK)
    if kind == "text" and ending not in TEXT_ENDINGS:
        with file.open(encoding="utf-8", errors="replace") as stream:
            start = " ".join(stream.read(60).split())
        raise ImportFileError(
            f"{file.name!r} is no readable {ending} file but text, which begins with {start!r}.",
            "Download it again if that is an error message; a table of vectors ends in .csv, .tsv or .txt.",
        )
    if kind == "torch" and ending not in TORCH_ENDINGS:
        raise ImportFileError(
            f"{file.name!r} holds pickled Python objects, as pickle, torch.save and numpy's dump write them.",
            "Give it the ending .pt if it is a file of torch.save; otherwise save its arrays with numpy.savez.",
        )
    if ending in TORCH_ENDINGS:
        with torch_as_safetensors(file) as content, choice.others_offered(content.tensors):
            return _from_arrays(file, content.arrays, content.tensors, content.names, tensor, names)
    if ending in TEXT_ENDINGS:
        return _from_text(file, names)
    open_arrays(file)  # which says what is wrong with it
    raise ImportFileError(f"{file.name!r} is no readable {ending} file.", "Save it again.")


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
    with told(incoming.path.name) as kept:
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
    with told(path.name) as kept:
        run, new = _keep_folder(path, name, home)
        kept.append(run)
    return run, new


@contextmanager
def told(file: str) -> Iterator[list[Run]]:
    """Tell the log what becomes of a file; the run that is made of it is put into the list."""
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
        raise ImportFileError(f"{str(path)!r} is no folder.", "Import the folder of a run itself.")
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
            raise ImportFileError(f"{path.name[:80]!r} in the folder is a link.", "Import the folder of a run itself.")
        size += path.stat().st_size if paths.CHECKPOINT not in path.relative_to(folder).parts else 0  # stays there
        if count > MAX_FOLDER_ENTRIES or size > MAX_FOLDER_BYTES:
            raise ImportFileError(
                f"The folder has more than {MAX_FOLDER_ENTRIES:,} files or {MAX_FOLDER_BYTES // 2**20} MiB.",
                "Import the folder of a single run, or the bundle that `lwal export` makes of it.",
            )


def is_bundle(file: Path) -> bool:
    """Whether a file is a run bundle by its content, whatever it is called."""
    if not zipfile.is_zipfile(file):
        return False
    try:
        with opened_zip(file) as archive:
            return MANIFEST in archive.namelist()
    except (LwalError, OSError):
        return False


def _examine_zip(file: Path) -> Incoming:
    with opened_zip(file) as archive:
        names = archive.namelist()
    if MANIFEST not in names and any(name.endswith("data.pkl") for name in names):
        raise ImportFileError(
            f"{file.name!r} is a file of torch.save, not a run bundle.", "Give it the ending .pt and import it again."
        )
    inside = [name for name in names if name.lower().endswith(ENDINGS)]
    if MANIFEST not in names and inside:
        raise ImportFileError(f"{file.name!r} is no run bundle; it holds {named(inside)}.", UNPACK)
    return Incoming(file, "bundle", "", 0, bundle=examine_bundle(file))


def _from_text(file: Path, names: Sequence[str] | None) -> Incoming:
    if file.stat().st_size > MAX_TEXT_BYTES:
        raise ImportFileError(
            f"{file.name!r} has {file.stat().st_size / 2**20:,.0f} MiB; text of up to {MAX_TEXT_BYTES / 2**20:.0f} MiB is read.",
            "Keep the rows of your classes only, or save them as .npy or .safetensors.",
        )
    table = read_table(file)
    chosen, source = _names(len(table.vectors), table.names, names)
    _check(table.vectors, chosen, file.name)
    facts = describe("", table.vectors.shape, "float32")
    return Incoming(file, "table", "", 0, (facts,), "", table.vectors, chosen, source, notes=table.notes)


def _from_arrays(
    file: Path, arrays: ArrayFile, tensors: tuple[TensorInfo, ...], lists: dict[str, list[str]],
    wanted: str | None, names: Sequence[str] | None,
) -> Incoming:  # fmt: skip
    """Label vectors among the arrays of a file; ``lists`` are texts beside them that the arrays' file does not hold."""
    alone = len(tensors) == 1 and arrays.format != "npz" and arrays.path == file
    kind: Literal["table", "checkpoint"] = "checkpoint"
    notes: tuple[str, ...] = ()
    own: Sequence[str] | None = None
    if wanted is None and (stacked := choice.stack(arrays, tensors)) is not None:
        vectors, own, notes = stacked
        tensors, chosen, kind = (describe("", vectors.shape, "float32"),), "", "table"
    else:
        if alone and wanted is None:
            chosen, kind = tensors[0].name, "table"
            choice.check_alone(file, tensors[0])
        else:
            chosen, notes = choice.choose(file, tensors, wanted, choice.text_counts(arrays, lists))
        vectors, scaled = choice.read(file, arrays, tensors, chosen)
        notes += scaled
    unread: tuple[str, ...] = ()
    if own is None and names is None:
        own, unread = (
            choose_names(file.name, lists, len(vectors), chosen, "torch") if lists
            else names_beside(arrays, len(vectors), chosen)
        )  # fmt: skip
    beside: Sequence[str] | None = None
    if own is None and names is None:
        beside, further = names_in_config(file, len(vectors))
        unread = () if beside else (*unread, *further)
    listed, source = _names(len(vectors), own or beside, names)
    shown = "" if kind == "table" else chosen
    _check(vectors, listed, f"{file.name}, tensor {shown!r}," if shown else file.name)
    if beside:
        source = "from config.json beside it"
    elif own is None and names is None:
        source = "numbered" if unread else source
        unread += imagenet_note(len(vectors))
    return Incoming(file, kind, "", 0, tensors, shown, vectors, listed, source, notes=(*notes, *unread))


def _names(count: int, own: Sequence[str] | None, given: Sequence[str] | None) -> tuple[tuple[str, ...], str]:
    """The class names, each once and not empty, and where they come from."""
    given = None if given is None else given_names(given, count)
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
    check_finite(vectors, names, source)
