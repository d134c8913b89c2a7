"""Preprocessing of an image for a network, with each step in words.

The file is untrusted: its content decides what it is, few formats are decoded, and its size is judged from the header.
Cropping and scaling are those of image folders (:func:`lwal_core.data.image_files.read_image`), so that a file of the
data set gives the numbers that the network was trained on.
"""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from lwal_core.config.data import Square
from lwal_core.data.image_files import MIDDLE, read_image
from lwal_core.datafiles.thumbnails import check_decoding
from lwal_core.errors import InferenceError
from lwal_core.security.untrusted_files import check_picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
TITLES = ("PNG", "JPEG", "WebP", "GIF", "BMP")
MAX_PIXELS = 50_000_000
"""Pixels a picture may have; with transparency, 50 million take 600 MB while they are put on white."""

CLEARLY = 0.1
"""How much nearer to the training images, in mean grey from 0 to 1, a negative must be for it to be proposed."""

_ORIENTATION = 0x0112
_WHOLE = {
    "pad": "Scaled as a whole to fit {:,} x {:,} pixels, on black.",
    "stretch": "Stretched to {:,} x {:,} pixels.",
}
_TURNED = {
    2: "mirrored", 3: "turned by 180°", 4: "mirrored upside down", 5: "mirrored and turned", 6: "turned by 90° clockwise",
    7: "mirrored and turned", 8: "turned by 90° anticlockwise",
}  # fmt: skip
_MODES = {
    "1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "colours from a palette", "RGB": "colour",
    "RGBA": "colour with transparency", "CMYK": "colours of a printer (CMYK)", "YCbCr": "colour", "I": "grey of 16 bits",
}  # fmt: skip


class Picture(NamedTuple):
    """``pixels`` uint8 ``[channels, H, W]``, and ``steps``: what was done to the file, one sentence each."""

    pixels: NDArray[np.uint8]
    steps: tuple[str, ...]


def read_picture(data: bytes, shape: tuple[int, int, int], fit: Square = MIDDLE) -> Picture:
    """Decode an image file for a network.

    Args:
        data: The bytes of the file.
        shape: Channels (1 or 3), height and width of what the network takes.
        fit: How images of its data set became squares.

    Raises:
        InferenceError: It is no picture of a format that is taken, has too many pixels, or is broken.
    """
    channels, height, width = shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; what matters is refused here
        steps = _facts(data, height, width, fit)
        try:
            rgb = read_image(io.BytesIO(data), (height, width), formats=FORMATS, fit=fit)
        except Exception as error:  # a foreign file can fail in any way inside a decoder
            raise _broken(error) from None
    if channels == 3:
        return Picture(np.ascontiguousarray(rgb), tuple(steps))
    grey = np.asarray(Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0))).convert("L"))
    if (rgb[0] != rgb[1]).any() or (rgb[0] != rgb[2]).any():
        steps.append("Turned grey, as the data set is.")
    return Picture(grey[None].copy(), tuple(steps))


def inverted(picture: Picture) -> Picture:
    """Light and dark exchanged."""
    return Picture(255 - picture.pixels, (*picture.steps, "Light and dark exchanged."))


def contrast_hint(pixels: NDArray[np.uint8], mean: float) -> str:
    """Whether a grey picture is light where the training images are dark; empty when it seems not.

    Args:
        pixels: uint8 ``[1, H, W]``.
        mean: Of the training images, from 0 (black) to 1.
    """
    own = float(pixels.mean()) / 255
    if abs(own - mean) <= abs(1 - own - mean) + CLEARLY:
        return ""
    what, other = ("light", "dark") if own > mean else ("dark", "light")
    return (
        f"This picture is mostly {what}, the training images are mostly {other}: the network may never have seen the like. "
        "Exchange light and dark."
    )


def _facts(data: bytes, height: int, width: int, square: Square) -> list[str]:
    """What the header says, and what follows from it."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _too_large(f"has {opened.width:,} x {opened.height:,} pixels")
            try:
                check_picture(opened.width, opened.height, len(data))
                check_decoding(opened, io.BytesIO(data))
            except ValueError as error:
                raise InferenceError(f"The picture {error}, which no photograph has.", "Make it smaller.") from None
            orientation = opened.getexif().get(_ORIENTATION, 1)
            sides = (opened.height, opened.width) if orientation in (5, 6, 7, 8) else (opened.width, opened.height)
            title = TITLES[FORMATS.index("JPEG" if opened.format == "MPO" else str(opened.format))]
            mode = "grey of 16 bits" if opened.mode.startswith("I;16") else _MODES.get(opened.mode, opened.mode)
            see_through, frames = opened.has_transparency_data, getattr(opened, "n_frames", 1)
    except InferenceError:
        raise
    except UnidentifiedImageError:
        raise InferenceError(
            "The file is no picture that can be read.", f"Take a {', '.join(TITLES[:-1])} or {TITLES[-1]} file."
        ) from None
    except Image.DecompressionBombError:
        raise _too_large("has far more pixels than a photograph") from None
    except Exception as error:
        raise _broken(error) from None
    steps = [f"A {title} file of {sides[0]:,} x {sides[1]:,} pixels, {mode}."]
    if frames > 1 and title in ("GIF", "WebP", "PNG"):
        steps.append(f"The first of its {frames:,} frames.")
    if orientation in _TURNED:
        steps.append(f"{_TURNED[orientation].capitalize()}, as the camera noted.")
    if see_through:
        steps.append("What was transparent is white.")
    fit = square.fit
    if square.share is not None and square.share < 1:
        sides = (round(sides[0] * square.share), round(sides[1] * square.share))
        steps.append(f"The middle {square.share:.1%}, as the backbone's evaluation has it.")
    steps.append(_fitting(sides, (width, height)) if fit == "crop" else _WHOLE[fit].format(width, height))
    return steps


def _fitting(sides: tuple[int, int], target: tuple[int, int]) -> str:
    """Cropping and scaling in words; both sizes are width and height."""
    scale = min(sides[0] / target[0], sides[1] / target[1])
    kept = max(1, round(target[0] * scale)), max(1, round(target[1] * scale))
    parts = [] if kept == sides else [f"cropped to the middle {kept[0]:,} x {kept[1]:,}"]
    parts.append(
        f"scaled to {target[0]:,} x {target[1]:,}"
        if kept != target
        else f"used at its own {target[0]:,} x {target[1]:,}"
    )
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]} pixels."


def _too_large(how: str) -> InferenceError:
    return InferenceError(
        f"The picture {how}; at most {MAX_PIXELS // 1_000_000} million are taken.", "Make it smaller."
    )


def _broken(error: Exception) -> InferenceError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return InferenceError(f"The picture cannot be decoded ({reason}).", "Save it anew, or take another one.")
