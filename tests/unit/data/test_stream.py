"""Streams of image files: the same pixels as in memory, read piece by piece, what is broken replaced and named."""

from __future__ import annotations

import csv
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.config.data import Square
from lwal_core.data import Dataset, load_dataset
from lwal_core.data.samples import pieces, read_ahead, subset, worker_count
from lwal_core.data.skipped import Skip, Skipped
from lwal_core.data.stream import ImageFiles, ImageStream
from lwal_core.datafiles import source_stats
from lwal_core.errors import DataError
from lwal_core.runs import RunWriter
from lwal_core.training.skipped_list import SkippedList


def picture(path: Path, number: int) -> None:
    """A picture of noise that only it has, of a size and a form of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sides = 20 + number % 7, 30 - number % 5
    pixels = np.random.default_rng(number).integers(0, 256, (*sides, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((60, 50)).save(path, quality=90)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three classes, JPEG and PNG, already split."""
    root = tmp_path / "photos"
    for number in range(30):
        part = "train" if number < 21 else "test"
        picture(root / part / "abc"[number % 3] / f"{number}.{'png' if number % 2 else 'jpg'}", number)
    return root


def load(root: Path, **values: object) -> Dataset:
    return load_dataset(DataConfig(name=f"folder:{root}", **values))


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fits into memory."""
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")


class TestSamePixels:
    @pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
    def test_as_in_memory(self, folder, monkeypatch, fit):
        whole = load(folder, image_size=24, fit=fit)
        monkeypatch.setenv("LWAL_DATA_MEMORY", "30KB")  # 30 images of 3 x 24 x 24 take 51,840 bytes
        data = load(folder, image_size=24, fit=fit)
        assert isinstance(whole.x_train, torch.Tensor) and isinstance(data.x_train, ImageStream)
        assert torch.equal(data.x_train[:], whole.x_train) and torch.equal(data.x_test[:], whole.x_test)
        assert torch.equal(data.y_train, whole.y_train) and torch.equal(data.y_test, whole.y_test)
        assert data.input_shape == whole.input_shape == (3, 24, 24) and data.class_names == whole.class_names
        for ours, theirs in zip(data.channel_mean_std(), whole.channel_mean_std(), strict=True):
            assert torch.equal(ours, theirs)

    def test_a_split_and_a_subset_take_the_same_files(self, folder, monkeypatch):
        (folder / "test").rename(folder.parent / "elsewhere")
        values = {"image_size": 16, "test_fraction": 0.3, "per_class": 3, "split_seed": 5}
        whole = load(folder / "train", **values)
        monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
        data = load(folder / "train", **values)
        assert torch.equal(data.x_train[:], whole.x_train) and torch.equal(data.x_test[:], whole.x_test)

    def test_fits_differ_and_do_what_they_say(self, tmp_path):
        Image.new("RGB", (40, 20), "white").save(tmp_path / "wide.png")
        files = ImageFiles(tmp_path, [str(tmp_path / "wide.png")])
        place = np.zeros(1, np.int64)
        found = {
            fit: ImageStream(files, place, place, 16, Square(fit), Skipped("", 1), place)[:][0]  # type: ignore[arg-type]
            for fit in ("crop", "pad", "stretch")
        }
        assert (found["crop"] == 255).all() and (found["stretch"] == 255).all()
        assert (found["pad"][:, :4] == 0).all() and (found["pad"][:, 4:12] == 255).all()

    def test_a_small_folder_stays_in_memory_and_the_form_says_what_is_streamed(self, folder, monkeypatch):
        config = DataConfig(name=f"folder:{folder}", image_size=224)
        assert isinstance(load_dataset(config).x_train, torch.Tensor) and source_stats(config).notes == ()
        monkeypatch.setenv("LWAL_DATA_MEMORY", "4MiB")
        (note,) = source_stats(config).notes
        assert "streamed" in note and "LWAL_DATA_MEMORY" in note
        assert load_dataset(config).notes == (note,)

    def test_thumbnails(self, folder, streaming):
        images, labels = load(folder, image_size=64).thumbnails()
        assert images.shape == (9, 48, 48, 3) and labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert len(np.unique(images.reshape(9, -1), axis=0)) == 9


@pytest.mark.usefixtures("streaming")
class TestFingerprint:
    def test_of_names_sizes_classes_and_options(self, folder):
        first = load(folder).fingerprint
        assert load(folder).fingerprint == first
        different = {load(folder, image_size=16).fingerprint, load(folder, fit="pad").fingerprint}
        picture(folder / "train" / "a" / "more.png", 99)
        different.add(load(folder).fingerprint)
        (folder / "train" / "a" / "more.png").write_bytes(b"no picture")
        different.add(load(folder).fingerprint)
        assert len(different | {first}) == 5

    def test_a_copy_elsewhere_has_the_same(self, folder):
        first = load(folder).fingerprint
        folder.rename(folder.parent / "copy")
        assert load(folder.parent / "copy").fingerprint == first


class TestPieces:
    @pytest.mark.parametrize("workers", [0, 2])
    def test_all_in_order(self, folder, monkeypatch, workers):
        monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
        monkeypatch.setenv("LWAL_DATA_WORKERS", str(workers))
        x = load(folder).x_train
        before = torch.get_rng_state()
        found = list(pieces(x, size=8))
        assert [len(piece) for piece in found] == [8, 8, 5]
        assert torch.equal(torch.cat(found), x[:])
        assert torch.equal(torch.get_rng_state(), before)

    def test_of_a_tensor(self):
        x = torch.arange(5)
        assert [piece.tolist() for piece in pieces(x, size=2)] == [[0, 1], [2, 3], [4]]
        assert list(pieces(x[:0])) == []

    def test_a_subset_is_a_stream_of_these_rows(self, folder, streaming):
        x, rows = load(folder).x_train, torch.tensor([4, 0, 9])
        part = subset(x, rows)
        assert not isinstance(part, torch.Tensor)
        assert torch.equal(part[:], x[rows]) and torch.equal(part[1:], x[torch.tensor([0, 9])])
        assert list(pieces(subset(x, rows[:0]))) == [] and len(x[:0]) == 0

    def test_workers_are_as_many_as_cores_or_as_is_said(self, monkeypatch):
        assert 1 <= worker_count() <= 16
        monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
        assert worker_count() == 0


@pytest.mark.usefixtures("streaming")
class TestBrokenImages:
    @pytest.fixture
    def large(self, tmp_path):
        """300 images of three classes; the first of class b and of its test part are broken."""
        root = tmp_path / "photos"
        for number in range(300):
            path = root / ("train" if number % 5 else "test") / "abc"[number % 3] / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number % 256, number // 256, number % 3)).save(path)
        (root / "train/b/001.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
        (root / "test/b/010.png").write_bytes(b"")
        return root

    def test_another_of_its_class_takes_its_place_and_each_is_named_once(self, large, make_run):
        data = load(large, image_size=8)
        run = make_run()
        data.x_train.skipped.report = SkippedList(RunWriter(run.path))
        for _ in range(2):
            train, test = torch.cat(list(pieces(data.x_train, size=50))), torch.cat(list(pieces(data.x_test)))
        first = int(torch.nonzero(data.y_train == 1)[0])
        assert torch.equal(train[first], train[first + 1])
        assert torch.equal(train[:, 2, 0, 0].long(), data.y_train), "every image is of its class"
        assert torch.equal(test[:, 2, 0, 0].long(), data.y_test)
        with (run.path / "skipped.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows == [
            ["path", "reason"],
            ["train/b/001.png", "it is damaged or cut off"],
            ["test/b/010.png", "it is empty"],
        ]

    def test_the_list_of_an_earlier_part_of_the_training_is_kept(self, make_run):
        writer = RunWriter(make_run().path)
        SkippedList(writer)({"a/1.png": "it is empty", "=1+1.png": "it is empty"})
        SkippedList(writer)({"a/2.png": "it is damaged, or cut off"})
        lines = writer.read_skipped().splitlines()
        assert lines[1:] == ["a/1.png,it is empty", "'=1+1.png,it is empty", 'a/2.png,"it is damaged, or cut off"']

    def test_more_than_one_in_a_hundred_ends_it_with_the_list(self, large):
        for number in (21, 22, 23):
            (large / "train" / "abc"[number % 3] / f"{number:03d}.png").write_bytes(b"")
        data = load(large, image_size=8)
        with pytest.raises(DataError) as refused:
            list(chain(pieces(data.x_train), pieces(data.x_test)))
        assert "4 of 300 images" in str(refused.value) and "train/a/021.png' (it is empty)" in str(refused.value)

    def test_a_class_of_which_none_can_be_read(self, large):
        for path in sorted((large / "test" / "b").iterdir()):
            path.write_bytes(b"")
        data = load(large, image_size=8)
        images, skips = data.x_test.read(torch.nonzero(data.y_test == 1).flatten()[:1])
        assert (images == 0).all() and skips[-1].alone
        with pytest.raises(DataError, match="neither can the others of its class"):
            Skipped("folder:photos", 10_000).add(skips)

    def test_a_file_that_goes_missing_and_a_bomb(self, large, monkeypatch):
        data = load(large, image_size=8)
        (large / "train/a/003.png").unlink()
        Image.new("RGB", (101, 100)).save(large / "train/a/006.png")
        monkeypatch.setattr("lwal_core.data.image_files.MAX_PIXELS", 10_000)
        _, skips = data.x_train.read(torch.arange(2))
        assert [skip.name for skip in skips[:2]] == ["train/a/003.png", "train/a/006.png"]
        assert "no such file" in skips[0].reason and "101 x 100 pixels" in skips[1].reason


def test_reasons_are_noted_once():
    told: list[dict[str, str]] = []
    skipped = Skipped("folder:x", 1_000)
    skipped.report = told.append
    skipped.add([Skip("a", "empty"), Skip("a", "empty")])
    skipped.add([Skip("a", "empty"), Skip("b", "cut off")])
    assert told == [{"a": "empty"}, {"b": "cut off"}]


def test_read_ahead_of_a_tensor_gives_the_parts_in_order():
    x = torch.arange(20).view(10, 2)
    parts = [torch.tensor([3, 1]), torch.tensor([0])]
    assert [part.tolist() for part in read_ahead(x, parts, workers=2)] == [[[6, 7], [2, 3]], [[0, 1]]]
