"""Zip files of image folders: what is kept is the images, in one place by content; every attack is refused and leaves nothing."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from lwal_core.config import DataConfig
from lwal_core.data.image_files import read_image
from lwal_core.datafiles import scan_folder, uploaded_images
from lwal_core.datafiles.thumbnails import thumbnail
from lwal_core.datafiles.uploaded_images import (
    KEPT_SECONDS,
    archive_title,
    image_places,
    keep_images,
    unused_uploads,
    uploads_folder,
)
from lwal_core.errors import DataError, ImportFileError, LwalError
from lwal_core.jobs.gc import collect, delete, leftovers
from lwal_core.runs import Run
from lwal_core.runs.files import write_json
from lwal_core.runs.paths import RECORD
from lwal_core.runs.trash import empty_trash
from lwal_core.security.permissions import MAX_UPLOAD, READ_ONLY, ReadOnlyError


def picture(value: int = 7, side: int = 9) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


CLASSES = ("ant/1.png", "ant/2.png", "bee/1.png", "bee/2.png")


def packed(*names: str, more: dict[str | zipfile.ZipInfo, bytes] | None = None) -> io.BytesIO:
    """An archive with an image of its own under each name, and with more files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # without a time: the same files give the same bytes
        for index, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), picture(index), zipfile.ZIP_DEFLATED)
        for each, data in (more or {}).items():
            archive.writestr(zipfile.ZipInfo(each) if isinstance(each, str) else each, data, zipfile.ZIP_DEFLATED)
    return out


