"""JPEG decoding on the GPU (nvJPEG), where ``LWAL_DATA_NVJPEG`` asks for it.

Bytes are read by a thread, one part ahead. What nvJPEG does not do as Pillow does (another format, four colours, a picture that
is to be turned, a damaged file) goes the way of all other images. Numbers differ a little from Pillow's, so that a run is to be
read one way from beginning to end. It was tried with a stand-in for the decoder alone, on no GPU.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from lwal_core.config.data import Square
from lwal_core.data.image_files import middle
from lwal_core.data.skipped import Skip
from lwal_core.data.stream import ImageStream
from lwal_core.data.variation import Variation, own_chance
from lwal_core.datafiles.thumbnails import MAX_PIXELS, check_decoding
from lwal_core.security.untrusted_files import check_picture
from lwal_core.settings import settings

Decode = Callable[..., Any]
"""torchvision's ``decode_jpeg`` or what stands in for it."""
_ORIENTATION = 0x0112
_AT_ONCE = 32  # whole pictures that lie on the device together


def wanted(x: object, device: torch.device | str) -> bool:
    """Whether samples are decoded by a device."""
    return isinstance(x, ImageStream) and torch.device(device).type == "cuda" and settings().data_nvjpeg


def decoded_ahead(
    x: ImageStream,
    parts: Sequence[Tensor],
    device: torch.device | str,
    variation: Variation | None,
    epoch: int,
    decode: Decode | None = None,
) -> Iterator[tuple[Tensor, list[Skip]]]:
    """The images of each part on the device, uint8 ``[B, 3, size, size]``, and what could not be read among them."""
    from torchvision.io import decode_jpeg

    with ThreadPoolExecutor(1) as thread:
        ahead = thread.submit(_bytes, x, parts[0]) if len(parts) else None
        for number, rows in enumerate(parts):
            assert ahead is not None
            data = ahead.result()
            if number + 1 < len(parts):
                ahead = thread.submit(_bytes, x, parts[number + 1])
            yield _decoded(x, rows, data, device, variation, epoch, decode or decode_jpeg)


def _decoded(
    x: ImageStream,
    rows: Tensor,
    data: list[Tensor | None],
    device: torch.device | str,
    variation: Variation | None,
    epoch: int,
    decode: Decode,
) -> tuple[Tensor, list[Skip]]:
    images = torch.zeros(len(rows), *x.shape[1:], dtype=torch.uint8, device=device)
    by_device = [place for place, one in enumerate(data) if one is not None]
    others = [place for place, one in enumerate(data) if one is None]
    for start in range(0, len(by_device), _AT_ONCE):
        places = by_device[start : start + _AT_ONCE]
        try:
            found = decode([data[place] for place in places], mode="RGB", device=device)
        except RuntimeError:  # a damaged file among them, and nothing says which
            others += places
            continue
        with own_chance():
            for place, image in zip(places, found, strict=True):
                if variation is None or not variation.cuts:
                    image = fitted_tensor(image, x.size, x.fit)
                images[place] = image if variation is None else variation.one(image, int(rows[place]), epoch)
    read, skips = x.read(rows[sorted(others)], variation, epoch)
    images[sorted(others)] = read.to(device)
    return images, skips


def fitted_tensor(image: Tensor, size: int, square: Square) -> Tensor:
    """An image ``[3, H, W]`` uint8 as a square, as :func:`lwal_core.data.image_files.fitted` makes one."""
    from torchvision.transforms.v2 import InterpolationMode
    from torchvision.transforms.v2 import functional as change

    height, width = image.shape[1:]
    mode = InterpolationMode[square.scaling.upper()] if square.scaling != "lanczos" else InterpolationMode.BICUBIC
    if square.share is not None:
        box = middle((height, width), (size, size), square.share)
        scaled = change.resize(image, [box.height, box.width], mode, antialias=True)
        return change.crop(scaled, box.top, box.left, size, size)
    scale = {"crop": size / min(height, width), "pad": size / max(height, width), "stretch": 0.0}[square.fit]
    sides = [max(1, round(height * scale)), max(1, round(width * scale))] if scale else [size, size]
    scaled = change.resize(image, sides, mode, antialias=True)
    return change.center_crop(scaled, [size, size])  # which pads what is smaller with black


def _bytes(x: ImageStream, rows: Tensor) -> list[Tensor | None]:
    return [_jpeg(x, row) for row in rows.tolist()]


def _jpeg(x: ImageStream, row: int) -> Tensor | None:
    """The bytes of a JPEG file that a GPU may decode; None for any other image."""
    try:
        file = x.pictures.file(int(x.places[row]))
        if isinstance(file, str):
            with open(file, "rb") as stream:
                data = stream.read()
        else:
            data = file.read()
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as header:
            check_picture(header.width, header.height, len(data))
            check_decoding(header, io.BytesIO(data))
            if header.width * header.height > MAX_PIXELS or header.mode not in ("RGB", "L"):
                return None
            if header.getexif().get(_ORIENTATION, 1) != 1:
                return None
    except Exception:  # whatever is wrong with it is said by the reader of all other images
        return None
    return torch.frombuffer(bytearray(data), dtype=torch.uint8)
