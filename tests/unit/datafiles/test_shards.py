"""WebDataset shards: the same images as from files, what their names say, and tar files that are damaged or hostile."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.data import load_dataset
from lwal_core.datafiles import check_source, source_stats
from lwal_core.datafiles.shards import scan_shards
from lwal_core.errors import DataError


def png(number: int) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (9, 9), (number, 5, 9)).save(data, "PNG")
    return data.getvalue()


def write(file: Path, members: list[tuple[str, bytes]], form: int = tarfile.PAX_FORMAT) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file


def samples(start: int, count: int, *, as_json: bool = False) -> list[tuple[str, bytes]]:
    """Images of two classes in turn, each beside its label."""
    found = []
    for number in range(start, start + count):
        label = "cat" if number % 2 else "dog"
        found.append((f"{number:04d}.png", png(number)))
        found.append((f"{number:04d}.json", json.dumps({"label": label, "width": 9}).encode()) if as_json
                     else (f"{number:04d}.cls", label.encode() + b"\n"))  # fmt: skip
    return found


@pytest.fixture
def shards(tmp_path: Path) -> str:
    """Two training shards, one with labels in JSON, and a test shard."""
    write(tmp_path / "d" / "train-0.tar", samples(0, 6))
    write(tmp_path / "d" / "train-1.tar", samples(6, 4, as_json=True), tarfile.GNU_FORMAT)
    write(tmp_path / "d" / "test-0.tar", samples(10, 4))
    return str(tmp_path / "d" / "*.tar")


def refusal(pattern: str | Path) -> str:
    with pytest.raises(DataError) as refused:
        scan_shards(str(pattern))
    assert refused.value.hint
    return refused.value.message


def reds(x: torch.Tensor) -> list[int]:
    return x[:, 0, 0, 0].tolist()


class TestImages:
    def test_are_those_inside(self, shards):
        data = load_dataset(DataConfig(name=f"shards:{shards}", image_size=9))
        assert data.class_names == ("cat", "dog")
        assert sorted(reds(data.x_train[:])) == list(range(10)) and sorted(reds(data.x_test[:])) == [10, 11, 12, 13]
        assert [1 - red % 2 for red in reds(data.x_train[:])] == data.y_train.tolist()
        stats = source_stats(DataConfig(name=f"shards:{shards}"))
        assert (stats.train, stats.test, stats.classes) == (10, 4, 2)
        check_source(f"shards:{shards}")
        assert DataConfig(name=f"shards:{shards}").title == "d"
        assert DataConfig(name="shards:wds/*.tar").title == "wds" and DataConfig(name="shards:*.tar").title == "*.tar"

    def test_as_from_files(self, shards, tmp_path):
        for number in range(14):
            path = (
                tmp_path
                / "f"
                / ("train" if number < 10 else "test")
                / ("cat" if number % 2 else "dog")
                / f"{number:04d}.png"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(number))
        ours, theirs = (
            load_dataset(DataConfig(name=name)) for name in (f"shards:{shards}", f"folder:{tmp_path / 'f'}")
        )
        assert torch.equal(ours.x_train[:], theirs.x_train) and torch.equal(ours.y_test, theirs.y_test)

    def test_are_indexed_once_until_a_shard_changes(self, shards, monkeypatch, tmp_path):
        first = scan_shards(shards)
        read: list[str] = []
        from lwal_core.datafiles import shards as module

        before = module._read
        monkeypatch.setattr(module, "_read", lambda shard, size: read.append(shard.name) or before(shard, size))
        again = scan_shards(shards)
        assert not read and list(map(again.name, range(14))) == list(map(first.name, range(14)))
        write(tmp_path / "d" / "train-1.tar", samples(6, 8))
        assert len(scan_shards(shards)) == 18 and read == ["train-1.tar"]

    def test_long_names_folders_and_numbers(self, tmp_path):
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            long = "folder/" * 30
            members = [
                (f"{long}{i:03d}.{end}", data)
                for i in range(12)
                for end, data in (("cls", b"%d" % (i % 3 * 5)), ("jpg", b"x"))
            ]
            found = scan_shards(str(write(tmp_path / "a.tar", members, form)))
            assert found.classes == ("0", "5", "10") and not found.is_split
            assert found.name(11) == f"a.tar/{long}011.jpg" and found.file(11).read() == b"x"

    def test_a_split_by_share_and_validation_shards(self, shards, tmp_path):
        write(tmp_path / "e" / "a.tar", samples(0, 10))
        data = load_dataset(DataConfig(name=f"shards:{tmp_path}/e/*.tar", test_fraction=0.4))
        assert (len(data.x_train), len(data.x_test)) == (6, 4)
        write(tmp_path / "d" / "val-0.tar", samples(20, 4))
        data = load_dataset(DataConfig(name=f"shards:{shards}", image_size=9))
        assert data.set_apart.tolist() == [10, 11, 12, 13] and sorted(reds(data.x_train[:])[10:]) == [20, 21, 22, 23]
        (tmp_path / "d" / "test-0.tar").unlink()
        found = scan_shards(shards)
        assert (found.parts == 1).sum() == 4 and "are the test set" in found.notes[0]

    def test_a_broken_image_is_replaced(self, tmp_path):
        members = [*samples(0, 20), ("x.png", b""), ("x.cls", b"cat"), ("y.png", b"GIF89a!"), ("y.cls", b"dog")]
        data = load_dataset(
            DataConfig(name=f"shards:{write(tmp_path / 'a.tar', members)}", test_fraction=0.05, image_size=9)
        )
        _, skips = data.x_train.read(torch.arange(len(data.x_train)))
        assert (
            {skip.name for skip in skips} <= {"a.tar/x.png", "a.tar/y.png"}
            and skips
            and not any(skip.alone for skip in skips)
        )


class TestRefused:
    def test_what_is_no_shard(self, tmp_path):
        assert "no shards" in refusal(tmp_path / "*.tar")
        (tmp_path / "a.tar").write_bytes(b"no tar" * 200)
        assert "no uncompressed tar" in refusal(tmp_path / "a.tar")
        with tarfile.open(tmp_path / "b.tar", "w:gz"):
            pass
        assert "no uncompressed tar" in refusal(tmp_path / "b.tar")

    def test_a_shard_that_is_cut_off(self, tmp_path):
        file = write(tmp_path / "a.tar", samples(0, 4))
        data = file.read_bytes()
        file.write_bytes(data[: 512 + 20])
        assert "cut off" in refusal(file)
        file.write_bytes(data[:1024] + b"\xff" * 512 + data[1536:])
        assert "damaged at byte" in refusal(file)

    def test_large_headers_labels_and_links(self, tmp_path):
        assert "header of" in refusal(write(tmp_path / "a.tar", [("n" * 20_000 + ".png", b"x")]))
        assert "label of" in refusal(write(tmp_path / "b.tar", [("a.cls", bytes(2**20 + 1))]))
        assert "damaged label" in refusal(write(tmp_path / "c.tar", [("a.png", b""), ("a.json", b"{")]))
        with tarfile.open(tmp_path / "d.tar", "w") as archive:
            for name in ("a.png", "b.png"):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
        assert "0 classes" in refusal(tmp_path / "d.tar")

    def test_classes_and_parts(self, tmp_path):
        unlabelled = [*samples(0, 8), ("z.png", png(1))]
        assert "1 images" in scan_shards(str(write(tmp_path / "a.tar", unlabelled))).notes[0]
        assert "1 class" in refusal(write(tmp_path / "b.tar", samples(0, 1)))
        assert "single image" in refusal(write(tmp_path / "c.tar", samples(0, 2)))
        write(tmp_path / "p" / "train-0.tar", samples(0, 4))
        assert "no test part" in refusal(tmp_path / "p" / "*.tar")
        write(tmp_path / "p" / "more.tar", samples(0, 4))
        assert "say no part: 'more.tar'" in refusal(tmp_path / "p" / "*.tar")


@given(content=st.binary(max_size=1_500), place=st.integers(0, 3_000))
def test_any_content_is_read_or_refused_in_words(content, place):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder) / "t.tar", samples(0, 2))
        data = file.read_bytes()
        file.write_bytes(data[:place] + content + data[place + len(content) :])
        found = None
        with suppress(DataError):  # any other error fails
            found = scan_shards(str(file))
        assert found is None or (len(found.classes) == 2 and (found.start + found.length <= file.stat().st_size).all())
