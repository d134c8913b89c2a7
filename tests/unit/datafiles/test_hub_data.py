"""Data sets that the library ``datasets`` reads: folders of every kind, the caches, columns and splits, what is refused."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lwal_core.config import DataConfig, RunConfig
from lwal_core.data import load_dataset
from lwal_core.data.samples import subset
from lwal_core.data.stream import ImageStream
from lwal_core.datafiles import check_source, hub_data, source_stats
from lwal_core.datafiles.hub_data import names_a_folder
from lwal_core.datafiles.hub_images import scan_hub_images
from lwal_core.errors import ConfigError, DataError
from lwal_core.experiments.sweeps import absolute_paths

datasets = pytest.importorskip("datasets")
pa = pytest.importorskip("pyarrow")
KINDS = ("saved", "parquet", "images", "arrow")
NAMES = ["red", "green", "blue"]


def picture(number: int) -> Image.Image:
    """A picture that only it is, of its class's colour."""
    pixels = np.random.default_rng(number).integers(0, 60, (20, 24, 3), dtype=np.uint8)
    pixels[..., number % 3] += 150
    return Image.fromarray(pixels)


def table(start: int, count: int, **columns: Any) -> Any:
    """Rows of three classes in turn."""
    rows = range(start, start + count)
    features = {"img": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    values: dict[str, Any] = {"img": [picture(row) for row in rows], "label": [row % 3 for row in rows]}
    return datasets.Dataset.from_dict(values | columns, features=datasets.Features(features))


def as_folder(root: Path, kind: str, parts: dict[str, Any]) -> Path:
    """Splits in a folder of each kind that is read."""
    if kind == "saved":
        datasets.DatasetDict(parts).save_to_disk(root)
        return root
    for split, rows in parts.items():
        if kind == "images":
            for number, row in enumerate(rows):
                file = root / split / NAMES[row["label"]] / f"{number}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                row["img"].save(file)
            continue
        (root / "data").mkdir(parents=True, exist_ok=True)
        if kind == "parquet":
            rows.to_parquet(root / "data" / f"{split}-00000-of-00001.parquet")
        else:
            rows.save_to_disk(root.parent / f"{split}.tmp")
            (root.parent / f"{split}.tmp" / "data-00000-of-00001.arrow").rename(root / "data" / f"{split}.arrow")
    return root


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches of the hub's client and of the library, empty, without a network."""
    import huggingface_hub

    home = tmp_path / "hf"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home / "datasets")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return home


def config(place: Path | str, **values: Any) -> DataConfig:
    return DataConfig(name=f"hf-data:{place}", **values)


def refusal(place: Path | str, **values: Any) -> str:
    with pytest.raises(DataError) as caught:
        scan_hub_images(config(place, **values))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_folder_gives_the_same_images_in_memory_and_streamed(tmp_path, monkeypatch, kind):
    place = as_folder(tmp_path / "set", kind, {"train": table(0, 12), "test": table(30, 6)})
    check_source(f"hf-data:{place}")
    stats = source_stats(config(place))
    assert (stats.train, stats.test, stats.classes, stats.unit) == (12, 6, 3, "images")
    whole = load_dataset(config(place, image_size=20))
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    data = load_dataset(config(place, image_size=20))
    assert isinstance(whole.x_train, torch.Tensor) and isinstance(data.x_train, ImageStream)
    assert torch.equal(data.x_train[:], whole.x_train) and torch.equal(data.x_test[:], whole.x_test)
    assert data.fingerprint == whole.fingerprint and data.marks.agree(whole.marks)
    for x, y, start in ((whole.x_train, whole.y_train, 0), (whole.x_test, whole.y_test, 30)):
        wanted = {
            number: np.asarray(picture(number))[:, 2:22].transpose(2, 0, 1) for number in range(start, start + len(y))
        }
        for image, label in zip(x.numpy(), y.tolist(), strict=True):
            number = next(n for n, pixels in wanted.items() if np.array_equal(pixels, image))
            assert whole.class_names[label] == NAMES[number % 3]
            del wanted[number]
        assert not wanted
    order = NAMES if kind != "images" else sorted(NAMES)  # an image folder has no order of its own
    assert list(whole.class_names) == order
    rows = torch.tensor([3, 1])
    assert torch.equal(subset(data.x_train, rows)[:], whole.x_train[rows])


