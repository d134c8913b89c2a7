"""The section "How the tree emerged": its sentences against the trees, its files, and what it says when a part is missing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.hierarchy.emergence import _half, clades_csv, epochs_csv, epochs_table, film_title, finding
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.emergence import Emergence, emergence
from lwal_core.export.figure_page import film_bytes, film_page
from lwal_core.figures.emergence import emergence_figure
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.paths import label_file
from lwal_core.taxonomy import load_taxonomy
from tests.app.conftest import open_script, text_of

HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "=1+1", "</script><script>alert(1)</script>", "x" * 99]
SHAPES = list(load_taxonomy("shapes").classes)

PAGE = """
import streamlit as st
from app.hierarchy.emergence import draw_emergence
from app.tree.stats import TreeKey
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.taxonomy.store import fitting_taxonomy
from lwal_core.runs import open_run

run = open_run(st.query_params["run"])
source = st.query_params.get("vectors", "centroids")
metric = st.query_params.get("metric", "euclidean")
key = TreeKey(TreeSpec(run.id, 0, source, "average", metric), True, 0)
draw_emergence(run, key, int(st.query_params.get("groups", "3")), fitting_taxonomy(run.class_names))
"""

Make = Callable[..., Run]


@pytest.fixture
def open_section(tmp_path: Path) -> Callable[..., AppTest]:
    script = tmp_path / "section.py"
    script.write_text(PAGE)
    return partial(open_script, script)


def film_of(at: AppTest) -> dict[str, Any]:
    (chart,) = at.get("plotly_chart")
    shown: dict[str, Any] = json.loads(chart.proto.spec)
    return shown


def line(values: list[float]) -> np.ndarray:
    return np.array(values)[:, None]


def chain(*lines: list[float], names: list[str] | None = None) -> Emergence:
    labels = names or list("abcdefgh")[: len(lines[0])]
    return emergence({epoch: build_hierarchy(line(values), labels) for epoch, values in enumerate(lines)})


# --- sentences -----------------------------------------------------------------------------------------------------


def test_the_sentence_says_the_longest_standing_clade_half_and_tau() -> None:
    # a b | c d | e: a and b are together from epoch 1, c and d from epoch 2, a b c d from epoch 3.
    e = chain([0, 9, 1, 10, 5], [0, 1, 10, 50, 12], [0, 1, 40, 41, 90], [0, 1, 10, 11, 90], [0, 1, 10, 11, 95])
    assert {frozenset(e.trees[-1].members(node).tolist()): since for node, since in e.since.items()} == {
        frozenset([0, 1]): 1,
        frozenset([2, 3]): 2,
        frozenset([0, 1, 2, 3]): 2,
    }
    text = finding(e, "WordNet")
    assert text == "The clade of a, b has been there since epoch 1; all 3 final clades stand since epoch 2."


def test_tau_rises_falls_and_stays() -> None:
    e = chain([0, 1, 10], [0, 1, 10])
    object.__setattr__(e, "ceiling", 0.9)
    for taus, expected in (
        ([0.02, 0.52], "agreement with WordNet rose from 0\\.02 to 0\\.52 (tau, ceiling 0\\.9)"),
        ([0.52, -0.1], "fell from 0.52 to −0.1"),
        ([0.5, 0.5], "stayed at 0.5"),
    ):
        object.__setattr__(e, "tau", np.array(taus))
        assert expected.replace("\\", "") in finding(e, "WordNet")
    object.__setattr__(e, "tau", np.array([np.nan, 0.5]))
    assert "agreement" not in finding(e, "WordNet")


def test_undefined_beginning_is_said_by_its_epoch() -> None:
    taxonomy = load_taxonomy("shapes")
    generator = np.random.default_rng(0)
    vectors = [np.eye(16), generator.normal(size=(16, 4)), generator.normal(size=(16, 4))]
    e = emergence({t: build_hierarchy(v, SHAPES) for t, v in enumerate(vectors)}, taxonomy)
    assert "(epoch 1) to" in finding(e, "the families")


def test_from_the_start_and_only_at_the_end() -> None:
    always = chain([0, 1, 10, 11], [0, 1, 10, 11])
    assert (
        finding(always, "")
        == "The clade of a, b has been there from the start; all 2 final clades stand from the start."
    )
    never = chain([0, 10, 1, 11], [0, 1, 10, 11])
    assert finding(never, "") == "No final clade was there to stay before epoch 1, the last."
    assert film_title(never) == "No final clade was there to stay before epoch 1, the last"
    late = chain([0, 1, 10, 30, 12], [0, 1, 10, 11, 30])  # a b stays, c d and a b c d are new
    assert (
        late.clades == 3 and _half(late) == "only 1 of the 3 final clades were there to stay before epoch 1, the last"
    )
    one = chain([0, 10, 1], [0, 1, 10], [0, 1, 10])
    assert _half(one) == "the one final clade stands since epoch 1"


def test_names_are_escaped_in_the_sentence() -> None:
    e = chain([0, 1, 10, 30, 60, 100], [0, 1, 10, 30, 60, 100], names=HOSTILE)
    text = finding(e, "*tax* <i>")
    assert "<b>bold" not in text.replace("\\<", "") and "\\*star" in text


def test_table_and_files_agree() -> None:
    e = chain([0, 9, 1, 10, 5], [0, 1, 10, 50, 12], [0, 1, 10, 11, 90])
    table = epochs_table(e)
    rows = list(csv.DictReader(io.StringIO(epochs_csv(e).decode())))
    assert "Tau" not in table and table["Epoch"] == [0, 1, 2]
    assert [row["clades in common with the last"] for row in rows] == [str(c) for c in e.shared]
    assert table["Clades of the last tree"] == [f"{c} of {e.clades}" for c in e.shared]
    assert table["Places that leaves moved"][0] == "" and rows[0]["places moved"] == ""
    assert [int(row["places moved"]) for row in rows[1:]] == e.movement[1:].tolist()
    clades = list(csv.DictReader(io.StringIO(clades_csv(e).decode())))
    assert [int(row["since epoch"]) for row in clades] == sorted(e.since.values())
    assert {row["members"] for row in clades} == {
        "; ".join(e.trees[-1].names[i] for i in e.trees[-1].members(node)) for node in e.since
    }


# --- the section ---------------------------------------------------------------------------------------------------


def test_film_table_and_files(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(class_names=SHAPES, epochs=4)
    at = open_section(run)
    fig = film_of(at)
    assert [frame["name"] for frame in fig["frames"]] == ["0", "1", "2", "3", "4"]
    said = text_of(at)
    assert "final clades stand" in said and "(tau, ceiling" in said
    buttons = [button.proto.label for button in at.get("download_button")]
    assert [label.split(",")[0] for label in buttons] == ["Film", "Numbers by epoch", "Clades of the last tree"]
    assert "MB" in buttons[0]


def test_one_epoch_only(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=1)
    label_file(run.path, 1).unlink()
    at = open_section(run)
    assert "labels of 1 epoch: a film needs at least two" in text_of(at) and not at.get("plotly_chart")


@pytest.mark.parametrize("classes", [1, 2])
def test_too_few_classes(open_section: Callable[..., AppTest], make_run: Make, classes: int) -> None:
    at = open_section(make_run(classes=classes))
    assert "nothing can emerge" in text_of(at) and not at.get("plotly_chart")


def test_three_classes(open_section: Callable[..., AppTest], make_run: Make) -> None:
    at = open_section(make_run(classes=3), groups="9")
    assert len(film_of(at)["frames"]) == 4


def test_labels_that_stay_equally_far_apart(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run("onehot", epochs=2)
    for epoch in range(3):
        RunWriter(run.path).labels(epoch, np.eye(10), run.labels(epoch).centroids)
    at = open_section(run, vectors="labels")
    assert "all classes are equally far apart: no tree has emerged" in text_of(at)
    assert not at.get("plotly_chart")  # nothing would move


def test_a_tree_that_collapses_is_shown_with_undefined_shares(make_run: Make) -> None:
    flat = build_hierarchy(np.eye(5), list("abcde"))
    e = emergence({0: build_hierarchy(line([0, 1, 5, 9, 20]), list("abcde")), 1: flat})
    assert epochs_table(e)["There to stay"] == ["undefined (the last tree is flat)"] * 2
    assert film_title(e) is None and "no tree has emerged" in finding(e, "")


def test_only_one_epoch_with_a_tree(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=1)
    RunWriter(run.path).labels(0, run.labels(0).labels, np.full((10, 8), np.nan))
    at = open_section(run)
    assert "Only epoch 1 has a tree" in text_of(at) and not at.get("plotly_chart")


def test_epochs_without_a_tree_are_left_out(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=3)
    RunWriter(run.path).labels(1, run.labels(1).labels, np.full((10, 8), np.nan))
    at = open_section(run)
    assert [frame["name"] for frame in film_of(at)["frames"]] == ["0", "2", "3"]
    assert "1 epoch without a tree" in text_of(at) and "not finite" in text_of(at)


def test_every_epoch_broken_is_an_error_with_words(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=1)
    for epoch in (0, 1):
        label_file(run.path, epoch).write_bytes(b"no arrays")
    at = open_section(run)
    assert len(at.error) == 1 and not at.get("plotly_chart")


def test_a_resumed_run_is_looked_at_anew(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=3)
    last = label_file(run.path, 3)
    kept = last.read_bytes()
    last.unlink()
    assert len(film_of(open_section(run))["frames"]) == 3
    last.write_bytes(kept)
    assert len(film_of(open_section(run))["frames"]) == 4


def test_a_run_in_training_shows_what_is_there(open_section: Callable[..., AppTest], make_run: Make) -> None:
    run = make_run(epochs=5, status="running")
    RunWriter(run.path).take()
    for epoch in (3, 4, 5):
        label_file(run.path, epoch).unlink()
    at = open_section(run)
    assert len(film_of(at)["frames"]) == 3
    assert "Training goes on: 2 of 5 epochs are there so far." in text_of(at)


def test_hostile_names(open_section: Callable[..., AppTest], make_run: Make) -> None:
    at = open_section(make_run(class_names=HOSTILE))
    assert "<script>" not in json.dumps(film_of(at))


# --- the file ------------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """Start tags with their attributes, and visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] not in ("script", "style"):
            self.text.append(data)


