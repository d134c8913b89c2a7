"""Every page for every reader: both themes, two widths, nothing that axe-core calls serious, and a way by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from app.common.pages import FIGURES
from tests.browser.axe import findings
from tests.browser.conftest import drawn, settled


@pytest.fixture
def window(page: Page, theme: str, width: int) -> Page:
    """A window of a width whose reader prefers a theme."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_default_timeout(120_000)
    return page


def test_home_before_the_first_training(serve: Callable[..., str], page: Page) -> None:
    address = serve()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.goto(address)
        settled(page)
        expect(page.locator(".lws-tree")).to_be_visible()  # the story's
        assert not findings(page), theme


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 1400), ("dark", 420)])
def test_every_page(library: str, window: Page, theme: str, width: int) -> None:
    for path in FIGURES:
        window.goto(f"{library}/{path}")
        drawn(window, path)
        assert window.locator("h2").count() == 1, path
        sideways = window.evaluate("document.scrollingElement.scrollWidth > window.innerWidth + 2")
        assert not sideways, f"{path or 'home'} scrolls sideways"
        if width == 1400:
            assert not findings(window), path or "home"


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>t</title><main><img src="data:,"><p style="color: #aaa">pale</p></main>')
    found = sorted(what.partition(":")[0] for what in findings(page))
    page.close()
    assert found == ["color-contrast", "image-alt"]
