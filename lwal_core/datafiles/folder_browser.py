"""Folders of this machine to choose from, below the roots that ``LWAL_DATA_ROOTS`` allows and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lwal_core.datafiles.folders import CLUTTER, IMAGE_SUFFIXES, natural_key
from lwal_core.datafiles.limits import resolved
from lwal_core.errors import DataError
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable
from lwal_core.settings import settings, variable

ROOTS = variable("data_roots")
LOOKED_AT = 100_000
"""Entries of a folder that are read; 10,000 take some hundredths of a second."""
COUNTED = 2_000
"""Entries that are read to say what one of many folders holds."""
PARTS = ("train", "test", "val", "valid")
"""Folders that hold class folders, of a data set that is split already."""


@dataclass(frozen=True)
class FolderView:
    """A folder as a browser shows it.

    Attributes:
        root: The allowed root that it lies below, resolved.
        path: Where it is, resolved.
        parts: Its folders below the root, from above.
        names: Its sub-folders in natural order, without hidden ones.
        left_out: Sub-folders that are not among them: links that lead out of the root, and names that cannot be written.
        whole: Whether all entries were read.
    """

    root: Path
    path: Path
    parts: tuple[str, ...]
    names: tuple[str, ...]
    left_out: int
    whole: bool


@dataclass(frozen=True)
class FolderContents:
    """What a folder holds as a data set, as far as it was counted.

    Attributes:
        folders: Its sub-folders; with ``train`` and ``test`` those of ``train``.
        classes: Those of them in which an image was seen.
        images: Images that lie in them.
        loose: Images beside them.
        whole: Whether all was counted.
    """

    folders: int = 0
    classes: int = 0
    images: int = 0
    loose: int = 0
    whole: bool = True

    @property
    def usable(self) -> bool:
        """Whether it looks like a data set: two classes or more."""
        return self.classes > 1

    def said(self) -> str:
        """In a few words, such as ``"3 classes, 1,204 images"``."""
        least = "" if self.whole else "at least "
        if self.classes:
            return f"{least}{_counted(self.classes, 'class', 'classes')}, {_counted(self.images, 'image')}"
        if self.folders:
            return f"{least}{_counted(self.folders, 'folder')}"
        return f"{least}{_counted(self.loose, 'image')}, no classes" if self.loose else "no images"


def allowed_roots() -> tuple[Path, ...]:
    """The roots of the settings that are there, resolved, each once."""
    found = []
    for root in settings().data_roots:
        try:
            path = root.resolve(strict=True)
        except (OSError, RuntimeError):
            continue
        if path.is_dir():
            found.append(path)
    return tuple(dict.fromkeys(found))


def view_folder(root: Path, parts: tuple[str, ...] = ()) -> FolderView:
    """Look into a folder below an allowed root.

    Args:
        root: One of :func:`allowed_roots`.
        parts: Folders below it, from above; whoever asks may have made them up.

    Raises:
        ReadOnlyError: Who asks may not look into files of this machine.
        DataError: It is not there, cannot be read, or lies elsewhere: behind ``..``, an absolute path, a hidden folder, or a link that
            leads out of the root.
    """
    check_writable("look into files of this machine")
    if root not in allowed_roots():
        raise DataError(f"{str(root)!r} is no folder that may be looked into.", f"Those are named by {ROOTS}.")
    if any(_hidden(part) or part in ("", ".", "..") or "/" in part or os.sep in part for part in parts):
        raise DataError("This folder is not shown.", f"Choose one below {str(root)!r}.")
    path = resolved(root.joinpath(*parts), "folder")
    if not path.is_relative_to(root):
        raise DataError("A link leads out of the folders that may be looked into.", f"Choose one below {str(root)!r}.")
    names, left_out, seen = [], 0, 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                seen += 1
                if seen > LOOKED_AT:
                    break
                if _hidden(entry.name) or not _is_folder(entry):
                    continue
                if _shown(entry, root):
                    names.append(entry.name)
                else:
                    left_out += 1
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror}.", "Choose another folder.") from None
    return FolderView(
        root, path, tuple(parts), tuple(sorted(names, key=natural_key)), left_out, whole=seen <= LOOKED_AT
    )


def folder_contents(view: FolderView, name: str = "", most: int = COUNTED) -> FolderContents:
    """Classes and images of a folder that is shown, or of one of its sub-folders; no image is opened.

    Args:
        view: The folder.
        name: One of its ``names``; empty for the folder itself.
        most: Entries that are read.

    Raises:
        DataError: The folder shows no such sub-folder.
    """
    if name and name not in view.names:
        raise DataError(f"{name!r} is not shown.", "Choose another folder.")
    counter = _Counter(view.root, most)
    try:
        folder = (view.path / name).resolve(strict=True)
    except (OSError, RuntimeError):
        return FolderContents()
    if not folder.is_relative_to(view.root):  # it has become a link since it was listed
        return FolderContents()
    below = list(counter.folders(folder))
    loose = counter.images
    parts = [each for each in below if each.name.casefold() in PARTS]
    split = [part for part in parts if part.name.casefold() in ("train", "test")]
    classes, total = 0, 0
    if split and (held := {part: list(counter.folders(part)) for part in parts}) and any(held.values()):
        first = next((part for part in parts if part.name.casefold() == "train"), split[0])
        total = len(held[first])
        for part, folders in held.items():
            counts = [counter.count(each) for each in folders]
            classes = sum(map(bool, counts)) if part == first else classes
        loose = 0
    else:
        total = len(below)
        classes = sum(bool(counter.count(each)) for each in below)
    return FolderContents(total, classes, counter.counted, loose, counter.left > 0)


class _Counter:
    """Reads folders until it has read enough.

    Attributes:
        left: Entries that may still be read.
        images: Images that lay beside the folders of :meth:`folders`.
        counted: Images of all folders that were counted.
    """

    def __init__(self, root: Path, most: int) -> None:
        self.root, self.left = root, most
        self.images = self.counted = 0

    def folders(self, folder: Path) -> Iterator[Path]:
        """Sub-folders of a folder; images beside them are counted."""
        for entry in self._entries(folder):
            if _is_folder(entry):
                if _shown(entry, self.root):
                    yield Path(entry.path)
            elif _is_image(entry):
                self.images += 1

    def count(self, folder: Path) -> int:
        """Images that lie in a folder."""
        found = sum(map(_is_image, self._entries(folder)))
        self.counted += found
        return found

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self.left <= 0:
                        return
                    self.left -= 1
                    if not _hidden(entry.name):
                        yield entry
        except OSError:
            return  # gone, or not for us: nothing is said of what it holds


def _hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in CLUTTER


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(IMAGE_SUFFIXES) and not _is_folder(entry)


def _shown(entry: os.DirEntry[str], root: Path) -> bool:
    """Whether a folder may be shown: its name can be written into a form, and as a link it stays below the root."""
    if printable(entry.name) != entry.name:
        return False
    if not entry.is_symlink():
        return True
    try:
        return Path(entry.path).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
