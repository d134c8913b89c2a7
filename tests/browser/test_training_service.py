"""Trainings as two browsers see them: started in one, seen in the other, through reloads; cancelled, resumed, compared."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from lwal_core.runs import Run, list_runs, open_run
from tests.browser.conftest import quick_look, settled

PATIENCE = 150.0
"""Seconds: two browsers, the app and a training share what may be two busy cores."""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def shown(page: Page, words: str) -> None:
    expect(page.get_by_text(re.compile(words)).first).to_be_visible(timeout=1000 * PATIENCE)


def test_start_reload_second_browser_cancel_resume_compare(
    serve: Callable[..., str], page: Page, other_page: Page, make_run: Callable[..., Run]
) -> None:
    make_run("onehot", seed=12)
    address = serve(worker=True, OMP_NUM_THREADS="1")
    page.goto(f"{address}/train")
    settled(page)
    quick_look(page)
    page.get_by_label("Epochs", exact=True).fill("2000")
    page.get_by_label("Epochs", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Start 1 training").click()
    shown(page, "Running now")
    until(lambda: any(run.number for run in list_runs()))
    run_id = next(run.id for run in list_runs() if run.number)
    until(lambda: open_run(run_id).metrics().epochs_done >= 2)

    page.reload()
    shown(page, r"epoch \d+ of 2000, test accuracy [\d.]+\s%")
    page.get_by_role("link", name="Watch").click()
    shown(page, r"The tree after epoch \d+")
    shown(page, r"[\d,]+ samples a second")
    page.get_by_role("button", name="All trainings").click()
    shown(page, "Running now")

    other = other_page
    other.set_default_timeout(1000 * PATIENCE)
    other.goto(f"{address}/train")
    shown(other, r"epoch \d+ of 2000")
    other.get_by_role("button", name="Cancel").first.click()
    until(lambda: open_run(run_id).status == "cancelled")
    done = open_run(run_id).metrics().epochs_done
    assert 2 <= done < 2000
    for window in (page, other):
        shown(window, f"cancelled after {done} epochs")

    # What is typed under Change outlasts the board's clock.
    page.get_by_role("button", name="Change").click()
    name = page.get_by_test_id("stPopoverBody").get_by_label("Name")
    name.fill("Named while others train")
    page.wait_for_timeout(2_500)
    expect(name).to_have_value("Named while others train")
    page.get_by_role("button", name="Keep name and tags").click()
    until(lambda: open_run(run_id).name == "Named while others train")
    page.keyboard.press("Escape")

    # The window that did not ask for it sees that the run goes on, and can end it again.
    page.get_by_role("button", name="Resume").click()
    until(lambda: open_run(run_id).metrics().epochs_done > done)
    shown(other, r"epoch \d+ of 2000")
    other.get_by_role("button", name="Cancel").first.click()
    until(lambda: open_run(run_id).status == "cancelled")
    run = open_run(run_id)
    assert [change.status for change in run.record.history] == ["queued", "running", "cancelling", "cancelled"] * 2
    assert run.metrics().epoch.tolist() == list(range(run.metrics().epochs_done + 1))
    shown(page, f"cancelled after {run.metrics().epochs_done} epochs")

    page.get_by_role("link", name="Look at these").click()
    expect(page.get_by_role("heading", name="What groups do the classes form?")).to_be_visible(timeout=1000 * PATIENCE)
    page.get_by_role("link", name="Curves", exact=True).first.click()
    expect(page.get_by_role("heading", name="Did it pay off?")).to_be_visible(timeout=1000 * PATIENCE)
    settled(page)
    page.get_by_test_id("stPopoverButton").filter(has_text="Runs").click()
    page.get_by_role("combobox", name=re.compile("Runs to look at")).click()
    page.get_by_role("option", name=re.compile("One-hot")).click()
    plot = page.locator(".js-plotly-plot").first
    expect(plot).to_contain_text("One-hot", timeout=1000 * PATIENCE)
    expect(plot).to_contain_text("LwAL")
