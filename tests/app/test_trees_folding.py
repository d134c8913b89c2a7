"""Facing trees of many classes: folding, what follows on the other side, searching, the address."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.trees.clade_scores import clades_csv, clades_table
from app.trees.folding import DEFAULT_TIPS, PICKED, SIDES, Picked
from app.trees.look import COLORS
from app.trees.moved import moved, moved_csv, moved_sentence
from app.trees.pair import Pair, pair
from lwal_core.runs import Run
from tests.app.conftest import said, text_of
from tests.app.test_trees_page import key_of
from tests.support.many_classes import record_many

Open = Callable[..., AppTest]


@pytest.fixture
def two_runs(home: Any) -> list[Run]:
    """Two runs of CIFAR-100's classes."""
    return [record_many(seed=seed, epochs=1, samples=1) for seed in (12, 123)]


def traces(at: AppTest, name: str) -> list[dict[str, Any]]:
    (found,) = at.get("plotly_chart")
    return [trace for trace in json.loads(found.proto.spec)["data"] if trace["name"] == name]


def nodes(at: AppTest, *names: str) -> list[int]:
    return [int(custom[0]) for name in names for trace in traces(at, name) for custom in trace["customdata"]]


def found_pair(runs: list[Run]) -> Pair:
    return pair(key_of(runs[0], 1), key_of(runs[1], 1), ("a", "b"), "step2side")


def test_a_hundred_classes_open_folded_and_follow_each_other(open_page: Open, two_runs: list[Run]) -> None:
    a, b = two_runs
    at = open_page("trees", {"left": a.id, "right": b.id})
    for side in SIDES:
        tips = nodes(at, f"{side} closed", f"{side} leaves")
        assert len(tips) == DEFAULT_TIPS and at.session_state[COLORS] == "match"
    found = found_pair(two_runs)
    drawn = set(nodes(at, "left merges"))
    exact = [node for node in found.clade_nodes[0] if node in drawn and found.alike[0].jaccard[node] == 1]
    node = exact[0]
    there = int(found.alike[0].node[node])
    members = {found.facing.left.names[i] for i in found.facing.left.members(node)}
    assert members == {found.facing.right.names[i] for i in found.facing.right.members(there)}

    at.session_state[PICKED] = Picked("left", tuple(members))
    at.run()
    assert not at.exception and "has the same clade" in text_of(at)
    at.button(key="trees_close").click().run()
    assert not at.exception
    assert node in nodes(at, "left closed") and there in nodes(at, "right closed")
    assert said(at, "left_closed") == [str(node)] and said(at, "right_closed") == [str(there)]
    again = open_page("trees", {"left": a.id, "right": b.id, "left_closed": str(node), "right_closed": str(there)})
    assert node in nodes(again, "left closed") and there in nodes(again, "right closed")

    at.button(key="trees_zoom").click().run()
    assert not at.exception
    assert sorted(nodes(at, "left leaves")) == sorted(found.facing.left.members(node).tolist())
    assert sorted(nodes(at, "right leaves")) == sorted(found.facing.left.members(node).tolist())
    at.button(key="swap_trees").click().run()
    assert not at.exception and len(nodes(at, "left leaves")) == len(members)
    at.button(key="trees_whole").click().run()
    assert not at.exception and not said(at, "left_closed") and not said(at, "left_zoom")
    assert len(nodes(at, "left closed", "left leaves")) == DEFAULT_TIPS


def test_a_class_is_found_in_both_trees_and_a_match_of_half_does_not_follow(
    open_page: Open, two_runs: list[Run]
) -> None:
    a, b = two_runs
    found = found_pair(two_runs)
    address = {"left": a.id, "right": b.id, "tree_class": "otter"}
    at = open_page("trees", address)
    index = found.names.index("otter")
    for side in SIDES:
        assert index in nodes(at, f"{side} leaves")
    assert traces(at, "picked lines") and "otter: beside" in text_of(at)
    loose = [node for node in found.clade_nodes[0] if found.alike[0].jaccard[node] <= 0.5]
    names = tuple(found.facing.left.names[i] for i in found.facing.left.members(loose[0]))
    at.session_state["tree_class"] = None
    at.session_state[PICKED] = Picked("left", names)
    at.run()
    assert not at.exception and "No clade on the other side shares more than half" in text_of(at)
    at = open_page(
        "trees",
        {"left": a.id, "right": b.id, "tree_class": "<b>none</b>", "left_zoom": "9" * 40, "right_closed": "x.-1.5"},
    )
    assert not said(at, "right_closed") and not said(at, "left_zoom")


def test_best_matches_and_moves_against_sets(two_runs: list[Run]) -> None:
    found = found_pair(two_runs)
    left, right = found.facing.left, found.facing.right
    sets = [[frozenset(h.members(node).tolist()) for node in range(h.n, 2 * h.n - 1)] for h in (left, right)]
    for node, own in enumerate(sets[0], start=left.n):
        best = max(len(own & other) / len(own | other) for other in sets[1])
        assert found.alike[0].jaccard[node] == pytest.approx(best)
        there = sets[1][int(found.alike[0].node[node]) - left.n]
        assert len(own & there) / len(own | there) == pytest.approx(best)
    assert found.mean_match == pytest.approx(
        np.mean([found.alike[i].jaccard[node] for i in (0, 1) for node in range(100, 198)])
    )
    rows = list(csv.DictReader(io.StringIO(clades_csv(found).decode())))
    assert len(rows) == 2 * 98 and {row["tree"] for row in rows} == set(SIDES)
    assert sorted(float(row["jaccard"]) for row in rows if row["tree"] == "left") == pytest.approx(
        sorted(found.alike[0].jaccard[100:198])
    )
    table = clades_table(found, ([right.n], [right.n]))
    assert table["Tree"] and table["Jaccard index"] == sorted(table["Jaccard index"])

    differing = moved(found)
    smallest = [[{*s} for s in sets[i]] for i in (0, 1)]
    for placement in differing[:20]:
        beside = [min((s for s in each if placement.index in s), key=len) - {placement.index} for each in smallest]
        assert beside[0] != beside[1] and set(placement.left[0]) == beside[0] and set(placement.right[0]) == beside[1]
    sentence = moved_sentence(found, differing[0].index)
    assert " on the left, beside " in sentence and sentence.endswith("on the right")
    same = next(p.index for p in found.placements if set(p.left[0]) == set(p.right[0]))
    assert moved_sentence(found, same) == ""
    assert len(list(csv.reader(io.StringIO(moved_csv(found).decode())))) == len(differing) + 1
