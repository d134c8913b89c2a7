"""The linked views on a page of their own: what they say and draw, and that a pick in one is a pick in all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.common import run_cache
from app.linked.gallery import CLASSES_A_PAGE, class_summary, showing
from app.linked.lasso import LASSO, classes_table, lasso_csv, lasso_sentence, lassoed, samples_table
from app.linked.selection import (
    PAIR,
    chosen_classes,
    chosen_pair,
    pair_sentence,
    pick_class,
    pick_from_cell,
    pick_from_point,
    pick_pair,
)
from app.linked.views import chance_note, confusion_finding, mistakes_table, pairs_of, pairs_table
from app.tree.chosen_node import CLADE, CLASS
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.distance_vs_confusion import RankCorrelation
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, open_run
from lwal_core.runs.paths import EVALUATION, SAMPLES
from tests.app.conftest import open_script, text_of

HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "=1+1", "tab\tname", "very " * 30 + "long"]

PAGE = """
import streamlit as st
from app.linked.views import draw_linked
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import open_run

run = open_run(st.query_params["run"])
epoch = int(st.query_params.get("epoch", run.label_epochs()[-1]))
draw_linked(run, TreeSpec.of(run, epoch))
"""

Make = Callable[..., Run]
Open = Callable[..., AppTest]


@pytest.fixture
def open_panel(tmp_path: Path) -> Open:
    """The panel on a page of its own."""
    entry = tmp_path / "main.py"
    entry.write_text(PAGE)
    return partial(open_script, entry)


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]


def tree(run: Run) -> Hierarchy:
    return run_cache.hierarchy(TreeSpec.of(run))


def frames(spec: dict[str, Any]) -> list[Any]:
    return [shape for shape in spec["layout"].get("shapes", []) if shape.get("name") == "chosen"]


# --- the three views ------------------------------------------------------------------------------------------------


def test_the_confusion_is_open_first_in_leaf_order(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    h = tree(run)
    at = open_panel(run)
    (spec,) = charts(at)
    assert spec["layout"]["yaxis"]["ticktext"] == [h.names[i] for i in h.order]
    assert "taken for" in spec["layout"]["title"]["text"]
    assert "Test set after epoch 3, by nearest class mean" in text_of(at)
    assert "Pick a class here" in text_of(at) and not frames(spec)


def test_counts_or_rates(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    confusion = run.evaluation().confusion
    for amount, most in (("Rates", 100 * (confusion / confusion.sum(axis=1, keepdims=True))), ("Counts", confusion)):
        (spec,) = charts(open_panel(run, linked_amount=amount))
        mistakes = next(t for t in spec["data"] if t["name"] == "mistakes")
        off = np.where(np.eye(10, dtype=bool), 0, most)
        assert mistakes["zmax"] == pytest.approx(off.max())


def test_the_choice_of_counts_outlasts_another_view(open_panel: Open, make_run: Make) -> None:
    at = open_panel(make_run(accuracy=0.6), linked_amount="Counts")
    for view in ("Gallery", "Confusion"):
        at.segmented_control(key="linked_view").set_value(view).run()
        assert not at.exception
    assert at.segmented_control(key="linked_amount").value == "Counts"


def test_only_the_open_view_is_computed(open_panel: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import app.linked.views as module

    run, called = make_run(accuracy=0.6), []

    def counting(*arguments: Any) -> Any:
        called.append(1)
        return pairs_of(*arguments)

    monkeypatch.setattr(module, "pairs_of", counting)
    open_panel(run)
    open_panel(run, linked_view="Gallery")
    assert not called
    open_panel(run, linked_view="Distances and mistakes")
    assert called


def test_the_scatter_says_what_it_found_and_how(open_panel: Open, make_run: Make) -> None:
    at = open_panel(make_run(accuracy=0.6), linked_view="Distances and mistakes")
    (spec,) = charts(at)
    assert {t["name"] for t in spec["data"]} == {"never confused", "confused"}
    assert "rank correlation" in spec["layout"]["title"]["text"].replace("<br>", " ")
    assert "shuffling the classes 999 times" in text_of(at)


def test_the_gallery_has_a_card_for_each_class_and_picking_works(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    at = open_panel(run, linked_view="Gallery")
    h = tree(run)
    confusion = run.evaluation().confusion
    assert [b.label for b in at.button] == [h.names[i] for i in h.order]
    text = text_of(at)
    assert "Showing 10 classes in the tree's order, 20 of 20 thumbnails." in text
    for i in range(10):
        assert class_summary(h, confusion, i) in text
    at.button(key="linked_pick_4").click().run()
    assert not at.exception
    assert at.session_state[CLASS] == "class 4" and len(at.button) == 1
    assert "Picked: class 4" in text_of(at).replace("\\", "")


def test_the_gallery_turns_pages(open_panel: Open, make_run: Make) -> None:
    run = make_run(classes=30)
    at = open_panel(run, linked_view="Gallery")
    assert len(at.button) == CLASSES_A_PAGE
    assert "Showing classes 1 to 12 of 30 in the tree's order, 24 of 60 thumbnails." in text_of(at)
    at = open_panel(run, {"linked_gallery_page": 3}, linked_view="Gallery")
    assert len(at.button) == 6 and "classes 25 to 30 of 30" in text_of(at)
    at = open_panel(run, {"linked_gallery_page": 3, CLASS: "class 7"}, linked_view="Gallery")
    assert len(at.button) == 1  # one class is picked, so that there is no third page


def test_thumbnails_shown_are_counted() -> None:
    assert showing(np.array([20, 3, 0]), [0, 1, 2], [0, 1, 2], 1) == (
        "Showing 3 classes in the tree's order, 12 of 23 thumbnails."
    )
    assert showing(np.array([20, 3]), [1], [1], 1) == "Showing 3 of 3 thumbnails."


def test_a_run_without_pictures_says_so(open_panel: Open, make_run: Make) -> None:
    at = open_panel(make_run(images=False), linked_view="Gallery")
    assert "no pictures" in text_of(at) and not at.button


# --- one selection --------------------------------------------------------------------------------------------------


def test_a_class_picked_elsewhere_is_marked_in_every_view(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    place = tree(run).order.tolist().index(4)
    (spec,) = charts(open_panel(run, {CLASS: "class 4"}))
    assert {(s["x0"], s["x1"]) for s in frames(spec)} == {(place - 0.5, place + 0.5), (-0.5, 9.5)}
    (spec,) = charts(open_panel(run, {CLASS: "class 4"}, linked_view="Distances and mistakes"))
    marked = next(t for t in spec["data"] if t["name"] == "chosen")
    assert len(marked["customdata"]) == 9 and all(4 in pair for pair in marked["customdata"])
    assert len(open_panel(run, {CLASS: "class 4"}, linked_view="Gallery").button) == 1


def test_a_clade_picked_elsewhere_is_marked_in_every_view(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    h = tree(run)
    clade = tuple(h.names[i] for i in h.order[2:5])
    (spec,) = charts(open_panel(run, {CLADE: clade}))
    assert len(frames(spec)) == 2  # neighbours in leaf order: one frame for the rows, one for the columns
    (spec,) = charts(open_panel(run, {CLADE: clade}, linked_view="Distances and mistakes"))
    assert len(next(t for t in spec["data"] if t["name"] == "chosen")["customdata"]) == 3
    at = open_panel(run, {CLADE: clade}, linked_view="Gallery")
    assert [b.label for b in at.button] == list(clade) and "(3 classes)" in text_of(at)


def test_a_click_picks_for_all_pages(make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    h = tree(run)

    def click(custom: object) -> None:
        st.session_state["chart"] = {"selection": {"points": [{"customdata": custom}] if custom else []}}

    st.session_state.clear()
    click([3, 4])
    pick_from_cell("chart", h)
    assert st.session_state[CLASS] == "class 3" and chosen_pair(h.names) == (3, 4) and chosen_classes(h.names) == [3]
    click([5, 5])
    pick_from_cell("chart", h)
    assert st.session_state[CLASS] == "class 5" and chosen_pair(h.names) is None
    click([2, 7])
    pick_from_point("chart", h.names)
    assert st.session_state[CLASS] is None and chosen_classes(h.names) == [2, 7] and chosen_pair(h.names) == (2, 7)
    for nothing in (None, [1], [99, 0], [-1, 0], "ab"):
        click(nothing)
        pick_from_cell("chart", h)
        pick_from_point("chart", h.names)
        assert chosen_classes(h.names) == [2, 7]
    pick_class(h, 1)
    assert chosen_classes(h.names) == [1] and chosen_pair(h.names) is None
    pick_pair(h.names, 0, 1)
    st.session_state[CLADE] = ("class 8", "class 9")  # a clade was picked on another page
    assert chosen_pair(h.names) is None and chosen_classes(h.names) == [8, 9]
    st.session_state[CLADE] = ("class 8", "of another run")
    assert chosen_classes(h.names) == [8]
    st.session_state.clear()


def test_the_pair_is_put_into_words(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    h, confusion = tree(run), run.evaluation().confusion
    D = np.linalg.norm(run.vectors(3)[:, None] - run.vectors(3)[None], axis=2)
    said = pair_sentence(h, confusion, (0, 1), "label units").replace("\\", "")
    share = 100 * confusion[0, 1] / confusion[0].sum()
    assert f"class 0 is taken for class 1 in {share:.1f} % ({confusion[0, 1]} of {confusion[0].sum()})" in said
    rank = sorted((j for j in range(10) if j), key=lambda j: D[0, j]).index(1) + 1
    place = "the nearest class" if rank == 1 else f"number {rank} of the 9 other classes by distance"
    assert said.endswith(f"for class 0, class 1 is {place}.") and f"{D[0, 1]:.3g} label units apart" in said
    empty = confusion.copy()
    empty[1] = 0
    assert "undefined (no test samples)" in pair_sentence(h, empty, (0, 1), "u")
    at = open_panel(run, {CLASS: "class 0", PAIR: ("class 0", "class 1")})
    assert "class 0 is taken for class 1" in text_of(at).replace("\\", "")


# --- lassoed samples ------------------------------------------------------------------------------------------------


def test_lassoed_samples_are_counted_and_listed(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.6)
    test = run.evaluation()
    wanted = [5, 3, 3, 17, 30, -1, 10_000, "x"]
    at = open_panel(run, {LASSO: wanted})
    kept = [3, 5, 17, 30]
    wrong = sum(int(test.y[i] != test.pred[i]) for i in kept)
    text = text_of(at)
    assert "**4 test samples**" in text and (f"{wrong} of them" in text if wrong else "none of them" in text)
    by_class, samples = (frame.value for frame in at.dataframe[:2])
    assert by_class["Lassoed"].sum() == 4 and by_class["Mistakes"].sum() == wrong
    assert sorted(samples["Test sample"]) == kept
    at.button(key="linked_lasso_forget").click().run()
    assert LASSO not in at.session_state and "lassoed" not in text_of(at)


def test_lassoed_tables_against_loops() -> None:
    generator = np.random.default_rng(0)
    y, pred = generator.integers(0, 4, 50), generator.integers(-1, 4, 50)
    names = ["a", "b", "c", "=d"]
    rows = sorted(generator.choice(50, 20, replace=False).tolist())
    found = lassoed(rows[::-1], y, pred, 4)
    assert found.rows.tolist() == rows
    table = classes_table(found, names)
    for name, count, wrong in zip(table["Class"], table["Lassoed"], table["Mistakes"], strict=True):
        mine = [i for i in rows if names[y[i]] == name]
        assert count == len(mine) and wrong == sum(pred[i] != y[i] for i in mine)
    assert table["Lassoed"] == sorted(table["Lassoed"], reverse=True)
    shown = samples_table(found, names, 5)
    assert len(shown["Class"]) == 5
    assert all(y[i] != pred[i] for i in shown["Test sample"])  # mistakes first
    read = list(csv.reader(io.StringIO(lasso_csv(found, names).decode(), newline="")))
    assert read[0] == ["test_index", "class", "prediction"] and [int(row[0]) for row in read[1:]] == rows
    assert all(row[1] == ("'=d" if names[y[int(row[0])]] == "=d" else names[y[int(row[0])]]) for row in read[1:])


def test_the_lasso_in_words() -> None:
    one = lassoed([0], np.array([1]), np.array([1]), 2)
    assert lasso_sentence(one) == "**1 test sample** of 1 class is lassoed; none of them is a mistake."
    two = lassoed([0, 1], np.array([1, 0]), np.array([1, 1]), 2)
    assert lasso_sentence(two) == "**2 test samples** of 2 classes are lassoed; 1 of them is a mistake (50.0 %)."
    assert len(lassoed(["a", None, 3.5], np.array([1]), np.array([1]), 2).rows) == 0


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_nothing_evaluated_yet(open_panel: Open, make_run: Make) -> None:
    run = make_run()
    (run.path / EVALUATION).unlink()
    for view in ("Confusion", "Distances and mistakes"):
        at = open_panel(run, {LASSO: [1, 2]}, linked_view=view)
        assert f"has no {EVALUATION} yet" in text_of(at).replace("\\", "") and not charts(at)
    at = open_panel(run, linked_view="Gallery")
    assert len(at.button) == 10 and "Accuracy" not in text_of(at)


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("view", ["Confusion", "Distances and mistakes", "Gallery"])
def test_a_few_classes(open_panel: Open, make_run: Make, classes: int, view: str) -> None:
    text = text_of(open_panel(make_run(classes=classes, accuracy=0.5), linked_view=view))
    assert "nan" not in text
    if view == "Distances and mistakes" and classes < 3:
        assert f"undefined: {classes} class" in text


@pytest.mark.parametrize("view", ["Confusion", "Distances and mistakes", "Gallery"])
def test_hostile_class_names_do_no_harm(open_panel: Open, make_run: Make, view: str) -> None:
    run = make_run(class_names=HOSTILE, accuracy=0.4)
    state = {CLADE: tuple(HOSTILE[:2]), PAIR: tuple(HOSTILE[:2]), LASSO: list(range(40))}
    at = open_panel(run, state, linked_view=view)
    text = text_of(at)
    assert "<b>bold" not in text and ":red[alarm]" not in text and "$x$" not in text
    for chart in at.get("plotly_chart"):
        assert "<b>bold<" not in chart.proto.spec.replace("\\u003c", "<")
    assert all(":red[alarm]" not in b.label and "<b>" not in b.label for b in at.button)


def test_damaged_results_are_said(open_panel: Open, make_run: Make) -> None:
    run = make_run()
    (run.path / EVALUATION).write_bytes(b"damaged")
    (run.path / SAMPLES).write_bytes(b"damaged")
    at = open_panel(run, {LASSO: [1]})
    assert "damaged" in text_of(at)
    assert "no pictures" in text_of(open_panel(run, linked_view="Gallery"))


def test_many_classes_have_a_limit_and_say_so(
    open_panel: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import app.linked.views as module

    monkeypatch.setattr(module, "MOST_CLASSES", 5)
    text = text_of(open_panel(make_run(classes=6), linked_view="Distances and mistakes"))
    assert "15 pairs" in text and "limit is 5 classes" in text


def test_words_about_mistakes() -> None:
    h = build_hierarchy(np.arange(6.0).reshape(3, 2) ** 2, ["cat", "dog", "ship"])
    counts = np.array([[90, 10, 0], [1, 4, 0], [0, 0, 0]])
    assert confusion_finding(h, counts, rates=True) == "dog is taken for cat most often (1 of 5)"
    assert confusion_finding(h, counts, rates=False) == "cat is taken for dog most often (10 of 100)"
    assert confusion_finding(h, np.diag([4, 5, 6]), rates=True) == "All 15 test samples are recognised"
    assert confusion_finding(h, np.zeros((3, 3)), rates=True) == "No class has test samples"
    assert mistakes_table(h, counts) == {
        "True class": ["cat", "dog"], "Taken for": ["dog", "cat"], "Samples": [10, 1], "Share": [10.0, 20.0],
    }  # fmt: skip
    assert mistakes_table(h, counts, chosen=[2])["Taken for"] == []
    assert mistakes_table(h, counts, chosen=[0], most=1)["Taken for"] == ["dog"]
    assert class_summary(h, counts, 2) == "Accuracy undefined (no test samples)"
    assert class_summary(h, counts, 1) == "Accuracy 80.0 % of 5; most often taken for cat (1)"
    assert class_summary(h, np.diag([4, 5, 6]), 0) == "Accuracy 100 % of 4, no mistakes"
    pairs, found = pairs_of("words", counts, h)
    assert pairs_table(pairs, h)["Mistakes"] == [11] and pairs_table(pairs, h)["Test samples"] == [105]
    assert found.reason == "2 classes"
    assert "too long" in chance_note(RankCorrelation(-0.1, float("nan"), 0, 10))


def test_the_page_reads_a_run_written_anew(open_panel: Open, make_run: Make) -> None:
    run = make_run(accuracy=1.0)
    assert "All 40 test samples" in charts(open_panel(run))[0]["layout"]["title"]["text"]
    assert open_run(run.id).evaluation().confusion.sum() == 40
