"""The guided first run: every step on its page, until it is left; it fills in the form and never trains by itself."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_path
from app.home.guide import STEPS
from lwal_core.experiments.form_values import PRESETS
from lwal_core.runs import list_runs
from tests.app.conftest import follow, text_of


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception, at.exception
    return at


def test_from_the_empty_home_through_every_step_to_the_end(open_page, make_run):
    at = press(open_page(), "home_try")
    assert "Step 1 of 4: Train" in text_of(at)
    assert at.session_state["train_methods"] == PRESETS["Pictograms"]["methods"]
    start = next(button for button in at.button if button.key == "train_start")
    assert start.label in text_of(at)  # the button that its words name
    assert not list_runs() and at.button(key="guide_onward_train").disabled  # there is no tree to see yet
    run = make_run()
    at.run()
    for step, number in zip(STEPS[1:], range(2, 5), strict=True):
        if number == 2:  # a link, for this page is drawn anew by a clock
            (link,) = [each.proto for each in at.get("page_link") if each.proto.label == STEPS[0].onward]
            follow(at, link)
        else:
            press(at, f"guide_onward_{STEPS[number - 2].page}")
        assert f"Step {number} of 4: {step.title}" in text_of(at)
        assert at.session_state["selected_groups"] == [run.group]  # though nothing was there when the session began
        assert "would be here" not in text_of(at)
        at.switch_page(page_path(step.page))  # or AppTest would begin the next run on the page before
    press(at, "guide_onward_share")
    assert "Step" not in text_of(at) and not at.session_state["guide_on"]


def test_a_step_with_nothing_to_see_says_so(open_page):
    at = open_page("hierarchy", {"guide": "on"})
    assert "No epoch has finished yet" in text_of(at) and "Every leaf" not in text_of(at)
    assert at.button(key="guide_onward_hierarchy").disabled


def test_left_it_stays_away(open_page):
    at = press(open_page("train", {"guide": "on"}), "guide_leave_train")
    assert "Step 1" not in text_of(at) and "guide" not in at.query_params
    at.switch_page("../pages/hierarchy.py").run()
    assert "Step 2" not in text_of(at)


def test_pages_that_are_no_step_say_nothing_and_keep_it(open_page):
    at = open_page("trees", {"guide": "on"})
    assert "Step" not in text_of(at)
    at.switch_page("../pages/curves.py").run()
    assert "Step 3 of 4" in text_of(at)


@pytest.mark.parametrize("runs", [False, True])
def test_read_only_it_looks_only(open_page, make_run, monkeypatch, runs):
    if runs:
        make_run()
    monkeypatch.setenv("LWAL_READ_ONLY", "1")
    at = open_page()
    assert [button.key for button in at.button if button.key in ("guide_start", "home_try")] == ["guide_start"] * runs
    if runs:
        assert "Step 1 of 3: Read the tree" in text_of(press(at, "guide_start"))