def test_a_validation_split_is_set_apart_and_takes_the_place_of_a_missing_test_split(tmp_path):
    parts = {"train": table(0, 12), "validation": table(20, 3), "test": table(30, 6)}
    stats = source_stats(config(as_folder(tmp_path / "three", "parquet", parts)))
    assert (stats.train, stats.validation, stats.test) == (12, 3, 6)
    del parts["test"]
    found = scan_hub_images(config(as_folder(tmp_path / "two", "parquet", parts)))
    assert "There is no test split with classes; 'validation' is the test set." in found.notes
    assert np.bincount(found.parts).tolist() == [12, 3]


def test_one_split_is_cut_and_others_are_left_out(tmp_path):
    found = scan_hub_images(config(as_folder(tmp_path / "one", "saved", {"train": table(0, 12)})))
    assert not found.is_split
    assert source_stats(config(tmp_path / "one")).test == 3
    parts = {"train": table(0, 12), "test": table(30, 6), "unsupervised": table(40, 3)}
    found = scan_hub_images(config(as_folder(tmp_path / "more", "saved", parts)))
    assert len(found) == 18 and "Left out: split 'unsupervised'." in found.notes
    parts = {"a": table(0, 6), "b": table(30, 6)}
    assert "The splits of 'hf-data:" in refusal(as_folder(tmp_path / "strange", "saved", parts))


def test_secret_classes_are_no_test_set(tmp_path):
    parts = {
        "train": table(0, 12),
        "test": table(30, 4, label=[-1] * 4),
        "validation": table(20, 3, label=[0, None, 2]),
    }
    found = scan_hub_images(config(as_folder(tmp_path / "set", "parquet", parts)))
    assert "Left out: the split 'test', whose rows have no class." in found.notes
    assert "Left out: 1 images without a class." in found.notes
    assert np.bincount(found.parts).tolist() == [12, 2]


class TestColumns:
    def many(self, root: Path) -> Path:
        rows = {
            "thumb": [picture(k) for k in range(12)], "image": [picture(k + 12) for k in range(12)],
            "fine": [k % 3 for k in range(12)], "label": [k % 2 for k in range(12)], "kind": ["x10", "x9"] * 6,
            "year": [2000 + k % 2 for k in range(12)], "size": [0.5] * 12,
        }  # fmt: skip
        types = {
            "thumb": datasets.Image(), "image": datasets.Image(), "fine": datasets.ClassLabel(names=NAMES),
            "label": datasets.ClassLabel(names=["odd", "even"]), "kind": datasets.Value("string"), "year": datasets.Value("int32"),
            "size": datasets.Value("float32"),
        }  # fmt: skip
        datasets.Dataset.from_dict(rows, features=datasets.Features(types)).save_to_disk(root)
        return root

    def test_guesses_are_said_and_can_be_overridden(self, tmp_path):
        place = self.many(tmp_path / "set")
        found = scan_hub_images(config(place))
        assert found.classes == ("odd", "even")
        assert found.notes[1] == (
            "Images are in the column 'image' (also there: 'thumb'; choose by --image-column), classes in 'label' (also there: "
            "'fine'; choose by --label-column)."
        )
        other = scan_hub_images(config(place, image_column="thumb", label_column="fine"))
        assert other.classes == tuple(NAMES)
        assert Image.open(other.file(0)).tobytes() == picture(0).tobytes()  # type: ignore[arg-type]
        assert Image.open(found.file(0)).tobytes() == picture(12).tobytes()  # type: ignore[arg-type]

    @pytest.mark.parametrize(("column", "classes"), [("kind", ("x9", "x10")), ("year", ("2000", "2001"))])
    def test_texts_and_whole_numbers_are_classes(self, tmp_path, column, classes):
        assert scan_hub_images(config(self.many(tmp_path / "set"), label_column=column)).classes == classes

    def test_what_does_not_fit_is_refused(self, tmp_path):
        place = self.many(tmp_path / "set")
        assert "no column 'nothing' for classes; there are 'thumb'" in refusal(place, label_column="nothing")
        assert "'size' of 'hf-data:" in refusal(place, label_column="size")
        assert "holds ClassLabel, no images" in refusal(place, image_column="fine")
        assert "no column 'x' for images" in refusal(place, image_column="x")
        datasets.load_from_disk(place).remove_columns(["thumb", "image"]).save_to_disk(tmp_path / "words")
        assert "has no column of images" in refusal(tmp_path / "words")
        datasets.load_from_disk(place).remove_columns(["fine", "label"]).save_to_disk(tmp_path / "untold")
        assert "holds the classes is not clear" in refusal(tmp_path / "untold")

    @pytest.mark.parametrize("option", ["subset", "image_column", "label_column"])
    def test_options_go_with_no_other_data(self, option):
        with pytest.raises(ConfigError, match=f"{option} does not apply to digits"):
            RunConfig.parse({"data": {"name": "digits", option: "x"}})
        assert getattr(RunConfig.parse({"data": {"name": "digits", option: " "}}).data, option) is None


