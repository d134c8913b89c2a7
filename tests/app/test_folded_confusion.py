"""Confusion matrix of the Hierarchy page: folded at first, opened and closed by a click, beside another run, its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.hierarchy import fold_state as state_module
from app.hierarchy.fold_state import STATE, FoldState, close_fold, follow_click, open_fold
from app.hierarchy.mistakes import confusion_of, finding, inside_sentence, measures_table
from app.tree.chosen_node import CLADE
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.confusion import clade_measures, fold_confusion, largest_first
from lwal_core.errors import RunError
from lwal_core.export.confusion_tables import clade_measures_csv, folded_confusion_csv
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run
from tests.app.conftest import said, text_of
from tests.support.many_classes import record_many

Open = Callable[..., AppTest]
Make = Callable[..., Run]
OPENED = {"tree_heat": "true"}


def matrix(at: AppTest) -> dict[str, Any]:
    """The figure that has cells."""
    specs = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    (found,) = [spec for spec in specs if any(trace.get("name") == "cells" for trace in spec["data"])]
    return found


def rows_of(at: AppTest) -> list[str]:
    names: list[str] = matrix(at)["layout"]["yaxis"]["ticktext"]
    return names


def test_a_hundred_classes_open_at_forty_rows_that_a_choice_changes(open_page: Open) -> None:
    record_many(epochs=2)
    at = open_page("hierarchy", OPENED)
    assert len(rows_of(at)) == 40
    assert "of the mistakes stay within the" in text_of(at)
    at.selectbox(key="mistakes_rows").set_value("20").run()
    assert len(rows_of(at)) == 20 and not at.exception
    opened = next(n for n in matrix(at)["data"] if n["name"] == "closed clades")["customdata"][0][0]
    at.session_state[STATE] = at.session_state[STATE]._replace(opened=frozenset([opened]))
    at.run()
    assert len(rows_of(at)) == 21
    at.button(key="fold_reset").click().run()
    assert len(rows_of(at)) == 20
    at.select_slider(key="mistakes_epoch").set_value(1).run()
    assert not at.exception and "after epoch 1" in text_of(at)


def test_what_is_open_and_closed_is_in_the_address(open_page: Open) -> None:
    run = record_many(epochs=1)
    h = run_hierarchy(run)
    at = open_page("hierarchy", {**OPENED, "mistakes_rows": "20"})
    before = rows_of(at)
    part = largest_first(h, 20)
    opened = max(part.closed.tolist(), key=lambda node: int(h.sizes[node]))
    closed = next(node for node in part.merges.tolist() if 2 < h.sizes[node] < 20)
    at.session_state[STATE] = at.session_state[STATE]._replace(opened=frozenset([opened]), closed=frozenset([closed]))
    at.run()
    assert (said(at, "mistakes_opened"), said(at, "mistakes_closed")) == ([str(opened)], [str(closed)])
    link = {name: said(at, name)[0] for name in ("tree_heat", "mistakes_rows", "mistakes_opened", "mistakes_closed")}
    again = open_page("hierarchy", link)
    assert rows_of(again) == rows_of(at) != before
    again.button(key="fold_reset").click().run()
    assert rows_of(again) == before and not said(again, "mistakes_opened") and not said(again, "mistakes_closed")


@pytest.mark.parametrize("text", ["x", "-3", "2", "99999999999", "\u0663.20", "7..8.<b>", "11." * 4_000])
def test_any_address_is_some_matrix(open_page: Open, make_run: Make, text: str) -> None:
    make_run("lwal", classes=6)
    at = open_page("hierarchy", {**OPENED, "mistakes_opened": text, "mistakes_closed": text})
    assert not at.error and 2 <= len(rows_of(at)) <= 6


def test_rows_of_another_run_are_as_many_as_at_first(open_page: Open, make_run: Make) -> None:
    make_run("lwal", classes=24)
    at = open_page("hierarchy", {**OPENED, "mistakes_rows": "80", "mistakes_beside": "gone", "mistakes_cells": "none"})
    assert len(rows_of(at)) == 24 and not at.error


def test_few_classes_are_all_open_and_the_numbers_can_be_seen(open_page: Open, make_run: Make) -> None:
    make_run("lwal", classes=6)
    at = open_page("hierarchy", OPENED)
    assert len(rows_of(at)) == 6
    assert not [box for box in at.selectbox if box.key == "mistakes_rows"]
    at.toggle(key="mistakes_log").set_value(True).run()
    assert not at.exception and matrix(at)["layout"]["annotations"][0]["text"].endswith("(logarithmic)")
    at.selectbox(key="mistakes_cells").set_value("counts").run()
    assert not at.exception


def test_two_runs_of_the_same_classes_stand_beside_each_other(open_page: Open, make_run: Make) -> None:
    ours, theirs = make_run("lwal", classes=6), make_run("onehot", classes=6, accuracy=0.4)
    make_run("lwal", classes=5, seed=99)
    at = open_page("hierarchy", {**OPENED, "run": ours.id, "runs": [ours.group, theirs.group]})
    assert at.selectbox(key="mistakes_beside").options and not at.exception
    at.selectbox(key="mistakes_beside").set_value(theirs.id).run()
    assert not at.exception and not at.error
    assert {"difference"} <= {trace["name"] for trace in matrix(at)["data"]}
    assert "Beside it" in text_of(at)


def test_a_run_without_test_results_says_so(open_page: Open, make_run: Make) -> None:
    run = make_run("lwal", classes=4)
    (run.path / "eval.safetensors").unlink()
    at = open_page("hierarchy", OPENED)
    assert not at.error and at.info


def test_classes_in_another_order_are_matched_by_name_and_others_refused(make_run: Make) -> None:
    names = ["a", "b", "c", "d"]
    run = make_run("lwal", class_names=names, accuracy=0.5)
    as_they_are = confusion_of(run.id, names)
    assert (confusion_of(run.id, names[::-1]) == as_they_are[::-1, ::-1]).all()
    with pytest.raises(RunError, match="other classes"):
        confusion_of(run.id, ["a", "b", "c"])


# --- opening and closing ------------------------------------------------------------------------------------------


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    state: dict[str, Any] = {STATE: FoldState("tree")}
    monkeypatch.setattr(st, "session_state", state)
    assert state_module.st.session_state is state
    return state


def tree(n: int = 60) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(1).normal(size=(n, 4)), [f"c{i}" for i in range(n)])


def click(session: dict[str, Any], h: Hierarchy, *custom: int) -> Any:
    state: FoldState = session[STATE]
    part = largest_first(h, 20, None, state.closed, state.opened)
    session["chart"] = {"selection": {"points": [{"customdata": list(custom)}] if custom else []}}
    follow_click("chart", h, part)
    state = session[STATE]
    return largest_first(h, 20, None, state.closed, state.opened)


def test_a_click_opens_a_closed_clade_into_parts_and_a_click_on_its_point_closes_it_again(
    session: dict[str, Any],
) -> None:
    h = tree()
    before = largest_first(h, 20)
    clade = max(before.closed.tolist(), key=lambda node: int(h.sizes[node]))
    opened = click(session, h, clade, clade)
    assert clade in opened.merges and len(opened.tips) == 19 + min(6, int(h.sizes[clade]))
    closed = click(session, h, clade)
    assert closed.tips.tolist() == before.tips.tolist()
    assert click(session, h).tips.tolist() == before.tips.tolist()  # a click that takes back a choice


def test_a_clade_that_was_closed_opens_as_it_was_at_first(session: dict[str, Any]) -> None:
    h = tree()
    before = largest_first(h, 20)
    whole = h.children[-1].max()
    assert len(click(session, h, int(whole)).tips) < 20
    open_fold(h, int(whole))
    state: FoldState = session[STATE]
    assert set(before.tips.tolist()) <= set(largest_first(h, 20, None, state.closed, state.opened).tips.tolist())
    close_fold(h, int(whole))
    assert not session[STATE].opened


def test_a_cell_beside_the_diagonal_picks_its_true_clade(session: dict[str, Any]) -> None:
    h = tree()
    clade = int(largest_first(h, 20).closed[0])
    click(session, h, clade, 3)
    assert session[CLADE] == tuple(h.names[i] for i in h.members(clade)) and session[STATE] == FoldState("tree")
    click(session, h, -1, 3)  # all others are no clade
    click(session, h, 10_000, 10_000)


# --- numbers ------------------------------------------------------------------------------------------------------

COUNTS = np.array([[8, 2, 0, 0], [1, 7, 2, 0], [0, 0, 0, 0], [0, 0, 4, 6]])


def four() -> Hierarchy:
    return build_hierarchy([[0.0], [1.0], [10.0], [11.5]], ["cat", "dog", "car", "bus"])


def test_the_answer_and_the_table() -> None:
    h = four()
    measures = clade_measures(COUNTS, h)
    tops = h.cut_nodes(k=2).tolist()
    assert inside_sentence(measures, tops) == "**77.8 % of the mistakes stay within the 2 groups.**"
    assert inside_sentence(clade_measures(np.diag([3, 3, 3, 3]), h), tops) == "All 12 test samples are recognised."
    assert inside_sentence(clade_measures(np.zeros((4, 4)), h), tops) == "There are no test samples."
    assert inside_sentence(measures, [6]) == "9 mistakes in 30 test samples."
    part = largest_first(h, 4)
    folded = fold_confusion(COUNTS, part)
    table = measures_table(folded, h, [h.names[i] for i in part.tips], measures)
    row = table["Class or clade"].index("car")
    assert table["Recall, %"][row] is None and table["Precision, %"][row] == 0 and table["Samples"][row] == 0
    assert table["Recall, %"][table["Class or clade"].index("cat")] == 80
    assert finding(folded, [h.names[i] for i in part.tips]) == "bus → car: 4 of 10"
    assert finding(fold_confusion(np.diag([1, 1, 1, 1]), part), ["a"] * 4) is None


def test_files_hold_the_folded_counts_and_every_clade_and_no_formula() -> None:
    h = build_hierarchy([[0.0], [1.0], [10.0]], ["=cmd", "dog", "car"])
    counts = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    folded = fold_confusion(counts, largest_first(h, 2))
    text = folded_confusion_csv(folded, ["pets", "car"])
    assert text.splitlines() == ["true / predicted,pets,car", "pets,8,0", "car,0,0"]
    lines = clade_measures_csv(clade_measures(counts, h), h, {3: "pets"}).splitlines()
    assert len(lines) == 1 + 5
    assert lines[1].startswith("0,'=cmd,1,4,3,3,3,0.75,1.0,0.75,")
    assert lines[3].startswith("2,car,1,0,0,0,0,nan,nan,nan,nan,nan")
    assert lines[4].startswith("3,pets,2,8,8,7,8,0.875,1.0,1.0,1.0,1.0,")
