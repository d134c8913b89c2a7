"""Files for TensorBoard's projector, read back by the csv module and Pillow."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lwal_core.errors import ExportError, RunError
from lwal_core.export import projector
from lwal_core.export.projector import MOST_SPRITE, ProjectorPoints, projector_points, projector_zip
from lwal_core.figures.palette import class_color
from lwal_core.results.projector_files import run_projector
from lwal_core.runs import Run
from lwal_core.runs.paths import EVALUATION


def unpack(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def table(content: bytes) -> list[list[str]]:
    """As TensorBoard reads it: lines by line feeds, cells by tabs, no quotes."""
    text = content.decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n"))
    assert rows == [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    return rows


def made_up(classes: int = 3, dim: int = 4, samples: int = 20) -> ProjectorPoints:
    generator = np.random.default_rng(0)
    means, labels = generator.normal(size=(2, classes, dim)).astype(np.float32)
    y, pred = generator.integers(0, classes, (2, samples))
    return projector_points(means, labels, generator.normal(size=(samples, dim)).astype(np.float16), y, pred)[0]


def test_every_point_has_a_line_in_both_files() -> None:
    points = made_up()
    files = unpack(projector_zip(points, ["cat", "dog", "ship"]))
    numbers, facts = table(files["tensors.tsv"]), table(files["metadata.tsv"])
    assert facts[0] == ["class", "kind", "prediction", "test_index"]
    assert len(numbers) == len(facts) - 1 == 26
    read = np.array(numbers, dtype=np.float64)
    np.testing.assert_array_equal(read.astype(np.float32), points.vectors.astype(np.float32))
    assert [row[:2] for row in facts[1:7]] == [
        [name, kind] for kind in ("label", "class mean") for name in ("cat", "dog", "ship")
    ]
    assert all(row[2:] == ["", ""] for row in facts[1:7])
    names = ["cat", "dog", "ship"]
    for row, own, taken, index in zip(facts[7:], points.classes[6:], points.predicted[6:], range(20), strict=True):
        assert row == [names[own], "sample", names[taken], str(index)]
    assert "sprite.png" not in files
    assert "sprite" not in files["projector_config.pbtxt"].decode()


def test_the_configuration_names_the_files() -> None:
    images = np.zeros((3, 8, 6, 3), dtype=np.uint8)
    files = unpack(
        projector_zip(
            made_up(), ["a", "b", "c"], thumbnails=images, thumbnail_classes=[0, 1, 2], tensor_name='x"\n}\\y'
        )
    )
    text = files["projector_config.pbtxt"].decode()
    named = dict(re.findall(r'(\w+): "([^"]*)"', text))
    assert named == {
        "tensor_name": "x}y", "tensor_path": "tensors.tsv", "metadata_path": "metadata.tsv", "image_path": "sprite.png"
    }  # fmt: skip
    assert {named["tensor_path"], named["metadata_path"], named["image_path"]} <= set(files)
    assert re.findall(r"single_image_dim: (\d+)", text) == ["8", "8"]
    assert text.replace('"x}y"', "").count("{") == text.replace('"x}y"', "").count("}") == 2


@pytest.mark.parametrize(("samples", "side"), [(0, 8), (20, 8), (3, 8), (20, 200)])
def test_the_sprite_is_a_square_row_by_row(samples: int, side: int) -> None:
    points = made_up(samples=samples)
    images = np.zeros((4, side, side, 3), dtype=np.uint8)
    images[0], images[1], images[2], images[3] = 200, 50, 100, 9  # the last is a second picture of class 0
    files = unpack(projector_zip(points, ["a", "b", "c"], thumbnails=images, thumbnail_classes=[0, 1, 2, 0]))
    sprite = np.asarray(Image.open(io.BytesIO(files["sprite.png"])).convert("RGB"))
    each = min(side, 64)
    grid = math.ceil(math.sqrt(len(points.classes)))
    assert sprite.shape == (grid * each, grid * each, 3)
    assert grid * grid >= len(points.classes) > (grid - 1) ** 2
    for place in range(grid * grid):
        top, left = place // grid * each, place % grid * each
        pixel = sprite[top + each // 2, left + each // 2].tolist()
        if place >= len(points.classes):
            assert pixel == [0, 0, 0]
        elif place < 6:
            assert pixel == [[200, 50, 100][place % 3]] * 3
        else:
            color = class_color(int(points.classes[place]))
            assert pixel == [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def test_pictures_that_are_not_square_or_grey() -> None:
    points = made_up(samples=0)
    images = np.full((1, 10, 20, 1), 77, dtype=np.uint8)
    files = unpack(projector_zip(points, ["a", "b", "c"], thumbnails=images, thumbnail_classes=[1]))
    sprite = np.asarray(Image.open(io.BytesIO(files["sprite.png"])))
    tile = sprite[:20, 20:40]  # the second of three columns: the label of class 1
    assert (tile[10] == 77).all() and (tile[0] == 0).all() and (tile[-1] == 0).all()
    color = class_color(0)
    assert sprite[5, 5].tolist() == [int(color[i : i + 2], 16) for i in (1, 3, 5)]  # a class without a picture


def test_the_sprite_keeps_to_tensorboards_limit() -> None:
    count = 20_000
    points = ProjectorPoints(
        np.zeros((count, 1)), ["sample"] * count, np.zeros(count, dtype=np.intp), np.zeros(count, dtype=np.intp),
        np.arange(count),
    )  # fmt: skip
    found = projector._sprite(points, np.zeros((1, 64, 64, 3), dtype=np.uint8), np.array([0]))
    assert found is not None
    assert Image.open(io.BytesIO(found[0])).size == (142 * found[1],) * 2
    assert 142 * found[1] <= MOST_SPRITE < 142 * (found[1] + 1)


@pytest.mark.parametrize(
    "images", [np.zeros((0, 8, 8, 3), np.uint8), np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8, 2), np.uint8)]
)
def test_unusable_pictures_make_no_sprite(images: np.ndarray) -> None:
    files = unpack(projector_zip(made_up(), ["a", "b", "c"], thumbnails=images, thumbnail_classes=[0] * len(images)))
    assert "sprite.png" not in files


@settings(max_examples=60)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_any_names_keep_one_line_and_four_cells_a_point(names: list[str]) -> None:
    n = len(names)
    points = projector_points(np.arange(2.0 * n).reshape(n, 2), None)[0]
    facts = table(unpack(projector_zip(points, names))["metadata.tsv"])
    assert [len(row) for row in facts] == [4] * (n + 1)
    shown = [row[0] for row in facts[1:]]
    assert len(set(shown)) == n and all(text.isprintable() for text in shown)
    assert len(unpack(projector_zip(points, names))["metadata.tsv"].decode().splitlines()) == n + 1


def test_tabs_and_line_breaks_become_blanks() -> None:
    names = ["a\tb", "a b", "line\r\nbreak", '"quoted"', "", "\u2028", "\ud800"]
    points = projector_points(np.eye(7), None)[0]
    shown = [row[0] for row in table(unpack(projector_zip(points, names))["metadata.tsv"])[1:]]
    assert shown == ["a b", "a b (class 1)", "line break", '"quoted"', "(no name)", "(no name) (class 5)", "?"]


def test_samples_are_thinned_by_class_and_broken_ones_left_out() -> None:
    y = np.repeat([0, 1, 2], [50, 5, 45])
    z = np.random.default_rng(0).normal(size=(100, 2))
    z[0, 0] = np.nan
    points, notes = projector_points(np.zeros((3, 2)), None, z, y, y, most_samples=15)
    assert np.bincount(points.classes[3:]).tolist() == [5, 5, 5]
    assert 0 not in points.rows and (np.diff(points.rows[3:]) > 0).all()
    np.testing.assert_array_equal(points.vectors[3:], z[points.rows[3:]])
    assert notes == ["Showing 15 of 100 test samples, as many of each class as there are."]
    again, _ = projector_points(np.zeros((3, 2)), None, z, y, y, most_samples=15)
    assert again.rows.tolist() == points.rows.tolist()


def test_numbers_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projector, "MOST_NUMBERS", 40)
    points, notes = projector_points(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros((50, 2)), [0] * 50, [0] * 50)
    assert points.vectors.size <= 40 and len(points.vectors) == 20 and "14 of 50" in notes[0]
    with pytest.raises(ExportError, match="more than the projector"):
        projector_points(np.zeros((30, 2)), None)


def test_what_does_not_fit_is_left_out_and_said() -> None:
    points, notes = projector_points(np.zeros((3, 2)), np.eye(3), np.zeros((4, 5)), [0] * 4, [0] * 4)
    assert points.kinds == ["class mean"] * 3 and len(notes) == 2
    assert "3 numbers, not 2" in notes[0] and "Test samples have 5 numbers" in notes[1]


def test_refused_with_a_reason() -> None:
    with pytest.raises(ExportError, match="no class vectors"):
        projector_points(None, None)
    with pytest.raises(ExportError, match="class number 1 "):
        projector_points([[0.0], [np.nan]], None)
    with pytest.raises(ExportError, match="predictions"):
        projector_points([[0.0]], None, [[0.0]], [0], [])
    with pytest.raises(ExportError, match="class names"):
        projector_zip(made_up(), ["a"])


@pytest.mark.parametrize("classes", [1, 2])
def test_a_few_classes(classes: int) -> None:
    files = unpack(projector_zip(projector_points(np.zeros((classes, 1)), None)[0], ["a", "b"][:classes]))
    assert table(files["tensors.tsv"]) == [["0"]] * classes


def test_the_same_content_is_the_same_file() -> None:
    assert projector_zip(made_up(), ["a", "b", "c"]) == projector_zip(made_up(), ["a", "b", "c"])


def test_a_run(make_run: Callable[..., Run]) -> None:
    run = make_run()
    files = unpack(run_projector(run))
    test = run.evaluation()
    facts = table(files["metadata.tsv"])[1:]
    numbers = np.array(table(files["tensors.tsv"]), dtype=np.float64)
    np.testing.assert_allclose(numbers[10:20], run.vectors(test.epoch), rtol=1e-6)
    np.testing.assert_allclose(numbers[20:], test.z.astype(float), rtol=1e-6)
    assert [row[0] for row in facts[20:]] == [run.class_names[i] for i in test.y]
    assert [row[2] for row in facts[20:]] == [run.class_names[i] for i in test.pred]
    assert "sprite.png" in files and "after epoch 3" in files["README.txt"].decode()


def test_a_run_of_another_epoch_without_pictures_or_results(make_run: Callable[..., Run]) -> None:
    run = make_run(images=False)
    files = unpack(run_projector(run, 1, most_samples=7))
    assert "sprite.png" not in files and "The two epochs differ" in files["README.txt"].decode()
    assert len(table(files["tensors.tsv"])) == 27
    (run.path / EVALUATION).unlink()
    files = unpack(run_projector(run))
    assert len(table(files["tensors.tsv"])) == 20 and "no test samples" in files["README.txt"].decode()
    with pytest.raises(RunError):
        run_projector(run, 77)
