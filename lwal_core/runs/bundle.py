"""Run bundle: a run folder as one checked zip file.

``manifest.json`` comes first and lists every file with its size and SHA-256; the other entries are files of the run
folder under their own names. What belongs to this machine alone is left out: the owner, absolute paths, the log, the
checkpoint. The same run gives the same bytes.

A bundle from elsewhere is untrusted: its directory is judged before a byte is unpacked, what is unpacked is counted and
checked against the manifest in a hidden folder beside the runs, and only a folder that reads as a run is renamed into
its place.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from lwal_core import __version__
from lwal_core.errors import ImportFileError, LwalError
from lwal_core.runs import paths
from lwal_core.runs.annotations import annotations_for_others
from lwal_core.runs.cuts import cuts_for_others
from lwal_core.runs.files import MAX_NPZ_BYTES
from lwal_core.runs.metrics import read_metrics
from lwal_core.runs.own_columns import MAX_BYTES as MAX_COLUMNS_BYTES
from lwal_core.runs.own_columns import own_columns_for_others, read_own_columns
from lwal_core.runs.record import MAX_RECORD_BYTES, RunRecord, parse_record, read_record, write_record
from lwal_core.runs.run import Run
from lwal_core.runs.writer import tidy_name
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import record_for_others, values_for_others, without_paths
from lwal_core.security.untrusted_files import check_entry, check_zip

BUNDLE_FORMAT = 1
MANIFEST = "manifest.json"
MAX_FILES = 10_100
"""A run of 10,000 epochs has as many label files."""
MAX_FILE_BYTES = 2 * 2**30
"""Largest file of a bundle, unpacked: the weights of a ResNet-50 with 10,000 classes take 180 MB."""
MAX_TOTAL_BYTES = 4 * 2**30
MAX_TOTAL_RATIO, FREE_BYTES = 20, 2**28
"""A bundle of more than 256 MiB unpacked has at least a twentieth of it packed: vectors hardly shrink."""
_MOST_BYTES = {paths.RECORD: MAX_RECORD_BYTES, MANIFEST: MAX_RECORD_BYTES, paths.METRICS: 16 * 2**20,
               paths.ANNOTATIONS: 8 * 2**20, paths.CUTS: 8 * 2**20, paths.COLUMNS: MAX_COLUMNS_BYTES,
               paths.SAMPLES: MAX_NPZ_BYTES}  # fmt: skip
_MOST_BYTES_OF_ARRAYS = 400 * 2**20
"""Vectors are read into memory as a whole, to see that they fit the run: 50,000 of 2,048 numbers."""

_NAMES = re.compile(
    r"run\.json|metrics\.jsonl|eval\.safetensors|samples\.npz|(annotations|cuts|columns)\.json|(labels|tested)/epoch-[0-9]{4,6}\.safetensors"
    r"|model/(model\.safetensors|config\.json)"
)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold; a clock would make equal runs differ


@dataclass(frozen=True)
class BundleInfo:
    """What a bundle holds, found out without unpacking it.

    Attributes:
        record: The run's record as the bundle has it, not yet checked against its checksum.
        files: Size in bytes of every file, by name.
    """

    record: RunRecord
    files: dict[str, int]

    @property
    def total(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(self.files.values())


def write_bundle(
    run: Run,
    *,
    weights: bool = False,
    images: bool = True,
    evaluation: bool = True,
    between: bool = True,
    first: bool = True,
    unfinished: bool = False,
) -> bytes:
    """A run as a bundle.

    Args:
        run: Any run that is not being trained.
        weights: With the model of the best epoch.
        images: With the thumbnails. Leave them out where the pictures may not be passed on.
        evaluation: With the embeddings of the test set, of the best epoch and others; without them there are no test samples
            and no confusions.
        between: With the label tables between the first and the last; without them the class tree has two epochs.
        first: With the label table of the first epoch, where those between are left out.
        unfinished: Take a run that is being trained as it is now; the bundle has it as interrupted.

    Raises:
        LwalError: The run is being trained.
    """
    if run.active and not unfinished:
        raise LwalError(f"Run {run.id} is {run.status}.", "Export it when its training has ended.")
    names = [paths.RECORD, paths.METRICS, paths.ANNOTATIONS, paths.CUTS, paths.COLUMNS]
    epochs = run.label_epochs()
    epochs = epochs if between else epochs[: 1 if first else 0] + epochs[1:][-1:]
    names += [f"{paths.LABELS}/{paths.label_file(run.path, e).name}" for e in epochs]
    names += [paths.EVALUATION] * evaluation + [paths.SAMPLES] * images
    if evaluation:
        tested = [epoch for epoch in run.tested_epochs() if epoch in epochs]
        names += [f"{paths.TESTED}/{paths.tested_file(run.path, e).name}" for e in tested]
    names += [f"{paths.MODEL}/model.safetensors", f"{paths.MODEL}/config.json"] * weights
    contents = files_for_others(run, names)
    if run.active:
        contents[paths.RECORD] = _record_bytes(run.record.model_copy(update={"status": "interrupted"}))
    if weights and f"{paths.MODEL}/config.json" in contents:
        name = f"{paths.MODEL}/config.json"
        try:
            described = orjson.loads(contents[name])
            described = {**values_for_others(described), "run": without_paths(described.get("run", {}))}
        except (ValueError, TypeError, AttributeError):
            raise LwalError(f"{name} of run {run.id} is damaged.", "Leave the weights out, or train again.") from None
        contents[name] = orjson.dumps(described, option=orjson.OPT_INDENT_2)
    return _pack(run.id, contents)


def _pack(run_id: str, contents: dict[str, bytes]) -> bytes:
    manifest = {
        "bundle": BUNDLE_FORMAT,
        "run": run_id,
        "made_by": {"lwal": __version__},
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in contents.items()
        },
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entries = {MANIFEST: orjson.dumps(manifest, option=orjson.OPT_INDENT_2), **contents}
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, compresslevel=9)
    return buffer.getvalue()


def files_for_others(run: Run, names: Iterable[str]) -> dict[str, bytes]:
    """Files of a run's folder as they may leave it, those that are there.

    Raises:
        OSError: One cannot be read.
    """
    contents = {}
    for name in names:
        path = run.path / name
        if name == paths.RECORD:
            contents[name] = _record_bytes(run.record)
        elif name == paths.ANNOTATIONS and path.is_file():
            contents[name] = annotations_for_others(run.path)
        elif name == paths.CUTS and path.is_file():
            contents[name] = cuts_for_others(run.path)
        elif name == paths.COLUMNS and path.is_file():
            contents[name] = own_columns_for_others(run.path)
        elif path.is_file():
            contents[name] = path.read_bytes()
    return contents


def _record_bytes(record: RunRecord) -> bytes:
    values = record_for_others(record.model_dump(mode="json"))
    return orjson.dumps(values, option=orjson.OPT_INDENT_2)


# --- in ----------------------------------------------------------------------------------------------------------------


def examine_bundle(path: Path) -> BundleInfo:
    """What a bundle holds; nothing is written.

    Raises:
        ImportFileError: It is no bundle, or one that must not be unpacked.
    """
    with opened_zip(path) as archive:
        manifest = _read_manifest(archive)
        data = _read_entry(archive, archive.getinfo(paths.RECORD), manifest[paths.RECORD], MAX_RECORD_BYTES)
        try:
            record = parse_record(orjson.loads(data), "")
        except (ValueError, LwalError) as error:
            raise ImportFileError(f"{path.name}: {error}", "Export the run again.") from None
    return BundleInfo(record, {name: size for name, (size, _) in manifest.items()})


def import_bundle(path: Path, *, name: str = "", pushed_by: str = "", home: Path | None = None) -> tuple[Run, bool]:
    """Unpack a bundle into the home.

    Args:
        path: The zip file.
        name: Another name for people; empty keeps the bundle's.
        pushed_by: Who pushed it; it then takes the place of a run with its id that the same one pushed before.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Returns:
        The run, and whether it is new: the very same run may be there already. A different run with the same id is left
        alone and the new one gets a fresh id.

    Raises:
        ImportFileError: It is no bundle, one that must not be unpacked, or a file in it differs from its checksum.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("import anything")
    facts = examine_bundle(path)
    with paths.new_folder(home) as folder:
        manifest = _unpack(path, folder)
        wanted = paths.run_folder(facts.record.id or "imported", home)
        if wanted.exists():
            if _holds(wanted, manifest, facts.record):
                return Run(wanted), False
            if not pushed_by or pusher_of(wanted) != pushed_by or Run(wanted).active:
                wanted = paths.run_folder(paths.fresh_id(wanted.name), home)
        record = read_record(folder)
        # Whatever a file says: nothing that comes in waits for this machine's workers.
        changes: dict[str, object] = {"owner": None, "job": None, "launcher": None} | (
            {"name": tidy_name(name)} if name else {}
        )
        if pushed_by:
            (folder / paths.PUSHED).write_text(pushed_by, encoding="utf-8")
        if wanted.exists():
            before = read_record(wanted)
            changes |= {"name": before.name, "tags": before.tags}  # as somebody changed them here
            for kept in (paths.ANNOTATIONS, paths.CUTS, paths.COLUMNS):
                if (wanted / kept).is_file():
                    shutil.copyfile(wanted / kept, folder / kept)
        if record.owner or record.job or record.launcher or len(changes) > 3:
            write_record(folder, record.model_copy(update=changes))
        if wanted.exists():
            with paths.new_folder(home) as away:  # what it was is gone with the block
                os.rename(wanted, away / "before")
                paths.place_folder(folder, wanted)
        else:
            paths.place_folder(folder, wanted)
    return Run(wanted), True


