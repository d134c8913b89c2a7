"""The Trees page: what it says, what it draws, and what happens when things are missing."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.common.selection import LONGEST_TITLE
from app.tree.stats import TreeKey
from app.trees.pair import TaxonomyKey, pair, side_labels
from app.trees.stats import misplaced_csv, scores, scores_csv
from app.trees.text import answer, details
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.taxonomy import load_taxonomy
from tests.app.conftest import said, text_of

HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "=1+1", "tab\tname", "very " * 30 + "long"]
SHAPES = list(load_taxonomy("shapes").classes)

Open = Callable[..., AppTest]

UNFOLDED = {"trees_scores": "true", "trees_differ": "true", "trees_misplaced": "true"}


@pytest.fixture
def open_page(open_page: Open) -> Open:
    """As in other tests, with the folded parts of this page open."""

    def open_(page: str = "home", query: dict[str, str | list[str]] | None = None) -> AppTest:
        return open_page(page, {**UNFOLDED, **(query or {})} if page == "trees" else query)

    return open_


def chart(at: AppTest) -> dict[str, Any]:
    (found,) = at.get("plotly_chart")
    spec: dict[str, Any] = json.loads(found.proto.spec)
    return spec


def side_names(at: AppTest) -> list[str]:
    return [a["text"] for a in chart(at)["layout"]["annotations"]]


def key_of(run: Run, epoch: int = 3, **options: Any) -> TreeKey:
    return TreeKey(TreeSpec.of(run, epoch, **options), True, 0)


# --- the page ------------------------------------------------------------------------------------------------------


def test_without_runs_the_page_says_what_would_be_here(open_page: Open) -> None:
    at = open_page("trees")
    assert "No trees yet" in text_of(at) and not at.get("plotly_chart")
    assert at.button(key="empty_train")


def test_by_default_learned_labels_face_the_baseline_of_the_same_seed(
    open_page: Open, make_run: Callable[..., Run]
) -> None:
    baseline = {seed: make_run("onehot", seed=seed) for seed in (12, 123)}
    learned = {seed: make_run(seed=seed) for seed in (12, 123)}
    at = open_page("trees", {"run": learned[123].id})
    assert at.session_state["left_tree"] == learned[123].id
    assert at.session_state["right_tree"] == baseline[123].id
    assert at.session_state["left_epoch"] == at.session_state["right_epoch"] == 3
    assert side_names(at) == ["<b>LwAL (epoch 3)</b>", "<b>One-hot (epoch 3)</b>"]
    text = text_of(at)
    # The fake vectors depend on the seed alone, so these two trees are the same one.
    assert "Both trees have the same 8 clades" in text
    assert "Entanglement 0 before untangling, 0 after" in text


def test_one_run_faces_its_own_beginning(open_page: Open, make_run: Callable[..., Run]) -> None:
    run = make_run(classes=6, dim=8)
    at = open_page("trees")
    assert at.session_state["left_tree"] == at.session_state["right_tree"] == run.id
    assert (at.session_state["left_epoch"], at.session_state["right_epoch"]) == (3, 0)
    text = text_of(at)
    assert "LwAL \\(epoch 0\\) joins all classes at one height" in text  # epoch 0 is one-hot in the fake run
    values = at.table[0].value["Value"].tolist()
    assert "undefined" in values[0] and "nan" not in " ".join(values)
    at.session_state["right_epoch"] = 3
    at.run()
    assert not at.exception and "Both sides show the same tree" in text_of(at)


def test_two_seeds_against_a_naive_count(open_page: Open, make_run: Callable[..., Run]) -> None:
    a, b = make_run(seed=12), make_run(seed=123)
    at = open_page("trees", {"left": a.id, "right": b.id})
    trees = [build_hierarchy(run.vectors(3), run.class_names) for run in (a, b)]
    sets = [{frozenset(h.members(node).tolist()) for node in range(10, 18)} for h in trees]
    shared = len(sets[0] & sets[1])
    assert 0 < shared < 8
    assert f"{shared} of 8 clades {'is' if shared == 1 else 'are'} in both trees." in text_of(at)
    assert "in both trees:" not in chart(at)["layout"]["title"]["text"]  # said once, above the figure
    rows = dict(zip(at.table[0].value["Score"], at.table[0].value["Value"], strict=True))
    rf = rows["**Robinson–Foulds, normalised**"].replace("\\", "")
    assert float(rf) == pytest.approx((16 - 2 * shared) / 16, abs=0.0005)
    k = at.session_state["trees_groups"]
    groups = [{frozenset(h.members(t).tolist()) for t in h.cut_nodes(k=k).tolist()} for h in trees]
    both = len(groups[0] & groups[1])
    assert f"{both} of {k} groups {'is' if both == 1 else 'are'} in both trees." in text_of(at)
    assert f"**Only on the left ({k - both})**" in text_of(at) and f"**Only on the right ({k - both})**" in text_of(at)
    assert "**In both trees" not in text_of(at)  # only what differs is listed


def test_a_run_against_a_taxonomy(open_page: Open, make_run: Callable[..., Run]) -> None:
    run = make_run(class_names=SHAPES)
    at = open_page("trees", {"right": "taxonomy:shapes"})
    assert at.session_state["left_tree"] == run.id
    text = text_of(at)
    assert "of the 12 groups of The families of shapes" in text
    assert at.session_state["trees_groups"] in (4, 8)
    scores_shown = at.table[0].value
    recovered = next(i for i, s in enumerate(scores_shown["Score"]) if "Recovered" in s)
    clades = load_taxonomy("shapes").clades(SHAPES)
    h = build_hierarchy(run.vectors(3), SHAPES)
    ours = {frozenset(SHAPES[i] for i in h.members(node)) for node in range(16, 30)}
    assert f"({len(clades & ours)} of 12)" in scores_shown["Value"].iloc[recovered].replace("\\", "")
    crossing = sum(any(c & g and not c <= g and not g <= c for g in clades) for c in ours)
    assert f"{crossing} of 14 clades" in scores_shown["Value"].iloc[recovered + 1].replace("\\", "")
    assert "cannot fall below 0\\.0769" in "".join(scores_shown["What it says"])  # (14 - 12) / (14 + 12)
    assert chart(at)["layout"]["xaxis2"]["title"]["text"] == "Levels<br>of the taxonomy"


def test_a_run_against_what_wordnet_proposes(open_page: Open, make_run: Callable[..., Run]) -> None:
    make_run(class_names=["bear", "giraffe", "school bus", "taxi", "ostrich", "zzqq"])
    at = open_page("trees", {"right": "taxonomy:wordnet-guessed"})
    text = text_of(at)
    assert "what the other side's class names mean as guessed" in text
    assert "WordNet, senses as guessed" in text and "of the 3 groups" in text


def test_other_class_sets_are_matched_by_name(open_page: Open, make_run: Callable[..., Run]) -> None:
    a = make_run(class_names=["ant", "bee", "cat", "dog", "elk"])
    b = make_run(class_names=["dog", "cow", "cat", "bee", "asp"], seed=5)
    c = make_run(class_names=["x", "y", "z"], seed=6)
    groups = [run.group for run in (a, b, c)]
    at = open_page("trees", {"left": a.id, "right": b.id, "runs": groups})
    text = text_of(at)
    assert "2 classes are in the left tree only and left out: ant, elk" in text
    assert "2 classes are in the right tree only and left out: cow, asp" in text
    names = {tuple(t["text"]) for t in chart(at)["data"] if t.get("text")}
    assert names == {("bee", "cat", "dog")}
    at = open_page("trees", {"left": a.id, "right": c.id, "runs": groups})
    assert "no class in common" in text_of(at) and not at.get("plotly_chart")


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_a_few_classes(open_page: Open, make_run: Callable[..., Run], classes: int) -> None:
    make_run("onehot", classes=classes)
    make_run(classes=classes, seed=12)
    at = open_page("trees")
    expected = {1: "nothing to compare", 2: "only one tree of them is possible", 3: "clade"}[classes]
    assert expected in text_of(at)
    values = " ".join(at.table[0].value["Value"])
    assert "nan" not in values and ("undefined" in values) == (classes < 3)


def test_one_hot_labels_are_a_flat_tree_and_said_to_be(open_page: Open, make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=2, classes=8)
    at = open_page("trees", {"left": run.id, "right": run.id, "right_epoch": "0", "left_vectors": "Label table"})
    assert "joins all classes at one height" in text_of(at)
    assert "trees_groups" not in at.session_state


def test_the_address_brings_the_view_back(open_page: Open, make_run: Callable[..., Run]) -> None:
    a, b = make_run(seed=12), make_run(seed=123)
    address = {
        "left": b.id, "right": a.id, "left_epoch": "2", "right_epoch": "1", "left_vectors": "Label table",
        "left_linkage": "Ward", "right_distance": "Cosine", "trees_groups": "5", "untangling": "As they are",
    }  # fmt: skip
    at = open_page("trees", address)
    state = at.session_state
    assert (state["left_tree"], state["right_tree"]) == (b.id, a.id)
    assert (state["left_epoch"], state["right_epoch"], state["trees_groups"]) == (2, 1, 5)
    assert (state["left_linkage"], state["right_distance"], state["untangling"]) == ("ward", "cosine", "none")
    assert chart(at)["layout"]["xaxis"]["title"]["text"].startswith("Ward distance")
    assert chart(at)["layout"]["xaxis2"]["title"]["text"].endswith("(1 − cosine)")
    query = {key: at.query_params[key] for key in address}
    assert {key: value if isinstance(value, str) else value[0] for key, value in query.items()} == address


@pytest.mark.parametrize(
    "address",
    [
        {"left": "nothing"},
        {"right": "taxonomy:nothing"},
        {"left_epoch": "99"},
        {"right_epoch": "x"},
        {"left_linkage": "<b>"},
    ],
)
def test_an_address_of_what_is_not_here_says_so_and_stays(
    open_page: Open, make_run: Callable[..., Run], address: dict[str, str]
) -> None:
    make_run("onehot")
    make_run(seed=12)
    at = open_page("trees", address)
    assert "is not here" in text_of(at) and not at.get("plotly_chart")
    (name,) = address
    assert said(at, name) == [address[name]]
    at.button(key="address_forget").click().run()
    assert side_names(at) == ["<b>LwAL (epoch 3)</b>", "<b>One-hot (epoch 3)</b>"]
    assert said(at, name) != [address[name]]


def test_a_broken_address_gives_the_default_view(open_page: Open, make_run: Callable[..., Run]) -> None:
    make_run("onehot")
    make_run(seed=12)
    at = open_page("trees", {"trees_groups": "10", "untangling": "x"})
    assert side_names(at) == ["<b>LwAL (epoch 3)</b>", "<b>One-hot (epoch 3)</b>"]
    assert 2 <= at.session_state["trees_groups"] <= 9


def test_swapping_changes_sides_with_all_options(open_page: Open, make_run: Callable[..., Run]) -> None:
    run = make_run(class_names=SHAPES)
    at = open_page("trees", {"right": "taxonomy:shapes", "left_epoch": "2", "left_linkage": "Ward"})
    assert side_names(at) == ["<b>LwAL (epoch 2)</b>", "<b>The families of shapes</b>"]
    before = at.table[0].value["Value"].tolist()
    at.button(key="swap_trees").click().run()
    assert not at.exception and not at.warning
    assert at.query_params["right_epoch"] == "2" and at.query_params["right_linkage"] == "Ward"
    assert side_names(at) == ["<b>The families of shapes</b>", "<b>LwAL (epoch 2)</b>"]
    assert at.session_state["right_tree"] == run.id and at.session_state["right_linkage"] == "ward"
    assert at.table[0].value["Value"].tolist()[:-1] == before[:-1]  # all but the entanglement, which is of the drawing
    at.button(key="swap_trees").click().run()
    assert not at.exception and side_names(at)[0] == "<b>LwAL (epoch 2)</b>"


def test_ward_without_euclidean_distances_falls_back(open_page: Open, make_run: Callable[..., Run]) -> None:
    make_run()
    at = open_page("trees", {"left_linkage": "Ward", "left_distance": "Cosine"})
    assert "so this is average linkage" in text_of(at)
    assert chart(at)["layout"]["xaxis"]["title"]["text"].startswith("Average distance")


def test_hostile_class_names_do_no_harm(open_page: Open, make_run: Callable[..., Run]) -> None:
    make_run("onehot", class_names=HOSTILE)
    make_run(class_names=HOSTILE, seed=13)
    at = open_page("trees")
    text = text_of(at)
    assert "<b>bold" not in text and ":red[alarm]" not in text and "$x$" not in text
    assert "<b>bold" not in json.dumps(chart(at))
    assert "=1+1" in "".join(at.dataframe[0].value["Class"])


# --- numbers -------------------------------------------------------------------------------------------------------


def test_labels_tell_sides_apart(make_run: Callable[..., Run]) -> None:
    a, b, c = make_run(seed=12), make_run(seed=123), make_run("onehot")
    assert side_labels(key_of(a), key_of(c)) == ("LwAL (epoch 3)", "One-hot (epoch 3)")
    assert side_labels(key_of(a), key_of(b)) == ("LwAL (seed 12, epoch 3)", "LwAL (seed 123, epoch 3)")
    assert side_labels(key_of(a), key_of(a, 1)) == ("LwAL (epoch 3)", "LwAL (epoch 1)")
    assert side_labels(key_of(a), key_of(a, linkage="ward", vectors="labels")) == (
        "LwAL (epoch 3, class means, average)", "LwAL (epoch 3, label table, ward)",
    )  # fmt: skip
    assert side_labels(TaxonomyKey("shapes"), key_of(a)) == ("The families of shapes", "LwAL (epoch 3)")
    other = make_run(seed=12, encoder={"width": 16})
    first, second = side_labels(key_of(a), key_of(other))
    assert first != second


def test_files_have_all_numbers_and_nan_for_undefined(make_run: Callable[..., Run]) -> None:
    a, b = make_run(seed=12, class_names=HOSTILE), make_run(seed=123, class_names=HOSTILE)
    found = pair(key_of(a), key_of(b), ("a", "b"), "step2side")
    rows = list(csv.reader(io.StringIO(misplaced_csv(found).decode())))
    assert len(rows) == 1 + len(HOSTILE) and "'=1+1" in {row[0] for row in rows}
    assert [float(row[1]) for row in rows[1:] if row[1] != "nan"] == sorted(
        p.tau for p in found.placements if not math.isnan(p.tau)
    )
    table = list(csv.reader(io.StringIO(scores_csv(found, 3).decode())))
    assert [row[0] for row in table[1:]] == [row.title for row in scores(found, 3)]
    none = {row.title: row for row in scores(found, None)}["Fowlkes–Mallows Bk"]
    assert math.isnan(none.value) and none.text.startswith("undefined (")


def test_the_answer_names_the_class_that_moved(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["ant", "bee", "cow", "cat", "dog", "elk", "owl", "tit"]
    points = np.array([0.0, 1.1, 10.0, 11.3, 20.0, 21.7, 40.0, 42.0])[:, None]
    moved = points.copy()
    moved[1] = 41.2
    trees = {"a": build_hierarchy(points, names), "b": build_hierarchy(moved, names)}
    monkeypatch.setattr("app.trees.pair._run_tree", lambda key: trees[key.spec.run])
    keys = [TreeKey(TreeSpec(run_id, 0), True, 1) for run_id in "ab"]
    found = pair(*keys, ("old", "new"), "step2side")
    said = details(found, 4)
    assert "Most misplaced is bee: joined with ant on the left, with" in said
    assert said.endswith("with tit on the right.")  # 0.8 from it, 1.2 from owl
    assert "groups are the same" in said
    left, right, both = found.clades
    assert answer(found) == f"{both} of {left} clades are in both trees." and left == right


@pytest.mark.parametrize("left", ["shapes", "run"])
def test_the_answer_has_at_most_twelve_words(make_run: Callable[..., Run], left: str) -> None:
    key = key_of(make_run(class_names=SHAPES))
    reference = TaxonomyKey("shapes")
    others = [key, reference, key_of(make_run(class_names=SHAPES, seed=12)), key_of(make_run(class_names=SHAPES), 0)]
    one = reference if left == "shapes" else key
    for other in others:
        said = answer(pair(one, other, side_labels(one, other), "step2side"))
        assert said.endswith(".") and len(said.split()) <= 12, said


# --- agreement at every cut ----------------------------------------------------------------------------------------


def test_agreement_at_every_number_of_groups(open_page: Open, make_run: Callable[..., Run]) -> None:
    learned = make_run()
    make_run("onehot")
    at = open_page("trees", {"left": learned.id, "right": learned.id, "left_epoch": "1", "trees_every_cut": "true"})
    charts = [json.loads(found.proto.spec) for found in at.get("plotly_chart")]
    assert len(charts) == 2
    (bk,) = [t for t in charts[1]["data"] if t["name"] == "Bk"]
    assert bk["x"] == sorted(bk["x"]) and set(bk["x"]) <= set(range(2, 10))
    assert "numbers of groups the trees agree beyond chance" in charts[1]["layout"]["title"]["text"].replace(
        "<br>", " "
    )


def test_a_long_title_keeps_its_seed(open_page, make_run):
    """The end of what a phone would cut is the seed, which tells runs apart."""
    for seed in (1, 2):
        make_run(seed=seed, name="a name that is much longer than any choice on a phone has room for, by far")
    at = open_page("embeddings")
    chosen = at.selectbox(key="selected_run").options
    assert {option[-6:] for option in chosen} == {"seed 1", "seed 2"}
    assert all(len(option) <= LONGEST_TITLE for option in chosen)
    assert all(len(option) <= LONGEST_TITLE for option in at.selectbox(key="selected_baseline").options)
    # What is chosen among several is cut by its chip, so it is said in full.
    assert any(c.value.startswith("a name that is much longer") and "by far" in c.value for c in at.caption)
    options = open_page("trees").selectbox(key="left_tree").options
    assert len(options) == len(set(options)) and all(len(option) <= LONGEST_TITLE for option in options)
    assert {option[-6:] for option in options} >= {"seed 1", "seed 2"}


def test_runs_are_compared_beside_the_page(open_page, make_run):
    for method in ("onehot", "lwal"):
        for seed in (1, 2):
            make_run(method, seed=seed)
    at = open_page("trees", {"trees_runs": "true"})
    assert "Too few runs to tell whether two seeds of one method" in text_of(at)
    at.segmented_control(key="runs_measure").set_value("Procrustes distance").run()
    assert not at.exception and "Procrustes distance" in text_of(at)
    at.segmented_control(key="runs_layer").set_value("Features").run()
    assert "keeps no features" in text_of(at)
