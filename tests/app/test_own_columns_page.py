"""Columns of one's own on the pages: strips, names, order, what stands out, the dialog, what is said when they are wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.tree.own_columns import ORDER, STANDS_OUT, STRIPS
from lwal_core.datafiles.own_columns import read_own_table
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, paths
from lwal_core.runs.own_columns import keep_own_columns, read_own_columns
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def bring(run: Run, folder: Path, text: str, name: str = "traits.csv") -> None:
    path = folder / name
    path.write_text(text)
    keep_own_columns(run.path, read_own_table(path, run.class_names).table)


@pytest.fixture
def run(make_run: Make, tmp_path: Path) -> Run:
    """A run with a column of numbers, one of categories and one of labels."""
    made = make_run()
    rows = [
        f"{name},{weight},{'home' if weight % 2 else '<b>wild'},Latin {name}"
        for weight, name in enumerate(made.class_names)
    ]
    bring(made, tmp_path, "class,weight,habitat,latin\n" + "\n".join(rows))
    return made


def chart(at: AppTest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(at.get("plotly_chart")[0].proto.spec)
    return found


def strips(at: AppTest) -> list[dict[str, Any]]:
    return [trace for trace in chart(at)["data"] if trace["name"] == "strip"]


def ticks(at: AppTest) -> list[str]:
    names: list[str] = chart(at)["layout"]["yaxis"]["ticktext"]
    return names


def test_strips_names_and_what_stands_out(open_page: Open, run: Run) -> None:
    at = open_page(
        "hierarchy", {"leaf_strip": ["habitat", "weight"], "leaf_names": "latin", "stands_out": "habitat: <b>wild"}
    )
    numbers, categories = strips(at)[1], strips(at)[0]
    assert numbers["marker"]["colorscale"] and len(categories["hovertext"]) == len(run.class_names)
    assert len({*categories["marker"]["symbol"]}) == 2 and len({*categories["marker"]["color"]}) == 2
    assert all("&lt;b&gt;wild" in text or "home" in text for text in categories["hovertext"])
    assert "<b>wild" not in chart(at)["layout"]["title"]["text"]
    wild = [name for i, name in enumerate(run.class_names) if i % 2 == 0]
    bold = [text for text in ticks(at) if text.startswith("<b>")]
    assert len(bold) == len(wild) and all(f"Latin {name}"[:14] in " ".join(bold) for name in wild)


def test_branches_are_turned_by_the_mean_of_a_column(open_page: Open, run: Run) -> None:
    at = open_page("hierarchy", {"branch_order": "weight"})
    places = [run.class_names.index(re.sub("<.*?>", "", name)) for name in ticks(at)]
    h = run_hierarchy(run, TreeSpec.of(run, 3))
    for node in range(h.n, 2 * h.n - 1):
        first, second = (sorted(places.index(int(i)) for i in h.members(int(c))) for c in h.children[node - h.n])
        means = [np.mean([places[p] for p in part]) for part in (first, second)]
        assert (means[0] <= means[1]) == (first[0] < second[0])


def test_a_run_without_columns_offers_none_and_a_choice_that_is_gone_is_forgotten(
    open_page: Open, make_run: Make, tmp_path: Path
) -> None:
    run = make_run()
    at = open_page("hierarchy")
    assert list(at.multiselect(key=STRIPS).options) == ["Test accuracy", "Test samples"]
    bring(run, tmp_path, f"class,a\n{run.class_names[0]},1\n")
    at = open_page("hierarchy", {"leaf_strip": "a", "branch_order": "a", "stands_out": "a above 1 (median)"})
    assert len(strips(at)) == 1 and at.session_state[ORDER]
    (run.path / paths.COLUMNS).unlink()
    at.run()
    assert not at.exception and strips(at) == [] and at.session_state[STRIPS] == []
    assert at.session_state[ORDER] == "" and STANDS_OUT not in [box.key for box in at.selectbox]


def test_damaged_columns_leave_the_tree(open_page: Open, run: Run) -> None:
    (run.path / paths.COLUMNS).write_bytes(b"{")
    at = open_page("hierarchy")
    assert not at.exception and chart(at) and "columns.json" in text_of(at).replace("\\", "")


def test_the_panel_shows_keeps_and_removes(open_page: Open, make_run: Make) -> None:
    run = make_run()
    at = open_page("hierarchy", {"own_columns": "true"})
    assert not at.exception and "This run has no columns yet" in text_of(at)

    def bring_in(text: str) -> None:
        at.get("file_uploader")[0].set_value(("traits.csv", text.encode(), "text/csv")).run()
        assert not at.exception

    bring_in("class,a\ncat\n")
    assert "line 2: 1 cells where 2 are expected" in text_of(at).replace("\\", "")
    assert not [button for button in at.button if button.key == "own_columns_keep"]
    rows = "\n".join(f"{name},x{i % 2}" for i, name in enumerate(run.class_names[:3]))
    bring_in(f"class,habitat\n{rows}\nfrog9,x0\n")
    assert "Not a class of this run and left out" in text_of(at)
    at.button(key="own_columns_keep").click().run()
    assert not at.exception and [table.name for table in read_own_columns(run.path)] == ["traits.csv"]
    assert len(strips(at)) == 1 and len(strips(at)[0]["hovertext"]) == 3  # it is beside the leaves at once
    at.button(key="own_columns_remove_0").click().run()
    assert not at.exception and read_own_columns(run.path) == () and strips(at) == []
    assert "This run has no columns yet" in text_of(at)


# --- Embeddings ------------------------------------------------------------------------------------------------------


def trace_of(at: AppTest, name: str) -> dict[str, Any]:
    return next(trace for trace in chart(at)["data"] if trace["name"] == name)


def test_class_columns_colour_the_classes(open_page: Open, run: Run) -> None:
    at = open_page("embeddings", {"projection": "PCA", "colour": "habitat"})
    classes = trace_of(at, "classes")
    assert len(set(classes["marker"]["color"])) == 2 and len(set(classes["marker"]["symbol"])) == 2
    assert any("habitat: &lt;b&gt;wild" in text for text in classes["hovertext"])
    assert "habitat" in text_of(at) and "<b>wild" not in text_of(at).replace("\\<", "&lt;")
    assert "latin" not in at.selectbox(key="colour").options  # a label has no colours
    at = open_page("embeddings", {"projection": "PCA", "colour": "weight"})
    assert len(set(trace_of(at, "classes")["marker"]["color"])) == len(run.class_names)


def test_sample_columns_colour_the_samples(open_page: Open, make_run: Make, tmp_path: Path) -> None:
    run = make_run()
    bring(
        run,
        tmp_path,
        "index,who\n" + "\n".join(f"{i},{'anna' if i % 2 else 'ben'}" for i in range(0, 400)),
        "people.csv",
    )
    at = open_page("embeddings", {"projection": "PCA", "colour": "who (samples)"})
    samples, classes = trace_of(at, "samples"), trace_of(at, "classes")
    assert len(set(classes["marker"]["color"])) == 1
    for text in samples["hovertext"]:
        number = int(re.search(r"test sample ([\d,]+)", text)[1].replace(",", ""))  # type: ignore[index]
        assert f"who: {'anna' if number % 2 else 'ben'}" in text
    at = open_page("embeddings", {"projection": "PCA", "colour": "who (samples)", "cloud": "false"})
    assert "the picture shows no test samples" in text_of(at)
    assert len(set(trace_of(at, "classes")["marker"]["color"])) > 1
