"""Tables of image files: the same data as a folder, what they name outside it, and whatever else a table may hold."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from lwal_core.config import DataConfig, RunConfig
from lwal_core.data import load_dataset
from lwal_core.datafiles import check_source, source_stats
from lwal_core.datafiles.image_tables import scan_table
from lwal_core.errors import DataError
from lwal_core.experiments.sweeps import absolute_paths

ROWS = [
    (f"{part}/{label}/{i}.png", label, part) for part in ("train", "test") for label in ("cat", "dog") for i in range(3)
]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images, twelve of two classes."""
    for number, (name, _, _) in enumerate(ROWS):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (number, 0, 99)).save(path)
    return tmp_path / "photos"


def write(file: Path, heads: tuple[str, ...], rows: list[tuple], delimiter: str = ",") -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows([heads, *rows])
    return file


def refusal(file: Path) -> str:
    with pytest.raises(DataError) as refused:
        scan_table(file)
    assert refused.value.hint
    return refused.value.message


class TestSameAsAFolder:
    @pytest.mark.parametrize("form", ["csv", "tsv", "heads", "parquet", "absolute"])
    def test_whatever_its_form(self, images, form):
        file = images / f"table.{form if form in ('csv', 'tsv', 'parquet') else 'csv'}"
        if form == "parquet":
            columns = zip(*ROWS, strict=True)
            parquet.write_table(
                pa.table(dict(zip(("path", "label", "split"), map(pa.array, columns), strict=True))), file
            )
        elif form == "heads":
            heads = ("id", "Class name", "File_Name", "Subset")
            write(file, heads, [(i, label, name, part.upper()) for i, (name, label, part) in enumerate(ROWS)], ";")
        else:
            rows = [(str(images / name), *rest) for name, *rest in ROWS] if form == "absolute" else ROWS
            write(file, ("path", "label", "split"), rows, "\t" if form == "tsv" else ",")
        ours, theirs = (load_dataset(DataConfig(name=name)) for name in (f"table:{file}", f"folder:{images}"))
        assert torch.equal(ours.x_train, theirs.x_train) and torch.equal(ours.x_test, theirs.x_test)
        assert torch.equal(ours.y_train, theirs.y_train) and ours.class_names == theirs.class_names == ("cat", "dog")
        stats = source_stats(DataConfig(name=f"table:{file}"))
        assert (stats.train, stats.test, stats.classes) == (6, 6, 2)

    def test_without_a_split_it_is_split_as_one_level(self, images):
        file = write(images / "all.csv", ("path", "label"), [row[:2] for row in ROWS])
        data = load_dataset(DataConfig(name=f"table:{file}", test_fraction=0.5))
        assert (len(data.x_train), len(data.x_test)) == (6, 6)

    def test_rows_for_validation_may_be_watched(self, images):
        name = f"table:{write(images / 'table.csv', ('path', 'label', 'split'), ROWS)}"
        assert RunConfig.parse({"data": {"name": name}, "training": {"watch": "validation_accuracy", "patience": 1}})

    def test_rows_for_validation_are_set_apart_as_those_of_a_folder(self, images):
        rows = [
            (name, label, "val" if name.endswith("2.png") and part == "train" else part) for name, label, part in ROWS
        ]
        file = write(images / "table.csv", ("path", "label", "split"), rows)
        ours = load_dataset(DataConfig(name=f"table:{file}"))
        for label in ("cat", "dog"):
            (images / "val" / label).mkdir(parents=True)
            (images / "train" / label / "2.png").rename(images / "val" / label / "2.png")
        theirs = load_dataset(DataConfig(name=f"folder:{images}"))
        assert ours.set_apart is not None and torch.equal(ours.set_apart, theirs.set_apart)
        assert torch.equal(ours.x_train, theirs.x_train)

    def test_streams(self, images, monkeypatch):
        file = write(images / "table.csv", ("path", "label", "split"), ROWS)
        whole = load_dataset(DataConfig(name=f"table:{file}"))
        monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
        assert torch.equal(load_dataset(DataConfig(name=f"table:{file}")).x_train[:], whole.x_train)

    def test_numbers_are_names_in_their_order(self, images):
        file = write(
            images / "t.csv", ("path", "label"), [(name, 10 if label == "cat" else 9) for name, label, _ in ROWS]
        )
        assert scan_table(file).classes == ("9", "10")

    def test_configuration_and_paths(self, images):
        file = write(images / "t.csv", ("path", "label"), [row[:2] for row in ROWS])
        check_source(f"table:{file}")
        values = absolute_paths({"data": {"name": "table:t.csv"}}, images)
        assert RunConfig.parse({**values}).data.name == f"table:{file}"
        assert RunConfig.parse({"data": {"name": f"table:{file}", "fit": "pad"}}).data.title == "t.csv"


