"""What the Embeddings page gives to take home: the whole view as one file, pictures, coordinates."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import app.embeddings.report as module
from app.common.class_distances import class_distances
from app.common.evaluation import sampled_test_set
from app.common.projections import ask, frame_request, request_like
from app.common.wording import plain
from app.embeddings.colours import ClassStyles
from app.embeddings.downloads import download_entries
from app.embeddings.picture import scale_of
from app.embeddings.report import MOST_BYTES, View, report, without_escapes
from app.embeddings.toolbar import Options
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.runs import Run

HOSTILE = ["<script>alert(1)</script>", "</script><img src=x onerror=alert(2)>", "$x$ *y* \\", ":red[alarm]"]


def view_of(run: Run, *, picked: int | None = None, samples: bool = False, **options: Any) -> View:
    n, epoch = len(run.class_names), run.label_epochs()[-1]
    wanted = Options(**({
        "method": "pca", "dimensions": 2, "source": "centroids", "group_count": 0, "linkage": "average",
        "distance": "euclidean", "samples": samples, "trails": False,
        "film": False, "fit": False, "seed": 0, "params": {},
    } | options))  # fmt: skip
    frame = frame_request(run, epoch, "centroids", wanted.dimensions)
    base = ask(frame, patience=60)
    assert base is not None
    layouts = ask(request_like(frame, epoch, n, wanted.method, 0, {}, samples), base, patience=60)
    assert layouts is not None
    styles = ClassStyles(tuple(map(class_color, range(n))), tuple(map(class_symbol, range(n))), None, "")
    test = sampled_test_set(run) if samples else None
    return View(
        run,
        epoch,
        layouts,
        base,
        class_distances(run, epoch, "centroids"),
        test,
        styles,
        wanted,
        picked,
        "Trust \\(me\\).",
    )


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of scripts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.data: list[Any] = []
        self._in = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = tag if tag not in ("script", "style") else f"{tag} {dict(attrs).get('type', '')}"

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script application/json":
            self.data.append(json.loads(data))
        elif not self._in.startswith(("script", "style")):
            self.text.append(data)


def test_the_view_holds_film_tree_confusion_classes_and_how_it_was_made(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)
    found = report(view_of(run, picked=2, trails=True))
    page = Page(found)
    text = "\n".join(page.text)
    film, tree, confusion = (entry["figure"] for entry in page.data)
    assert [frame["name"] for frame in film["frames"]] == ["0", "1", "2", "3", "4"]
    assert any(trace["name"] == "trails" for trace in film["data"])
    assert any(trace.get("name") == "leaves" for trace in tree["data"])
    assert any(trace.get("name") == "mistakes" for trace in confusion["data"])
    for name in run.class_names:
        assert f"{name}" in page.text
    for said in (
        run.id,
        '"seed": 12',
        "Average linkage of euclidean distances",
        "PCA, seed 0",
        "0" * 64,
        "Trust (me).",
    ):
        assert said in text
    assert len(found) < MOST_BYTES


def test_the_film_of_the_view_moves_samples_where_they_are_kept(make_run: Callable[..., Run]) -> None:
    for layers in (True, False):
        page = Page(report(view_of(make_run(layers=layers), samples=True)))
        film = page.data[0]["figure"]
        names = [trace.get("name") for trace in film["data"]]
        assert ("samples" in names) == layers and len(film["frames"]) == 4
        moving = [names[at] for at in film["frames"][0]["traces"]]
        assert ("samples" in moving) == layers
        assert ("Dots are 40 test samples" in "\n".join(page.text)) == layers


def test_the_file_loads_nothing_and_escapes_every_name(make_run: Callable[..., Run]) -> None:
    run = make_run(class_names=HOSTILE, name="<b>run</b>")
    page = Page(report(view_of(run, samples=True)))
    assert all("src" not in attributes and "href" not in attributes for _, attributes in page.tags)
    assert not any(tag in ("img", "iframe", "link", "b") for tag, _ in page.tags)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe-eval" not in policy
    assert set(HOSTILE) <= set(page.text)
    assert not [text for entry in page.data for text in _strings(entry) if re.search("<(script|img)", text)]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def test_what_is_said_of_the_dark_figures_makes_them(make_run: Callable[..., Run]) -> None:
    from lwal_core.export.figure_page import differences

    page = Page(report(view_of(make_run(epochs=2))))
    for entry in page.data:
        light, changes = entry["figure"], entry["dark"]
        before = json.dumps(light)
        for path, value in changes:
            part = light
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = value
        assert changes and light["layout"]["font"]["color"] == "#E8EAED"
        assert len(json.dumps(changes)) < len(before)
    one, other = {"a": [1, {"b": 2}], "c": [1]}, {"a": [1, {"b": 3, "d": 4}], "c": [1, 2]}
    assert differences(one, other) == [(["a", 1, "b"], 3), (["a", 1, "d"], 4), (["c"], [1, 2])]


def test_points_in_space_may_compile_their_shaders(make_run: Callable[..., Run]) -> None:
    run = make_run()
    flat, deep = (report(view_of(run, dimensions=count)).decode() for count in (2, 3))
    assert "'unsafe-eval';" in deep and "'unsafe-eval'" not in flat.partition("<style>")[0]


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_a_few_classes(make_run: Callable[..., Run], classes: int) -> None:
    view = view_of(make_run(classes=classes, epochs=1), samples=True)
    assert "nan" not in "\n".join(Page(report(view)).text).lower().split()
    for _, name, _, make in download_entries(view, "light"):
        assert make(), name


def test_many_classes_keep_the_file_small(make_run: Callable[..., Run]) -> None:
    assert len(report(view_of(make_run(classes=400, epochs=30, dim=12), samples=True, trails=True))) <= MOST_BYTES


def test_what_would_make_it_too_large_is_left_out_and_said(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of(make_run(), trails=True)
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    page = Page(report(view))
    assert "Trails are left out to keep the file small." in page.text
    assert "The film is left out to keep the file small." in page.text
    assert not page.data[0]["figure"].get("frames") and page.data[0]["figure"]["data"]


def test_all_files_are_what_they_say(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    view = view_of(run, samples=True, trails=True, picked=1)
    files = {
        name.rpartition(".")[2] if "csv" not in name else name: make()
        for _, name, _, make in download_entries(view, "dark")
    }
    assert (
        files["svg"].startswith(b"<?xml") and files["png"].startswith(b"\x89PNG") and files["pdf"].startswith(b"%PDF")
    )
    lines = " ".join(re.findall(">([^<>]+)</text>", files["svg"].decode()))  # the caption is wrapped
    assert "PCA in 2 dimensions, seed 0" in lines and "40 of 40 test samples" in lines
    (every,) = [content for name, content in files.items() if "all-epochs" in name]
    rows = list(csv.DictReader(io.StringIO(every.decode())))
    assert len(rows) == 4 * 10 and {row["seed"] for row in rows} == {"0"} and {row["method"] for row in rows} == {"pca"}
    (samples,) = [content for name, content in files.items() if name.endswith("samples.csv")]
    found = list(csv.DictReader(io.StringIO(samples.decode())))
    assert len(found) == 40
    np.testing.assert_allclose([float(row["x"]) for row in found], view.shown.samples[:, 0], rtol=1e-6)  # type: ignore[index]


@pytest.mark.parametrize("text", [*HOSTILE, "a\\b", "1.5 % (x)"])
def test_escapes_are_taken_back(text: str) -> None:
    assert without_escapes(plain(text)) == text


def test_labels_say_what_a_picture_shows_otherwise_than_the_page(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    labels = [label for label, *_ in download_entries(view_of(run, dimensions=3), "light", trial=True)]
    assert "Picture, SVG (seen from a corner, without the image that was tried)" in labels
    assert "Picture, PDF" in [label for label, *_ in download_entries(view_of(run), "light")]


def test_a_picture_has_the_scale_of_the_page(make_run: Callable[..., Run]) -> None:
    """One scale for all epochs, unless the axes fit the one that is shown."""
    run = make_run(epochs=3)
    every, fitted = (view_of(run, fit=fit)._replace(epoch=0) for fit in (False, True))
    points = scale_of(every.shown, fit=False)
    assert points is not None and len(points) == len(every.shown.frames) * len(run.class_names)
    assert scale_of(fitted.shown, fit=True) is None
    files = [
        next(make() for label, _, _, make in download_entries(view, "light") if label == "Picture, SVG")
        for view in (every, fitted)
    ]
    assert files[0] != files[1]
