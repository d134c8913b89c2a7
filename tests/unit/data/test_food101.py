"""Food-101 from a small archive in its own form: fetched, unpacked whole or not at all, decoded once, damaged."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from lwal_core.config import DataConfig
from lwal_core.data import Dataset, food101, load_dataset
from lwal_core.data.image_files import read_image
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.downloads import DOWNLOADS
from lwal_core.errors import DataError

CLASSES = ("apple_pie", "baby_back_ribs", "waffles")
TRAIN, TEST = 3, 2


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LWAL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(datasets.Food101, "_URL", "http://127.0.0.1:9/food-101.tar.gz")
    small = replace(DOWNLOADS["food101"], train_per_class=(TRAIN,) * 3, test_per_class=(TEST,) * 3)
    monkeypatch.setitem(DOWNLOADS, "food101", small)
    return tmp_path / "data"


def files() -> dict[str, bytes]:
    """As in the archive: photographs that fit into 512 x 512, and lists of names without their ending."""
    found: dict[str, bytes] = {}
    lists: dict[str, dict[str, list[str]]] = {"train": {}, "test": {}}
    generator = np.random.default_rng(0)
    for name in reversed(CLASSES):  # the order in the file does not matter
        for part, count in (("train", TRAIN), ("test", TEST)):
            for number in range(count):
                path = f"{name}/{part}{number}"
                lists[part].setdefault(name, []).append(path)
                stored = io.BytesIO()
                small = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
                Image.fromarray(small).resize((512, 384), Image.Resampling.BICUBIC).save(stored, "JPEG", quality=90)
                found[f"food-101/images/{path}.jpg"] = stored.getvalue()
    return found | {f"food-101/meta/{part}.json": json.dumps(value).encode() for part, value in lists.items()}


def unpack(root: Path) -> None:
    for path, content in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as out:
        for path, content in files().items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            out.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def load(**options: object) -> Dataset:
    return load_dataset(DataConfig.model_validate({"name": "food101", **options}))


def refusal(**options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        load(**options)
    assert caught.value.hint
    return caught.value


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are decoded, in order."""
    seen: list[str] = []
    decode = food101.decode_files

    def noted(paths: list[str], size: int) -> object:
        seen.extend("/".join(Path(path).parts[-2:]) for path in paths)
        return decode(paths, size)

    monkeypatch.setattr(food101, "decode_files", noted)
    return seen


class TestReading:
    @pytest.mark.parametrize("size", [None, 64])
    def test_is_what_the_files_show(self, root, size):
        unpack(root)
        data = load(image_size=size)
        side = size or 32
        assert data.class_names == ("apple pie", "baby back ribs", "waffles")
        assert data.x_train.shape == (9, 3, side, side)
        assert data.y_train.tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert data.y_test.tolist() == [0] * 2 + [1] * 2 + [2] * 2
        for position, path in ((0, "apple_pie/train0"), (5, "baby_back_ribs/train2"), (8, "waffles/train2")):
            expected = read_image(root / "food-101" / "images" / f"{path}.jpg", side)
            np.testing.assert_array_equal(data.x_train[position], expected)
        facts = source_stats(DataConfig(name="food101", image_size=size))
        assert (facts.train, facts.test, facts.classes, facts.notes) == (9, 6, 3, ())

    def test_a_subset_is_balanced_nested_and_only_its_images_are_decoded(self, root, decoded):
        unpack(root)
        data = load(per_class=2)
        assert np.bincount(data.y_train).tolist() == [2, 2, 2]
        assert len(decoded) == 6 + 6
        full = load()
        assert torch.equal(full.x_test, data.x_test)
        assert {one.numpy().tobytes() for one in data.x_train} < {one.numpy().tobytes() for one in full.x_train}

    def test_images_are_decoded_once(self, root, decoded, home):
        unpack(root)
        first = load()
        assert len(decoded) == 15
        again = load()
        assert len(decoded) == 15
        assert first.fingerprint == again.fingerprint
        assert {path.suffix for path in (home / "cache" / "images").rglob("*.npy")} == {".npy"}
        load(image_size=16)
        assert len(decoded) == 30

    def test_a_changed_image_is_decoded_again(self, root, decoded):
        unpack(root)
        first = load()
        path = root / "food-101" / "images" / "waffles" / "test0.jpg"
        Image.new("RGB", (512, 512), "red").save(path)
        second = load()
        assert decoded[15:].count("waffles/test0.jpg") == 1
        assert torch.equal(first.x_train, second.x_train)
        assert second.x_test[4, 0].min() > 250


