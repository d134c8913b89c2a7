"""Images of a data set that the library ``datasets`` reads: which columns hold images and classes, which splits are which part.

Rows stay in their files and are read one by one; of the columns of classes alone all rows are read at once.
"""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lwal_core.config import DataConfig
from lwal_core.config.data import HUB_DATA
from lwal_core.datafiles.cells import name_key
from lwal_core.datafiles.folders import FolderListing, natural_key
from lwal_core.datafiles.hub_data import in_one_line, open_hub_splits
from lwal_core.datafiles.image_tables import part_called
from lwal_core.datafiles.limits import MAX_CLASSES, named
from lwal_core.datafiles.numbered import TEST, TRAIN, VALIDATION, check_numbered, numbered_listing
from lwal_core.errors import DataError
from lwal_core.sanitize import quoted, seen

MAX_ROWS = 10_000_000
MAX_LABEL = 4_096
"""Characters of a class's name."""
_ROWS_AT_ONCE = 10_000
_IMAGE_HEADS = ("image", "img", "picture", "photo", "image bytes")
_LABEL_HEADS = (
    "label", "labels", "class", "class name", "category", "target", "species", "fine label", "fine labels", "cls", "class label",
)  # fmt: skip
_PARTS = {"train": TRAIN, "test": TEST, "validation": VALIDATION}


@dataclass(frozen=True, eq=False)
class HubImages:
    """Images in tables of Arrow, by number; made by :func:`scan_hub_images`.

    Attributes:
        root: Folder that relative paths of images are relative to.
        roots: Folders that an image which lies in a file of its own may lie in.
        splits: Names of the splits.
        tables: Their column of images, as the library's ``Dataset`` in the format of Arrow.
        split: Number of the split of each image ``[N]``.
        row: Row of each image in its split ``[N]``.
        labels: Class of each image ``[N]``.
        parts: Part of each image ``[N]``, see :mod:`lwal_core.datafiles.numbered`.
        classes: Class names, in the order of the column's own or in natural order.
        is_split: Whether the splits say which part an image is of.
        notes: What was guessed and what was left out, one sentence each.
    """

    root: Path
    roots: tuple[str, ...]
    splits: tuple[str, ...]
    tables: tuple[Any, ...]
    split: NDArray[np.int64]
    row: NDArray[np.int64]
    labels: NDArray[np.int64]
    parts: NDArray[np.int64]
    classes: tuple[str, ...]
    is_split: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, index: int) -> str:
        """Split and row: ``train[12]``."""
        return f"{self.splits[self.split[index]]}[{self.row[index]}]"

    def file(self, index: int) -> str | BinaryIO:
        """The bytes of an image, or its path where it lies in a file of its own.

        Raises:
            ValueError: The row has neither, or its file lies outside the data set.
        """
        value = self.tables[self.split[index]][int(self.row[index])].column(0)[0].as_py()
        data, path = (value.get("bytes"), value.get("path")) if isinstance(value, Mapping) else (value, None)
        if data is not None:
            return io.BytesIO(data)
        if not path:
            raise ValueError("the row has no image")
        return self._inside(str(path))

    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each, -1 of what is not there."""
        first = np.cumsum([0, *map(len, self.tables)])[:-1]
        of_rows = [self._sizes(piece) for table in self.tables for piece in _batches(table)]
        found: NDArray[np.int64] = np.concatenate(of_rows)[first[self.split] + self.row]
        return found

    def listing(self) -> FolderListing:
        """The same as of a folder, with the images' numbers in the place of paths."""
        return numbered_listing(self.root, self.classes, self.labels, self.parts, self.is_split, self.notes)

    def _inside(self, path: str) -> str:
        true = os.path.realpath(os.path.join(self.root, path))
        if "\0" in path or not any(true.startswith(root.rstrip("/") + "/") for root in self.roots):
            raise ValueError("its file lies outside the data set")
        return true

    def _sizes(self, column: Any) -> NDArray[np.int64]:
        from pyarrow import compute, types

        if not types.is_struct(column.type):
            return _filled(compute.binary_length(column))
        sizes = _filled(compute.binary_length(compute.struct_field(column, "bytes")))
        for row in np.flatnonzero(sizes < 0):
            try:
                sizes[row] = os.stat(self._inside(column[int(row)]["path"].as_py() or "")).st_size
            except (OSError, ValueError):
                continue
        return sizes


