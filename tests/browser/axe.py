"""axe-core in a page: what someone with a screen reader, a keyboard or weak eyes would stumble over; and a page's width."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Frame, Page, TimeoutError

SCRIPT = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
GRAVE = ("serious", "critical")

_RUN = """async () => {
  const found = await axe.run(document, { iframes: false, resultTypes: ["violations"] });
  return found.violations.flatMap(rule => rule.nodes.map(
    node => [rule.impact, `${rule.id}: ${node.target.join(" ")}: ${node.html.slice(0, 200)}: ${node.failureSummary}`]));
}"""


def findings(page: Page | Frame) -> list[str]:
    """What axe-core calls serious or critical in one document, as ``rule: selector: element: what is wrong``.

    Args:
        page: A page, or a frame in it; frames are documents of their own and looked at one by one.
    """
    if not page.evaluate("typeof axe == 'object'"):
        page.evaluate(SCRIPT)
    found: list[tuple[str, str]] = page.evaluate(_RUN)
    return [what for impact, what in found if impact in GRAVE]


def check_readable(page: Page, name: str) -> None:
    """One headline, nothing beside the window, nothing that axe-core finds serious.

    Args:
        page: The page, drawn.
        name: What a failure calls it.

    Raises:
        AssertionError: It is not so.
    """
    assert page.locator("h2").count() == 1, name
    check_width(page, name)
    assert not findings(page), name


def check_width(page: Page, name: str) -> None:
    """The page does not scroll sideways; figures take a moment after the window became narrow.

    Raises:
        AssertionError: It does.
    """
    try:
        page.wait_for_function("() => document.scrollingElement.scrollWidth <= window.innerWidth + 2", timeout=10_000)
    except TimeoutError:
        raise AssertionError(f"{name} scrolls sideways") from None
