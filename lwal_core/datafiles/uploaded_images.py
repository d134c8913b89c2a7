"""Image folders that came as a zip file: judged before a byte is unpacked, kept below the home under their content's name.

They lie in ``$LWAL_HOME/uploads/<checksum>/<name>/`` and are trained on as any folder. ``lwal gc`` frees those that no run uses.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lwal_core.datafiles.folders import CLUTTER, IMAGE_SUFFIXES, scan_folder
from lwal_core.errors import DataError, ImportFileError, LwalError
from lwal_core.runs.paths import home, make_home
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_upload, check_writable
from lwal_core.security.untrusted_files import check_entry, check_zip
from lwal_core.settings import settings, variable

UPLOADS = "uploads"
"""Folder of a home that they lie in."""
MAX_FILES = 50_000
"""Entries of an archive; each image is decoded once, some 2,000 a second."""
MAX_DIRECTORY_BYTES = 16 * 2**20
"""An entry takes some 100 bytes of the archive's directory, and a kilobyte of memory."""
MAX_IMAGE_BYTES = 64 * 2**20
MAX_TOTAL_BYTES = 4 * 2**30
MAX_TOTAL_RATIO, FREE_BYTES = 20, 2**28
"""An archive of more than 256 MiB unpacked has at least a twentieth of it packed: photographs hardly shrink."""
MAX_NAME_BYTES, MAX_DEPTH = 200, 12
"""Of a file or a folder; and folders that a file may lie in."""
MAX_FOLDERS = 40_000
"""Of an archive: 10,000 classes in train/, test/ and val/, and what is around them."""
MAX_SECONDS = 900.0
"""An archive whose images take longer to decode is refused."""
KEPT_SECONDS = 86_400.0
"""How long what no run uses is kept at least: somebody may be looking at it."""
_NEW = ".new-"
_CHECKSUM = re.compile(r"[0-9a-f]{32}")
_BLOCK = 2**20  # bytes
_TOLD_EACH = 50  # images
_SIDE = 32
_AGAIN = "Pack a folder with a folder for each class, or with train/ and test/, once more."


