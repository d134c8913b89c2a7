"""Limits on untrusted files, judged from their headers before a parser reads them."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

MAX_HEADER_BYTES = 8 * 2**20
"""Largest header of a safetensors file: 20,000 tensors take some 3 MB. The parser itself would take 100 MB and build a
gigabyte of them."""
MAX_DIRECTORY_BYTES = 4 * 2**20
"""Largest directory of a zip file: the 20,000 arrays that are looked at in an ``.npz`` take some 2 MB, the 10,100 files of a
bundle 1 MB. A million entries would take 11 s and 0.9 GB."""

FREE_BYTES, MAX_RATIO = 128 * 2**20, 100
"""An archive of arrays may unpack to 128 MiB, however well it is packed; what is larger, to a hundred times its size. Vectors
that a network learned shrink by a tenth, one-hot labels of 5,000 classes are 100 MB of zeros."""
MAX_ENTRY_RATIO, FREE_ENTRY_BYTES = 200, 2**20
"""A file of an archive above 1 MiB may unpack to so many times its packed size; label tables and metrics shrink to a tenth at best."""
MAX_SIDE = 30_000
"""Pixels along a side of an image; a scanned plan has 20,000."""
FREE_PIXELS, MAX_PIXELS_A_BYTE = 16_000_000, 200
"""An image may have 16 million pixels, however well it is packed; a larger one at most 200 a byte of its file. A photograph has 1
to 10."""


class _CarefulFile(io.BufferedReader):
    """zipfile reads a whole directory at once and keeps a kilobyte an entry; it is never given more than this. Contents
    are read by smaller pieces."""

    most = MAX_DIRECTORY_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.most:
            raise ValueError(f"it asks for {size:,} bytes at once, more than a directory may have")
        return super().read(size)


@contextmanager
def check_zip(source: Path | BinaryIO, directory: int = MAX_DIRECTORY_BYTES) -> Iterator[zipfile.ZipFile]:
    """Open a zip file from elsewhere for reading.

    Args:
        source: Its path; or the file, open, which stays open.
        directory: Bytes that its directory may have.

    Raises:
        ValueError: Its directory is larger.
        Exception: Whatever zipfile has for a damaged file.
    """
    of_path = isinstance(source, Path)
    file = _CarefulFile(io.FileIO(source) if isinstance(source, Path) else cast(io.RawIOBase, source))
    file.most = directory
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    finally:
        if of_path:
            file.close()
        else:
            file.detach()


def check_entry(entry: zipfile.ZipInfo, most: int) -> None:
    """Look at what the directory of an archive says of a file, before it is unpacked.

    Args:
        entry: What it says.
        most: Bytes that the file may have.

    Raises:
        ValueError: It is no plain file, encrypted, packed in a way that is not read, too large, or unpacks to far more than it is.
    """
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise ValueError("is no plain file")
    if entry.flag_bits & 0x1:
        raise ValueError("is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("is packed in a way that is not read")
    if entry.file_size > max(FREE_ENTRY_BYTES, MAX_ENTRY_RATIO * entry.compress_size):
        raise ValueError(f"unpacks to more than {MAX_ENTRY_RATIO} times its size")
    if entry.file_size > most:
        raise ValueError(f"unpacks to more than {most // 2**20:,} MiB")


def check_safetensors(path: Path) -> None:
    """Look at the length that the header of a safetensors file says it has.

    Raises:
        ValueError: It is larger than :data:`MAX_HEADER_BYTES`, or than the file.
    """
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > min(MAX_HEADER_BYTES, path.stat().st_size):
        raise ValueError(f"its header says that it has {size:,} bytes")


def check_unpacked(archive: zipfile.ZipFile) -> None:
    """Look at what an archive of arrays says that it unpacks to.

    Raises:
        ValueError: It is more than :data:`FREE_BYTES`, and more than :data:`MAX_RATIO` times what is packed.
    """
    packed = sum(entry.compress_size for entry in archive.infolist())
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > max(FREE_BYTES, MAX_RATIO * packed):
        raise ValueError(f"it unpacks from {packed:,} to {unpacked:,} bytes, more than {MAX_RATIO} times its size")


def check_picture(width: int, height: int, size: int) -> None:
    """Look at the sides that an image's header says it has.

    Args:
        width: In pixels.
        height: In pixels.
        size: Bytes of the file.

    Raises:
        ValueError: A side is longer than :data:`MAX_SIDE`, or it has far more pixels than its file could hold.
    """
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"has {width:,} x {height:,} pixels, a side of more than {MAX_SIDE:,}")
    if width * height > max(FREE_PIXELS, MAX_PIXELS_A_BYTE * size):
        raise ValueError(f"has {width:,} x {height:,} pixels in {size:,} bytes")
