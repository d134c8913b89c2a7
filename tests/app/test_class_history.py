"""The history of a class on a page of its own, and its sentences."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import app.linked.pair_history as module
from app.linked.class_history import (
    history_sentence,
    history_table,
    history_title,
)
from app.linked.pair_history import changes_sentence, changes_table, moments_sentence, pairs_table, pairs_title
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.class_history import neighbour_history, pair_moments
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.paths import label_file
from tests.app.conftest import open_script, text_of

PAGE = """
import streamlit as st
from app.linked.class_history import draw_class_history
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import open_run

run = open_run(st.query_params["run"])
epoch = run.label_epochs()[-1]
draw_class_history(run, TreeSpec.of(run, epoch, cut=3), int(st.query_params.get("index", 0)))
"""

Make = Callable[..., Run]
Open = Callable[..., AppTest]


@pytest.fixture
def open_panel(tmp_path: Path) -> Open:
    entry = tmp_path / "main.py"
    entry.write_text(PAGE)
    return partial(open_script, entry)


NAMES = ["cat", "dog", "horse", "ship"]
# cat is nearest to horse at first, to dog from epoch 2 on; epoch 0 is one-hot.
FILM = [
    np.eye(4),
    np.pad([[0.0], [5], [1], [30]], ((0, 0), (0, 3))),
    np.pad([[0.0], [1], [9], [30]], ((0, 0), (0, 3))),
    np.pad([[0.0], [1], [29], [30]], ((0, 0), (0, 3))),
]


def test_the_history_in_words() -> None:
    found = neighbour_history(FILM, [0, 1, 2, 3], 0)
    assert history_title(found, NAMES) == "cat's nearest has been dog since epoch 2"
    assert history_sentence(found, NAMES) == (
        "Nearest in turn: none nearer than the others (epoch 0), horse (epoch 1), dog (epochs 2 to 3)."
    )
    assert history_title(neighbour_history(FILM[2:], [2, 3], 0), NAMES) == "cat's nearest has been dog all along"
    assert history_title(neighbour_history(FILM[1:3], [1, 2], 0), NAMES) == (
        "cat's nearest is dog only since epoch 2, the last"
    )
    assert history_title(neighbour_history(FILM[:1], [0], 0), NAMES) == "At epoch 0 no class is nearest to cat"
    assert history_table(found, NAMES)["Nearest"] == ["", "horse", "dog", "dog"]


def test_the_moments_in_words() -> None:
    moments = pair_moments({e: build_hierarchy(V, NAMES) for e, V in enumerate(FILM)}, 2)
    assert moments_sentence(moments, NAMES, 0, [1, 2, 3], 2) == (
        "cat and dog have been a clade of their own since epoch 2. At 2 groups it is together with dog since epoch 1."
    )
    assert moments_sentence(moments, NAMES, 2, [3], 2) == (
        "horse and ship have been a clade of their own since epoch 3. At 2 groups it is together with ship since epoch 3."
    )
    alone = pair_moments({0: build_hierarchy(FILM[2], NAMES)}, 2)
    assert moments_sentence(alone, NAMES, 3, [0], 2) == (
        "ship is in no clade of two at epoch 0. At 2 groups it is with none of these classes."
    )


def test_the_panel(open_panel: Open, make_run: Make) -> None:
    run = make_run(epochs=4)
    at = open_panel(run, index="3")
    spec, strip = (json.loads(chart.proto.spec) for chart in at.get("plotly_chart"))
    assert "Who is in class 3's group of 3" in strip["layout"]["title"]["text"]
    assert len(spec["data"]) == 5 and "class 3's nearest" in spec["layout"]["title"]["text"].replace("<br>", " ")
    text = text_of(at)
    assert "Nearest in turn" in text and "At 3 groups" in text and "nan" not in text


def test_a_damaged_epoch_is_said(open_panel: Open, make_run: Make) -> None:
    run = make_run(epochs=3)
    label_file(run.path, 1).write_bytes(b"damaged")
    text = text_of(open_panel(run))
    assert "Left out because they cannot be read: epoch 1." in text and "Nearest in turn" in text
    for epoch in (0, 2):
        label_file(run.path, epoch).write_bytes(b"damaged")
    assert "fewer than two epochs can be read" in text_of(open_panel(run))


def test_too_little_to_tell(open_panel: Open, make_run: Make) -> None:
    assert "two classes" in text_of(open_panel(make_run(classes=1)))
    run = make_run(epochs=1)
    label_file(run.path, 0).unlink()
    assert "labels of two epochs" in text_of(open_panel(run))


def test_limits_are_said(open_panel: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TREE_WORK", 100)
    text = text_of(open_panel(make_run(classes=6)))
    assert "are not compared here" in text and "At 3 groups" not in text


def test_a_diverged_training(open_panel: Open, make_run: Make) -> None:
    run = make_run(epochs=3, classes=4)
    broken = run.vectors(1).copy()
    broken[0, 0] = np.nan
    RunWriter(run.path).labels(1, broken, broken)
    text = text_of(open_panel(run, index="1"))
    assert "Nearest in turn" in text and "At 3 groups" in text


MOMENTS = pair_moments({epoch: build_hierarchy(vectors, NAMES) for epoch, vectors in enumerate(FILM)}, 2)


def test_who_joined_and_left_in_words() -> None:
    assert changes_sentence(MOMENTS, NAMES, 0) == ("Joined by dog, horse at epoch 1, left by horse at epoch 3.")
    assert changes_table(MOMENTS, NAMES, 0) == {
        "Epoch": [1, 3], "Joined by": ["dog, horse", ""], "Left by": ["", "horse"],
    }  # fmt: skip
    alone = pair_moments({0: build_hierarchy(FILM[1], NAMES), 1: build_hierarchy(FILM[1], NAMES)}, 2)
    assert changes_sentence(alone, NAMES, 0) == "Nobody has joined or left its group."


def test_pairs_in_words() -> None:
    assert pairs_title(MOMENTS, NAMES) == "cat and dog have been a clade of their own since epoch 2"
    table = pairs_table(MOMENTS, NAMES)
    assert [*zip(table["Class"], table["and"], table["A clade since"], strict=True)] == [
        ("cat", "dog", "2"), ("horse", "ship", "3"), ("cat", "horse", "parted"),
    ]  # fmt: skip
    assert table["In one group since"] == ["1", "3", "parted"] and table["Epochs as a clade"] == [2, 1, 1]
    flat = pair_moments({0: build_hierarchy(np.eye(4), NAMES)}, 2)
    assert pairs_title(flat, NAMES) == "At epoch 0 no two classes are a clade of their own"


@pytest.mark.parametrize("classes", [2, 3])
def test_a_few_classes(open_panel: Open, make_run: Make, classes: int) -> None:
    text = text_of(open_panel(make_run(classes=classes)))
    assert "Nearest in turn" in text and "nan" not in text


def test_hostile_names(open_panel: Open, make_run: Make) -> None:
    at = open_panel(make_run(class_names=["<b>bold</b>", ":red[alarm]", "$x$ *y*", "a\tb"]))
    text = text_of(at)
    assert "<b>bold" not in text and ":red[alarm]" not in text and "$x$" not in text
