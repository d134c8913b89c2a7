"""Side by side on the Embeddings page: what stands beside a run, one selection in both pictures, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.embeddings.side_by_side import LEFT, _pick
from app.linked.selection import chosen_classes
from lwal_core.figures.maps.side_by_side import MARKED
from lwal_core.runs import Run
from tests.app.conftest import said as said_in
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]
SHOWN = {"side_by_side": "true"}


def sides(at: AppTest) -> list[dict[str, Any]]:
    """The two pictures, which come after the one of the page."""
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")[1:3]]


def test_two_seeds_stand_side_by_side_with_one_selection(open_page: Open, make_run: Make) -> None:
    run, other = make_run(), make_run(seed=13)
    at = open_page("embeddings", {"run": run.id, **SHOWN, "tree_class": "class 2"})
    said = text_of(at).replace("\\", "")
    assert "nearest classes in common" in said or "the same 4 nearest classes" in said
    assert at.selectbox(key="beside").value == other.id and said_in(at, "beside") == [other.id]
    left, right = sides(at)
    for spec in (left, right):
        names = [trace["name"] for trace in spec["data"]]
        assert names == ["classes", MARKED]
    assert left["layout"]["xaxis"]["range"] == right["layout"]["xaxis"]["range"]
    assert "turned or mirrored onto it" in said
    at = open_page("embeddings", {"run": run.id, **SHOWN, "beside_neighbours": "1"})
    assert "of 1 nearest classes" in text_of(at) or "same 1 nearest" in text_of(at)


def test_another_layer_stands_beside_where_it_is_kept(open_page: Open, make_run: Make) -> None:
    run = make_run(layers=True)
    at = open_page("embeddings", {"run": run.id, **SHOWN})
    assert at.selectbox(key="beside").options == ["This run, feature means", "This run, label table"]
    assert "All classes have the same 4 nearest classes on both sides" in text_of(
        at
    )  # the features are the outputs backwards
    assert [spec["layout"]["title"]["text"] for spec in sides(at)] == [
        "Class means after epoch 3",
        "Feature means after epoch 3",
    ]


def test_a_link_brings_the_other_side_back(open_page: Open, make_run: Make) -> None:
    run, others = make_run(layers=True), [make_run(seed=seed, layers=True) for seed in (13, 14)]
    for wanted in (others[1].id, "layer:features"):
        at = open_page("embeddings", {"run": run.id, **SHOWN, "beside": wanted})
        assert at.selectbox(key="beside").value == wanted
    at = open_page("embeddings", {"run": run.id, **SHOWN, "beside": "layer:../../etc"})
    assert at.selectbox(key="beside").value != "layer:../../etc"


def test_runs_of_other_classes_are_not_offered(open_page: Open, make_run: Make) -> None:
    run = make_run(name="mine")
    make_run(class_names=[f"other {i}" for i in range(10)])
    at = open_page("embeddings", {"run": run.id, **SHOWN})
    assert at.selectbox(key="beside").options == ["This run, label table"]


@pytest.mark.parametrize("classes", [2, 3])
def test_too_few_classes(open_page: Open, make_run: Make, classes: int) -> None:
    at = open_page("embeddings", {"run": make_run(classes=classes).id, **SHOWN})
    assert f"It takes 4 classes or more; here are {classes}" in text_of(at)


def test_labels_that_are_equally_far_apart_have_no_neighbours(open_page: Open, make_run: Make) -> None:
    run = make_run("onehot", classes=8, dim=8)
    at = open_page("embeddings", {"run": run.id, **SHOWN, "epoch": "0", "beside": "layer:labels"})
    assert any("equally far apart" in error.value for error in at.error)


def test_a_click_picks_a_class_and_a_lasso_several() -> None:
    names = [f"class {i}" for i in range(5)]

    def points(*numbers: Any) -> None:
        st.session_state[LEFT] = {"selection": {"points": [{"customdata": number} for number in numbers]}}
        _pick(LEFT, names)

    points([3])
    assert chosen_classes(names) == [3]
    points([4], [1], [99], ["x"], None)
    assert chosen_classes(names) == [1, 4]
    points()
    assert chosen_classes(names) == [1, 4]
    st.session_state.clear()