class TestFromTheHub:
    def test_what_was_loaded_before_is_found(self, tmp_path, caches):
        source = as_folder(tmp_path / "my_set", "parquet", {"train": table(0, 12), "test": table(30, 6)})
        datasets.load_dataset(str(source), cache_dir=str(caches / "datasets"))
        (caches / "datasets" / "my_set").rename(caches / "datasets" / "org___my_set")
        found = scan_hub_images(config("org/my_set"))
        assert len(found) == 18 and found.notes[0] == f"Read from '{caches / 'datasets'}', where it was loaded before."

    def test_files_that_the_client_fetched_are_found_without_being_outside(self, tmp_path, caches):
        source = as_folder(tmp_path / "set", "images", {"train": table(0, 12), "test": table(30, 6)})
        repository = caches / "hub" / "datasets--org--pictures"
        snapshot = repository / "snapshots" / ("a" * 40)
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("a" * 40)
        (repository / "blobs").mkdir()
        for number, file in enumerate(sorted(source.rglob("*.png"))):  # as the client lays them out: links to blobs
            blob = repository / "blobs" / f"{number:040x}"
            file.rename(blob)
            link = snapshot / file.relative_to(source)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
        data = load_dataset(config("org/pictures", image_size=8))
        assert data.x_train.shape == (12, 3, 8, 8) and not any("cannot be read" in note for note in data.notes)

    def test_what_is_not_here_is_said_with_the_places(self, caches):
        text = refusal("org/name")
        assert f"'{caches / 'hub'}'" in text and f"'{caches / 'datasets'}'" in text
        assert "hf download --repo-type dataset org/name" in text

    @pytest.mark.parametrize(
        "place", ["a b", "org/../x", "/nowhere", "./nowhere", "x" * 5_000, "org/name/more", "a\0b", "https://a.b/c"]
    )
    def test_what_is_no_name_is_refused(self, place):
        assert refusal(place)


