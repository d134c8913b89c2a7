"""Trainings as two browsers see them: started in one, seen in the other, through reloads; cancelled, resumed, compared."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import expect

from lwal_core.runs import list_runs, open_run
from tests.browser.conftest import settled

pytestmark = pytest.mark.browser


def until(condition, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_start_reload_second_browser_cancel_resume_compare(serve, page, browser, make_run):
    make_run("onehot", seed=12)
    address = serve()
    page.goto(f"{address}/train")
    settled(page)
    page.get_by_role("radio", name="Quick look").click()
    settled(page)
    page.get_by_label("Epochs", exact=True).fill("2000")
    page.get_by_label("Epochs", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Start 1 training").click()
    expect(page.get_by_text("Running now")).to_be_visible()
    until(lambda: any(run.number for run in list_runs()))
    run_id = next(run.id for run in list_runs() if run.number)
    until(lambda: open_run(run_id).metrics().epochs_done >= 2)

    page.reload()
    expect(page.get_by_text(re.compile(r"epoch \d+ of 2.?000"))).to_be_visible()
    page.get_by_role("button", name="Watch").click()
    expect(page.get_by_text(re.compile(r"The tree after epoch \d+"))).to_be_visible()
    page.keyboard.press("Escape")

    other = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    other.goto(f"{address}/train")
    expect(other.get_by_text(re.compile(r"epoch \d+ of 2.?000"))).to_be_visible()
    asked = time.monotonic()
    other.get_by_role("button", name="Cancel").first.click()
    until(lambda: open_run(run_id).status == "cancelled", 30)
    assert time.monotonic() - asked < 30
    for window in (page, other):
        expect(window.get_by_text(re.compile(r"cancelled after \d+ epochs"))).to_be_visible()
    done = open_run(run_id).metrics().epochs_done

    page.get_by_role("button", name="Resume").click()
    until(lambda: open_run(run_id).metrics().epochs_done > done)
    expect(other.get_by_text(re.compile(r"epoch \d+ of 2.?000"))).to_be_visible()
    other.get_by_role("button", name="Cancel").first.click()
    until(lambda: open_run(run_id).status == "cancelled", 30)
    history = [change.status for change in open_run(run_id).record.history]
    assert history == ["queued", "running", "cancelling", "cancelled"] * 2

    other.context.close()
    page.goto(f"{address}/curves")
    settled(page)
    expect(page.get_by_role("heading", name="Did it pay off?")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
