"""The guided first run in Chromium: every step leads to the next, Back and a reload keep it, and the last ends it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import drawn, settled


def step(page: Page, number: int) -> None:
    expect(page.get_by_text(f"Step {number} of 4")).to_be_visible()
    settled(page)


def test_from_step_to_step_back_and_to_the_end(library: str, page: Page) -> None:
    page.goto(f"{library}/train?guide=on")
    step(page, 1)
    expect(page.get_by_text("Trainings have finished here.")).to_be_visible()
    expect(page.get_by_role("button", name="Start 2 trainings")).to_be_visible()  # the form is filled in
    page.get_by_role("link", name="See the tree").click()
    step(page, 2)
    drawn(page, "hierarchy")
    page.get_by_role("button", name="See whether it paid off").click()
    step(page, 3)
    page.go_back()
    step(page, 2)
    page.go_forward()
    step(page, 3)
    page.reload()
    step(page, 3)
    page.get_by_role("button", name="Give it to somebody").click()
    step(page, 4)
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name=re.compile("^Labels make "))).to_be_visible()
    settled(page)
    expect(page.get_by_text(re.compile("^Step . of 4"))).to_have_count(0)
    assert "guide" not in page.url
