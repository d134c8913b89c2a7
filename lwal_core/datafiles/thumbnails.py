"""Small pictures of image files that nobody has looked at yet; without torch."""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lwal_core.security.untrusted_files import check_picture

MAX_PIXELS = 80_000_000
"""Pixels of the largest image that is looked at."""
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
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError(f"{opened.width:,} x {opened.height:,} pixels, more than {MAX_PIXELS:,}")
        check_picture(opened.width, opened.height, _size(file))
        opened.draft("RGB", (2 * side, 2 * side))
        picture = ImageOps.fit(ImageOps.exif_transpose(opened).convert("RGB"), (side, side))
        return np.asarray(picture, dtype=np.uint8)


def _size(file: str | BinaryIO) -> int:
    """Bytes of a file; of one that is open, its place is kept."""
    if isinstance(file, str):
        return os.stat(file).st_size
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(place)
    return size
