"""The Hierarchy page: the cut, closing, zooming, turning, naming, what carries over, and what is said when there is
nothing to show."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.common.widgets import AS_ON_SCREEN
from app.hierarchy.downloads import OTHER_WIDTH, WIDTH, OnScreen, download_entries
from app.tree.chosen_node import CLADE
from app.tree.state import STATE
from app.tree.stats import TreeKey, answer
from app.tree.support import SeedSupport
from app.tree.toolbar import Cut
from app.tree.view import merges_table
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees import transfer_support
from lwal_core.analysis.trees.clade_names import proposed_names
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import group_marks
from lwal_core.results.run_tree import names_of_nodes, run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, annotate_clade, paths, read_annotations
from lwal_core.runs.annotations import CladeNote
from lwal_core.taxonomy import load_taxonomy
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def chart(at: AppTest) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(at.get("plotly_chart")[0].proto.spec)
    return spec


def names_drawn(at: AppTest) -> list[str]:
    names: list[str] = chart(at)["layout"]["yaxis"]["ticktext"]
    return names


def trace_names(at: AppTest) -> set[str]:
    return {t["name"] for t in chart(at)["data"]}


def tree_of(run: Run, epoch: int = 3) -> Hierarchy:
    return run_hierarchy(run, TreeSpec.of(run, epoch))


def pick_clade(at: AppTest, h: Hierarchy, node: int) -> None:
    at.session_state[CLADE] = tuple(h.names[i] for i in h.members(node))
    at.run()
    assert not at.exception


def a_clade(h: Hierarchy, size: int) -> int:
    return next(node for node in range(h.n, 2 * h.n - 2) if h.sizes[node] == size)


def click(at: AppTest, key: str) -> None:
    at.button(key=key).click().run()
    assert not at.exception, at.exception


# --- empty and odd -------------------------------------------------------------------------------------------------


def test_without_runs_the_page_says_what_would_be_here(open_page: Open) -> None:
    at = open_page("hierarchy")
    assert "No tree yet" in text_of(at)
    assert at.button(key="empty_train")


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_few_classes(open_page: Open, make_run: Make, classes: int) -> None:
    make_run(classes=classes)
    at = open_page("hierarchy")
    said = {1: "nothing to group", 2: "only one tree is possible", 3: "**Nearest** class"}[classes]
    assert said in text_of(at)
    assert len(names_drawn(at)) == classes


def test_hostile_names_are_shown_as_they_are(open_page: Open, make_run: Make) -> None:
    make_run(class_names=["<b>bold</b>", "$x$ *star*", ":red[alarm]", "=1+1", "tab\tname", "very " * 30])
    at = open_page("hierarchy")
    shown = names_drawn(at)
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown
    assert not any("<b>bold" in name for name in shown)
    at.selectbox(key="tree_class").select(":red[alarm]").run()
    assert not at.exception
    assert "\\:red\\[alarm\\]" in text_of(at)


# --- the cut -------------------------------------------------------------------------------------------------------


def test_the_cut_by_number(open_page: Open, make_run: Make) -> None:
    make_run()
    at = open_page("hierarchy")
    at.slider(key="groups").set_value(5).run()
    assert "At 5 groups" in text_of(at)
    assert "cut at" in chart(at)["layout"]["annotations"][0]["text"]
    assert "5 groups" in chart(at)["layout"]["annotations"][0]["text"]


def test_the_cut_by_height_makes_the_groups_of_that_height(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    at = open_page("hierarchy", {"cut_by": "Height"})
    at.session_state["cut_height"] = 1.01 * float(h.linkage[4, 2])
    at.run()
    assert not at.exception
    groups = len(h.cut_nodes(height=at.session_state["cut_height"]))
    assert groups == h.n - 5
    assert f"At {groups} groups" in text_of(at)
    assert f"{groups} groups at" in text_of(at)


# --- what the reader does to the tree ------------------------------------------------------------------------------


def test_closing_and_opening_a_clade(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    node = a_clade(h, 2)
    at = open_page("hierarchy")
    pick_clade(at, h, node)
    click(at, "tree_close")
    assert len(names_drawn(at)) == 9
    assert "closed" in trace_names(at)
    assert "Showing 9 branches for 10 classes" in text_of(at)
    assert at.query_params["closed"] == str(node)
    click(at, "tree_open")
    assert len(names_drawn(at)) == 10
    assert "closed" not in at.query_params


def test_zooming_in_and_back(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    node = max(range(h.n, 2 * h.n - 2), key=lambda m: int(h.sizes[m]))
    at = open_page("hierarchy")
    assert "tree_whole" not in [button.key for button in at.button]  # there is nothing to take back
    pick_clade(at, h, node)
    click(at, "tree_zoom")
    assert set(names_drawn(at)) == {h.names[i] for i in h.members(node)}
    assert f"Showing {h.sizes[node]} classes of" in text_of(at)
    assert at.query_params["zoom"] == str(node)
    outside = next(name for i, name in enumerate(h.names) if i not in h.members(node))
    at.selectbox(key="tree_class").select(outside).run()
    assert "lies outside the clade" in text_of(at)
    click(at, "tree_whole")
    assert len(names_drawn(at)) == 10
    assert "zoom" not in at.query_params


def test_turning_swaps_the_two_parts(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    at = open_page("hierarchy")
    root = 2 * h.n - 2
    pick_clade(at, h, root)
    click(at, "tree_turn")
    left, right = h.children[-1]
    expected = [h.names[i] for node in (right, left) for i in h.members(int(node))]
    assert names_drawn(at) == expected
    click(at, "tree_turn")
    assert names_drawn(at) == [h.names[i] for i in h.order]


def test_the_address_restores_the_view(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    small, large = a_clade(h, 2), max(range(h.n, 2 * h.n - 2), key=lambda m: int(h.sizes[m]))
    inside = [node for node in (small,) if large in h.path_to_root(node)]
    query = {"run": run.id, "zoom": str(large), "turned": str(large), "closed": ".".join(map(str, [small, 10**7]))}
    at = open_page("hierarchy", query)
    assert len(names_drawn(at)) == int(h.sizes[large]) - len(inside)
    state = at.session_state[STATE].state
    assert (state.zoom, state.closed, state.turned) == (large, (small,), (large,))


@pytest.mark.parametrize("value", ["x", "-1", "٣", "1..2", "9" * 400, "0", "<script>"])
def test_an_odd_address_changes_nothing(open_page: Open, make_run: Make, value: str) -> None:
    make_run()
    at = open_page("hierarchy", {"closed": value, "zoom": value, "turned": value})
    assert len(names_drawn(at)) == 10


def test_closed_clades_carry_over_to_another_tree_that_has_them(open_page: Open, make_run: Make) -> None:
    run = make_run()
    late, early = tree_of(run, 3), tree_of(run, 2)
    sets = [{frozenset(h.members(m).tolist()): m for m in range(h.n, 2 * h.n - 2)} for h in (late, early)]
    shared = min(set(sets[0]) & set(sets[1]), key=len)
    at = open_page("hierarchy")
    pick_clade(at, late, sets[0][shared])
    click(at, "tree_close")
    at.select_slider(key="epoch").set_value(2).run()
    assert not at.exception
    assert at.session_state[STATE].state.closed == (sets[1][shared],)
    assert len(names_drawn(at)) == 10 - len(shared) + 1
    # One-hot labels at the start have no such clade; that is said and the tree is whole.
    at.segmented_control(key="tree_vectors").set_value("labels").run()
    at.select_slider(key="epoch").set_value(0).run()
    assert not at.exception


def test_many_classes_start_closed_and_a_search_opens_the_way(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=400, dim=16, images=False)
    h = tree_of(run)
    at = open_page("hierarchy")
    assert len(names_drawn(at)) == 60
    assert "Showing 60 branches for 400 classes" in text_of(at)
    hidden = next(i for i in range(400) if h.parents[i] not in h.cut_nodes(k=60) and i not in h.cut_nodes(k=60))
    at.selectbox(key="tree_class").select(h.names[hidden]).run()
    assert not at.exception
    assert h.names[hidden] in names_drawn(at)
    assert "path" in trace_names(at)
    at.selectbox(key="open_tips").select("all").run()
    assert "triangles" not in text_of(at)


# --- names and notes -----------------------------------------------------------------------------------------------


def test_naming_a_clade_is_kept_with_the_run(open_page: Open, make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    node = a_clade(h, 2)
    members = frozenset(h.names[i] for i in h.members(node))
    at = open_page("hierarchy")
    pick_clade(at, h, node)
    (name,) = [field for field in at.text_input if field.label == "Name of this clade"]
    (note,) = [field for field in at.text_area if field.label == "Note"]
    name.set_value("twins <b>")
    note.set_value("first line\nsecond *line*")
    (keep,) = [button for button in at.button if button.label == "Keep"]
    keep.click().run()
    assert not at.exception
    entry = read_annotations(run.path)[members]
    assert (entry.name, entry.note) == ("twins <b>", "first line\nsecond *line*")
    assert "twins \\<b\\>" in text_of(at)
    assert "second \\*line\\*" in text_of(at)
    labels = next(t for t in chart(at)["data"] if t["name"] == "merges")["text"]
    assert any("twins &lt;b&gt;" in label for label in labels)
    assert any(folded.label == "Named clades (1)" for folded in at.expander)


def test_names_follow_their_classes(make_run: Make) -> None:
    run = make_run()
    h = tree_of(run)
    node = a_clade(h, 2)
    members = frozenset(h.names[i] for i in h.members(node))
    annotate_clade(run.path, members, "twins")
    annotate_clade(run.path, ["class 0", "class 9"], "apart")
    notes = read_annotations(run.path)
    assert names_of_nodes(h, notes) == {node: "twins"}
    stranger = frozenset({"cat", "dog"})
    entry = CladeNote(classes=("cat", "dog"), name="x", changed="2026-01-01T00:00:00Z")
    assert names_of_nodes(h, {stranger: entry}) == {}


def test_a_proposed_name_is_kept(open_page: Open, make_run: Make) -> None:
    names = ["grizzly bear", "polar bear", "school bus", "taxi", "ostrich", "penguin"]  # pairs lie near each other
    run = make_run(class_names=names)
    h = tree_of(run)
    bears = h.clade_of(["grizzly bear", "polar bear"])
    assert bears is not None

    def labels(at: AppTest) -> list[str]:
        return [text for text in next(t for t in chart(at)["data"] if t["name"] == "merges")["text"] if text]

    at = open_page("hierarchy")
    assert "<i>bear</i>" in labels(at) and "<i>bird</i>" in labels(at)
    pick_clade(at, h, bears)
    assert "Lowest common group: bear, with 2 of its 2 classes." in text_of(at)
    at.button(key="tree_keep_name").click().run()
    assert not at.exception and read_annotations(run.path)[frozenset(names[:2])].name == "bear"
    assert "<b>bear</b>" in labels(at) and "<i>bear</i>" not in labels(at) and "<i>bird</i>" in labels(at)
    assert not [button for button in at.button if button.key == "tree_keep_name"]
    at.toggle(key="clade_names").set_value(False).run()
    assert "<b>bear</b>" in labels(at) and "<i>bird</i>" not in labels(at)


def test_files_have_the_kept_names_and_the_proposed_ones_when_asked(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(class_names=["grizzly bear", "polar bear", "school bus", "taxi", "ostrich", "penguin"])
    files: dict[str, Any] = {}
    monkeypatch.setattr(st, "download_button", lambda text, data, **_: files.__setitem__(text, data.args[1]))
    at = open_page("hierarchy")
    assert b"bird" not in files["Newick, names as they are"]() and b"bird" not in files[AS_ON_SCREEN]()
    at.toggle(key="tree_names_too").set_value(True).run()
    assert not at.exception and b")bird" in files["Newick, names as they are"]() and b"bird" in files[AS_ON_SCREEN]()


def test_the_table_has_names_where_there_are_some() -> None:
    h = build_hierarchy(np.array([[0.0], [1], [10], [12]]), ["cat", "dog", "ship", "zz"])
    assert "Name" not in merges_table(h, {}, proposed_names(h, None))
    table = merges_table(h, {5: "twins"}, proposed_names(h, load_taxonomy("cifar10")))
    assert table["Name"] == ["", "twins", ""] and table["Proposed name"] == ["", "", "carnivore"]


def test_a_damaged_file_of_names_is_said_and_the_page_stays(open_page: Open, make_run: Make) -> None:
    run = make_run()
    (run.path / paths.ANNOTATIONS).write_bytes(b"{")
    at = open_page("hierarchy")
    assert paths.ANNOTATIONS in text_of(at).replace("\\", "")
    assert len(names_drawn(at)) == 10


# --- layouts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", ["On the right", "On the left", "On top", "Below", "Around"])
def test_every_layout_with_everything_on(open_page: Open, make_run: Make, leaves: str) -> None:
    run = make_run()
    make_run(seed=123)
    h = tree_of(run)
    annotate_clade(run.path, [h.names[i] for i in h.members(a_clade(h, 2))], "twins")
    query = {"run": run.id, "leaves": leaves, "leaf_strip": "Test accuracy", "leaf_pictures": "true", "support": "true"}
    at = open_page("hierarchy", query)
    assert {"lines", "merges", "leaves", "strip", "groups"} <= trace_names(at)
    assert len(chart(at)["layout"]["images"]) == h.n
    assert "Too few seeds: support over seeds needs three" in text_of(at)


def test_squares_are_the_recall_of_each_class(open_page: Open, make_run: Make) -> None:
    run = make_run(accuracy=0.7)
    confusion = run.evaluation().confusion
    at = open_page("hierarchy", {"leaf_strip": "Test accuracy"})
    squares = next(t for t in chart(at)["data"] if t["name"] == "strip")
    h = tree_of(run)
    shown = np.frombuffer(base64.b64decode(squares["marker"]["color"]["bdata"]), squares["marker"]["color"]["dtype"])
    naive = [confusion[i, i] / sum(confusion[i]) for i in h.order]
    np.testing.assert_allclose(shown * (max(naive) - min(naive)) + min(naive), naive)


def test_pictures_of_data_without_images_are_said(open_page: Open, make_run: Make) -> None:
    make_run(images=False)
    at = open_page("hierarchy", {"leaf_pictures": "true"})
    assert "no pictures" in text_of(at)


def test_every_file_of_the_menu_is_made_and_has_the_chosen_width(open_page: Open, make_run: Make) -> None:
    run = make_run()
    make_run(seed=123)
    at = open_page("hierarchy", {"run": run.id})
    labels = [button.proto.label for button in at.get("download_button")]
    assert {"NEXUS, for FigTree", "Tree, names and groups for iTOL", "JSON, for D3 and scripts"} <= set(labels)
    h, key = tree_of(run), TreeKey(TreeSpec.of(run, 3), True, 0)
    shares = (1.0, *[0.5] * (h.n - 2))
    screen = OnScreen(tree_part(h), lambda look: dendrogram_figure(h, 3, theme=look), "A tree")
    entries = download_entries(
        run, h, key, Cut(3, 3), {h.n: "a pair"}, [], lambda: SeedSupport(shares, 2, "exact"), screen
    )
    assert [entry[0] for entry in entries] == labels
    assert len({entry[1] for entry in entries}) == len(entries)  # no file takes another's name
    made = {entry[1].partition("euclidean")[2]: entry[3]() for entry in entries}
    assert all(made.values())
    assert b"<!DOCTYPE html>" in made["-3-groups.html"]
    assert b"support=100" in made[".nex"] and b"2 other seeds" in made[".nex"]
    assert json.loads(made["-3-groups.json"])["about"]["caption"].endswith("with the same clade.")


def test_transfer_support_is_chosen_by_the_address(open_page: Open, make_run: Make) -> None:
    runs = [make_run(seed=seed) for seed in (1, 2, 3)]
    at = open_page("hierarchy", {"run": runs[0].id, "support": "true", "support_kind": "Transfer"})
    assert "transfer support over 2 other seeds in percent" in text_of(at)
    trees = [tree_of(run) for run in runs]
    expected = transfer_support(trees[0].linkage, [h.linkage for h in trees[1:]])
    shown = [int(t) for trace in chart(at)["data"] if trace.get("name") == "merges" for t in trace["text"] if t]
    merges = {int(c[0]) for trace in chart(at)["data"] if trace.get("name") == "merges" for c in trace["customdata"]}
    there = [expected[node - 10] for node in sorted(merges) if not np.isnan(expected[node - 10])]
    assert shown == [int(f"{100 * share:.0f}") for share in there]
    at = open_page("hierarchy", {"support": "true", "support_kind": "<b>none</b>"})
    assert "The kind of support" in text_of(at)


def test_the_tree_of_all_seeds_is_what_most_of_them_have(open_page: Open, make_run: Make) -> None:
    runs = [make_run(seed=seed) for seed in (1, 2, 3)]
    trees = [tree_of(run) for run in runs]
    sets = [{frozenset(h.members(node).tolist()) for node in range(h.n, 2 * h.n - 2)} for h in trees]
    counted = {clade: sum(clade in each for each in sets) for clade in set.union(*sets)}
    most = {clade: count for clade, count in counted.items() if count > 1}
    at = open_page("hierarchy", {"run": runs[0].id, "tree_seeds": "All seeds", "groups": "4"})
    found = len(most)
    assert (f"{found} clade" if found else "No clade") in text_of(at) and "of the 3 trees." in text_of(at)
    drawn = {t["name"]: t for t in chart(at)["data"]}
    shown = sorted(int(text) for text in drawn.get("merges", {}).get("text", []) if text)
    assert shown == sorted(round(100 * count / 3) for count in most.values())
    (group,) = [g for g in group_marks(trees[0], 4) if 0 in trees[0].members(g.node)]
    leaves = drawn["leaves"]
    assert leaves["marker"]["color"][[c[0] for c in leaves["customdata"]].index(0)] == group.color
    at.segmented_control(key="tree_seeds").set_value("one").run()
    assert not at.exception and "At 4 groups" in text_of(at)


def test_with_two_seeds_there_is_no_tree_of_all(open_page: Open, make_run: Make) -> None:
    run, _ = make_run(seed=1), make_run(seed=2)
    at = open_page("hierarchy", {"run": run.id, "tree_seeds": "All seeds"})
    assert "tree_seeds" not in [control.key for control in at.segmented_control]
    assert "At " in text_of(at) and "**Other seeds** 1 tree: too few" in text_of(at)


def test_the_lines_on_a_tree_against_slow_counts(open_page: Open, make_run: Make) -> None:
    runs = [make_run(seed=seed, class_names=list(load_taxonomy("shapes").classes)) for seed in (1, 2, 3)]
    trees = [tree_of(run) for run in runs]
    sets = [{frozenset(h.members(node).tolist()) for node in range(h.n, 2 * h.n - 2)} for h in trees]
    again = sum(sum(clade in other for other in sets[1:]) > 1 for clade in sets[0])
    groups = load_taxonomy("shapes").clades(trees[0].names)
    own = {frozenset(trees[0].names[i] for i in clade) for clade in sets[0]}
    text = text_of(open_page("hierarchy", {"run": runs[0].id}))
    assert f"**Other seeds** {again} of 14 clades in most of their 2 trees" in text
    assert f"**Its groups** {len(groups & own)} of {len(groups)} are clades" in text
    assert "**The families of shapes** tau " in text and "**Faithful** cophenetic correlation " in text


def test_the_answer_is_short_and_calls_groups_by_their_names(make_run: Make) -> None:
    places = np.array([0.0, 1, 10, 12, 50, 53, 100, 101, 103, 106, 110])[:, None]
    h = build_hierarchy(places, ["cat", "dog", "ship", "car", "ant", "bee", "ash", "oak", "fir", "elm", "yew"])
    key = TreeKey(TreeSpec("short answers", 3), True, 1)
    pets, trees = (h.smallest_clade(members) for members in ([0, 1], range(6, 11)))
    head, _, names = answer(key, h, 4, {pets: "pets"}).rstrip(".").partition(": ")
    assert head == "At 4 groups" and {"pets"} < set(names.split(", ")) and names.count("classes") == 1
    assert {name.split("…")[0] for name in names.split(", ")} == {"pets", "ship", "ant", "ash"} and names.count(
        "(2"
    ) == 2
    said = answer(key, h, 11, {})
    assert said.startswith("At 11 groups: ") and said.endswith(" and 8 more.") and len(said.split()) <= 12
    assert answer(key, h, 2, {trees: "tree"}).count("(6 classes") == 1  # too many classes to list


def test_the_answer_lists_all_classes_of_small_groups(make_run: Make) -> None:
    names = ["cat", "dog", "ship", "car", "ant", "bee"]
    h = build_hierarchy(np.array([[0.0], [1], [10], [12], [50], [53]]), names)
    key = TreeKey(TreeSpec("small groups", 3), True, 1)
    head, _, told = answer(key, h, 3, {6: "pets"}).rstrip(".").partition(": ")
    assert head == "At 3 groups" and {frozenset(group.split(", ")) for group in told.split("; ")} == {
        frozenset({"pets"}), frozenset({"ship", "car"}), frozenset({"ant", "bee"}),
    }  # fmt: skip
    digits = build_hierarchy(np.array([0.0, 1, 2, 20, 21, 23, 50, 51, 80, 81])[:, None], list("1823974605"))
    assert answer(key._replace(stamp=3), digits, 4, {}).count(", ") == 6  # ten signs are read at a glance
    every = answer(key, h, 6, {}).rstrip(".")
    assert every.startswith("At 6 groups: ") and set(every.split(": ")[1].split(", ")) == set(names)
    hostile = build_hierarchy(np.array([[0.0], [1], [10]]), ["*a*", "b\n;", "c"])
    assert "*a*" not in answer(key._replace(stamp=2), hostile, 2, {})


def test_a_walk_through_the_merges_and_leaves(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=6)
    h = tree_of(run)
    at = open_page("hierarchy", {"tree_class": h.names[int(h.order[0])]})
    click(at, "tree_after")
    assert at.session_state["tree_class"] == h.names[int(h.order[1])]
    at.session_state["tree_class"] = None
    pick_clade(at, h, h.n)
    seen = []
    for _ in range(h.n - 1):
        seen.append(h.clade_of(at.session_state[CLADE]))
        click(at, "tree_after")
    assert (
        seen == list(range(h.n, 2 * h.n - 1)) and h.clade_of(at.session_state[CLADE]) == h.n
    )  # from the highest to the lowest
    click(at, "tree_before")
    assert h.clade_of(at.session_state[CLADE]) == 2 * h.n - 2


@pytest.mark.parametrize("leaves", ["On the right", "Around"])
def test_downloads_are_the_figure_on_screen(
    open_page: Open, make_run: Make, monkeypatch: pytest.MonkeyPatch, leaves: str
) -> None:
    """Cut, closed clades, zoom and pictures of the page are those of the files; what a file cannot show stands in its label."""
    run = make_run(classes=9)
    h = tree_of(run)
    zoom = int(h.children[-1][np.argmax(h.sizes[h.children[-1]])])
    shut = next(int(node) for node in h.children[zoom - h.n] if node >= h.n)
    kept = {}
    monkeypatch.setattr(
        "app.hierarchy.downloads.downloads", lambda label, entries, **_: kept.update({e[0]: e for e in entries})
    )
    query = {
        "run": run.id,
        "zoom": str(zoom),
        "closed": str(shut),
        "groups": "4",
        "leaves": leaves,
        "leaf_pictures": "true",
    }
    at = open_page("hierarchy", query)
    drawn = chart(at)
    page = kept[AS_ON_SCREEN][3]().decode()
    found = json.loads(re.search(r'<script type="application/json" id="figure-0">(.*?)</script>', page, re.S)[1])
    assert [trace["name"] for trace in found["figure"]["data"]] == [trace["name"] for trace in drawn["data"]]
    assert len(found["figure"]["layout"]["images"]) == len(drawn["layout"]["images"]) > 0
    said = {"On the right": "without pictures", "Around": "leaves on the right, without pictures"}[leaves]
    svg = kept[f"Picture, SVG ({said})"][3]().decode()
    members = {h.names[i] for i in h.members(zoom)} - {h.names[i] for i in h.members(shut)}
    assert all(f">{name}</text>" in svg for name in members) and "4 groups" in svg
    assert all(f">{name}</text>" not in svg for name in set(h.names) - {h.names[i] for i in h.members(zoom)})
    assert "1 closed clade as a triangle" in svg


def test_pictures_may_have_any_width(open_page: Open, make_run: Make) -> None:
    make_run()
    at = open_page("hierarchy")
    at.segmented_control(key=WIDTH).set_value(0)
    at.run()
    assert not at.exception and at.number_input(key=OTHER_WIDTH).value == 160
