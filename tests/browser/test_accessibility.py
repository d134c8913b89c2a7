"""Every page for every reader: both themes, two widths, nothing that axe-core calls serious, and a way by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from app.common.pages import FIGURES
from tests.browser.axe import check_readable, check_width, findings
from tests.browser.conftest import drawn, settled
from tests.browser.test_no_network import can_be_cut_off

THEMES = ("dark",) if can_be_cut_off() else ("dark", "light")
"""In the light theme test_no_network looks at the same pages, where it can run."""


def test_home_before_the_first_training(serve: Callable[..., str], page: Page) -> None:
    address = serve()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.goto(address)
        settled(page)
        expect(page.locator(".lws-tree")).to_be_visible()  # the story's
        assert not findings(page), theme


@pytest.mark.parametrize("theme", THEMES)
def test_every_page(library: str, page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_default_timeout(120_000)
    for path in FIGURES:
        page.set_viewport_size({"width": 1400, "height": 900})
        page.goto(f"{library}/{path}")
        drawn(page, path)
        ink = page.evaluate("getComputedStyle(document.querySelector('[data-testid=\"stApp\"]')).color")
        assert (sum(map(int, re.findall(r"\d+", ink)[:3])) > 384) == (theme == "dark"), (path, ink)
        check_readable(page, path or "home")
        page.set_viewport_size({"width": 420, "height": 900})
        drawn(page, path)
        check_width(page, path or "home")


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>t</title><main><img src="data:,"><p style="color: #aaa">pale</p></main>')
    found = sorted(what.partition(":")[0] for what in findings(page))
    wide = '<html lang="en"><title>t</title><h2>a</h2><main style="width: 3000px">wide</main>'
    page.set_content(wide)
    with pytest.raises(AssertionError, match="it scrolls sideways"):
        check_width(page, "it")
    page.close()
    assert found == ["color-contrast", "image-alt"]