@dataclass(frozen=True)
class UploadedImages:
    """An image folder that is kept.

    Attributes:
        path: Where it is.
        notes: What was left out, one sentence each; empty for one that was there already.
    """

    path: Path
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What the archive was called."""
        return self.path.name


@dataclass(frozen=True)
class _Picked:
    """Images of an archive by their place below the folder, and what is left out."""

    entries: dict[tuple[str, ...], zipfile.ZipInfo]
    others: list[str]

    @property
    def total(self) -> int:
        return sum(entry.file_size for entry in self.entries.values())


def uploads_folder(home_path: str | os.PathLike[str] | None = None) -> Path:
    """Where uploaded image folders lie."""
    return home(home_path) / UPLOADS


def uploaded_images(home_path: str | os.PathLike[str] | None = None) -> list[UploadedImages]:
    """What is kept, newest first."""
    found = []
    with suppress(OSError):
        for entry in os.scandir(uploads_folder(home_path)):
            if _CHECKSUM.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                inside = [each for each in os.scandir(entry.path) if each.is_dir(follow_symlinks=False)]
                found += [(entry.stat().st_mtime, UploadedImages(Path(each.path))) for each in inside[:1]]
    return [images for _, images in sorted(found, key=lambda pair: (-pair[0], pair[1].path))]


def keep_images(
    file: BinaryIO,
    name: str,
    *,
    home_path: str | os.PathLike[str] | None = None,
    on_progress: Callable[[float], object] = lambda share: None,
) -> UploadedImages:
    """Unpack a zip file of class folders into the home; the same bytes are kept once.

    Images that cannot be decoded, other files and hidden ones are left out. A folder around the class folders is taken away.

    Args:
        file: The archive, open; it stays open.
        name: What it is called, a path of somebody else's machine or any other text.
        home_path: Where; default ``$LWAL_HOME`` or ``./var``.
        on_progress: Told the share that is done, 0 to 1, now and then.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        ImportFileError: It is no zip file, or one that must not be unpacked: too large, packed too well, with links, encrypted files,
            or names that lead out of its folder.
        DataError: What it holds is no data set of images.
        LwalError: It is larger than ``LWAL_MAX_UPLOAD_MB``.
    """
    check_writable("bring images")
    size = file.seek(0, os.SEEK_END)
    check_upload(size)
    file.seek(0)
    title = archive_title(name)
    checksum = hashlib.file_digest(file, "sha256").hexdigest()[:32]  # type: ignore[arg-type]
    place = uploads_folder(home_path) / checksum
    if (kept := _kept(place)) is not None:
        with suppress(OSError):
            os.utime(place)  # looked at now: not freed soon
        return kept
    make_home(home_path)
    scratch = None
    try:
        place.parent.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=_NEW, dir=place.parent))
        file.seek(0)
        notes = _unpack(file, title, scratch / title, on_progress)
        _check(scratch / title, title)
        scratch.chmod(0o755 & place.parent.stat().st_mode)
        with suppress(OSError):  # somebody brought the same at the same time
            os.rename(scratch, place)
    except OSError as error:
        raise ImportFileError(
            f"{title!r} cannot be unpacked: {error.strerror}.", "See that the home has room and can be written."
        ) from None
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    if (kept := _kept(place)) is None:
        raise ImportFileError(f"{title!r} cannot be kept.", "See that the home has room and can be written.")
    return UploadedImages(kept.path, notes)


def unused_uploads(data: Iterable[str], home_path: str | os.PathLike[str] | None = None) -> list[Path]:
    """Folders of uploads that no run uses and nobody has brought for a day, and what is left of uploads that were cut off.

    Args:
        data: Names of the data sets of all runs, as ``folder:PATH``.
        home_path: The home.
    """
    folder = uploads_folder(home_path)
    used = {part for name in data if UPLOADS in name for part in Path(name.partition(":")[2]).parts}
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            ours = _CHECKSUM.fullmatch(entry.name) or entry.name.startswith(_NEW)
            if not ours or entry.name in used or not entry.is_dir(follow_symlinks=False):
                continue
            if time.time() - entry.stat().st_mtime > KEPT_SECONDS:
                found.append(Path(entry.path))
    return sorted(found)


def archive_title(name: str) -> str:
    """What a zip file is called, as the name of a folder; data and runs are called so."""
    stem = re.split(r"[/\\]", name)[-1]
    stem = stem[:-4] if stem.lower().endswith(".zip") else stem
    kept = "".join(c if c.isalnum() or c in " -_.()+=" else "_" for c in stem)
    return kept[:60].strip(". ") or "images"


def image_places(names: Sequence[str]) -> tuple[dict[tuple[str, ...], int], list[str]]:
    """Where the images of an archive go: by place below the folder, the position of their name; and the names that are left out.

    Folders that all images lie in are taken away, as long as each keeps a folder of its own.

    Args:
        names: Names of the archive's entries, which may be anything.

    Raises:
        ValueError: A name leads out of the folder, cannot be written, two are the same, or there are too many folders.
    """
    places: dict[tuple[str, ...], int] = {}
    others = []
    for position, name in enumerate(names):
        parts = _parts(name)
        if not parts:
            continue  # a folder
        if _is_clutter(parts) or not parts[-1].lower().endswith(IMAGE_SUFFIXES):
            others.append("/".join(parts))
            continue
        if parts in places:
            raise ValueError(f"it names {'/'.join(parts)[:80]!r} twice")
        places[parts] = position
    folders: set[tuple[str, ...]] = set()
    for parts in places:
        folders.update(parts[:depth] for depth in range(1, len(parts)))
        if len(folders) > MAX_FOLDERS:
            raise ValueError(f"it has more than {MAX_FOLDERS:,} folders")
    if both := folders & places.keys():
        raise ValueError(f"it names {'/'.join(min(both))[:80]!r} twice, as a file and as a folder")
    around = _around(list(places))
    return {parts[around:]: position for parts, position in places.items()}, others


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file of an entry's name; none for a folder.

    Raises:
        ValueError: It must not be written.
    """
    path = name.replace("\\", "/")  # as some programs of Windows write them
    shown = repr(printable(name)[:80])
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise ValueError(f"{shown} begins at the root of a disk")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError(f"{shown} leads out of its folder")
    if printable(path) != path:
        raise ValueError(f"{shown} has characters that cannot be seen")
    if len(parts) > MAX_DEPTH or any(len(part.encode("utf-8", "replace")) > MAX_NAME_BYTES for part in parts):
        raise ValueError(f"{shown} is too long, or lies in too many folders")
    return () if path.endswith("/") else parts


