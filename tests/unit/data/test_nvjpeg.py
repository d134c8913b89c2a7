"""The way of JPEG files to a GPU, with torchvision's decoder for the CPU in the place of nvJPEG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.io import decode_jpeg

from lwal_core.config import DataConfig
from lwal_core.config.data import Square
from lwal_core.data.nvjpeg import decoded_ahead, fitted_tensor, wanted
from lwal_core.data.skipped import Skipped
from lwal_core.data.stream import ImageFiles, ImageStream
from lwal_core.data.variation import Variation


@pytest.fixture
def stream(tmp_path: Path) -> ImageStream:
    """Six smooth pictures: JPEG, grey JPEG, PNG, a JPEG that lies on its side, one of four colours, and a broken one."""
    files = []
    for number in range(6):
        coarse = np.random.default_rng(number).integers(0, 256, (4, 5, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((60, 40), Image.Resampling.BICUBIC)
        path = tmp_path / f"{number}.{'png' if number == 2 else 'jpg'}"
        exif = Image.Exif()
        exif[0x0112] = 6 if number == 3 else 1
        picture.convert({1: "L", 4: "CMYK"}.get(number, "RGB")).save(
            path, exif=exif, **({} if number == 2 else {"quality": 95})
        )
        files.append(str(path))
    Path(files[5]).write_bytes(b"\xff\xd8\xff\xe0 and no more")
    places = np.arange(6)
    return ImageStream(ImageFiles(tmp_path, files), np.zeros(6, np.int64), places, 24, "crop", Skipped("", 6), places)


def test_is_asked_for_by_a_variable_and_for_streams_on_a_gpu_alone(stream, monkeypatch):
    assert not wanted(stream, "cuda")
    monkeypatch.setenv("LWAL_DATA_NVJPEG", "1")
    assert wanted(stream, "cuda") and not wanted(stream, "cpu") and not wanted(torch.zeros(3), "cuda")


@pytest.mark.parametrize(
    "fit", [Square("crop"), Square("pad"), Square("stretch"), Square("crop", 0.8, "bilinear")], ids=str
)
def test_images_are_nearly_those_of_the_reader_of_all_others(stream, fit):
    from dataclasses import replace

    stream, given = replace(stream, fit=fit), []

    def decode(data: list, mode: str, device: object) -> list:
        given.append(len(data))
        return decode_jpeg(data, mode=mode)

    parts = [torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5])]
    found = list(decoded_ahead(stream, parts, "cpu", None, 0, decode))
    expected = [stream.read(rows) for rows in parts]
    assert given == [2]  # the colour and the grey JPEG; the second part has nothing for a GPU
    for (ours, our_skips), (theirs, their_skips) in zip(found, expected, strict=True):
        assert our_skips == their_skips
        assert (ours.int() - theirs.int()).abs().float().mean() < 1.5  # of 255
    assert torch.equal(found[1][0], expected[1][0]) and torch.equal(found[0][0][2], expected[0][0][2])


def test_variations_are_drawn_alike_and_a_decoder_that_fails_is_done_without(stream):
    variation = Variation(DataConfig(augment="random_resized_crop"), (24, 24), 3)
    rows = torch.arange(5)
    expected, _ = stream.read(rows, variation, 2)
    before = torch.get_rng_state()
    ((found, _),) = decoded_ahead(
        stream, [rows], "cpu", variation, 2, lambda data, mode, device: decode_jpeg(data, mode=mode)
    )
    assert (found.int() - expected.int()).abs().float().mean() < 2.5 and torch.equal(torch.get_rng_state(), before)

    def fails(data: list, mode: str, device: object) -> list:
        raise RuntimeError("nvjpeg error 2")

    ((found, _),) = decoded_ahead(stream, [rows], "cpu", variation, 2, fails)
    assert torch.equal(found, expected)


def test_nothing_to_decode(stream):
    assert list(decoded_ahead(stream, [], "cpu", None, 0, decode_jpeg)) == []


def test_squares(stream):
    wide = torch.full((3, 10, 40), 255, dtype=torch.uint8)
    assert fitted_tensor(wide, 8, Square("crop")).eq(255).all() and fitted_tensor(wide, 8, Square("stretch")).shape == (
        3,
        8,
        8,
    )
    padded = fitted_tensor(wide, 8, Square("pad"))
    assert (
        padded.shape == (3, 8, 8)
        and padded[:, 3:5].eq(255).all()
        and padded[:, :3].eq(0).all()
        and padded[:, 5:].eq(0).all()
    )
