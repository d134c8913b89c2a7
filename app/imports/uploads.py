"""Uploaded files of the import dialog.

They are written once, under their checksum, to the home's cache, since checkpoints are read by a process of their own, and
cleared away when somebody uploads the next file more than an hour later.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from streamlit.runtime.uploaded_file_manager import UploadedFile

from lwal_core.imports import ENDINGS
from lwal_core.past_runs.curve_files import CURVE_ENDINGS, holds_curves
from lwal_core.past_runs.prediction_files import PREDICTION_ENDINGS
from lwal_core.runs import home
from lwal_core.runs.files import atomic_write
from lwal_core.security.permissions import check_upload, check_writable

UPLOADED = tuple(dict.fromkeys((*ENDINGS, *PREDICTION_ENDINGS, *CURVE_ENDINGS)))
"""Endings of files that may be uploaded."""
KEPT_SECONDS = 3_600.0
"""How long an uploaded file is kept for a dialog that is still open."""


class UploadedSeries(NamedTuple):
    """Checkpoints that were uploaded together.

    Attributes:
        folder: Where they lie.
        curves: The file of curves among them, in a folder of its own; None without.
        left_out: Names of files that are not there, each with the reason.
    """

    folder: Path
    curves: Path | None
    left_out: tuple[tuple[str, str], ...]


def incoming_folder() -> Path:
    """Where uploads lie."""
    return home() / "cache" / "incoming"


def keep_file(upload: UploadedFile) -> Path:
    """Write a file that was uploaded; its name decides how it is read and what it is called.

    Raises:
        LwalError: Nothing may be imported here, or the file is too large.
    """
    check_writable("import files")
    data = _content(upload)
    name = PurePath(upload.name).name
    folder = incoming_folder() / hashlib.sha256(data + name.encode("utf-8", "replace")).hexdigest()[:32]
    return _written(folder, safe_name(name), data)


def keep_series(uploads: Sequence[UploadedFile]) -> UploadedSeries:
    """Write files that were uploaded together into one folder, under their names.

    Raises:
        LwalError: Nothing may be imported here, or a file is too large.
    """
    check_writable("import files")
    marks, named, left_out = hashlib.sha256(), dict[str, UploadedFile](), list[tuple[str, str]]()
    for upload in sorted(uploads, key=lambda upload: upload.name):
        name = safe_name(PurePath(upload.name).name)
        if name in named:
            left_out.append((name, "another file has this name"))
            continue
        named[name] = upload
        marks.update(hashlib.sha256(_content(upload)).digest() + name.encode())
    place, curves = incoming_folder() / marks.hexdigest()[:32], None
    folder = place / "checkpoints"
    for name, upload in named.items():
        data = _content(upload)
        if curves is None and PurePath(name).suffix in CURVE_ENDINGS:
            beside = _written(place / "curves", name, data)  # of its own, so that it is no checkpoint
            if holds_curves(beside):
                curves = beside
                continue
        _written(folder, name, data)
    return UploadedSeries(folder, curves, tuple(left_out))


def clear_old() -> None:
    """Delete what was uploaded long ago."""
    check_writable("import files")
    now = time.time()
    for folder in incoming_folder().glob("*"):
        if now - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def safe_name(name: str) -> str:
    """A name that is no path, with the ending of the file."""
    stem, ending = PurePath(name).stem, PurePath(name).suffix.lower()
    kept = "".join(c if c.isalnum() or c in " -_.=" else "_" for c in stem)[:80].strip(". ") or "file"
    return kept + (ending if ending in UPLOADED else "")


def _content(upload: UploadedFile) -> bytes:
    check_upload(upload.size)
    return upload.getvalue()


def _written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    if not path.exists():
        clear_old()
        atomic_write(path, lambda file: file.write(data), durable=False)
    return path
