"""Small pictures of image files that nobody has looked at yet; without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lwal_core.security.untrusted_files import check_picture

MAX_PIXELS = 80_000_000
"""Pixels an image file may have; 80 million take 240 MB as RGB while they are scaled down."""
MAX_SCANS = 100
"""Scans of a progressive JPEG; encoders write some 10. One of 4,000 x 4,000 pixels takes 30 bytes and 15 ms each."""
_SCAN = b"\xff\xda"
_TILE = (322, 323)  # width and height, by their numbers in TIFF
_BLOCK = 2**20
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")


def thumbnail(file: str | BinaryIO, side: int) -> NDArray[np.uint8]:
    """The middle of an image file as a square, ``[side, side, 3]``. The whole file is decoded: who gets one has a whole picture.

    Args:
        file: Its path; or the file, open, whose size is looked for at its end.
        side: Pixels.

    Raises:
        ValueError: It is too large to be looked at.
        Exception: What the decoder raises for a broken file.
    """
    with Image.open(file, formats=_FORMATS) as opened:
        check_header(opened, file)
        opened.draft("RGB", (2 * side, 2 * side))
        picture = ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), (side, side))
        return np.asarray(picture, dtype=np.uint8)


def check_header(opened: Image.Image, file: str | Path | BinaryIO, most: int = MAX_PIXELS) -> None:
    """Look at what the header of an image file says, before it is decoded.

    Args:
        opened: The image, of which only the header was read.
        file: Its path; or the file, open, whose place is kept.
        most: Pixels that it may have.

    Raises:
        ValueError: It has more, a side that is too long, more pixels than its file could hold, or
            what :func:`check_decoding` refuses.
    """
    if opened.width * opened.height > most:
        raise ValueError(f"{opened.width:,} x {opened.height:,} pixels, more than {most:,}")
    check_picture(opened.width, opened.height, size_of(file))
    check_decoding(opened, file)


def check_decoding(opened: Image.Image, file: str | Path | BinaryIO) -> None:
    """Look at what makes an image of few pixels long to decode or large in memory, before it is decoded.

    Args:
        opened: The image, of which only the header was read.
        file: Its path; or the file, open, whose place is kept.

    Raises:
        ValueError: Its tiles are larger than an image may be, or it has more than :data:`MAX_SCANS` scans.
    """
    width, height = (getattr(opened, "tag_v2", {}).get(number, 0) for number in _TILE)
    if width * height > MAX_PIXELS:
        raise ValueError(f"has tiles of {width:,} x {height:,} pixels, more than {MAX_PIXELS:,}")
    check_picture(width, height, size_of(file))
    if opened.info.get("progressive") and _scans(file) > MAX_SCANS:
        raise ValueError(f"has more than {MAX_SCANS:,} scans")


def _scans(file: str | Path | BinaryIO) -> int:
    """Scans of a JPEG file, looked for until there are too many. In coded pixels the mark cannot occur; in a thumbnail inside of
    the file it can, a few times."""
    if isinstance(file, str | Path):
        with open(file, "rb") as stream:
            return _scans(stream)
    place, found, last = file.tell(), 0, b""
    file.seek(0)
    while found <= MAX_SCANS and (block := file.read(_BLOCK)):
        found += (last + block).count(_SCAN)
        last = block[-1:]
    file.seek(place)
    return found


def size_of(file: str | Path | BinaryIO) -> int:
    """Bytes of a file; of one that is open, its place is kept."""
    if isinstance(file, str | Path):
        return os.stat(file).st_size
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return size