def scan_hub_images(config: DataConfig, *, ask: bool = True) -> HubImages:
    """Find the images of an ``hf-data:`` set and their classes. No image is read.

    Args:
        config: `name`, `subset`, `image_column` and `label_column` are used.
        ask: As of :func:`lwal_core.datafiles.hub_data.open_hub_splits`.

    Raises:
        DataError: It is not here, cannot be read, has no such columns, or its classes cannot be trained on.
    """
    where = quoted(config.name)
    found = open_hub_splits(config.name.removeprefix(HUB_DATA), config.subset, ask=ask)
    if sum(len(table) for table in found.tables.values()) > MAX_ROWS:
        raise DataError(f"{where} has more than {MAX_ROWS:,} rows.", "Save a part of it with save_to_disk.")
    features = dict(next(iter(found.tables.values())).features)
    images, of_images = _image_column(where, features, config.image_column)
    label, of_labels = _label_column(where, features, config.label_column, images)
    for split, table in found.tables.items():
        _check_rows(where, split, table.select_columns([images, label]))
    texts = {split: _texts(where, split, table, label, features[label]) for split, table in found.tables.items()}
    parts, is_split, of_parts = _parts(where, texts)
    chosen = [split for split in parts if parts[split] is not None]
    kept = {split: np.array([i for i, text in enumerate(texts[split]) if text], np.int64) for split in chosen}
    bare = sum(len(texts[split]) - len(kept[split]) for split in chosen)
    classes = _classes(where, features[label], {text for split in chosen for text in texts[split] if text})
    number = {text: place for place, text in enumerate(classes)}
    left_out = (f"Left out: {bare:,} images without a class.",) if bare else ()
    made = HubImages(
        root=found.folder,
        roots=found.roots,
        splits=tuple(chosen),
        tables=tuple(found.tables[split].select_columns([images]).with_format("arrow") for split in chosen),
        split=np.repeat(np.arange(len(chosen)), [len(kept[split]) for split in chosen]),
        row=np.concatenate([kept[split] for split in chosen]),
        labels=np.array([number[texts[split][row]] for split in chosen for row in kept[split].tolist()], np.int64),
        parts=np.repeat([parts[split] for split in chosen], [len(kept[split]) for split in chosen]).astype(np.int64),
        classes=classes,
        is_split=is_split,
        notes=(found.note, of_images + of_labels, *of_parts, *left_out),
    )
    check_numbered(f"The rows of {where}", made.labels, made.parts, made.is_split, classes)
    return made


def _kind(feature: Any) -> str:
    """The library's type of a column, ``Image`` or ``ClassLabel``, or Arrow's of a plain value, ``string`` or ``int64``."""
    name = type(feature).__name__
    if name == "Value":
        return str(feature.dtype)
    if isinstance(feature, Mapping) and set(feature) == {"bytes", "path"}:
        return "Image"
    return name


def _chosen(names: Sequence[str], heads: Sequence[str]) -> str | None:
    """Of several columns the one with the most usual name, else the first; None of none."""
    usual = [name for head in heads for name in names if name_key(name) == head]
    return next(iter([*usual, *names]), None)


def _image_column(where: str, features: Mapping[str, Any], given: str | None) -> tuple[str, str]:
    fits = [name for name, feature in features.items() if _kind(feature) == "Image"]
    fits = fits or [name for name, feature in features.items() if _kind(feature) in ("binary", "large_binary")]
    if given is not None and given not in features:
        raise _no_column(where, "images", given, features, "--image-column")
    if given is not None and _kind(features[given]) not in ("Image", "binary", "large_binary"):
        raise DataError(
            f"The column {quoted(given)} of {where} holds {_kind(features[given])}, no images.",
            f"Columns of images there: {named(fits) or 'none'}.",
        )
    name = given or _chosen(fits, _IMAGE_HEADS)
    if name is None:
        raise DataError(
            f"{where} has no column of images; there are {named(features)}.", "Choose a data set of images."
        )
    others = [other for other in fits if other != name]
    more = f" (also there: {named(others)}; choose by --image-column)" if others and given is None else ""
    return name, f"Images are in the column {name!r}{more}"


def _label_column(where: str, features: Mapping[str, Any], given: str | None, images: str) -> tuple[str, str]:
    typed = [name for name, feature in features.items() if _kind(feature) == "ClassLabel"]
    plain = [name for name, feature in features.items() if name != images and _is_plain(feature)]
    if given is not None and given not in features:
        raise _no_column(where, "classes", given, features, "--label-column")
    if given is not None and given not in (*typed, *plain):
        raise DataError(
            f"The column {quoted(given)} of {where} holds {_kind(features[given])}, no classes.",
            f"Texts, whole numbers and ClassLabel are classes: {named([*typed, *plain]) or 'none'}.",
        )
    called = [name for name in plain if name_key(name) in _LABEL_HEADS]
    name = given or _chosen(typed, _LABEL_HEADS) or _chosen(called, _LABEL_HEADS)
    if name is None:
        raise DataError(
            f"Which column of {where} holds the classes is not clear; there are {named(features)}.",
            "Give it with --label-column.",
        )
    others = [other for other in (typed or called) if other != name]
    more = f" (also there: {named(others)}; choose by --label-column)" if others and given is None else ""
    return name, f", classes in {name!r}{more}."


