"""WebDataset shards: tar files with ``KEY.jpg`` or ``.png`` and ``KEY.cls`` or ``.json``; where every image lies in them.

A shard is read once from header to header, images are skipped, nothing is unpacked; what was found is kept in
``$LWAL_HOME/cache/shards`` until the shard changes. https://github.com/webdataset/webdataset describes the form.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from lwal_core.datafiles.folders import IMAGE_SUFFIXES, FolderListing, natural_key
from lwal_core.datafiles.limits import MAX_CLASSES, named
from lwal_core.datafiles.numbered import check_numbered, numbered_listing
from lwal_core.datafiles.packed_names import PackedNames
from lwal_core.errors import DataError
from lwal_core.runs.files import atomic_write
from lwal_core.runs.paths import home
from lwal_core.sanitize import quoted, seen
from lwal_core.security.permissions import ReadOnlyError, check_writable

MAX_SHARDS, MAX_MEMBERS = 100_000, 10_000_000
MAX_IMAGE_BYTES, MAX_LABEL_BYTES, MAX_NAME_BYTES = 2**27, 2**20, 2**14
_FORMAT = 1  # of what is kept of a shard
_BLOCK = 512
_LABEL_KEYS = ("label", "cls", "class", "class_name", "category", "target")
_LONG_NAME, _PAX = tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE
_PART = re.compile(r"(?<![a-z])(train|test|val)")
_FORM = "A shard is an uncompressed tar file with KEY.jpg or KEY.png and KEY.cls or KEY.json for each image."


@dataclass(frozen=True, eq=False)
class ShardImages:
    """Images inside shards, by number; made by :func:`scan_shards`.

    Attributes:
        root: Folder that names are relative to.
        shards: Paths of the shards.
        names: Of the images, their shard in front.
        shard: Number of the shard of each image ``[N]``.
        start: First byte of each image in its shard ``[N]``.
        length: Bytes of each image ``[N]``.
        labels: Class of each image ``[N]``.
        parts: 0 training, 1 test, 2 validation, of each image ``[N]``.
        classes: Class names in natural order.
        is_split: Whether the names of the shards say which part they are.
        notes: What was left out, one sentence each.
    """

    root: Path
    shards: tuple[str, ...]
    names: PackedNames
    shard: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    labels: NDArray[np.int64]
    parts: NDArray[np.int64]
    classes: tuple[str, ...]
    is_split: bool
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, index: int) -> str:
        """Shard and name inside it."""
        return f"{os.path.relpath(self.shards[self.shard[index]], self.root)}/{self.names[index]}"

    def file(self, index: int) -> BinaryIO:
        """The bytes of an image."""
        with open(self.shards[self.shard[index]], "rb") as shard:
            shard.seek(int(self.start[index]))
            return io.BytesIO(shard.read(int(self.length[index])))

    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each."""
        return self.length

    def listing(self) -> FolderListing:
        """The same as of a folder, with the images' numbers in the place of paths."""
        return numbered_listing(self.root, self.classes, self.labels, self.parts, self.is_split, self.notes)


def scan_shards(pattern: str) -> ShardImages:
    """Find the images of shards and their classes. No image is read.

    Args:
        pattern: Path of the shards, with ``*`` and ``?``. Names with train, test and val in them say which part a shard is;
            with none of these words, images are split as those of a folder of one level.

    Raises:
        DataError: There are no shards, one is damaged or compressed, or the classes cannot be trained on.
    """
    shards = _found(pattern)
    found = [_index(Path(shard)) for shard in shards]
    texts = sorted({text for index in found for text in index.classes}, key=natural_key)
    where = quoted(pattern)
    if not 2 <= len(texts) <= MAX_CLASSES:
        raise DataError(
            f"The shards {where} have {len(texts):,} {'class' if len(texts) == 1 else 'classes'}.",
            f"2 to {MAX_CLASSES:,} are allowed. {_FORM}",
        )
    counts = [len(index.start) for index in found]
    if sum(counts) > MAX_MEMBERS:
        raise DataError(f"The shards {where} have {sum(counts):,} images.", f"At most {MAX_MEMBERS:,} are read.")
    number = {text: place for place, text in enumerate(texts)}
    labels = np.concatenate(
        [np.array([number[text] for text in index.classes], np.int64)[index.label] for index in found]
    )
    parts, notes = _parts(where, shards)
    bare = sum(index.bare for index in found)
    if bare:
        notes = (*notes, f"Left out: {bare:,} images of {where} without a label.")
    images = ShardImages(
        root=Path(os.path.commonpath([os.path.dirname(shard) for shard in shards])),
        shards=tuple(shards),
        names=PackedNames.of(name for index in found for name in map(index.names.__getitem__, range(len(index.names)))),
        shard=np.repeat(np.arange(len(shards)), counts),
        start=np.concatenate([index.start for index in found]),
        length=np.concatenate([index.length for index in found]),
        labels=labels,
        parts=np.repeat(np.zeros(len(shards), np.int64) if parts is None else parts, counts),
        classes=tuple(texts),
        is_split=parts is not None,
        notes=notes,
    )
    check_numbered(f"The shards {where}", images.labels, images.parts, images.is_split, texts)
    return images


