"""axe-core in a page: what someone with a screen reader, a keyboard or weak eyes would stumble over."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Frame, Page

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