def pusher_of(folder: Path) -> str:
    """Who pushed a run; empty for one that nobody did."""
    try:
        return (folder / paths.PUSHED).read_text(encoding="utf-8")[:200]
    except (OSError, UnicodeError):
        return ""


def unpack_bundle(path: Path, folder: Path) -> Run:
    """Unpack a bundle into an empty folder that is no part of a home, to look at it once.

    Raises:
        ImportFileError: As for :func:`keep_bundle`.
    """
    _unpack(path, folder)
    return Run(folder)


def _unpack(path: Path, folder: Path) -> dict[str, tuple[int, str]]:
    """Write a bundle's files, each checked, into a folder, and see that it is a run; gives the manifest."""
    with opened_zip(path) as archive:
        manifest = _read_manifest(archive)
        for file_name, listed in manifest.items():
            target = folder / file_name
            target.parent.mkdir(exist_ok=True)
            with open(target, "xb") as file:
                _copy_entry(archive, archive.getinfo(file_name), listed, file)
    _check_run(folder, path.name)
    return manifest


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file from elsewhere, opened.

    Raises:
        ImportFileError: It is not there, cannot be read, or is damaged.
    """
    try:
        with check_zip(path) as archive:
            yield archive
    except FileNotFoundError:
        raise ImportFileError(f"There is no file {str(path)!r}.", "Check the spelling.") from None
    except LwalError:
        raise
    except OSError as error:
        raise ImportFileError(f"{path.name} cannot be read: {error}.", "Check its permissions.") from None
    except Exception as error:  # zipfile and zlib have many words for damaged bytes
        raise ImportFileError(
            f"{path.name} is no whole zip file ({type(error).__name__}: {str(error)[:200]}).", "Copy it again."
        ) from None


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, tuple[int, str]]:
    """``name -> (size, SHA-256)`` of every file, after the archive's directory has been judged."""
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise _refused(f"it has {len(entries):,} entries, more than {MAX_FILES:,}")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names):
        raise _refused("it names a file twice")
    if MANIFEST not in names:
        raise ImportFileError(
            f"The zip file has no {MANIFEST}, so it is no run bundle.",
            "Make one with `lwal export RUN --format bundle`.",
        )
    for entry in entries:
        _judge(entry)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise _refused(f"it unpacks to {total / 2**30:.1f} GiB, more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB")
    if total > max(FREE_BYTES, MAX_TOTAL_RATIO * sum(entry.compress_size for entry in entries)):
        raise _refused(f"it unpacks to more than {MAX_TOTAL_RATIO} times its size")
    data = archive.open(MANIFEST).read(MAX_RECORD_BYTES + 1)
    if len(data) > MAX_RECORD_BYTES:
        raise _refused(f"its {MANIFEST} is too large")
    try:
        values = orjson.loads(data)
        version, listed = values["bundle"], values["files"]
        files = {str(name): (int(facts["size"]), str(facts["sha256"])) for name, facts in listed.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _refused(f"its {MANIFEST} is not one of a run bundle") from None
    if version != BUNDLE_FORMAT:
        raise ImportFileError(
            f"The bundle has format {version!r}; this version reads {BUNDLE_FORMAT}.",
            "Open it with a newer LwAL Explorer.",
        )
    if any(size < 0 for size, _ in files.values()):  # it would be read to its end at once
        raise _refused(f"its {MANIFEST} has a negative size")
    if set(files) != set(names) - {MANIFEST} or paths.RECORD not in files:
        raise _refused(f"its files and its {MANIFEST} do not agree")
    return files


def _judge(entry: zipfile.ZipInfo) -> None:
    shown = repr(entry.filename[:80])
    if entry.filename != MANIFEST and not _NAMES.fullmatch(entry.filename):
        raise _refused(f"{shown} is no file of a run")
    weights = entry.filename.startswith(f"{paths.MODEL}/")
    try:
        check_entry(entry, MAX_FILE_BYTES if weights else _MOST_BYTES.get(entry.filename, _MOST_BYTES_OF_ARRAYS))
    except ValueError as error:
        raise _refused(f"{shown} {error}") from None


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, listed: tuple[int, str], limit: int) -> bytes:
    if listed[0] > limit:
        raise _refused(f"{entry.filename!r} is larger than {limit / 2**20:.0f} MiB")
    buffer = io.BytesIO()
    _copy_entry(archive, entry, listed, buffer)
    return buffer.getvalue()


