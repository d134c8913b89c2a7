"""Image files that strangers bring: of every kind that is taken, of kinds that are not, broken and hostile ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lwal_core.config.data import Square
from lwal_core.data.image_files import read_image
from lwal_core.errors import InferenceError
from lwal_core.inference_server.pictures import MAX_PIXELS, Picture, contrast_hint, inverted, read_picture

GREY, COLOUR = (1, 8, 8), (3, 32, 32)


def file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(height * width).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_each_kind_is_read_and_named(kind: str) -> None:
    picture = read_picture(file(Image.fromarray(noise(40, 60)), kind), COLOUR)
    assert picture.pixels.shape == COLOUR and picture.pixels.dtype == np.uint8
    assert "40" in picture.steps[0] and kind.lower() in picture.steps[0].lower()
    assert picture.steps[-1] == "Cropped to the middle 40 x 40, scaled to 32 x 32 pixels."


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "PDF", "TGA"])
def test_other_kinds_are_refused_whatever_they_are_called(kind: str) -> None:
    with pytest.raises(InferenceError, match=r"no picture that can be read\. Take a PNG, JPEG, WebP, GIF or BMP file"):
        read_picture(file(Image.fromarray(noise(40, 40)), kind), COLOUR)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", b"GIF89a"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InferenceError):
        read_picture(data, COLOUR)


def test_an_image_of_the_right_size_is_taken_as_it_is() -> None:
    pixels = noise(8, 8, 1)
    picture = read_picture(file(Image.fromarray(pixels)), GREY)
    assert (picture.pixels[0] == pixels).all()
    assert picture.steps == ("A PNG file of 8 x 8 pixels, grey.", "Used at its own 8 x 8 pixels.")


def test_the_pixels_are_those_of_image_folders(tmp_path: Path) -> None:
    data = file(Image.fromarray(noise(301, 200)), "JPEG", quality=90)
    (tmp_path / "a.jpg").write_bytes(data)
    assert (read_picture(data, COLOUR).pixels == read_image(tmp_path / "a.jpg", 32)).all()


def half(left: int, right: int) -> Image.Image:
    pixels = np.full((20, 40), left, dtype=np.uint8)
    pixels[:, 20:] = right
    return Image.fromarray(pixels).convert("RGB")


def test_the_camera_s_turn_is_honoured() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # what is stored at the left belongs to the top
    picture = read_picture(file(half(255, 0), "JPEG", exif=exif, quality=95), (1, 40, 20))
    assert (
        picture.steps[0] == "A JPEG file of 20 x 40 pixels, colour." and "Turned by 90° clockwise" in picture.steps[1]
    )
    assert picture.pixels[0, :15].min() > 230 and picture.pixels[0, 25:].max() < 25


MODES: dict[str, Callable[[], Image.Image]] = {
    "black and white": lambda: half(255, 0).convert("1"),
    "grey": lambda: half(255, 0).convert("L"),
    "grey of 16 bits": lambda: Image.fromarray(np.asarray(half(255, 0).convert("L")).astype(np.uint16) * 257),
    "colours from a palette": lambda: half(255, 0).convert("P"),
}


@pytest.mark.parametrize("mode", list(MODES))
def test_every_mode_comes_out_the_same(mode: str) -> None:
    picture = read_picture(file(MODES[mode]()), (1, 20, 40))
    assert mode in picture.steps[0]
    assert picture.pixels[0, :, :20].min() == 255 and picture.pixels[0, :, 20:].max() == 0


def test_the_colours_of_a_printer() -> None:
    picture = read_picture(file(half(255, 0).convert("CMYK"), "JPEG", quality=95), (3, 20, 40))
    assert "CMYK" in picture.steps[0]
    assert picture.pixels[:, :, :18].min() > 230 and picture.pixels[:, :, 22:].max() < 60


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    picture = read_picture(file(clear), COLOUR)
    assert (picture.pixels == 255).all() and "What was transparent is white." in picture.steps


def test_the_first_frame_of_a_moving_picture() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("white", "black", "red")]
    picture = read_picture(file(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50), GREY)
    assert (picture.pixels == 255).all() and "The first of its 3 frames." in picture.steps


@pytest.mark.parametrize("size", [(1, 1), (1, 4_000), (4_000, 1), (3, 2)])
def test_tiny_and_thin_pictures(size: tuple[int, int]) -> None:
    picture = read_picture(file(Image.new("L", size, 77)), GREY)
    assert (picture.pixels == 77).all()


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels; there are none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("sides", [(8_000, 6_251), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(sides: tuple[int, int]) -> None:
    assert sides[0] * sides[1] > MAX_PIXELS
    with pytest.raises(InferenceError, match="at most 50 million are taken"):
        read_picture(png_of(*sides), COLOUR)


def test_a_cut_file_is_refused() -> None:
    data = file(Image.fromarray(noise(60, 60)), "JPEG")
    with pytest.raises(InferenceError, match="cannot be decoded"):
        read_picture(data[: len(data) // 2], COLOUR)


SEEDS = [file(Image.fromarray(noise(16, 16)), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")]


@settings(max_examples=150)
@given(st.data())
def test_changed_bytes_give_a_picture_or_a_sentence(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[place] = value
    cut = data.draw(st.integers(0, len(content)))
    for given_bytes in (bytes(content), bytes(content[:cut])):
        try:
            picture = read_picture(given_bytes, GREY)
        except InferenceError:
            continue
        assert picture.pixels.shape == GREY and picture.steps


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_sentence(content: bytes) -> None:
    with pytest.raises(InferenceError):
        read_picture(content, COLOUR)


def test_light_and_dark_are_exchanged() -> None:
    picture = inverted(Picture(np.array([[[0, 10, 255]]], dtype=np.uint8), ("A.",)))
    assert picture.pixels.tolist() == [[[255, 245, 0]]] and picture.steps == ("A.", "Light and dark exchanged.")


def test_a_page_where_strokes_of_light_are_expected_is_noticed() -> None:
    paper = np.full((1, 8, 8), 240, dtype=np.uint8)
    assert "mostly light, the training images are mostly dark" in contrast_hint(paper, 0.3)
    assert "mostly dark, the training images are mostly light" in contrast_hint(255 - paper, 0.8)
    assert contrast_hint(np.full((1, 8, 8), 155, dtype=np.uint8), 0.3)  # a digit that fills a sheet
    assert contrast_hint(255 - paper, 0.3) == contrast_hint(paper, 0.5) == contrast_hint(paper, 0.8) == ""


def test_a_picture_becomes_a_square_as_those_of_its_data_set():
    white = file(Image.new("RGB", (40, 20), "white"))
    padded, stretched = (read_picture(white, (3, 16, 16), fit) for fit in (Square("pad"), Square("stretch")))
    assert (
        (padded.pixels[:, :4] == 0).all() and (padded.pixels[:, 4:12] == 255).all() and "on black" in padded.steps[-1]
    )
    assert (stretched.pixels == 255).all() and stretched.steps[-1] == "Stretched to 16 x 16 pixels."
