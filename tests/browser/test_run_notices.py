"""The browser's own notification: nobody is asked before a click, a run that ends is told once, a browser that blocks it says so."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from lwal_core.config import RunConfig
from lwal_core.jobs import submit
from lwal_core.runs import RunWriter, create_run
from tests.browser.conftest import settled

STAND_IN = """
window.told = []; window.asked = 0;
window.Notification = class {
  static permission = "PERMISSION";
  static async requestPermission() {
    window.asked += 1;
    if (this.permission === "default") this.permission = "granted";
    return this.permission;
  }
  constructor(title, options) { window.told.push([title, options.body]); }
  close() {}
};
"""
"""A browser without a screen shows no notification: this one keeps what it was given."""


def test_a_run_that_ends_is_told_on_any_page(serve: Callable[..., str], page: Page) -> None:
    run, _ = (
        submit(create_run(RunConfig.parse({"training": {"seed": seed}}))) for seed in (12, 13)
    )  # one goes on waiting
    address = serve()
    page.add_init_script(STAND_IN.replace("PERMISSION", "default"))
    page.goto(f"{address}/train")
    settled(page)
    assert page.evaluate("[window.told.length, window.asked]") == [0, 0]
    page.get_by_role("button", name="Tell me when runs end").click()
    expect(page.get_by_role("button", name="Telling you when runs end")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("[window.told.length, window.asked]") == [1, 1]

    page.add_init_script(STAND_IN.replace("PERMISSION", "granted"))
    page.goto(f"{address}/curves")  # a new session, on another page
    settled(page)
    RunWriter(run.path).move_to("running", "")
    page.wait_for_timeout(6_000)
    assert page.evaluate("window.told") == []
    RunWriter(run.path).move_to("done", "")
    page.wait_for_function("window.told.length > 0", timeout=60_000)
    page.wait_for_timeout(6_000)
    ((title, body),) = page.evaluate("window.told")
    assert title.startswith("Done: ") and "digits" in body.lower()

    page.goto(f"{address}/train")
    settled(page)
    page.get_by_role("button", name="Telling you when runs end").click()
    expect(page.get_by_role("button", name="Tell me when runs end")).to_have_attribute("aria-pressed", "false")
    assert "lwal_tell" not in page.evaluate("document.cookie")

    page.add_init_script(STAND_IN.replace("PERMISSION", "denied"))
    page.reload()
    settled(page)
    expect(page.get_by_text("This browser blocks notifications of this page")).to_be_visible()
    expect(page.get_by_role("button", name="Tell me when runs end")).to_be_disabled()