def _copy_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, listed: tuple[int, str], target: IO[bytes]) -> None:
    """Unpack one file, never more of it than the manifest promises, and check it."""
    size, wanted = listed
    digest, left = hashlib.sha256(), size
    with archive.open(entry) as source:
        while block := source.read(min(2**20, left + 1)):
            left -= len(block)
            if left < 0:
                break
            digest.update(block)
            target.write(block)
    if left != 0 or digest.hexdigest() != wanted:
        raise ImportFileError(
            f"{entry.filename!r} in the bundle differs from its checksum.",
            "The file was damaged or changed; ask for it again.",
        )


def _check_run(folder: Path, file_name: str) -> None:
    """Refuse a folder that no page could read."""
    try:
        run = Run(folder, read_record(folder))
        read_metrics(folder)
        read_own_columns(folder)
        for epoch in run.label_epochs():
            run.labels(epoch)
        for epoch in run.tested_epochs():
            run.evaluation(epoch=epoch)
        if (folder / paths.EVALUATION).exists():
            run.evaluation()
            if "features" in run.layers():
                run.evaluation("features")
    except LwalError as error:
        raise ImportFileError(f"{file_name} holds a damaged run. {error.message}", error.hint) from None


def _holds(folder: Path, manifest: dict[str, tuple[int, str]], record: RunRecord) -> bool:
    """Whether a run folder has the very files of a bundle, and a record that says the same."""
    try:
        if _record_bytes(read_record(folder)) != _record_bytes(record):
            return False
        for name, (_, wanted) in manifest.items():
            # Names of clades, cuts and columns that somebody kept since do not make it another run.
            compared = name not in (paths.RECORD, paths.ANNOTATIONS, paths.CUTS, paths.COLUMNS)
            if compared and hashlib.sha256((folder / name).read_bytes()).hexdigest() != wanted:
                return False
    except (OSError, LwalError):
        return False
    return True


def _refused(reason: str) -> ImportFileError:
    return ImportFileError(f"The bundle is not unpacked: {reason}.", "Ask for a bundle made by `lwal export`.")