def test_the_file_loads_nothing_and_escapes_what_it_says() -> None:
    e = chain([0, 1, 10, 30, 60, 100], [0, 2, 10, 30, 60, 101], names=HOSTILE)
    fig = emergence_figure(e, 2)
    page = film_page(fig, title="<i>t</i>", summary="a & <b>", caption="</p><script>alert(2)</script>")
    text = page.decode()
    parsed = Tags()
    parsed.feed(text)
    assert all("src" not in attributes and "href" not in attributes for _, attributes in parsed.tags)
    policy = next(a["content"] for t, a in parsed.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "<i>t</i>" in parsed.text and "a & <b>" in parsed.text
    assert "<script>alert" not in text
    assert sum(tag == "script" for tag, _ in parsed.tags) <= 5
    assert abs(len(page) - film_bytes(fig)) < 0.02 * len(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_file_has_its_theme(theme: Any) -> None:
    e = chain([0, 1, 10], [0, 2, 10])
    page = film_page(emergence_figure(e, 2, theme=theme), title="t", summary="s", caption="c", theme=theme).decode()
    head = page.partition("<script>")[0]
    assert f"--surface: {'#FFFFFF' if theme == 'light' else '#11151B'}" in head
    assert f'<html lang="en" data-theme="{theme}">' in head and "<button" not in head
