"""Every page for every reader: both themes, two widths, nothing that axe-core calls serious, and a way by keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Browser

from app.common.pages import FIGURES
from lwal_core.runs import Run
from tests.browser.axe import findings
from tests.browser.conftest import drawn


def test_every_page_in_both_themes_and_widths(
    serve: Callable[..., str], browser: Browser, make_run: Callable[..., Run]
) -> None:
    address = serve()
    windows = []
    for theme in ("light", "dark"):
        for width in (1400, 420):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            context.set_default_timeout(120_000)
            windows.append((f"{theme}, {width} px", width, context.new_page()))
    for where, width, page in windows:  # Home before the first training, with the examples' figures
        if width == 1400:
            page.goto(address)
            drawn(page, "")
            assert not findings(page), f"empty home, {where}"
    for seed in (12, 123):
        make_run("onehot", seed=seed)
        make_run(seed=seed)
    for where, width, page in windows:
        for path in FIGURES:
            page.goto(f"{address}/{path}")
            drawn(page, path)
            assert page.locator("h2").count() == 1, path
            sideways = page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth + 2")
            assert not sideways, f"{path or 'home'} scrolls sideways, {where}"
            if width == 1400:
                assert not findings(page), f"{path or 'home'}, {where}"
        page.context.close()


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content('<html lang="en"><title>t</title><main><img src="data:,"><p style="color: #aaa">pale</p></main>')
    found = sorted(what.partition(":")[0] for what in findings(page))
    page.close()
    assert found == ["color-contrast", "image-alt"]
