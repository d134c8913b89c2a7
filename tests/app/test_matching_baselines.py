"""The baseline that comes along with a run that has just ended."""

from __future__ import annotations

from app.common.selection import ALONG, GROUPS, matching_baselines
from tests.app.conftest import follow, text_of


def test_only_a_baseline_trained_alike_with_a_seed_in_common_comes_along(make_run):
    ours = make_run(seed=12)
    alike = make_run("onehot", seed=12)
    make_run("onehot", seed=12, epochs=5)
    make_run("onehot", seed=12, data={"name": "shapes"})
    make_run("onehot", seed=12, training={"epochs": 3, "seed": 12, "learning_rate": 0.5})
    assert matching_baselines([ours.group]) == [alike.group]
    assert matching_baselines([ours.group, alike.group]) == []


def test_another_seed_is_no_match(make_run):
    ours = make_run(seed=12)
    make_run("onehot", seed=99)
    assert matching_baselines([ours.group]) == []


def test_look_at_these_brings_it_and_says_so(open_page, make_run):
    base, ours = make_run("onehot"), make_run()
    at = open_page("train")
    at.session_state["live_ids"] = [ours.id]
    at.session_state[GROUPS] = []
    at.run()
    (link,) = [each.proto for each in at.get("page_link") if each.proto.label == "Look at these"]
    at = follow(at, link)
    assert at.session_state[GROUPS] == [base.group, ours.group]
    assert at.session_state[ALONG] == [base.group]
    assert "came along to compare with" in text_of(at)
