"""Data sets as strangers bring them: names that look alike, pictures that are none, labels of every kind."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.data import load_dataset
from lwal_core.data.image_files import decode_files
from lwal_core.datafiles import source_stats
from lwal_core.errors import DataError


def folder(root: Path, *classes: str, parts: tuple[str, ...] = ("",)) -> Path:
    for part in parts:
        for number, name in enumerate(classes):
            (root / part / name).mkdir(parents=True)
            for i in range(3):
                Image.new("RGB", (9, 9), (number, i, 7)).save(root / part / name / f"{i}.png")
    return root


def refused(name: str) -> str:
    """The sentence that the form says before anything is loaded; the training says the same."""
    config = DataConfig(name=name)
    with pytest.raises(DataError) as form:
        source_stats(config)
    with pytest.raises(DataError) as training:
        load_dataset(config)
    assert str(form.value) == str(training.value) and form.value.hint
    return str(form.value)


class TestFolders:
    @pytest.mark.parametrize("twin", ["cat ", " cat", "cat\u200b", "cat\u200d", "c\u00a0at"], ids=ascii)
    def test_classes_that_look_alike_are_refused(self, tmp_path, twin):
        names = ("c at", twin) if "\u00a0" in twin else ("cat", twin)
        assert "look alike" in refused(f"folder:{folder(tmp_path, *names)}")

    def test_a_name_is_kept_as_it_is_seen(self, tmp_path):
        data = load_dataset(DataConfig(name=f"folder:{folder(tmp_path, 'big  cat ', 'a' + chr(0x202E) + 'b')}"))
        assert data.class_names == ("a b", "big cat")

    def test_a_name_that_cannot_be_seen_is_refused(self, tmp_path):
        assert r"'\u200b' cannot be seen" in refused(f"folder:{folder(tmp_path, 'cat', chr(0x200B))}")

    def test_two_training_folders_are_not_called_missing(self, tmp_path):
        root = folder(tmp_path, "cat", "dog", parts=("train", "Train", "test"))
        assert "'Train', 'train' are both called train but for capital letters" in refused(f"folder:{root}")


def written(kind: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        data = io.BytesIO()  # Pillow cannot write each format to each name
        Image.new("RGB", (40, 30), "red").save(data, kind)
        path.write_bytes(data.getvalue())

    return write


def cut(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:4_000])


def huge(path: Path) -> None:
    Image.new("1", (1, 1)).save(path, "PNG")
    data = path.read_bytes()
    header = b"IHDR" + (100_000).to_bytes(4, "big") * 2 + data[24:29]
    path.write_bytes(data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:])


def numbers(*values: int) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(np.array([values], dtype=np.int32)).save(path, "TIFF")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_text("<html>404"), "it is a web page or XML"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "it is a pointer of Git LFS"),
        (lambda path: path.write_bytes(b"nonsense"), "no picture in a format that is read"),
        (lambda path: path.write_bytes(b"\0\0\0\x1cftypheic"), "it is a HEIC picture"),
        (written("AVIF"), "it is an AVIF picture"),
        (written("JPEG2000"), "it is a JPEG 2000 picture"),
        (cut, "it is damaged or cut off"),
        (huge, "more than 80,000,000 pixels"),
        (numbers(0, 70_000), "values from 0 to 70,000"),
        (numbers(-5, 9), "values from -5 to 9"),
        (lambda path: path.mkdir(), "is a directory"),
    ],
    ids=["empty", "page", "lfs", "bytes", "heic", "avif", "jp2", "cut", "huge", "17 bits", "negative", "folder"],
)
def test_why_an_image_cannot_be_read_is_said_in_our_words(tmp_path, make, reason):
    path = tmp_path / "\udce9.png"  # a name that is no UTF-8
    make(path)
    _, failures = decode_files([str(path)], 8)
    assert failures[0].startswith(reason)
    assert "tmp" not in failures[0] and "udce9" not in failures[0]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    def to_file(**changes: Any) -> str:
        values = {
            "x_train": np.arange(12.0).reshape(6, 2), "y_train": np.arange(6) % 3,
            "x_test": np.ones((3, 2)), "y_test": np.arange(3),
        }  # fmt: skip
        np.savez(tmp_path / "features.npz", **{**values, **changes})
        return f"features:{tmp_path / 'features.npz'}"

    return to_file


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"y_test": np.array([0, 1, 7])}, "y_test has the label 7, of which y_train has no samples"),
        ({"y_train": np.zeros(6, int), "y_test": np.zeros(3, int)}, "a single class"),
        ({"x_test": np.ones((1, 2)), "y_test": np.array([0])}, "x_test has 1 sample; at least 2"),
        ({"class_names": np.array(["a", "b", "c", "d"])}, "no training samples of class 'd'"),
        ({"class_names": np.array(["a", "b"])}, "one name for each"),
        ({"x_train": np.ones((6, 0)), "x_test": np.ones((3, 0))}, "samples without features"),
        ({"x_train": np.array([[1, 2]] * 6, dtype=object)}, "numpy.stack"),
        ({"x_train": np.array([[1, 2], [3]] * 3, dtype=object)}, "same number of features"),
        ({"x_train": np.ones((6, 2), np.float16).view("V2")}, "keeps no bfloat16"),
        ({"x_train": np.ones(6, dtype=[("a", "f4")])}, "no records"),
        ({"y_train": np.arange(6) > 2}, "Save y_train.astype(int)"),
    ],
    ids=lambda value: value.replace(" ", "-")[:20] if isinstance(value, str) else "",
)
def test_features_are_refused_before_they_are_trained_on(save, changes, said):
    assert said in refused(save(**changes))


@pytest.mark.parametrize("value", [1e31, -2e38, np.inf, np.nan])
def test_features_beyond_the_range_of_the_arithmetic_are_refused_by_row(save, value):
    x = np.ones((6, 2))
    x[4, 1] = value
    with pytest.raises(DataError, match=r"x_train has the value .* in row 4, column 1.*at most 1e\+30"):
        load_dataset(DataConfig(name=save(x_train=x)))


def test_the_largest_feature_that_is_taken_can_be_normalised(save):
    data = load_dataset(DataConfig(name=save(x_train=np.array([[1e30, 0], [-1e30, 1]] * 3), y_train=np.arange(6) % 3)))
    mean, deviation = data.channel_mean_std()
    assert ((data.x_train - mean) / deviation).isfinite().all()


@pytest.mark.parametrize("twin", ["a ", "a\u200b", "a\n", "\ta"])
def test_names_of_features_that_look_alike_are_refused(save, twin):
    with pytest.raises(DataError, match="'a' occur more than once"):
        load_dataset(DataConfig(name=save(class_names=np.array(["a", twin, "c"]))))


def test_arrays_that_are_not_read_are_named(save):
    name = save(classes=np.array(["a", "b", "c"]))
    note = ("Ignored arrays: 'classes'; class names are read from class_names.",)
    assert source_stats(DataConfig(name=name)).notes == load_dataset(DataConfig(name=name)).notes == note


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (lambda path: path.write_bytes(b""), "it is empty"),
        (lambda path: path.write_text("a,b\n1,2"), "it is text"),
        (lambda path: np.save(path.open("wb"), np.ones(3)), "it is a single array"),
        (lambda path: path.write_bytes(b"\x80\x04}."), "it is pickled Python objects"),
    ],
    ids=["empty", "csv", "npy", "pickle"],
)
def test_another_file_called_npz_is_called_what_it_is(tmp_path, write, what):
    write(tmp_path / "f.npz")
    assert what in refused(f"features:{tmp_path / 'f.npz'}")