class TestHostile:
    def test_a_path_out_of_the_folder_is_not_opened(self, tmp_path, monkeypatch):
        secret = tmp_path / "secret.png"
        picture(1).save(secret)
        rows = {
            "image": [{"bytes": None, "path": str(secret)}] * 2 + [{"bytes": None, "path": "../secret.png"}] * 2,
            "label": list("abab"),
        }
        types = {
            "image": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "label": datasets.Value("string"),
        }
        datasets.Dataset.from_dict(rows, features=datasets.Features(types)).save_to_disk(tmp_path / "set")
        found = scan_hub_images(config(tmp_path / "set"))
        assert found.sizes().tolist() == [-1] * 4
        with pytest.raises(ValueError, match="outside the data set"):
            found.file(0)
        with pytest.raises(
            DataError, match=r"4 of 4 images .* cannot be read: 'train\[\d\]' \(its file lies outside the data set\)"
        ):
            load_dataset(config(tmp_path / "set"))

    @pytest.mark.parametrize(
        ("path", "words"),
        [("https://example.org/x.parquet", "elsewhere"), ("../outside.parquet", "outside|cannot be read")],
    )
    def test_a_repository_that_names_files_elsewhere_is_refused(self, tmp_path, path, words):
        place = as_folder(tmp_path / "set", "parquet", {"train": table(0, 6)})
        table(0, 6).to_parquet(tmp_path / "outside.parquet")
        (place / "README.md").write_text(f"---\nconfigs:\n- config_name: default\n  data_files: {path}\n---\n")
        with pytest.raises(DataError, match=words):
            scan_hub_images(config(place))

    @pytest.mark.parametrize("name", ["set.py", "data/train.csv", "data/train.txt", "data/train.pkl", "data/a.tar"])
    def test_code_pickles_and_other_files_are_not_read(self, tmp_path, name):
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True)
        file.write_text("image,label\n1,2\n")
        assert refusal(tmp_path / "set")

    @pytest.mark.parametrize("offsets", [[0, 10, 5, 20], [0, 2**31 - 1, 10, 20], [0, -5, 10, 20]])
    def test_an_arrow_file_that_leads_outside_itself_is_refused(self, tmp_path, offsets):
        """Arrow aborted the process (``std::length_error``) when such a row was read, which nothing in Python can catch."""
        root = as_folder(tmp_path / "set", "saved", {"train": table(0, 3)})
        file = next(root.rglob("*.arrow"))
        with pa.ipc.open_stream(file.read_bytes()) as stream:
            whole = stream.read_all()
        bad = pa.BinaryArray.from_buffers(
            pa.binary(), 3, [None, pa.py_buffer(np.int32(offsets)), pa.py_buffer(b"x" * 20)]
        )
        images = pa.StructArray.from_arrays([bad, pa.array(["a", "b", "c"])], ["bytes", "path"])
        damaged = pa.table({"img": images, "label": whole["label"]}, schema=whole.schema)
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, damaged.schema) as writer:
            writer.write_table(damaged)
        assert "The split 'train' of" in (found := refusal(root)) and "is damaged: " in found

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.integers(0, 4_000), byte=st.integers(0, 255), cut=st.booleans())
    def test_a_damaged_file_is_refused_or_read(self, tmp_path, place, byte, cut):
        root = tmp_path / "set"
        if not root.exists():
            as_folder(root, "saved", {"train": table(0, 6)})
            (tmp_path / "whole").write_bytes(next(root.rglob("*.arrow")).read_bytes())
        data = bytearray((tmp_path / "whole").read_bytes())
        data[place % len(data)] = byte
        next(root.rglob("*.arrow")).write_bytes(data[: place % len(data)] if cut else data)
        with suppress(DataError):  # and nothing else
            load_dataset(config(root, image_size=8))

    def test_much_that_is_not_unpacked_yet_waits_for_a_training(self, tmp_path, monkeypatch):
        place = as_folder(tmp_path / "set", "parquet", {"train": table(0, 6), "test": table(9, 3)})
        monkeypatch.setattr(hub_data, "MOST_UNASKED", 10)
        with pytest.raises(DataError, match="not unpacked yet"):
            source_stats(config(place))
        assert source_stats(config(place), ask=False).train == source_stats(config(place)).train == 6

    def test_nothing_is_unpacked_where_nothing_may_change(self, tmp_path, monkeypatch):
        place = as_folder(tmp_path / "set", "parquet", {"train": table(0, 6), "test": table(9, 3)})
        monkeypatch.setenv("LWAL_READ_ONLY", "1")
        with pytest.raises(Exception, match="You cannot unpack a data set here"):
            source_stats(config(place))


def test_a_folder_is_told_from_a_name(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert (
        names_a_folder("here")
        and names_a_folder("./gone")
        and not names_a_folder("org/name")
        and not names_a_folder("\0")
    )
    for name, made in (("here", str(tmp_path / "here")), ("org/name", "org/name"), ("./gone", str(tmp_path / "gone"))):
        assert absolute_paths({"data": {"name": f"hf-data:{name}"}}, tmp_path)["data"]["name"] == f"hf-data:{made}"
