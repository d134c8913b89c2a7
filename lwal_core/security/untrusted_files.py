"""Limits on untrusted files, judged from their headers before a parser reads them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_HEADER_BYTES = 8 * 2**20
"""Largest header of a safetensors file: 20,000 tensors take some 3 MB. The parser itself would take 100 MB and build a
gigabyte of them."""
MAX_DIRECTORY_BYTES = 4 * 2**20
"""Largest directory of a zip file: the 20,000 arrays that are looked at in an ``.npz`` take some 2 MB, the 10,100 files of a
bundle 1 MB. A million entries would take 11 s and 0.9 GB."""


class _CarefulFile(io.BufferedReader):
    """zipfile reads a whole directory at once and keeps a kilobyte an entry; it is never given more than this. Contents
    are read by smaller pieces."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise ValueError(f"it asks for {size:,} bytes at once, more than a directory may have")
        return super().read(size)


@contextmanager
def check_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file from elsewhere for reading.

    Raises:
        ValueError: Its directory is larger than :data:`MAX_DIRECTORY_BYTES`.
        Exception: Whatever zipfile has for a damaged file.
    """
    with _CarefulFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        yield archive


def check_safetensors(path: Path) -> None:
    """Look at the length that the header of a safetensors file says it has.

    Raises:
        ValueError: It is larger than :data:`MAX_HEADER_BYTES`, or than the file.
    """
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > min(MAX_HEADER_BYTES, path.stat().st_size):
        raise ValueError(f"its header says that it has {size:,} bytes")