class TestDownload:
    def serve(self, monkeypatch: pytest.MonkeyPatch, address: str, folder: Path) -> None:
        content = archive()
        (folder / "food-101.tar.gz").write_bytes(content)
        monkeypatch.setattr(datasets.Food101, "_URL", f"{address}/food-101.tar.gz")
        monkeypatch.setattr(datasets.Food101, "_MD5", hashlib.md5(content, usedforsecurity=False).hexdigest())

    def test_is_made_once_and_leaves_the_photographs_alone(self, root, web_server, monkeypatch):
        self.serve(monkeypatch, web_server.address, web_server.folder)
        first = load()
        assert first.x_train.shape == (9, 3, 32, 32)
        assert sorted(path.name for path in root.iterdir()) == [".download.lock", "food-101"]
        asked = len(web_server.asked)
        load(image_size=16)
        assert len(web_server.asked) == asked > 0

    def test_the_archive_that_was_put_there_by_hand_is_used_and_stays(self, root, web_server, monkeypatch):
        self.serve(monkeypatch, web_server.address, web_server.folder)
        root.mkdir()
        (web_server.folder / "food-101.tar.gz").rename(root / "food-101.tar.gz")
        load()
        assert web_server.asked == []
        assert (root / "food-101.tar.gz").is_file()

    def test_unpacking_that_was_interrupted_starts_again(self, root, web_server, monkeypatch):
        self.serve(monkeypatch, web_server.address, web_server.folder)
        half = root / ".food101.part" / "food-101"
        (half / "meta").mkdir(parents=True)
        (half / "images" / "waffles").mkdir(parents=True)
        assert load().x_train.shape == (9, 3, 32, 32)
        assert not half.exists()

    def test_an_altered_archive_is_not_unpacked(self, root, web_server, monkeypatch):
        self.serve(monkeypatch, web_server.address, web_server.folder)
        (web_server.folder / "food-101.tar.gz").write_bytes(archive() + b"\0")
        assert "corrupted" in refusal().message
        assert not (root / "food-101").exists()

    def test_without_a_network(self, root):
        error = refusal()
        assert "Food-101 is not on this machine and cannot be downloaded" in error.message
        assert "Connection refused" in error.message
        assert f"put it into '{root}'" in error.hint and "food-101.tar.gz" in error.hint


class TestDamage:
    def test_a_missing_image(self, root):
        unpack(root)
        (root / "food-101" / "images" / "waffles" / "train1.jpg").unlink()
        error = refusal()
        assert "1 of 9 images of Food-101 are missing" in error.message and "waffles/train1.jpg" in error.message
        assert str(root / "food-101") in error.hint

    def test_a_missing_class(self, root):
        unpack(root)
        folder = root / "food-101" / "images" / "waffles"
        folder.rename(root / "elsewhere")
        assert "3 of 9 images" in refusal().message

    def test_an_image_that_cannot_be_read(self, root):
        unpack(root)
        (root / "food-101" / "images" / "waffles" / "train1.jpg").write_bytes(b"no image")
        error = refusal()
        assert "cannot be read" in error.message and f"waffles{os.sep}train1.jpg" in error.message

    @pytest.mark.parametrize(
        "content", [b"", b"[1, 2]", b'{"waffles": 3}', b'{"waffles": ["../../x"]}', b'{"a": ["a/b/c"]}', b"\xff"]
    )
    def test_lists_that_are_none(self, root, content):
        unpack(root)
        for part in ("train", "test"):
            (root / "food-101" / "meta" / f"{part}.json").write_bytes(content)
        assert "not whole or not the published ones" in refusal().message

    def test_lists_that_differ(self, root):
        unpack(root)
        (root / "food-101" / "meta" / "test.json").write_text('{"waffles": ["waffles/test0"]}')
        assert "list different classes" in refusal().message


def test_what_does_not_fit_into_memory_is_streamed_with_the_same_pixels(root, monkeypatch):
    unpack(root)
    whole = load(image_size=24, per_class=2)
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    data = load(image_size=24, per_class=2)
    assert "streamed" in data.notes[0] and not isinstance(data.x_train, torch.Tensor)
    assert torch.equal(data.x_train[:], whole.x_train) and torch.equal(data.x_test[:], whole.x_test)
    assert torch.equal(data.y_train, whole.y_train) and data.class_names == whole.class_names
