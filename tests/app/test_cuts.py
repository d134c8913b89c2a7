"""Cuts on the Hierarchy page: rules, by hand, links, what is kept with the run, and what other pages are told."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.tree.cuts import CHOSEN
from app.tree.toolbar import CUT_BY
from lwal_core.analysis.trees.cuts import cut_here, cut_labels, cut_tops, parse_rule, tops_below
from lwal_core.results.cuts import groups_of
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run, keep_cut, read_cuts
from tests.app.conftest import said, text_of
from tests.app.test_hierarchy_page import a_clade, chart, click, pick_clade, trace_names, tree_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({"cut_by": "Dynamic"}, "dynamic=2"),
        ({"cut_by": "At most m classes", "cut_most": "4"}, "size=4"),
        ({"cut_by": "Best silhouette"}, "silhouette"),
        ({"cut_by": "Number of groups", "groups": "5"}, "groups=5"),
    ],
)
def test_every_rule_cuts_as_the_library_does(open_page: Open, make_run: Make, query: dict[str, str], rule: str) -> None:
    run = make_run(classes=12)
    at = open_page("hierarchy", query)
    wanted = groups_of(run, rule)
    assert at.session_state[CHOSEN].rule == parse_rule(rule)
    assert f"{len(wanted.names)} group" in text_of(at)
    assert len(wanted.names) == 1 or "groups" in trace_names(at)


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("how", ["Dynamic", "At most m classes", "Best silhouette", "By hand"])
def test_few_classes(open_page: Open, make_run: Make, classes: int, how: str) -> None:
    make_run(classes=classes)
    at = open_page("hierarchy", {"cut_by": how})
    assert chart(at)["data"]


def test_an_unknown_rule_is_said(open_page: Open, make_run: Make) -> None:
    make_run()
    assert "is not here" in text_of(open_page("hierarchy", {"cut_by": "Magic"}))


def test_by_hand_a_merge_is_cut_joined_and_in_the_address(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=12)
    h = tree_of(run)
    at = open_page("hierarchy", {"groups": "2"})
    node = a_clade(h, 2)
    pick_clade(at, h, node)
    assert at.button(key="tree_part").label == "Cut here"
    click(at, "tree_part")
    merges = at.session_state[CHOSEN].rule.merges
    tops = tops_below(h, merges)
    assert at.session_state[CUT_BY] == "hand" and node in merges
    assert set(h.children[node - h.n].tolist()) <= set(tops)
    assert f"At {len(tops)} groups" in text_of(at)
    assert "cut at" not in str(chart(at)["layout"].get("annotations"))  # there is no one height
    address = {name: said(at, name)[0] for name in ("cut_by", "parted")}

    again = open_page("hierarchy", address)
    assert again.session_state[CHOSEN].rule.merges == merges
    assert f"At {len(tops)} groups" in text_of(again)

    pick_clade(at, h, int(h.parents[node]))
    assert at.button(key="tree_part").label == "Join here"
    click(at, "tree_part")
    assert int(h.parents[node]) in tops_below(h, at.session_state[CHOSEN].rule.merges)
    click(at, "tree_whole")
    assert at.session_state[CUT_BY] == "groups" and not said(at, "parted")
    assert "At 2 groups" in text_of(at)


def test_by_hand_begins_with_the_groups_that_there_were(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=12)
    at = open_page("hierarchy", {"groups": "4"})
    at.selectbox(key=CUT_BY).select("hand").run()
    assert not at.exception
    h = tree_of(run)
    assert tops_below(h, at.session_state[CHOSEN].rule.merges) == tuple(cut_tops(h, 4).tolist())


@pytest.mark.parametrize("parted", ["x", "-1", "0", "99999999999999", "0.1.2", "12..14", "<b>", "22." * 3_000])
def test_any_address_is_some_cut(open_page: Open, make_run: Make, parted: str) -> None:
    run = make_run(classes=12)
    at = open_page("hierarchy", {"cut_by": "By hand", "parted": parted})
    assert cut_labels(tree_of(run), tops_below(tree_of(run), at.session_state[CHOSEN].rule.merges)).shape == (12,)


def test_a_cut_by_hand_carries_over_to_another_epoch(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=8, epochs=3)
    h = tree_of(run)
    at = open_page("hierarchy", {"cut_by": "By hand", "parted": str(2 * h.n - 2)})
    at.select_slider(key="epoch").set_value(2).run()
    assert not at.exception
    assert 2 * h.n - 2 in at.session_state[CHOSEN].rule.merges  # all classes are a clade of every tree


def test_film_and_baseline_take_the_groups_of_a_cut_by_hand(open_page: Open, make_run: Make) -> None:
    run, _ = make_run("lwal", classes=8), make_run("onehot", classes=8)
    h = tree_of(run)
    merges = cut_here(h, 2, a_clade(h, 2))
    query = {
        "run": run.id, "cut_by": "By hand", "parted": ".".join(map(str, merges)),
        "tree_film_open": "true", "tree_beside": "true",
    }  # fmt: skip
    at = open_page("hierarchy", query)
    groups = len(tops_below(h, merges))
    assert "the baseline's at one height into as many groups" in text_of(at)
    specs = [json.loads(each.proto.spec) for each in at.get("plotly_chart")]
    (film,) = [spec for spec in specs if spec.get("frames")]
    assert "Groups are coloured where they are clades" in film["layout"]["title"]["text"]
    (report,) = [b.proto.label for b in at.get("download_button") if b.proto.label.startswith("Report")]
    assert f"({groups} groups at one height)" in report


def test_the_baseline_is_cut_by_the_same_rule(open_page: Open, make_run: Make) -> None:
    run, other = make_run("lwal", classes=12), make_run("onehot", classes=12, seed=12)
    query = {"run": run.id, "cut_by": "At most m classes", "cut_most": "4", "tree_beside": "true"}
    text = text_of(open_page("hierarchy", query))
    here, there = (len(groups_of(each, "size=4").names) for each in (run, other))
    assert f"the same rule, *At most m classes*: {here} groups here, {there} in the baseline's" in text


def test_groups_are_kept_shown_and_forgotten(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=12)
    at = open_page("hierarchy", {"groups": "3"})
    at.session_state["cut_menu"] = True
    at.run()
    at.text_input(key="cut_name").set_value("coarse: no")
    click(at, "cut_keep")
    assert "no name of a cut" in text_of(at) and not read_cuts(run.path)
    at.text_input(key="cut_name").set_value("<b>coarse</b>")
    click(at, "cut_keep")
    kept = read_cuts(run.path)["<b>coarse</b>"]
    h = tree_of(run)
    assert {frozenset(group.classes) for group in kept.groups} == {
        frozenset(h.names[i] for i in h.members(top)) for top in cut_tops(h, 3)
    }
    assert "Class means after epoch 3" in kept.made and "into 3 groups" in kept.made
    at.slider(key="groups").set_value(7).run()
    click(at, "cut_show")
    assert "At 3 groups" in text_of(at)
    click(at, "cut_forget")
    assert not read_cuts(run.path)


def test_kept_groups_that_are_no_clades_are_not_shown(open_page: Open, make_run: Make) -> None:
    run = make_run(classes=4)
    h = tree_of(run)
    far = [h.names[i] for i in h.order[[0, -1]]]
    keep_cut(run.path, "odd", [("far", far), ("rest", [name for name in h.names if name not in far])])
    at = open_page("hierarchy")
    at.session_state["cut_menu"], at.session_state["cut_kept"] = True, "odd"
    at.run()
    assert not at.exception
    assert "no clades of this tree" in text_of(at)
    assert not any(button.key == "cut_show" for button in at.button)


def test_other_pages_have_the_cut(make_run: Make) -> None:
    run = make_run(classes=12)
    at = AppTest.from_function(ask, args=(run.id,), default_timeout=60).run()
    assert not at.exception
    h, said = run_hierarchy(run), at.session_state
    assert said["at_first"].labels.tolist() == said["too_many"].labels.tolist() == h.cut(k=h.default_groups).tolist()
    chosen = said["chosen"]
    assert max(chosen.members(group).size for group in range(len(chosen.names))) <= 3
    assert len(set(zip(chosen.colors, chosen.symbols, strict=True))) == len(chosen.names)


def ask(run_id: str) -> None:
    """A page that asks for the groups: before a cut was chosen, with one, and with one that the tree does not have."""
    import streamlit as st

    from app.tree.cuts import ChosenCut, current_groups
    from lwal_core.analysis.trees.cuts import CutRule
    from lwal_core.results.tree_spec import TreeSpec
    from lwal_core.runs import open_run

    run = open_run(run_id)
    st.session_state["at_first"] = current_groups(run)
    st.session_state["tree_cut_chosen"] = ChosenCut(TreeSpec.of(run, linkage="single"), CutRule("size", 3))
    st.session_state["chosen"] = current_groups(run)
    st.session_state["tree_cut_chosen"] = ChosenCut(TreeSpec.of(run), CutRule("groups", 99))
    st.session_state["too_many"] = current_groups(run)
