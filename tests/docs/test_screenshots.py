"""The pictures of the documents: each is one that ``tools/screenshots.py`` makes, and none changes its colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from lwal_core.runs import Run
from lwal_core.runs.own_columns import read_own_columns
from tests.support.documents import documents, links
from tests.support.many_classes import keep_columns, record_many
from tools.picture_list import CIFAR10, DIGITS, HUNDRED, PICTURES, THOUSAND, Picture, files
from tools.screenshots import CIFAR10_CLASSES, PLACE, chosen, many_scene, scene_of, small


def test_every_picture_that_a_document_shows_or_links_is_made():
    shown = {Path(link).name for document in documents() for link in links(document) if "img/" in link}
    assert "hierarchy-light-1400.png" in shown
    assert shown <= files().keys()


def test_every_picture_that_is_kept_is_made():
    assert {path.name for path in PLACE.glob("*.png")} <= files().keys()


def test_no_two_pictures_have_one_file():
    assert len(files()) == sum(len(picture.views) for picture in PICTURES)


def test_pictures_are_chosen_by_name_or_by_file():
    assert [(p.name, view) for p, view in chosen(["home-light-420.png", "embeddings-pairs"])] == [
        ("home", ("light", 420)),
        ("embeddings-pairs", ("dark", 1400)),
    ]
    assert len(chosen(None)) == len(files())
    with pytest.raises(SystemExit, match="No such picture: nothing"):
        chosen(["home", "nothing"])


def test_what_is_only_looked_at_is_made_when_all_is_asked_for():
    assert len(chosen(["many-tree-1000"])) == 2 and len(chosen(["many-tree-1000"], every=True)) == 4
    assert len({p.file(view) for p, view in chosen(None, every=True)}) == len(chosen(None, every=True)) > len(files())


def test_drawn_runs_of_many_classes_with_a_parameter_that_comes_twice(home: Path):
    assert many_scene(HUNDRED, home) is None
    run = record_many(epochs=1, samples=2)
    keep_columns(run, HUNDRED)
    assert {column.name: column.kind for column in read_own_columns(run.path)[0].columns} == {
        "kind": "category",
        "letters": "number",
    }
    scene = many_scene(HUNDRED, home)
    assert scene is not None and many_scene(THOUSAND, home) is None
    picture = next(p for p in PICTURES if p.name == "many-columns-100")
    query = parse_qs(urlsplit(scene.address("http://x", picture)).query)
    assert query["run"] == [run.id] and query["leaf_strip"] == ["kind", "letters", "Test accuracy"]


def test_the_runs_that_are_shown(home: Path, make_run: Callable[..., Run]):
    assert scene_of(DIGITS, home) is None
    make_run("onehot")
    assert scene_of(DIGITS, home) is None  # no learned label to look at
    run = make_run("lwal")
    make_run("smoothing")
    scene = scene_of(DIGITS, home)
    assert scene is not None
    assert [group.first.method_label for group in scene.groups] == ["One-hot", "LwAL"]
    query = parse_qs(urlsplit(scene.address("http://x", Picture("p", "trees", query={"support": "true"}))).query)
    assert query == {"runs": [group.key for group in scene.groups], "run": [run.id], "support": ["true"]}
    assert scene_of(CIFAR10, home) is None
    make_run("lwal", data={"name": "folder:photographs"}, class_names=sorted(CIFAR10_CLASSES))
    assert scene_of(CIFAR10, home) is not None


def test_a_small_picture_keeps_surfaces_and_rare_marks():
    ramp = np.stack([np.arange(256), np.arange(256)[::-1], np.full(256, 90)], axis=1).astype(np.uint8)
    pixels = np.full((64, 256, 3), (255, 255, 255), dtype=np.uint8)
    pixels[32:48], pixels[48:] = ramp, ramp // 2
    pixels[0, 0] = (204, 121, 167)
    kept = np.asarray(small(Image.fromarray(pixels)).convert("RGB")).astype(int)
    assert (kept[1:32] == 255).all()
    assert np.abs(kept - pixels).max() < 10
    few = small(Image.fromarray(pixels[:32]))
    assert few.mode == "P" and (np.asarray(few.convert("RGB")) == pixels[:32]).all()
