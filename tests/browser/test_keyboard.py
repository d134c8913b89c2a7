"""The main path by keyboard alone: choose a run, move the epoch and the groups, pick a class, download the tree."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from lwal_core.runs import Run
from tests.browser.conftest import drawn, settled

STOPS = 40
"""Tab stops that a reader may have to pass to the next thing on this path."""

IN_POPOVER = "Boolean(document.activeElement.closest('[data-testid=stPopoverBody]'))"


def tab_to(page: Page, wanted: Locator, *, back: bool = False) -> None:
    """Press Tab until something has the focus."""
    node = wanted.first.element_handle()
    for _ in range(STOPS):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        if page.evaluate("node => node === document.activeElement", node):
            return
    raise AssertionError(f"not within {STOPS} presses of Tab: {wanted}")


def test_from_home_to_a_downloaded_tree(serve: Callable[..., str], page: Page, make_run: Callable[..., Run]) -> None:
    make_run(class_names=["cat", "dog", "ship", "truck", "deer"])
    make_run(data={"name": "shapes"})  # the newest, which is shown at first
    page.goto(serve())
    drawn(page, "")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to main content")).to_be_focused()
    tab_to(page, page.get_by_test_id("stPopoverButton").filter(has_text="Runs"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Runs to look at")).to_be_focused()
    page.keyboard.type("digits")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("runs=.*runs="))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    tab_to(page, page.get_by_role("link", name="Hierarchy"))
    page.keyboard.press("Enter")
    drawn(page, "hierarchy")
    tab_to(page, page.get_by_role("combobox", name="Run", exact=True))
    page.keyboard.type("digits")
    page.keyboard.press("Enter")
    expect(page.locator(".js-plotly-plot .ytick").filter(has_text="truck")).to_have_count(1)
    for slider, key, address in (("Epoch", "ArrowLeft", "epoch=2"), ("Groups", "ArrowRight", "groups=")):
        tab_to(page, page.get_by_role("slider", name=slider))
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(address))
        settled(page)
    download = page.get_by_test_id("stPopoverButton").filter(has_text="Download")
    tab_to(page, page.get_by_role("combobox", name="Class", exact=True))
    page.keyboard.type("ship")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nearest: ")).to_be_visible()
    settled(page)
    tab_to(page, page.locator(".st-key-tree_up button"))
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"^\d classes, joined at")).first).to_be_visible()
    settled(page)
    tab_to(page, page.locator(".st-key-tree_after button"), back=True)
    before = page.get_by_text(re.compile(r"^\d classes, joined at")).first.inner_text()
    page.keyboard.press("Enter")  # the next merge, by height
    expect(page.get_by_text(before, exact=True)).to_have_count(0)
    settled(page)
    tab_to(page, download, back=True)
    page.keyboard.press("Enter")
    first = page.get_by_test_id("stPopoverBody").get_by_role("radio").first
    expect(first).to_be_focused()
    tab_to(page, download, back=True)
    page.keyboard.press("Tab")
    assert page.evaluate(IN_POPOVER)
    tab_to(page, page.get_by_role("button", name="Newick"))
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert b"ship" in started.value.path().read_bytes()
    page.keyboard.press("Escape")
    expect(download).to_be_focused()  # it goes back to where it came from
    page.keyboard.press("Enter")
    expect(first).to_be_focused()
    body = page.get_by_test_id("stPopoverBody")
    tab_to(page, body.get_by_role("button").last)
    page.keyboard.press("Tab")  # what comes after the popover's button, and the popover is out of the way
    expect(body).to_have_count(0)
    page.keyboard.press("Shift+Tab")
    expect(download).to_be_focused()
    tools = page.locator(".modebar-btn")
    tab_to(page, tools.first)
    page.keyboard.press("ArrowRight")
    expect(tools.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(tools.last).to_be_focused()
    page.keyboard.press("Tab")  # all tools are one stop
    assert page.evaluate("!document.activeElement.closest('.modebar')")
    page.keyboard.press("Shift+Tab")
    expect(tools.last).to_be_focused()
