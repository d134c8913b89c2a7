"""Icicle and treemap on the Hierarchy page, and the colours of an own column for clades."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.tree.chosen_node import CLADE
from app.tree.shapes import of_classes
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.figures.colouring import Colouring
from lwal_core.runs import Run
from tests.app.conftest import text_of
from tests.security.test_names_in_exports import check_markdown

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def areas(at: AppTest) -> dict[str, Any]:
    spec = json.loads(at.get("plotly_chart")[0].proto.spec)
    (found,) = [trace for trace in spec["data"] if trace["name"] == "areas"]
    return dict(found)


@pytest.mark.parametrize("shape", ["Icicle", "Treemap"])
def test_a_shape_stands_in_place_of_the_tree_and_its_colours_can_be_chosen(
    shape: str, open_page: Open, make_run: Make
) -> None:
    make_run("lwal", classes=6)
    at = open_page("hierarchy", {"leaves": shape, "tree_beside": "true"})
    assert not at.error, text_of(at)
    accuracy = areas(at)["marker"]["color"]
    assert any("Test accuracy" in custom[2] for custom in areas(at)["customdata"])
    for choice in ("mistakes", "groups"):
        at.selectbox(key="shape_colour").set_value(choice).run()
        assert not at.exception and areas(at)["marker"]["color"] != accuracy
    at.selectbox(key="shape_area").set_value("classes").run()
    assert not at.exception


def test_without_test_results_areas_are_classes_and_colours_groups(open_page: Open, make_run: Make) -> None:
    run = make_run("lwal", classes=4)
    (run.path / "eval.safetensors").unlink()
    at = open_page("hierarchy", {"leaves": "Treemap", "shape_area": "Test samples", "shape_colour": "Accuracy"})
    assert at.selectbox(key="shape_area").options == ["Classes"]
    assert at.selectbox(key="shape_colour").options == ["Groups at the cut"]
    assert not at.error


HOSTILE = "**m**<b>x</b>[a](http://evil.org):red[y]$z$"


@pytest.mark.parametrize("shape", ["Icicle", "Treemap", "On the right"])
@pytest.mark.parametrize("count", [2, 5])
def test_hostile_names_are_text_in_areas_matrix_and_card(
    shape: str, count: int, open_page: Open, make_run: Make
) -> None:
    names = [f"{HOSTILE}{i}" for i in range(count)]
    make_run("lwal", class_names=names, accuracy=0.5)
    at = open_page("hierarchy", {"leaves": shape, "tree_heat": "true"})
    at.session_state[CLADE] = tuple(names)
    at.run()
    assert not at.exception and not at.error
    check_markdown(at)
    assert "**m**<b>" not in text_of(at)
    for chart in at.get("plotly_chart"):
        assert "<b>x</b>" not in chart.proto.spec


def test_a_clade_has_the_mean_of_numbers_and_a_category_that_all_its_classes_have() -> None:
    h = build_hierarchy([[0.0], [1.0], [10.0], [11.5]], list("abcd"))
    pets, cars = h.smallest_clade([0, 1]), h.smallest_clade([2, 3])
    numbers = of_classes(Colouring.of_numbers("n", [1.0, np.nan, np.nan, np.nan]), h)
    assert numbers.numbers is not None
    assert numbers.numbers[[0, pets, 6]].tolist() == [1, 1, 1] and np.isnan(numbers.numbers[[1, cars]]).all()
    column = Colouring.of_texts("kind", ["red", "blue"], [0, 0, 1, -1])
    categories = of_classes(column, h)
    assert categories.colors[pets] == categories.colors[0] == column.colors()[0]
    assert categories.colors[cars] == categories.colors[6] == "" and categories.texts[pets] == "kind: red"
