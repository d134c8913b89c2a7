"""Data folders: classes and image files, without opening an image."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lwal_core.datafiles.limits import MAX_CLASSES, held_out, named, resolved
from lwal_core.errors import DataError
from lwal_core.sanitize import seen

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
)  # fmt: skip
_DIGITS = re.compile(r"([0-9]+)")
_LINKS = "links that lead out of the folder or nowhere"
_FOLDERS = "folders inside class folders"
_OTHER_FILES = "files that are no images"
_WAYS_OUT = {
    _LINKS: "Copy the files that the links lead to into the folder.",
    _OTHER_FILES: "Save them as png or jpg.",
    _FOLDERS: "Move the images up into their class folder, or give the path of the folder that holds the class folders.",
}
"""What to do about a class whose files were all passed over, by their kind."""
CLUTTER = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sort key by which ``class2`` comes before ``class10``; total, so that the file system's order never matters."""
    parts = _DIGITS.split(name.casefold())
    return [int(part) if position % 2 else part for position, part in enumerate(parts)], name


@dataclass(frozen=True)
class FolderListing:
    """The image files of a folder, class by class.

    Attributes:
        path: The folder, resolved.
        layout: "train_test" (``train/<class>/`` and ``test/<class>/``) or "one_level" (``<class>/``, still to be
            split).
        classes: Class names in natural order.
        train_files: Paths of the files of every class, in the order of `classes`; with "one_level" all there are.
        test_files: The same for the test set; empty tuples with "one_level".
        validation_files: The same for a ``val/`` or ``valid/`` beside them, where a class may have none; empty without one.
        notes: What was ignored, one sentence each.
    """

    path: Path
    layout: Literal["train_test", "one_level"]
    classes: tuple[str, ...]
    train_files: tuple[tuple[str, ...], ...]
    test_files: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    validation_files: tuple[tuple[str, ...], ...] = ()

    @property
    def train_counts(self) -> tuple[int, ...]:
        """Training files of each class; with "one_level" all its files."""
        return tuple(len(files) for files in self.train_files)

    @property
    def test_counts(self) -> tuple[int, ...]:
        """Test files of each class; 0 with "one_level"."""
        return tuple(len(files) for files in self.test_files)

    @property
    def validation_counts(self) -> tuple[int, ...]:
        """Validation files of each class; empty without such a part."""
        return tuple(len(files) for files in self.validation_files)

    def split_counts(self, test_fraction: float) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Training and test images per class as a run will see them, unreadable ones included."""
        if self.layout == "train_test":
            return self.train_counts, self.test_counts
        test = tuple(held_out(count, test_fraction) for count in self.train_counts)
        return tuple(count - held for count, held in zip(self.train_counts, test, strict=True)), test


@dataclass
class _Ignored:
    """Counts what is passed over, by kind, and remembers the first of each."""

    root: Path
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, entry: os.DirEntry[str]) -> None:
        self.counts[kind] += 1
        self.first.setdefault(kind, os.path.relpath(entry.path, self.root))

    def take(self, other: _Ignored) -> None:
        """Add what was passed over elsewhere."""
        self.counts += other.counts
        self.first = {**other.first, **self.first}

    def notes(self) -> tuple[str, ...]:
        return tuple(f"Ignored {kind}: {count:,} (first: {self.first[kind]!r})." for kind, count in self.counts.items())


def _visible(folder: Path, ignored: _Ignored) -> list[os.DirEntry[str]]:
    """Entries in natural order, without hidden ones and without links that leave the data folder or lead nowhere."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: natural_key(entry.name))
    except OSError as error:
        raise DataError(
            f"The folder {str(folder)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from None
    kept = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name.casefold() in CLUTTER:
            ignored.add("hidden files or folders", entry)
        elif entry.is_symlink() and not _stays_inside(entry, ignored.root):
            ignored.add(_LINKS, entry)
        else:
            kept.append(entry)
    return kept


def _stays_inside(entry: os.DirEntry[str], root: Path) -> bool:
    try:
        return Path(entry.path).resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _images(folder: Path, ignored: _Ignored) -> tuple[str, ...]:
    files = []
    for entry in _visible(folder, ignored):
        if entry.is_dir():
            ignored.add(_FOLDERS, entry)
        elif not entry.is_file() or not entry.name.lower().endswith(IMAGE_SUFFIXES):
            ignored.add(_OTHER_FILES, entry)
        else:
            files.append(entry.path)  # as text: a million Path objects would take longer than all the rest
    return tuple(files)


def _class_name(folder_name: str) -> str:
    """The folder's name as it is seen, in the composed Unicode form, so that copies made on different systems agree."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in folder_name):
        raise DataError(
            f"The class folder {folder_name!r} has control characters or bytes that are no UTF-8 in its name.",
            "Rename it.",
        )
    name = seen(unicodedata.normalize("NFC", folder_name))
    if not name:
        raise DataError(f"The name of the class folder {folder_name!a} cannot be seen.", "Rename it.")
    return name


def _classes(names: Sequence[str]) -> str:
    """Subject and verb of a sentence about classes."""
    return f"Class {named(names)} has" if len(names) == 1 else f"Classes {named(names)} have"


def _class_files(folder: Path, ignored: _Ignored) -> dict[str, tuple[str, ...]]:
    """Image files of each class folder in `folder`, and a refusal of class folders without any."""
    classes: dict[str, tuple[str, ...]] = {}
    ignored_of: dict[str, _Ignored] = {}
    for entry in _visible(folder, ignored):
        if not entry.is_dir():
            ignored.add("files beside the class folders", entry)
            continue
        name = _class_name(entry.name)
        if name in classes:
            raise DataError(
                f"Two class folders in {str(folder)!r} look alike, {name!r}: they differ in blanks, in signs that cannot be "
                "seen, or in their Unicode form.",
                "Rename one.",
            )
        ignored_of[name] = _Ignored(ignored.root)
        classes[name] = _images(Path(entry.path), ignored_of[name])
        ignored.take(ignored_of[name])
    _check_empty(folder, [name for name, files in classes.items() if not files], ignored_of)
    return classes


def _check_empty(folder: Path, empty: list[str], ignored_of: dict[str, _Ignored]) -> None:
    """Refuse classes without images, with what is there instead."""
    if not empty:
        return
    halves = _halves(list(ignored_of))
    if halves and set(halves) <= set(empty):
        raise _misnamed(folder, halves)
    there = next((ignored_of[name] for name in empty if ignored_of[name].counts), _Ignored(folder))
    ways_out = [way_out for kind, way_out in _WAYS_OUT.items() if kind in there.counts]
    raise DataError(
        " ".join([f"{_classes(empty)} no images in {str(folder)!r}.", *there.notes()]),
        " ".join(ways_out)
        or "Add images directly in the class folder (png, jpg, bmp, gif, webp, tiff, ppm) or remove the folder.",
    )


def _halves(names: Sequence[str]) -> tuple[str, str] | None:
    """A training and a test set among folders that are all called like such parts."""
    parts = {start: [name for name in names if name.casefold().startswith(start)] for start in ("train", "test", "val")}
    tests = parts["test"] or parts["val"]
    if len(parts["train"]) != 1 or len(tests) != 1 or sum(map(len, parts.values())) < len(names):
        return None
    return parts["train"][0], tests[0]


def _misnamed(folder: Path, halves: tuple[str, str]) -> DataError:
    train, test = halves
    return DataError(
        f"{str(folder)!r} holds {train!r} and {test!r}, which are no classes.",
        f"Call them train and test, with a folder for each class in both: {train} → train, {test} → test.",
    )


def _check_number_of_classes(where: str, classes: Sequence[str], ignored: _Ignored) -> None:
    passed_over = " ".join(ignored.notes())
    layouts = "Expected train/<class>/*.png|jpg and test/<class>/..., or <class>/*.png|jpg."
    if not classes:
        raise DataError(f"{where} holds no class folders.", f"{layouts} {passed_over}".strip())
    if len(classes) == 1:
        raise DataError(
            f"{where} holds a single class, {classes[0]!r}; at least 2 are needed.", f"{layouts} {passed_over}".strip()
        )
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{where} holds {len(classes):,} classes; at most {MAX_CLASSES:,} are allowed.", "Merge or remove classes."
        )


def _part(folders: dict[str, Path], name: str) -> Path | None:
    """The folder called `name`, whatever its case, if there is one.

    Raises:
        DataError: Several are called so.
    """
    matches = {folder_name: path for folder_name, path in folders.items() if folder_name.casefold() == name}
    if len(matches) > 1:
        raise DataError(
            f"The folders {named(matches)} are both called {name} but for capital letters.",
            "Merge them, or rename one.",
        )
    return next(iter(matches.values()), None)


def _has_subfolders(folder: Path | None, root: Path) -> bool:
    return folder is not None and any(entry.is_dir() for entry in _visible(folder, _Ignored(root)))


def scan_folder(path: str | Path) -> FolderListing:
    """List classes and image files of a data folder. No image is opened.

    Args:
        path: Folder with ``train/<class>/*`` and ``test/<class>/*``, or with ``<class>/*`` alone.

    Raises:
        DataError: The folder does not exist, has no or one class, a class without images, or classes that are not the
            same in train and test.
    """
    root = resolved(path, "folder")
    if not root.is_dir():
        raise DataError(f"{str(path)!r} is a file, not a folder.", "Give the folder that holds the class folders.")
    top = _Ignored(root)
    folders = {entry.name: Path(entry.path) for entry in _visible(root, top) if entry.is_dir()}
    train, test = _part(folders, "train"), _part(folders, "test")
    if not (_has_subfolders(train, root) or _has_subfolders(test, root)):
        if train and test and len(folders) == 2:
            raise DataError(
                f"{str(path)!r} has images directly in train/ and test/, so their classes are not known.",
                "Sort them into train/<class>/ and test/<class>/.",
            )
        return _scan_one_level(root, str(path))
    if train is None or test is None:
        missing = "train" if train is None else "test"
        there = ", ".join(f"{name}/" for name in folders)
        raise DataError(
            f"{str(path)!r} has {there} but no {missing}/.",
            f"Name the other part {missing}, or move the class folders one level up to have them split at random.",
        )
    ignored = _Ignored(root)
    held = _part(folders, "val") or _part(folders, "valid")
    held = held if _has_subfolders(held, root) else None
    for entry in _visible(root, ignored):
        if not entry.is_dir() or Path(entry.path) not in (train, test, held):
            ignored.add("files or folders beside train and test", entry)
    train_files, test_files = _class_files(train, ignored), _class_files(test, ignored)
    _check_number_of_classes(f"{train.name}/ in {str(path)!r}", list(train_files), ignored)
    if train_files.keys() != test_files.keys():
        only_train, only_test = (
            [name for name in one if name not in other]
            for one, other in ((train_files, test_files), (test_files, train_files))
        )
        parts = [
            f"only in {part}: {named(names)}" for part, names in (("train", only_train), ("test", only_test)) if names
        ]
        raise DataError(
            f"The class folders of {str(path)!r} differ; {'; '.join(parts)}.", "Both parts need the same classes."
        )
    classes = tuple(sorted(train_files, key=natural_key))
    held_files, notes = _validation_files(held, ignored, classes)
    return FolderListing(
        root,
        "train_test",
        classes,
        tuple(train_files[name] for name in classes),
        tuple(test_files[name] for name in classes),
        (*ignored.notes(), *notes),
        held_files,
    )


def _validation_files(
    folder: Path | None, ignored: _Ignored, classes: Sequence[str]
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """Image files of each class in a folder for validation, and what to say of it; none where it has other classes."""
    if folder is None:
        return (), ()
    files = _class_files(folder, ignored)
    strangers = [name for name in files if name not in classes]
    if strangers:
        return (), (f"{folder.name}/ is not used for validation: {named(strangers)} has no training images.",)
    count = sum(map(len, files.values()))
    note = f"The best epoch is chosen on the {count:,} images of {folder.name}/."
    return tuple(files.get(name, ()) for name in classes), (note,)


def _scan_one_level(root: Path, given: str) -> FolderListing:
    ignored = _Ignored(root)
    files = _class_files(root, ignored)
    halves = _halves(list(files))
    if halves:
        raise _misnamed(root, halves)
    _check_number_of_classes(repr(given), list(files), ignored)
    lonely = [name for name, paths in files.items() if len(paths) < 2]
    if lonely:
        raise DataError(
            f"{_classes(lonely)} a single image in {given!r}, which cannot be split into training and test.",
            "Add images, or provide train/ and test/ folders.",
        )
    classes = tuple(sorted(files, key=natural_key))
    return FolderListing(
        root, "one_level", classes, tuple(files[name] for name in classes), ((),) * len(classes), ignored.notes()
    )