def _is_clutter(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") or part.casefold() in CLUTTER for part in parts)


def _around(places: Sequence[tuple[str, ...]]) -> int:
    """Folders that all images lie in, but for the last one of those that lie deepest."""
    if not places:
        return 0
    folders = [parts[:-1] for parts in places]
    first, last = min(folders), max(folders)  # what these two share, all share
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return max(0, min(common, max(map(len, folders)) - 1))


def _kept(place: Path) -> UploadedImages | None:
    try:
        folders = [entry.path for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return None
    return UploadedImages(Path(folders[0])) if folders else None


def _unpack(file: BinaryIO, title: str, folder: Path, on_progress: Callable[[float], object]) -> tuple[str, ...]:
    """Write the images of an archive that can be decoded, and say what is left out."""
    try:
        with check_zip(file, MAX_DIRECTORY_BYTES) as archive:
            picked = _judged(archive, file.seek(0, os.SEEK_END))
            _check_space(folder.parent, picked.total)
            return _write(archive, picked, folder, on_progress)
    except (LwalError, OSError):
        raise
    except ValueError as error:
        raise ImportFileError(f"{title!r} is not unpacked: {error}.", _AGAIN) from None
    except Exception as error:  # zipfile and zlib have many words for damaged bytes
        raise ImportFileError(
            f"{title!r} is no whole zip file ({type(error).__name__}: {str(error)[:200]}).", "Pack or copy it again."
        ) from None


def _judged(archive: zipfile.ZipFile, size: int) -> _Picked:
    """Images of an archive of so many bytes, by what its directory says.

    Raises:
        ValueError: It must not be unpacked.
    """
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise ValueError(f"it has {len(entries):,} entries, more than {MAX_FILES:,}")
    places, others = image_places([entry.filename for entry in entries])
    picked = _Picked({place: entries[position] for place, position in places.items()}, others)
    for place, entry in picked.entries.items():
        try:
            check_entry(entry, MAX_IMAGE_BYTES)
        except ValueError as error:
            raise ValueError(f"{'/'.join(place)[:80]!r} {error}") from None
    if picked.total > MAX_TOTAL_BYTES:
        raise ValueError(f"it unpacks to {picked.total / 2**30:.1f} GiB, more than {MAX_TOTAL_BYTES / 2**30:.0f} GiB")
    packed = min(size, sum(entry.compress_size for entry in picked.entries.values()))  # entries may share their bytes
    if picked.total > max(FREE_BYTES, MAX_TOTAL_RATIO * packed):
        raise ValueError(f"it unpacks to more than {MAX_TOTAL_RATIO} times its size")
    return picked


def _check_space(folder: Path, needed: int) -> None:
    keep = settings().keep_free_mb * 10**6
    free = shutil.disk_usage(folder).free
    if needed + keep > free:
        raise ImportFileError(
            f"It unpacks to {needed / 1e6:,.0f} MB, and the home has {free / 1e6:,.0f} MB free.",
            f"Make room; {keep / 1e6:,.0f} MB are kept free ({variable('keep_free_mb')}).",
        )


def _write(
    archive: zipfile.ZipFile, picked: _Picked, folder: Path, on_progress: Callable[[float], object]
) -> tuple[str, ...]:
    from lwal_core.datafiles.thumbnails import thumbnail  # Pillow: nothing that a list of runs needs

    folder.mkdir()
    broken, end = list[str](), time.monotonic() + MAX_SECONDS
    for number, (place, entry) in enumerate(picked.entries.items()):
        if time.monotonic() > end:  # broken ones take time, too
            raise ValueError(f"its images take more than {MAX_SECONDS / 60:.0f} minutes to decode")
        if number % _TOLD_EACH == 0:
            on_progress(number / len(picked.entries))
        data = _read(archive, entry)
        try:
            thumbnail(io.BytesIO(data), _SIDE)
        except Exception:  # whatever a decoder raises for a broken file
            broken.append("/".join(place))
            continue
        target = folder.joinpath(*place)
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            file.write(data)
    return tuple(
        f"Left out {len(names):,} {one if len(names) == 1 else several} (first: {names[0][:200]!r})."
        for one, several, names in (
            ("image that cannot be decoded", "images that cannot be decoded", broken),
            ("file that is no image", "files that are no images", picked.others),
        )
        if names
    )


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """A file of the archive, never more than its directory says; its checksum is looked at."""
    blocks = []
    with archive.open(entry) as source:
        while block := source.read(_BLOCK):
            blocks.append(block)
    return b"".join(blocks)


def _check(folder: Path, title: str) -> None:
    """See that a folder is a data set; what is said of it is said of the archive."""
    try:
        scan_folder(folder)
    except DataError as error:
        said = (
            text.replace(str(folder.resolve()), title).replace(str(folder), title)
            for text in (error.message, error.hint)
        )
        raise DataError(*said) from None