class TestWhatItMayName:
    @pytest.mark.parametrize(
        "name", ["../secret.png", "/etc/passwd", "train/../../secret.png", "outside/a.png", "leak.png"]
    )
    def test_only_files_below_its_folder(self, images, name):
        Image.new("RGB", (9, 9)).save(images.parent / "secret.png")
        (images / "outside").symlink_to(images.parent)
        (images.parent / "a.png").write_bytes(b"")
        (images / "leak.png").symlink_to(images.parent / "secret.png")
        file = write(images / "t.csv", ("path", "label"), [(name, "cat"), *(row[:2] for row in ROWS)])
        assert "outside the table's folder" in refusal(file)

    def test_a_link_that_stays_inside(self, images):
        (images / "link.png").symlink_to(images / ROWS[0][0])
        file = write(images / "t.csv", ("path", "label"), [("link.png", "cat"), *(row[:2] for row in ROWS)])
        assert scan_table(file).train_counts == (7, 6)

    def test_a_lost_file_is_noted_and_many_are_refused(self, images):
        rows = [row[:2] for row in ROWS]
        file = write(images / "t.csv", ("path", "label"), [*rows, ("gone.png", "cat")])
        assert "1 of 13 files" in refusal(file)
        for number in range(100):
            os.link(images / ROWS[0][0], images / f"{number}.png")
            rows.append((f"{number}.png", "cat"))
        file = write(images / "t.csv", ("path", "label"), [*rows, ("gone.png", "cat")])
        (note,) = scan_table(file).notes
        assert "1 of 113 files" in note and "'gone.png'" in note

    def test_a_file_twice(self, images):
        rows = [row[:2] for row in ROWS]
        assert "stands in row 2, too" in refusal(write(images / "t.csv", ("path", "label"), [*rows, rows[0]]))


class TestRefused:
    @pytest.mark.parametrize(
        ("heads", "rows", "words"),
        [
            (("name", "value"), [("a", 1)], "has the columns 'name', 'value'"),
            (("path", "label"), [], "has 0 classes"),
            (("path", "label"), [(ROWS[0][0], "cat"), (ROWS[1][0], "cat")], "has 1 class"),
            (("path", "label"), [(ROWS[0][0], "")], "row 2: the label is empty"),
            (("path", "label"), [("", "cat")], "row 2: '' is no path"),
            (("path", "label"), [row[:2] for row in ROWS[2:4]], "a single image"),
            (("path", "label", "split"), [(*row[:2], "dunno") for row in ROWS], "the split is 'dunno'"),
            (("path", "label", "split"), [(*row[:2], "train") for row in ROWS], "no rows of the split test"),
            (("path", "label", "split"), [*ROWS[:3], *ROWS[9:]], "no training images of 'dog'"),
        ],
    )  # fmt: skip
    def test_rows(self, images, heads, rows, words):
        assert words in refusal(write(images / "t.csv", heads, rows))

    def test_files(self, images, monkeypatch):
        (images / "t.parquet").write_bytes(b"PAR1" + bytes(100))
        assert "no readable .parquet file" in refusal(images / "t.parquet")
        (images / "t.csv").write_bytes(b"\x89PNG\r\n\x1a\n")
        assert refusal(images / "t.csv")
        assert "no table" in refusal(images / "none.csv") and "is a folder" in refusal(images)
        file = write(images / "t.csv", ("path", "label"), [row[:2] for row in ROWS])
        monkeypatch.setattr("lwal_core.datafiles.image_tables.MAX_ROWS", 11)
        assert "more than 11 rows" in refusal(file)
        monkeypatch.setattr("lwal_core.datafiles.image_tables.MAX_TABLE_BYTES", 10)
        assert "more than" in refusal(file)

    def test_parquet_of_another_kind_or_too_large(self, images, monkeypatch):
        file = images / "t.parquet"
        parquet.write_table(pa.table({"image": [b"1"], "scores": [[1.0]]}), file)
        assert "has the columns" in refusal(file)
        parquet.write_table(pa.table({"path": [[1]], "label": [{"a": 1}]}), file)
        assert refusal(file)
        parquet.write_table(pa.table({"path": ["x" * 1000] * 50, "label": ["cat"] * 50}), file)
        monkeypatch.setattr("lwal_core.datafiles.image_tables.MAX_TABLE_BYTES", 500)
        assert "50 rows" in refusal(file)


@given(
    content=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: ("path,label\n" + text).encode("utf-8", "replace"))
)
def test_any_content_is_read_or_refused_in_words(content):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        file.write_bytes(content)
        with pytest.raises(DataError) as refused:  # there are no images, so nothing can be right
            scan_table(file)
        assert refused.value.message


@pytest.mark.parametrize("size", [0, 7, 200, -9])
def test_a_damaged_parquet_file_is_refused_as_other_damaged_tables(tmp_path, size):
    file = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"path": ["a.png"] * 90, "label": ["a", "b"] * 45}), file)
    file.write_bytes(file.read_bytes()[:size])
    assert refusal(file) and "\n" not in refusal(file)
