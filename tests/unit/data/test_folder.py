"""Image folders: both layouts, every bad folder a person may bring, and foreign or hostile image files."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin

from lwal_core.config import DataConfig
from lwal_core.data import Dataset, image_files, load_dataset
from lwal_core.data.image_files import read_image
from lwal_core.datafiles import check_source, scan_folder, source_stats
from lwal_core.datafiles.folders import natural_key
from lwal_core.errors import DataError
from lwal_core.system.log import set_up


def paint(path: Path, colour: object = (200, 30, 60), size: tuple[int, int] = (12, 10), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def one_level(root: Path, counts: dict[str, int], number: int = 0) -> Path:
    """Each image has a colour of its own, counted up from `number`."""
    for name, count in counts.items():
        for i in range(count):
            number += 1
            paint(root / name / f"{i}.png", (number % 256, number // 256, 7))
    return root


def train_test(root: Path, classes: tuple[str, ...] = ("cat", "dog"), train: int = 3, test: int = 2) -> Path:
    for part, count in (("train", train), ("test", test)):
        one_level(root / part, dict.fromkeys(classes, count), number=0 if part == "train" else 1_000)
    return root


def load(root: Path | str, **values: object) -> Dataset:
    return load_dataset(DataConfig.model_construct(**{**DataConfig().model_dump(), "name": f"folder:{root}", **values}))


def refusal(root: Path | str, **values: object) -> DataError:
    """The error of both the form and the loader, which must agree."""
    with pytest.raises(DataError) as loading:
        load(root, **values)
    config = DataConfig.model_construct(**{**DataConfig().model_dump(), "name": f"folder:{root}", **values})
    with pytest.raises(DataError) as asking:
        source_stats(config)
    assert str(loading.value) == str(asking.value)
    assert loading.value.hint
    return loading.value


def colours(x: torch.Tensor) -> set[tuple[int, ...]]:
    return {tuple(image[:, 0, 0].tolist()) for image in x}


class TestLayouts:
    def test_train_and_test(self, tmp_path):
        train_test(tmp_path)
        data = load(tmp_path)
        assert data.class_names == ("cat", "dog")
        assert data.x_train.shape == (6, 3, 32, 32)
        assert data.y_train.tolist() == [0, 0, 0, 1, 1, 1]
        assert data.y_test.tolist() == [0, 0, 1, 1]
        assert data.taxonomy is None
        listing = scan_folder(tmp_path)
        assert (listing.layout, listing.train_counts, listing.test_counts) == ("train_test", (3, 3), (2, 2))

    def test_case_of_train_and_test_does_not_matter_and_other_folders_are_noted(self, tmp_path):
        train_test(tmp_path)
        (tmp_path / "train").rename(tmp_path / "Train")
        one_level(tmp_path / "extra", {"cat": 1})
        (tmp_path / "readme.txt").write_text("hello")
        data = load(tmp_path)
        assert len(data.y_train) == 6
        assert data.notes == ("Ignored files or folders beside train and test: 2 (first: 'extra').",)

    def test_one_level_is_split_by_seed_stratified_and_disjoint(self, tmp_path):
        one_level(tmp_path, {"a": 10, "b": 5, "c": 2})
        first, again, other = (load(tmp_path, split_seed=seed) for seed in (0, 0, 1))
        assert first.fingerprint == again.fingerprint != other.fingerprint
        assert np.bincount(first.y_train).tolist() == [8, 4, 1]
        assert np.bincount(first.y_test).tolist() == [2, 1, 1]
        assert not colours(first.x_train) & colours(first.x_test)
        assert len(colours(first.x_train) | colours(first.x_test)) == 17
        listing = scan_folder(tmp_path)
        assert listing.layout == "one_level"
        assert listing.split_counts(0.2) == ((8, 4, 1), (2, 1, 1))

    def test_another_class_does_not_change_which_images_of_a_class_are_held_out(self, tmp_path):
        one_level(tmp_path / "x", {"a": 10, "b": 10})
        one_level(tmp_path / "y", {"a": 10, "b": 10, "c": 4})
        two, three = load(tmp_path / "x"), load(tmp_path / "y")
        assert torch.equal(two.x_test, three.x_test[three.y_test < 2])

    def test_a_class_may_be_called_train(self, tmp_path):
        one_level(tmp_path, {"bus": 3, "car": 3, "train": 3})
        assert load(tmp_path).class_names == ("bus", "car", "train")

    def test_natural_order(self, tmp_path):
        one_level(tmp_path, {"class10": 2, "class2": 2, "Class1": 2, "b": 2})
        assert load(tmp_path).class_names == ("b", "Class1", "class2", "class10")
        assert sorted(["x01", "x1", "X1", "x001"], key=natural_key) == ["X1", "x001", "x01", "x1"]

    def test_subset_is_balanced(self, tmp_path):
        one_level(tmp_path, {"a": 10, "b": 6})
        data = load(tmp_path, per_class=4)
        assert np.bincount(data.y_train).tolist() == [4, 4]
        assert colours(data.x_train) < colours(load(tmp_path).x_train)
        assert torch.equal(data.x_test, load(tmp_path).x_test)
        facts = source_stats(DataConfig(name=f"folder:{tmp_path}", per_class=4))
        assert (facts.train, facts.test, facts.classes, facts.unit) == (8, 3, 2, "images")

    def test_test_images_that_were_trained_on_are_noted(self, tmp_path):
        train_test(tmp_path)
        paint(tmp_path / "test" / "cat" / "copy.png", (1, 0, 7))
        expected = "1 of 5 test images also occur in the training set, pixel for pixel."
        assert load(tmp_path).notes == (expected,)


class TestIgnored:
    def test_hidden_files_other_files_and_nested_folders_are_noted(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b": 2})
        for path in (".DS_Store", "a/._0.png", "b/Thumbs.db", ".git/x.png", "__MACOSX/a/0.png"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(b"")
        (tmp_path / "labels.csv").write_text("")
        (tmp_path / "a" / "notes.txt").write_text("")
        paint(tmp_path / "a" / "more" / "1.png")
        data = load(tmp_path)
        assert len(data.y_train) + len(data.y_test) == 4
        assert data.notes == (
            "Ignored hidden files or folders: 5 (first: '.DS_Store').",
            "Ignored folders inside class folders: 1 (first: 'a/more').",
            "Ignored files that are no images: 1 (first: 'a/notes.txt').",
            "Ignored files beside the class folders: 1 (first: 'labels.csv').",
        )

    def test_links_that_leave_the_folder_are_not_followed(self, tmp_path):
        root = one_level(tmp_path / "data", {"a": 2, "b": 2})
        outside = paint(tmp_path / "secret" / "s.png")
        (root / "a" / "link.png").symlink_to(outside)
        (root / "a" / "broken.png").symlink_to(tmp_path / "nothing.png")
        (root / "a" / "loop.png").symlink_to(root / "a" / "loop.png")
        (root / "c").symlink_to(outside.parent)
        (root / "a" / "inside.png").symlink_to(root / "b" / "0.png")
        listing = scan_folder(root)
        assert listing.classes == ("a", "b")
        assert listing.train_counts == (3, 2)
        assert listing.notes == ("Ignored links that lead out of the folder or nowhere: 4 (first: 'c').",)

    def test_the_folder_itself_may_be_a_link(self, tmp_path):
        one_level(tmp_path / "data", {"a": 2, "b": 2})
        (tmp_path / "link").symlink_to(tmp_path / "data")
        assert load(tmp_path / "link").fingerprint == load(tmp_path / "data").fingerprint

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_never_opened(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b": 2})
        os.mkfifo(tmp_path / "a" / "pipe.png")
        assert scan_folder(tmp_path).train_counts == (2, 2)


class TestRefusedFolders:
    def test_no_such_folder(self, tmp_path):
        error = refusal(tmp_path / "nothing")
        assert error.message == f"There is no folder '{tmp_path / 'nothing'}'."

    def test_a_file(self, tmp_path):
        assert "is a file, not a folder" in refusal(paint(tmp_path / "x.png")).message

    @pytest.mark.parametrize("path", ["a\0b", "~nobody-of-this-name/x", "x" * 5_000])
    def test_a_path_that_cannot_be(self, path):
        assert "cannot be reached" in refusal(path).message or "There is no folder" in refusal(path).message

    def test_empty(self, tmp_path):
        assert "holds no class folders" in refusal(tmp_path).message

    def test_images_without_class_folders(self, tmp_path):
        paint(tmp_path / "1.png")
        error = refusal(tmp_path)
        assert "holds no class folders" in error.message
        assert "Ignored files beside the class folders: 1 (first: '1.png')" in error.hint

    def test_images_directly_in_train_and_test(self, tmp_path):
        paint(tmp_path / "train" / "1.png")
        paint(tmp_path / "test" / "1.png")
        assert "images directly in train/ and test/" in refusal(tmp_path).message

    def test_train_without_test(self, tmp_path):
        one_level(tmp_path / "train", {"a": 2, "b": 2})
        one_level(tmp_path / "val", {"a": 2, "b": 2})
        error = refusal(tmp_path)
        assert error.message.endswith("has train/, val/ but no test/.")
        assert "Name the other part test" in error.hint

    def test_a_single_class(self, tmp_path):
        one_level(tmp_path, {"cat": 3})
        assert "a single class, 'cat'" in refusal(tmp_path).message

    def test_a_single_class_in_train_and_test(self, tmp_path):
        assert "train/ in" in refusal(train_test(tmp_path, ("cat",))).message

    def test_a_class_without_images(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b": 2})
        paint(tmp_path / "c" / "deeper" / "1.png")
        (tmp_path / "d").mkdir()
        assert "Classes 'c', 'd' have no images" in refusal(tmp_path).message

    def test_classes_that_differ(self, tmp_path):
        train_test(tmp_path, ("a", "b", "c"))
        (tmp_path / "test" / "c").rename(tmp_path / "test" / "C")
        error = refusal(tmp_path)
        assert "only in train: 'c'; only in test: 'C'" in error.message

    def test_a_class_of_one_image_cannot_be_split(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b": 1})
        assert "Class 'b' has a single image" in refusal(tmp_path).message

    def test_too_few_for_the_subset(self, tmp_path):
        one_level(tmp_path, {"a": 10, "b": 5})
        error = refusal(tmp_path, per_class=6)
        assert "class 'b' has only 4" in error.message
        assert "at most 4" in error.hint

    def test_too_many_classes(self, tmp_path, monkeypatch):
        monkeypatch.setattr("lwal_core.datafiles.folders.MAX_CLASSES", 2)
        one_level(tmp_path, {"a": 2, "b": 2, "c": 2})
        assert "holds 3 classes; at most 2" in refusal(tmp_path).message

    def test_a_name_with_control_characters_or_broken_bytes(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b\nc": 2})
        assert r"'b\nc'" in refusal(tmp_path).message
        (tmp_path / "b\nc").rename(tmp_path / os.fsdecode(b"b\xff"))
        assert "no UTF-8" in refusal(tmp_path).message

    def test_composed_and_decomposed_names_are_one_class(self, tmp_path):
        train_test(tmp_path, ("caf\u00e9", "tea"))
        (tmp_path / "test" / "caf\u00e9").rename(tmp_path / "test" / "cafe\u0301")
        assert load(tmp_path).class_names == ("caf\u00e9", "tea")
        one_level(tmp_path / "train", {"cafe\u0301": 1})
        assert "in their Unicode form" in refusal(tmp_path).message

    def test_check_source_says_the_same(self, tmp_path):
        with pytest.raises(DataError, match="no class folders"):
            check_source(f"folder:{tmp_path}")

    def test_no_permission(self, tmp_path, monkeypatch):
        one_level(tmp_path, {"a": 2, "b": 2})
        scan = os.scandir

        def guarded(path: Path):
            if Path(path).name == "b":
                raise PermissionError(13, "Permission denied")
            return scan(path)

        monkeypatch.setattr(os, "scandir", guarded)
        assert refusal(tmp_path).message == f"The folder '{tmp_path / 'b'}' cannot be read: Permission denied."


class TestClassWithoutImages:
    def test_links_that_lead_out(self, tmp_path):
        one_level(tmp_path / "data", {"a": 2})
        one_level(tmp_path / "elsewhere", {"b": 2})
        (tmp_path / "data" / "b").mkdir()
        for i in range(2):
            (tmp_path / "data" / "b" / f"{i}.png").symlink_to(tmp_path / "elsewhere" / "b" / f"{i}.png")
        error = refusal(tmp_path / "data")
        assert error.message == (
            f"Class 'b' has no images in '{tmp_path / 'data'}'. "
            "Ignored links that lead out of the folder or nowhere: 2 (first: 'b/0.png')."
        )
        assert "Copy the files" in error.hint

    @pytest.mark.parametrize("suffix", ["heic", "avif", "svg", "npy"])
    def test_formats_that_are_not_read(self, tmp_path, suffix):
        one_level(tmp_path, {"a": 2})
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / f"x.{suffix}").touch()
        error = refusal(tmp_path)
        assert f"Ignored files that are no images: 1 (first: 'b/x.{suffix}')." in error.message
        assert error.hint == "Save them as png or jpg."

    def test_class_folders_a_level_deeper(self, tmp_path):
        one_level(tmp_path / "data", {"a": 2, "b": 2})
        error = refusal(tmp_path)
        assert "Class 'data' has no images" in error.message
        assert "Ignored folders inside class folders: 2 (first: 'data/a')." in error.message
        assert "give the path of the folder that holds the class folders" in error.hint

    def test_several_reasons_and_none(self, tmp_path):
        one_level(tmp_path / "x", {"a": 2, "b": 0})
        paint(tmp_path / "x" / "b" / "more" / "0.png")
        (tmp_path / "x" / "b" / "0.heic").touch()
        error = refusal(tmp_path / "x")
        assert "folders inside class folders: 1" in error.message and "files that are no images: 1" in error.message
        assert "Move the images up" in error.hint and "png or jpg" in error.hint
        one_level(tmp_path / "y", {"a": 2})
        (tmp_path / "y" / "b").mkdir()
        assert refusal(tmp_path / "y").message == f"Class 'b' has no images in '{tmp_path / 'y'}'."

    @pytest.mark.parametrize(
        ("names", "called"),
        [
            (("Training", "Testing"), ("Training", "Testing")),
            (("train_set", "test_set"), ("train_set", "test_set")),
            (("training", "validation"), ("training", "validation")),
            (("Training", "Testing", "Validation"), ("Training", "Testing")),
        ],
    )
    def test_parts_by_other_names(self, tmp_path, names, called):
        for name in names:
            one_level(tmp_path / "x" / name, {"a": 2, "b": 2})
            one_level(tmp_path / "y", {name: 3})
        for root in (tmp_path / "x", tmp_path / "y"):
            error = refusal(root)
            assert f"holds {called[0]!r} and {called[1]!r}, which are no classes" in error.message
            assert f"{called[0]} → train, {called[1]} → test" in error.hint

    def test_classes_that_begin_like_a_part(self, tmp_path):
        one_level(tmp_path, {"bus": 2, "train": 2, "test bench": 2})
        assert load(tmp_path).class_names == ("bus", "test bench", "train")


class TestSixteenBits:
    @staticmethod
    def save(root: Path, bases: dict[str, int], spread: int) -> None:
        random = np.random.default_rng(0)
        for name, base in bases.items():
            (root / name).mkdir(parents=True)
            for i in range(4):
                values = random.integers(base, base + spread, (24, 24)).astype("u2")
                Image.fromarray(values).save(root / name / f"{i}.png")

    @pytest.mark.parametrize(("spread", "levels"), [(50, 1), (4_096, 16), (7_680, 30)])
    def test_a_narrow_range_is_said(self, tmp_path, spread, levels):
        self.save(tmp_path, {"seal": 51_200, "ice": 51_200}, spread)
        note = next(note for note in load(tmp_path).notes if "16-bit" in note)
        assert note.startswith("8 of 8 16-bit images use a small part of the range from 0 to 65,535")
        assert f"to which they are reduced, {levels} (median)" in note

    def test_a_pixel_that_is_white_does_not_hide_it(self, tmp_path):
        self.save(tmp_path, {"a": 1_000, "b": 2_000}, 100)
        for path in tmp_path.rglob("*.png"):
            values = np.asarray(Image.open(path)).copy()
            values[0, 0] = 65_535
            Image.fromarray(values).save(path)
        assert any("8 of 8 16-bit images" in note for note in load(tmp_path).notes)

    def test_the_whole_range_and_eight_bits_are_not_noted(self, tmp_path):
        self.save(tmp_path / "x", {"a": 0, "b": 0}, 65_535)
        one_level(tmp_path / "y", {"a": 2, "b": 2})
        assert load(tmp_path / "x").notes == load(tmp_path / "y").notes == ()


class TestUnreadable:
    def test_up_to_one_percent_is_skipped_and_named(self, tmp_path):
        one_level(tmp_path, {"a": 50, "b": 50})
        (tmp_path / "a" / "7.png").write_bytes(b"no image")
        data = load(tmp_path)
        assert len(data.y_train) + len(data.y_test) == 99
        note = data.notes[-1]
        assert note.startswith(f"Skipped 1 of 100 images that cannot be read: 'a{os.sep}7.png' (")
        assert str(tmp_path) not in note

    def test_more_is_refused(self, tmp_path):
        one_level(tmp_path, {"a": 50, "b": 50})
        for i in range(7):
            (tmp_path / "a" / f"{i}.png").write_bytes(b"")
        heard = io.StringIO()
        set_up(heard)  # as a training does
        with pytest.raises(DataError, match=r"7 of 100 images .*'a.0\.png' .*; and 2 more.* up to 1% would be skipped"):
            load(tmp_path)
        assert sorted(line.split("'")[1] for line in heard.getvalue().splitlines()) == [
            f"a{os.sep}{i}.png" for i in range(7)
        ]
        set_up(io.StringIO())

    def test_a_truncated_file_counts(self, tmp_path):
        one_level(tmp_path, {"a": 2, "b": 2})
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "a" / "0.jpg")
        whole = (tmp_path / "a" / "0.jpg").read_bytes()
        (tmp_path / "a" / "0.jpg").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"1 of 5 images.*damaged or cut off"):
            load(tmp_path)

    def test_a_class_of_which_nothing_is_readable(self, tmp_path):
        train_test(tmp_path, ("a", "b"), train=200)
        for path in (tmp_path / "train" / "b").iterdir():
            if path.stem not in "01":
                path.unlink()
            else:
                path.write_bytes(b"")
        with pytest.raises(DataError, match=r"no training samples of class 'b'"):
            load(tmp_path)

    def test_a_decompression_bomb_is_not_unpacked(self, tmp_path, monkeypatch):
        monkeypatch.setattr(image_files, "MAX_PIXELS", 10_000)
        one_level(tmp_path, {"a": 2, "b": 2})
        paint(tmp_path / "a" / "bomb.png", size=(101, 100))
        with pytest.raises(DataError, match=r"'a.bomb\.png' \(101 x 100 pixels, more than 10,000\)"):
            load(tmp_path)

    def test_a_huge_header_is_refused_without_a_warning(self, tmp_path):
        chunk = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
        one_level(tmp_path, {"a": 2, "b": 2})
        (tmp_path / "a" / "x.png").write_bytes(chunk + b"\0" * 30)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DataError, match="1 of 5 images"):
                load(tmp_path)


class TestReadImage:
    def test_centre_crop(self, tmp_path):
        image = Image.new("RGB", (30, 10), "red")
        image.paste((0, 0, 255), (10, 0, 20, 10))
        image.save(tmp_path / "x.png")
        assert (read_image(tmp_path / "x.png", 10) == np.array([0, 0, 255])[:, None, None]).all()

    def test_rotation_in_the_metadata_is_applied(self, tmp_path):
        image = Image.new("RGB", (16, 16), "black")
        image.paste((255, 255, 255), (0, 0, 16, 8))  # white above
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise by a quarter: what is above comes to the right
        image.save(tmp_path / "x.png", exif=exif)
        pixels = read_image(tmp_path / "x.png", 16)
        assert pixels[0, :, 12:].min() > 250
        assert pixels[0, :, :4].max() < 5

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("L", 100, (100, 100, 100)),
            ("1", 1, (255, 255, 255)),
            ("P", 0, (0, 0, 0)),
            ("RGBA", (255, 0, 0, 255), (255, 0, 0)),
            ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
            ("LA", (0, 0), (255, 255, 255)),
            ("I;16", 40_000, (156, 156, 156)),
        ],
    )
    def test_modes_become_rgb_on_white(self, tmp_path, mode, colour, expected):
        paint(tmp_path / "x.png", colour, mode=mode)
        assert read_image(tmp_path / "x.png", 8)[:, 4, 4].tolist() == list(expected)

    def test_cmyk_and_floating_point(self, tmp_path):
        paint(tmp_path / "x.jpg", (0, 0, 0, 0), mode="CMYK")
        assert read_image(tmp_path / "x.jpg", 8).min() > 250
        paint(tmp_path / "x.tif", 0.5, mode="F")
        with pytest.raises(ValueError, match="floating-point"):
            read_image(tmp_path / "x.tif", 8)

    @pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff", "ppm", "JPG"])
    def test_formats(self, tmp_path, suffix):
        one_level(tmp_path, {"a": 2, "b": 2})
        paint(tmp_path / "a" / f"x.{suffix}", (0, 128, 255))
        assert scan_folder(tmp_path).train_counts == (3, 2)
        pixel = read_image(tmp_path / "a" / f"x.{suffix}", 6)[:, 3, 3].astype(int)
        assert abs(pixel - [0, 128, 255]).max() <= 4

    def test_large_jpegs_shrunk_while_decoding_look_like_others(self, tmp_path):
        ramp = np.linspace(0, 255, 640).astype(np.uint8)
        image = Image.fromarray(np.broadcast_to(ramp[None, :, None], (640, 640, 3)).copy())
        image.save(tmp_path / "x.jpg", quality=95)
        image.save(tmp_path / "x.png")
        difference = read_image(tmp_path / "x.jpg", 32).astype(int) - read_image(tmp_path / "x.png", 32)
        assert abs(difference).max() <= 4

    def test_other_formats_are_not_tried_whatever_the_name(self, tmp_path):
        """A PostScript file would start an interpreter."""
        (tmp_path / "x.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
        with pytest.raises(OSError, match="cannot identify"):
            read_image(tmp_path / "x.png", 8)

    def test_a_flood_of_metadata_is_refused(self, tmp_path):
        info = PngImagePlugin.PngInfo()
        info.add_text("bomb", "x" * 20_000_000, zip=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "x.png", pnginfo=info)
        with pytest.raises(ValueError, match="too large"):
            read_image(tmp_path / "x.png", 8)


def test_a_different_pixel_or_name_tells_two_folders_apart(tmp_path):
    one_level(tmp_path, {"a": 3, "b": 3})
    marks = load(tmp_path).marks
    before = marks.fingerprint
    assert load(tmp_path).marks == marks
    size = (tmp_path / "b" / "2.png").stat().st_size
    paint(tmp_path / "b" / "2.png", (9, 9, 9))
    other = load(tmp_path).marks
    assert (
        tmp_path / "b" / "2.png"
    ).stat().st_size == size and other.fingerprint == before  # names and sizes are the same
    assert other.pixels != marks.pixels and not other.agree(marks)
    one_level(tmp_path, {"b": 3})
    (tmp_path / "b").rename(tmp_path / "c")
    assert load(tmp_path).fingerprint != before
