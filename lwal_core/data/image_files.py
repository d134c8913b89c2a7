"""Decoding of untrusted image files: plain formats only, size from the header first, each failure with its reason."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lwal_core.config.data import Square
from lwal_core.datafiles.signatures import foreign_content
from lwal_core.datafiles.thumbnails import MAX_PIXELS, check_header
from lwal_core.errors import DataError
from lwal_core.system.log import event

MAX_UNREADABLE_SHARE = 0.01
"""More than this is no longer the odd broken file but a data set that is not what it seems."""

FEW_GREY_LEVELS = 32
"""A 16-bit image with fewer of the 256 levels has lost more than three of its bits to a range that it does not use."""
_MAX_LISTED = 10_000
"""Unreadable files named in a run's log."""

MIDDLE = Square()
"""How an image becomes a square where nothing else is said."""
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_OTHER_PICTURES = (
    (4, (b"ftypavif", "an AVIF picture")), (4, (b"ftypavis", "an AVIF picture")), (4, (b"ftyphei", "a HEIC picture")),
    (4, (b"ftypmif1", "a HEIC picture")), (0, (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture")), (0, (b"\xffO\xffQ", "a JPEG 2000 picture")),
    (0, (b"\xff\n", "a JPEG XL picture")), (4, (b"JXL ", "a JPEG XL picture")), (0, (b"DDS ", "a DDS picture")),
)  # fmt: skip
"""Formats that are not decoded, by what stands where in the file."""
_MAX_WORKERS = 8
_FILES_A_TASK = 64


class Box(NamedTuple):
    """Sides that a picture is scaled to, and where the part that is kept begins."""

    height: int
    width: int
    top: int
    left: int


def middle(picture: tuple[int, int], sides: tuple[int, int], share: float) -> Box:
    """How a share of a picture's middle gets a height and width, as timm's evaluation has it (``transforms_imagenet_eval``): the shorter
    side is scaled to ``floor(side / share)``, the longer with it, and the middle is cut.

    Args:
        picture: Height and width of the picture.
        sides: Height and width of what is kept.
        share: Above 0, up to 1.
    """
    shorter = math.floor(max(sides) / share)
    height, width = (max(shorter, int(shorter * side / min(picture))) for side in picture)
    return Box(height, width, round((height - sides[0]) / 2), round((width - sides[1]) / 2))


class Files(Protocol):
    """Paths, or pictures as open files, by position; a list of paths is one."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, position: int, /) -> str | BinaryIO:
        """One of them."""


def decode_files(
    files: Files, size: int, grey_levels: list[int] | None = None, fit: Square = MIDDLE
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """All images as uint8 ``[N, 3, size, size]``, and the reason for each that failed, by position.

    Pillow releases the interpreter lock while it decodes and scales, so threads use all cores without copying images
    between processes.

    Args:
        files: Paths or open files.
        size: Pixels a side.
        grey_levels: Gets what :func:`read_image` adds.
        fit: How each becomes a square, see :func:`fitted`.
    """
    images = np.zeros((len(files), 3, size, size), dtype=np.uint8)
    failures: dict[int, str] = {}

    def decode_some(start: int) -> None:
        for position in range(start, min(start + _FILES_A_TASK, len(files))):
            try:
                images[position] = read_image(files[position], size, grey_levels=grey_levels, fit=fit)
            # A foreign file can fail in any way inside a decoder; the reason is reported beside the file's name.
            except Exception as error:
                failures[position] = why_unreadable(files, position, error)

    with warnings.catch_warnings(), ThreadPoolExecutor(min(_MAX_WORKERS, os.cpu_count() or 1)) as pool:
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; what matters is refused by number of pixels
        for _ in pool.map(decode_some, range(0, len(files), _FILES_A_TASK)):
            pass
    return images, failures


def read_image(
    file: str | Path | BinaryIO,
    size: int | tuple[int, int],
    *,
    formats: tuple[str, ...] = _FORMATS,
    grey_levels: list[int] | None = None,
    fit: Square = MIDDLE,
) -> NDArray[np.uint8]:
    """One image file as a square: upright, in RGB on white, cropped at the centre, scaled.

    Args:
        file: A picture in a common format; of moving pictures the first frame is used.
        size: Pixels a side, or height and width.
        formats: Formats that are decoded, by Pillow's names; the content decides which one it is.
        grey_levels: Gets, for a 16-bit image, how many of the 256 levels between its darkest and its brightest hundredth
            it uses.
        fit: How it becomes a square, see :func:`fitted`.

    Returns:
        uint8 ``[3, size, size]``.

    Raises:
        Exception: As :func:`read_rgb`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    picture = read_rgb(file, (height, width), formats=formats, grey_levels=grey_levels)
    return np.asarray(fitted(picture, (height, width), fit)).transpose(2, 0, 1)


def fitted(picture: Image.Image, sides: tuple[int, int], square: Square) -> Image.Image:
    """A picture at a height and width: cropped at the centre and scaled, padded with black and scaled, or stretched."""
    target, method = (sides[1], sides[0]), Image.Resampling[square.scaling.upper()]
    if square.share is not None:
        box = middle((picture.height, picture.width), sides, square.share)
        return picture.resize((box.width, box.height), method).crop(
            (box.left, box.top, box.left + target[0], box.top + target[1])
        )
    match square.fit:
        case "crop":
            return ImageOps.fit(picture, target, method=method)
        case "pad":
            return ImageOps.pad(picture, target, method=method)
        case "stretch":
            return picture.resize(target, method)


def read_rgb(
    file: str | Path | BinaryIO,
    sides: tuple[int, int],
    *,
    formats: tuple[str, ...] = _FORMATS,
    grey_levels: list[int] | None = None,
) -> Image.Image:
    """One image file: upright, in RGB on white, at its own size or, where that is more than twice as large as needed, smaller.

    Args:
        file: A picture in a common format; of moving pictures the first frame is used.
        sides: Height and width that it will be scaled to.
        formats: As of :func:`read_image`.
        grey_levels: As of :func:`read_image`.

    Raises:
        ValueError: It has more than `MAX_PIXELS` pixels, a side that is too long, more pixels than its file could hold, tiles or
            scans beyond :func:`lwal_core.datafiles.thumbnails.check_decoding`, whole numbers
            beyond 16 bits, or floating-point values, whose range is not known.
        Exception: Whatever the decoder raises for a broken file.
    """
    longest = max(sides)
    with Image.open(file, formats=formats) as opened:
        check_header(opened, file, MAX_PIXELS)
        # JPEG can be decoded at a half, a quarter or an eighth of its size in a fraction of the time. Asking for twice
        # the target leaves the scaling below enough to average.
        opened.draft("RGB", (2 * longest, 2 * longest))
        opened.load()
        ImageOps.exif_transpose(opened, in_place=True)  # without a copy where nothing is turned
        return _as_rgb(opened, grey_levels)


def why_unreadable(files: Files, position: int, error: Exception) -> str:
    """As :func:`unreadable`, of a file that may be gone by now."""
    try:
        return unreadable(files[position], error)
    except OSError as gone:
        return gone.strerror or "cannot be opened"
    except ValueError as gone:
        return str(gone)


def unreadable(file: str | BinaryIO, error: Exception) -> str:
    """Why an image file cannot be read, in a few words of our own."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    if isinstance(error, Image.DecompressionBombError):
        return f"more than {MAX_PIXELS:,} pixels"
    if isinstance(error, UnidentifiedImageError):
        head = _head(file)
        if not head:
            return "it is empty"
        known = next((what for start, what in _OTHER_PICTURES if head[start : start + len(what[0])] == what[0]), None)
        foreign = foreign_content(head)
        if known or foreign:
            what = known[1] if known else foreign[0]  # type: ignore[index]
            return "it is damaged or cut off" if what == "a picture" else f"it is {what}"
        return "no picture in a format that is read, or its beginning is damaged"
    if isinstance(error, OSError | SyntaxError | EOFError):  # as Pillow's decoders fail
        return "it is damaged or cut off"
    return str(error) or type(error).__name__


def _head(file: str | BinaryIO) -> bytes:
    if isinstance(file, str):
        with open(file, "rb") as stream:
            return stream.read(512)
    file.seek(0)
    return file.read(512)


def _as_rgb(image: Image.Image, grey_levels: list[int] | None) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known")
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow's own conversion cuts 16-bit values off at 255, which turns most of a picture white.
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65_535:
            raise ValueError(
                f"values from {values.min():,} to {values.max():,}; whole numbers are read from 0 to 65,535"
            )
        levels = (values >> 8).astype(np.uint8)
        if grey_levels is not None:
            darkest, brightest = np.quantile(levels, [0.01, 0.99], method="nearest")
            grey_levels.append(int(brightest) - int(darkest) + 1)
        return Image.fromarray(levels).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", with_alpha.size, "white"), with_alpha).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def judge_grey_levels(grey_levels: Sequence[int]) -> str:
    """A note about 16-bit images that use a small part of their range; empty when they do not.

    Args:
        grey_levels: Levels of each 16-bit image, from :func:`decode_files`.
    """
    few = sorted(count for count in grey_levels if count < FEW_GREY_LEVELS)
    if not few:
        return ""
    return (
        f"{len(few):,} of {len(grey_levels):,} 16-bit images use a small part of the range from 0 to 65,535: of 256 grey "
        f"levels, to which they are reduced, {few[len(few) // 2]} (median). Stretch all of them alike to the whole range."
    )


def judge_failures(
    given: str, name: Callable[[int], str], total: int, failures: dict[int, str], allowed: float = MAX_UNREADABLE_SHARE
) -> str:
    """A note about the images that were skipped, or a refusal when there are too many; the log gets all their names.

    Args:
        given: Where the images are, as the user wrote it.
        name: What people call the image at a position.
        total: Images that were tried.
        failures: Reasons by position, from :func:`decode_files`.
        allowed: Share of the files that may fail.

    Raises:
        DataError: More than `allowed` failed.
    """
    named = [f"{name(position)!r} ({failures[position]})" for position in sorted(failures)[:_MAX_LISTED]]
    for file in named:
        event("image.skipped", f"Cannot be read: {file}", level=logging.WARNING)
    listed = "; ".join(named[:5])
    if len(failures) > 5:
        listed += f"; and {len(failures) - 5:,} more, all in the run's log"
    count = f"{len(failures):,} of {total:,} images"
    if len(failures) > allowed * total:
        hint = f"Repair or remove them; up to {allowed:.0%} would be skipped." if allowed else "Restore them."
        raise DataError(f"{count} in {given!r} cannot be read: {listed}.", hint)
    return f"Skipped {count} that cannot be read: {listed}."
