"""What a data set holds before anything is trained: thumbnails are the files' own pixels, broken files are named."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.datafiles import source_stats
from lwal_core.experiments.data_preview import PER_CLASS, SIDE, source_preview, strip

COLOURS = {"ant": (200, 30, 20), "bee": (240, 200, 10)}


def pixels(address: str) -> np.ndarray:
    head, _, body = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))


@pytest.fixture
def folder(tmp_path):
    for name, colour in COLOURS.items():
        (tmp_path / name).mkdir()
        for i in range(10):
            Image.new("RGB", (50, 40), colour).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_a_row_of_thumbnails_has_each_picture_at_its_place():
    made = [np.full((SIDE, SIDE, 3), value, np.uint8) for value in (10, 200)]
    row = pixels(strip(made))
    assert row.shape == (SIDE, 2 * SIDE + 2, 3)
    assert (row[:, :SIDE] == 10).all() and (row[:, -SIDE:] == 200).all() and strip([]) == ""


def test_a_folder_shows_the_pictures_of_each_class(folder):
    seen = source_preview(DataConfig(name=f"folder:{folder}"))
    assert seen.class_names == ("ant", "bee") and seen.unreadable == ()
    for address, colour in zip(seen.strips, COLOURS.values(), strict=True):
        row = pixels(address)
        assert row.shape[1] == PER_CLASS * (SIDE + 2) - 2 and (row[:, :SIDE] == colour).all()


def test_a_broken_file_is_named_and_the_others_are_shown(folder):
    (folder / "ant" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    seen = source_preview(DataConfig(name=f"folder:{folder}"))
    assert [name.rpartition("/")[2] for name in seen.unreadable] == ["0.png"]
    assert pixels(seen.strips[0]).shape[1] == (PER_CLASS - 1) * (SIDE + 2) - 2


def test_a_picture_that_says_it_is_huge_is_not_decoded(folder):
    bomb = bytearray((folder / "ant" / "0.png").read_bytes())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2  # sides in the header
    (folder / "ant" / "0.png").write_bytes(bomb)
    assert len(source_preview(DataConfig(name=f"folder:{folder}")).unreadable) == 1


@pytest.mark.parametrize("name", ["digits", "shapes", "pictograms", "cifar10", "mnist"])
def test_classes_that_come_along_are_as_many_as_are_counted(name):
    config = DataConfig(name=name)
    seen = source_preview(config)
    assert len(seen.class_names) in (0, source_stats(config).classes)
    assert all(address.startswith("data:image/png") for address in seen.strips)


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data = load_digits()
    first = data.images[data.target == 7][0]
    assert np.allclose(pixels(source_preview(DataConfig()).strips[7])[:SIDE:4, :SIDE:4, 0], np.rint(first * 255 / 16))