def entry(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refused(home: Path, file: io.BytesIO, words: str, kind: type[LwalError] = ImportFileError) -> None:
    with pytest.raises(kind, match=words) as caught:
        keep_images(file, "x.zip")
    assert caught.value.hint and "\n" not in str(caught.value) and str(home) not in str(caught.value)
    assert not uploads_folder(home).exists() or not list(
        uploads_folder(home).iterdir()
    )  # nothing is left, not even of a half


class TestWhatIsKept:
    @pytest.mark.parametrize(
        ("names", "kept", "layout"),
        [
            (CLASSES, CLASSES, "one_level"),
            (tuple(f"pets/{name}" for name in CLASSES), CLASSES, "one_level"),
            (tuple(f"a/pets/{name}" for name in CLASSES), CLASSES, "one_level"),
            (tuple(f"train/{name}" for name in CLASSES), CLASSES, "one_level"),
            (
                tuple(f"pets/{part}/{name}" for part in ("train", "test") for name in CLASSES),
                tuple(f"{part}/{name}" for part in ("test", "train") for name in CLASSES),
                "train_test",
            ),
            (tuple("pets\\" + name.replace("/", "\\") for name in CLASSES), CLASSES, "one_level"),
            (tuple(f"./{name}" for name in CLASSES), CLASSES, "one_level"),
        ],
    )
    def test_both_layouts_without_the_folders_around(
        self, home: Path, names: tuple[str, ...], kept: tuple[str, ...], layout: str
    ) -> None:
        images = keep_images(packed(*names), "C:\\mine\\My pets.ZIP")
        assert images.path == uploads_folder(home) / images.path.parent.name / "My pets" and images.notes == ()
        assert files(images.path) == sorted(kept) and scan_folder(images.path).layout == layout
        first = (images.path / sorted(kept)[0]).read_bytes()
        assert first == picture(
            names.index(next(name for name in names if name.replace("\\", "/").endswith(sorted(kept)[0])))
        )
        assert DataConfig(name=f"folder:{images.path}").title == "My pets"

    def test_what_is_no_image_is_left_out_and_said(self, home: Path) -> None:
        more: dict[str | zipfile.ZipInfo, bytes] = {
            "__MACOSX/ant/._1.png": b"x", "ant/.DS_Store": b"x", "ant/Thumbs.db": b"x", "readme.txt": b"x", "ant/run.py": b"x",
            "bee/broken.png": picture()[:40], "bee/text.jpg": b"no picture", "ant/": b"",
        }  # fmt: skip
        images = keep_images(packed(*CLASSES, more=more), "x.zip")
        assert files(images.path) == sorted(CLASSES)
        assert images.notes == (
            "Left out 2 images that cannot be decoded (first: 'bee/broken.png').",
            "Left out 5 files that are no images (first: '__MACOSX/ant/._1.png').",
        )

    def test_the_same_bytes_are_kept_once_under_their_first_name(self, home: Path) -> None:
        file = packed(*CLASSES)
        first, again = keep_images(file, "a.zip"), keep_images(file, "b.zip")
        assert first.path == again.path and len(list(uploads_folder(home).iterdir())) == 1
        assert keep_images(packed(*CLASSES, "cow/1.png", "cow/2.png"), "a.zip").path != first.path
        assert {images.title for images in uploaded_images.uploaded_images()} == {"a"}
        assert not file.closed

    def test_progress_is_told(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "_TOLD_EACH", 1)
        told: list[float] = []
        keep_images(packed(*CLASSES), "x.zip", on_progress=told.append)
        assert told == [0.0, 0.25, 0.5, 0.75]


class TestAttacks:
    @pytest.mark.parametrize(
        "name", ["/etc/ant/1.png", "C:/ant/1.png", "C:\\ant\\1.png", "\\\\server\\share\\1.png", "../ant/1.png", "ant/../../1.png",
                 "ant\\..\\..\\1.png", "ant/../bee/9.png"],
    )  # fmt: skip
    def test_a_name_that_leads_out(self, home: Path, name: str) -> None:
        refused(home, packed(*CLASSES, name), "begins at the root of a disk|leads out of its folder")

    @pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
    def test_a_link_or_a_device(self, home: Path, mode: int) -> None:
        refused(home, packed(*CLASSES, more={entry("ant/9.png", mode | 0o777): b"/etc/passwd"}), "no plain file")

    def test_a_link_in_the_place_of_a_class_folder_is_not_made(self, home: Path) -> None:
        images = keep_images(packed(*CLASSES, more={entry("cow", stat.S_IFLNK | 0o777): b"/etc"}), "x.zip")
        assert not (images.path / "cow").exists() and not any(path.is_symlink() for path in images.path.rglob("*"))

    def test_a_bomb_of_one_file(self, home: Path) -> None:
        refused(
            home,
            packed(*CLASSES, more={"ant/9.png": bytes(2**22)}),
            "'ant/9.png' unpacks to more than 200 times its size",
        )

    def test_a_bomb_of_many_files(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "FREE_BYTES", 2**20)
        more: dict[str | zipfile.ZipInfo, bytes] = {f"ant/{index}.bmp": bytes(2**20) for index in range(8)}
        refused(home, packed(*CLASSES, more=more), "more than 20 times its size")

    def test_a_bomb_whose_files_share_their_bytes(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every entry says that it has a fair part packed; together they say more than the archive has."""
        monkeypatch.setattr(uploaded_images, "FREE_BYTES", 2**20)
        file = packed(*CLASSES, more={"ant/9.png": bytes(2**19)})
        data = file.getvalue()
        found = data.rindex(b"PK\x01\x02", 0, data.rindex(b"ant/9.png"))
        record = data[found : found + 46]
        many = b"".join(
            record[:20] + struct.pack("<I", 2**17) + record[24:46] + f"an/{index:02}.bmp".encode()
            for index in range(40)
        )
        end = data.rindex(b"PK\x05\x06")
        count, size = struct.unpack("<HI", data[end + 10 : end + 16])
        tail = data[end : end + 8] + struct.pack("<HHI", count + 40, count + 40, size + len(many)) + data[end + 16 :]
        refused(home, io.BytesIO(data[:end] + many + tail), "more than 20 times its size")

    def test_more_bytes_than_are_taken(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_TOTAL_BYTES", 200)
        refused(home, packed(*CLASSES), "GiB")
        monkeypatch.setattr(uploaded_images, "MAX_IMAGE_BYTES", 10)
        refused(home, packed(*CLASSES), "MiB")

    def test_more_files_than_are_taken(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_FILES", 3)
        refused(home, packed(*CLASSES), "4 entries, more than 3")

    def test_a_directory_that_is_too_large(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_DIRECTORY_BYTES", 100)
        refused(home, packed(*CLASSES), "more than a directory may have")

    def test_a_picture_of_a_billion_pixels_is_not_decoded(self, home: Path) -> None:
        bomb = bytearray(picture())
        bomb[16:24] = (30_000).to_bytes(4, "big") * 2  # sides in the header
        images = keep_images(packed(*CLASSES, more={"ant/9.png": bytes(bomb)}), "x.zip")
        assert files(images.path) == sorted(CLASSES) and "cannot be decoded (first: 'ant/9.png')" in images.notes[0]

    def test_one_name_twice(self, home: Path) -> None:
        with pytest.warns(UserWarning, match="Duplicate"):
            file = packed(*CLASSES, "ant/1.png")
        refused(home, file, "twice")
        refused(home, packed(*CLASSES, "ant\\1.png"), "twice")
        refused(home, packed(*CLASSES, "ant/1.png/2.png"), "as a file and as a folder")

    @pytest.mark.parametrize(
        "name", ["ant/\x1b[31m.png", "ant/\u202egnp.png", "a" * 201 + "/1.png", "/".join("abcdefghijkl") + "/m/1.png"]
    )
    def test_a_name_that_nobody_should_see(self, home: Path, name: str) -> None:
        refused(home, packed(*CLASSES, name), "root of a disk|cannot be seen|too long")

    def test_an_encrypted_file(self, home: Path) -> None:
        data = bytearray(packed(*CLASSES).getvalue())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        refused(home, io.BytesIO(bytes(data)), "is encrypted")

    def test_a_file_that_differs_from_its_checksum(self, home: Path) -> None:
        data = bytearray(packed(*CLASSES).getvalue())
        place = data.index(b"PK\x01\x02") + 16
        data[place] ^= 255
        refused(home, io.BytesIO(bytes(data)), "no whole zip file")

    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04", picture(), b"PK\x05\x06" + bytes(17)])
    def test_what_is_no_zip_file(self, home: Path, data: bytes) -> None:
        refused(home, io.BytesIO(data), "no whole zip file")

    def test_no_data_set(self, home: Path) -> None:
        refused(home, packed("ant/1.png", "ant/2.png"), "'x' holds a single class", DataError)
        refused(home, packed(more={"a.txt": b"x"}), "'x' holds no class folders", DataError)

    def test_a_full_disk_is_said_before_anything_is_written(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LWAL_KEEP_FREE_MB", str(10**9))
        refused(home, packed(*CLASSES), "MB free")

    def test_images_that_take_too_long(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_SECONDS", -1.0)
        refused(home, packed(*CLASSES), "minutes to decode")

    def test_a_disk_that_fills_up_before_and_in_the_middle(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(uploaded_images, "_read", full)
            refused(home, packed(*CLASSES), "No space left")
        with monkeypatch.context() as patched:
            patched.setattr(uploaded_images.tempfile, "mkdtemp", full)
            refused(home, packed(*CLASSES), "No space left")
        shutil.rmtree(uploads_folder(home))
        uploads_folder(home).write_text("no folder")
        with pytest.raises(ImportFileError, match="cannot be unpacked"):
            keep_images(packed(*CLASSES), "x.zip")

    def test_more_folders_than_are_made(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_FOLDERS", 6)
        keep_images(packed(*CLASSES, "cow/1.png", "cow/2.png"), "x.zip")
        shutil.rmtree(uploads_folder(home))
        refused(home, packed(*CLASSES, "ant/a/b/c/d/e/1.png"), "more than 6 folders")

    def test_the_same_file_twice_at_once(self, home: Path) -> None:
        with ThreadPoolExecutor(4) as pool:
            kept = list(pool.map(lambda _: keep_images(packed(*CLASSES), "x.zip").path, range(4)))
        assert len(set(kept)) == 1 and files(kept[0]) == sorted(CLASSES)
        assert [path.name for path in uploads_folder(home).iterdir()] == [kept[0].parent.name]

    def test_a_larger_file_than_may_be_brought_and_a_home_that_is_only_read(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(MAX_UPLOAD, "1")
        refused(home, packed(more={"a.bin": os.urandom(2**20 + 1)}), "at most 1 MB", LwalError)
        monkeypatch.setenv(READ_ONLY, "1")
        with pytest.raises(ReadOnlyError):
            keep_images(packed(*CLASSES), "x.zip")


NAMES = st.text(st.one_of(st.sampled_from("ab./\\:~ \0\n\x1b"), st.characters(exclude_categories=())), max_size=40).map(
    lambda text: f"{text}.png"
)


@given(st.lists(NAMES, max_size=8))
@example(["..\\a.png"])
@example([".../a.png", "a/.../b.png"])
def test_no_name_leads_out_of_the_folder(names: list[str]) -> None:
    said = ""
    try:
        places, others = image_places(names)
    except ValueError as error:
        places, others, said = {}, [], str(error)
    assert said.isprintable()
    assert len(places) + len(others) <= len(names)
    for parts, position in places.items():
        target = PurePosixPath(os.path.normpath(PurePosixPath("/home/uploads/x").joinpath(*parts)))
        assert target.is_relative_to("/home/uploads/x") and len(target.parts) == 4 + len(parts)
        assert names[position].replace("\\", "/").endswith(parts[-1]) and not parts[-1].startswith(".")


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_a_title_is_the_name_of_one_folder(name: str) -> None:
    title = archive_title(name)
    assert title and len(title) <= 60 and "/" not in title and "\\" not in title and title[0] not in ". "
    assert title.encode() and title.isprintable()


@pytest.fixture
def old(home: Path) -> Callable[[str], Path]:
    """Keeps images as if long ago; gives the folder that is freed."""

    def keep(name: str) -> Path:
        place = keep_images(packed(*CLASSES, f"cow/{name}1.png", f"cow/{name}2.png"), name).path.parent
        os.utime(place, (0, time.time() - KEPT_SECONDS - 60))
        return place

    return keep


def test_what_no_run_uses_is_freed_and_what_one_uses_is_not(
    home: Path, old: Callable[[str], Path], make_run: Callable[..., Run]
) -> None:
    unused, used, binned = old("unused"), old("used"), old("binned")
    for place in (used, binned):
        run = make_run()
        record = run.record.model_dump(mode="json")
        record["config"]["data"]["name"] = f"folder:{next(place.iterdir())}"
        write_json(run.path / RECORD, record)
    delete(run.id)
    fresh = keep_images(packed(*CLASSES), "fresh").path.parent
    cut_off = uploads_folder(home) / ".new-1"
    cut_off.mkdir()
    os.utime(cut_off, (0, 0))

    found = [item for item in leftovers(home) if item.what == "uploaded images that no run uses"]
    assert {item.path for item in found} == {unused, cut_off} and sum(item.size for item in found) > 0
    keep_images(packed(*CLASSES, "cow/unused1.png", "cow/unused2.png"), "unused")  # somebody looks at it again
    collect(found)
    assert unused.exists() and not cut_off.exists()
    os.utime(unused, (0, 0))
    collect(found)
    assert not unused.exists() and used.exists() and binned.exists() and fresh.exists()
    empty_trash()
    assert unused_uploads([f"folder:{used}/x"]) == [binned]


def tiled(side: int, tile: int, data: bytes = b"") -> bytes:
    """A grey TIFF of one tile."""
    tags = [
        (256, side),
        (257, side),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, tile),
        (323, tile),
        (324, 134),
        (325, len(data)),
    ]
    return (
        b"II*\0"
        + struct.pack("<IH", 8, 10)
        + b"".join(struct.pack("<HHII", n, 4, 1, v) for n, v in tags)
        + bytes(4)
        + data
    )


def scanned(more: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    out = io.BytesIO()
    Image.new("L", (64, 64), 128).save(out, "JPEG", progressive=True)
    head = out.getvalue()[:-2]
    return head + head[head.rindex(b"\xff\xda") :] * more + b"\xff\xd9"


class TestImagesThatAreLongToDecode:
    def test_what_is_read_all_the_same(self) -> None:
        for data in (tiled(16, 16, zlib.compress(bytes(256))), scanned(50)):
            assert thumbnail(io.BytesIO(data), 4).shape == (4, 4, 3)
            assert read_image(io.BytesIO(data), 4).shape == (3, 4, 4)

    @pytest.mark.parametrize(("data", "words"), [(tiled(16, 30_000), "tiles"), (scanned(150), "scans")])
    def test_few_pixels_in_a_large_tile_or_in_many_scans(self, tmp_path: Path, data: bytes, words: str) -> None:
        path = tmp_path / "x"
        path.write_bytes(data)
        for reads in (thumbnail, read_image):
            for file in (io.BytesIO(data), str(path)):
                with pytest.raises(ValueError, match=words):
                    reads(file, 4)  # type: ignore[operator]

    def test_broken_images_take_their_time_too(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(uploaded_images, "MAX_SECONDS", -1.0)
        refused(home, packed(more={f"ant/{index}.png": picture()[:40] for index in range(3)}), "minutes to decode")