def _is_plain(feature: Any) -> bool:
    kind = _kind(feature)
    return kind in ("string", "large_string", "bool") or kind.startswith(("int", "uint"))


def _no_column(where: str, what: str, name: str, features: Mapping[str, Any], flag: str) -> DataError:
    return DataError(
        f"{where} has no column {quoted(name)} for {what}; there are {named(features)}.",
        f"Give one of them with {flag}.",
    )


def _check_rows(where: str, split: str, table: Any) -> None:
    """Refuse a table that leads outside its file: Arrow believes what a damaged one says of its lengths when a row is read, and
    aborts the process. Images are not read by it.

    Raises:
        DataError: It does.
    """
    try:
        table.data.validate(full=True)
    except Exception as error:  # of the library or of Arrow
        raise DataError(
            f"The split {quoted(split)} of {where} is damaged: {in_one_line(error)}.",
            "Fetch or save the data set anew.",
        ) from None


def _batches(table: Any) -> Iterator[Any]:
    """The first column of a table, piece by piece, as Arrow's chunked arrays."""
    if len(table):  # the library cannot go over an empty one in every format
        for piece in table.with_format("arrow").iter(_ROWS_AT_ONCE):
            yield piece.column(0).combine_chunks()


def _filled(lengths: Any) -> NDArray[np.int64]:
    from pyarrow import compute

    return np.array(compute.fill_null(lengths.cast("int64"), -1).to_numpy(zero_copy_only=False), np.int64)


def _texts(where: str, split: str, table: Any, column: str, feature: Any) -> list[str]:
    """The class of every row of a split, empty where it has none."""
    from pyarrow import compute

    names = list(feature.names) if _kind(feature) == "ClassLabel" else None
    found: list[str] = []
    for piece in _batches(table.select_columns([column])):
        coded = compute.dictionary_encode(piece.cast("string"))
        words = [_text(where, split, word, names) for word in coded.dictionary.to_pylist()]
        found += [words[code] if code >= 0 else "" for code in _filled(coded.indices).tolist()]
    return found


def _text(where: str, split: str, word: str, names: list[str] | None) -> str:
    if names is not None:
        if int(word) < 0:
            return ""  # how test rows whose classes are kept secret are marked
        if int(word) >= len(names):
            raise DataError(
                f"{where}: a row of {split!r} is of class {word}, and the column has {len(names):,} names.", "Mend it."
            )
        word = names[int(word)]
    text = seen(unicodedata.normalize("NFC", word[: MAX_LABEL + 1]))
    if len(text) > MAX_LABEL:
        raise DataError(
            f"{where}: a class of {split!r} has a name of more than {MAX_LABEL:,} characters.", "Shorten it."
        )
    return text


def _classes(where: str, feature: Any, used: set[str]) -> tuple[str, ...]:
    """The classes that rows have, in the order of the column's own names, else in natural order."""
    if not 2 <= len(used) <= MAX_CLASSES:
        raise DataError(
            f"{where} has {len(used):,} {'class' if len(used) == 1 else 'classes'}.",
            f"2 to {MAX_CLASSES:,} are allowed.",
        )
    if _kind(feature) != "ClassLabel":
        return tuple(sorted(used, key=natural_key))
    texts = [seen(unicodedata.normalize("NFC", name)) for name in feature.names]
    return tuple(text for text in dict.fromkeys(texts) if text in used)


def _parts(where: str, texts: Mapping[str, list[str]]) -> tuple[dict[str, int | None], bool, tuple[str, ...]]:
    """Part of each split, None of one that is left out; whether they are parts at all; and what people should know."""
    empty = [split for split, words in texts.items() if not any(words)]
    called = {split: part_called(split) for split in texts if split not in empty}
    if len(called) == 1 and set(called.values()) != {"test"}:
        called = dict.fromkeys(called, "train")
    names = [part for part in called.values() if part]
    if "train" not in names or len(set(names)) < len(names):
        raise DataError(
            f"The splits of {where} are {named(texts)}; one is to be called train, and no two alike.",
            "Choose another subset, or save one with save_to_disk.",
        )
    notes = [f"Left out: the split {named([split])}, whose rows have no class." for split in empty]
    other = [split for split, part in called.items() if part is None]
    notes += [f"Left out: {'split' if len(other) == 1 else 'splits'} {named(other)}."] if other else []
    numbers: dict[str, int | None] = {split: _PARTS[part] if part else None for split, part in called.items()}
    if "test" not in names and "validation" in names:
        held = next(split for split, part in called.items() if part == "validation")
        numbers[held] = TEST
        notes.append(f"There is no test split with classes; {held!r} is the test set.")
    return numbers, len(names) > 1, tuple(notes)