def _found(pattern: str) -> list[str]:
    try:
        found = sorted(glob.glob(os.path.expanduser(pattern)), key=natural_key)
    except (ValueError, OSError, re.error):
        found = []
    shards = [os.path.realpath(path) for path in found if os.path.isfile(path)]
    if not shards:
        raise DataError(
            f"There are no shards {quoted(pattern)}.", "Give their path with a star, such as shards:/data/train-*.tar."
        )
    if len(shards) > MAX_SHARDS:
        raise DataError(f"There are {len(shards):,} shards {quoted(pattern)}.", f"At most {MAX_SHARDS:,} are read.")
    return shards


def _parts(where: str, shards: list[str]) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Part of each shard by its name, None where no name says it; and what people should know of it."""
    words = [_PART.search(os.path.basename(shard).lower()) for shard in shards]
    if not any(words):
        return None, ()
    unclear = [os.path.basename(shard) for shard, word in zip(shards, words, strict=True) if word is None]
    if unclear:
        raise DataError(
            f"The names of shards {where} say no part: {named(unclear)}.", "Have train, test or val in each name."
        )
    order = ("train", "test", "val")
    parts = np.array([order.index(word[1]) for word in words if word])
    notes: tuple[str, ...] = ()
    if (parts == 2).any() and not (parts == 1).any():
        parts, notes = (
            np.minimum(parts, 1),
            ("There are no test shards; those with val in their name are the test set.",),
        )
    if not (parts == 0).any() or not (parts == 1).any():
        raise DataError(
            f"The shards {where} have no {'test' if (parts == 0).any() else 'training'} part.", "Add its shards."
        )
    return parts, notes


@dataclass(frozen=True, eq=False)
class _Index:
    """Images of one shard: names, first bytes, lengths, positions of their classes in ``classes``; images without a label."""

    names: PackedNames
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    label: NDArray[np.int64]
    classes: tuple[str, ...]
    bare: int


def _index(shard: Path) -> _Index:
    facts = shard.stat()
    key = f"{_FORMAT};{shard};{facts.st_size};{facts.st_mtime_ns}".encode("utf-8", "surrogatepass")
    kept = home() / "cache" / "shards" / f"{hashlib.sha256(key).hexdigest()[:32]}.npz"
    with (
        suppress(OSError, ValueError, KeyError, EOFError, orjson.JSONDecodeError),
        np.load(kept, allow_pickle=False) as file,
    ):
        classes, bare = orjson.loads(file["about"].tobytes())
        return _Index(
            PackedNames(file["block"], file["ends"]), file["start"], file["length"], file["label"], tuple(classes), bare
        )
    index = _read(shard, facts.st_size)
    arrays: dict[str, NDArray[Any]] = {
        "about": np.frombuffer(orjson.dumps([index.classes, index.bare]), np.uint8),
        "block": index.names.block, "ends": index.names.ends, "start": index.start, "length": index.length, "label": index.label,
    }  # fmt: skip
    with suppress(OSError, ReadOnlyError):  # what cannot be kept is read again
        keep_index(kept, arrays)
    return index


def keep_index(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write where the images of a shard lie.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("keep where the images of a shard lie")
    atomic_write(path, partial(_save, arrays), durable=False)


def _save(arrays: dict[str, NDArray[Any]], file: BinaryIO) -> None:
    np.savez(file, **arrays)  # type: ignore[arg-type]


def _read(shard: Path, size: int) -> _Index:
    names: list[str] = []
    starts, lengths, labels = [], [], []
    number: dict[str, int] = {}
    bare = 0
    image: tuple[str, int, int] | None = None
    label: str | None = None
    key: str | None = None

    def finish() -> None:
        nonlocal bare
        if image is None:
            return
        if label is None:
            bare += 1
            return
        names.append(image[0])
        starts.append(image[1])
        lengths.append(image[2])
        labels.append(number.setdefault(label, len(number)))

    with shard.open("rb") as stream:
        for name, start, length in _members(shard, stream, size):
            folder, _, base = name.rpartition("/")
            stem, _, ending = base.partition(".")
            if f"{folder}/{stem}" != key:
                finish()
                key, image, label = f"{folder}/{stem}", None, None
            ending = ending.lower()
            if f".{ending}" in IMAGE_SUFFIXES and length <= MAX_IMAGE_BYTES:
                image = (name, start, length)
            elif ending in ("cls", "json"):
                label = _label(shard, name, stream, start, length) or label
        finish()
    return _Index(
        PackedNames.of(names),
        np.array(starts, np.int64),
        np.array(lengths, np.int64),
        np.array(labels, np.int64),
        tuple(number),
        bare,
    )


def _members(shard: Path, stream: BinaryIO, size: int) -> Iterator[tuple[str, int, int]]:
    """Name, first byte and length of every file in a tar, in its order; longer headers than names need are refused."""
    place, long_name, count = 0, "", 0
    while True:
        stream.seek(place)
        block = stream.read(_BLOCK)
        if place and block in (b"", bytes(_BLOCK)):
            return
        try:
            head = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            raise _damaged(shard, f"is damaged at byte {place:,}" if place else "is no uncompressed tar file") from None
        start = place + _BLOCK
        place = start + -(-head.size // _BLOCK) * _BLOCK
        count += 1
        if head.size < 0 or start + head.size > size or count > MAX_MEMBERS:
            raise _damaged(shard, f"is cut off at byte {start:,}" if count <= MAX_MEMBERS else "has too many files")
        if head.type in (_LONG_NAME, _PAX):
            if head.size > MAX_NAME_BYTES:
                raise _damaged(shard, f"has a header of {head.size:,} bytes")
            stream.seek(start)
            text = stream.read(head.size)
            long_name = _pax_path(text) if head.type == _PAX else text.rstrip(b"\0").decode("utf-8", "surrogateescape")
        elif head.isreg():
            yield long_name or head.name, start, head.size
            long_name = ""
        else:
            long_name = ""  # of a folder or a link


def _pax_path(text: bytes) -> str:
    """The path in an extended header, records ``LENGTH KEY=VALUE`` and a line feed; empty without one."""
    while text:
        length = text.partition(b" ")[0]
        if not length.isdigit() or not 0 < int(length) <= len(text):
            return ""
        record, text = text[: int(length)], text[int(length) :]
        name, _, value = record.partition(b" ")[2].partition(b"=")
        if name == b"path":
            return value.rstrip(b"\n").decode("utf-8", "surrogateescape")
    return ""


def _label(shard: Path, name: str, stream: BinaryIO, start: int, length: int) -> str | None:
    """The class that a ``.cls`` or ``.json`` names; None where it names none."""
    if length > MAX_LABEL_BYTES:
        raise _damaged(shard, f"has a label of {length:,} bytes, {name[:80]!r}")
    stream.seek(start)
    data = stream.read(length)
    value: Any = data.decode("utf-8", "replace")
    if name.lower().endswith(".json"):
        try:
            facts = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise _damaged(shard, f"has a damaged label, {name[:80]!r}") from None
        keys = _LABEL_KEYS if isinstance(facts, dict) else ()
        value = next((facts[one] for one in keys if isinstance(facts.get(one), str | int)), "")
    return seen(str(value)[:MAX_NAME_BYTES]) or None


def _damaged(shard: Path, how: str) -> DataError:
    return DataError(f"{shard.name!r} {how}.", _FORM)
