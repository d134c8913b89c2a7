"""What the first screen of each page holds: where its figure begins, how large it is, and how many words and controls there are.

How to run it::

    lwal examples open --results           # in a home of its own: LWAL_HOME
    python tools/first_screen.py --home HOME [--only curves train] [--pictures FOLDER]

A row a page: ``y`` of the first figure, its share of the window's width and of its height, words of the whole page and of the first
screen, controls of both, folded parts, and whether a press on *Start* is in view. ``--pictures`` keeps what was looked at, in both
themes and at 1,400 and 420 px. Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.common.pages import PAGES  # noqa: E402
from tools.browser import chromium, painted, served  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HEIGHT = 900
"""Pixels of the window's height."""
WIDTHS = (1400, 420)
"""Pixels of the window's width: a laptop, a phone."""
MEASURE = """() => {
  const height = window.innerHeight, width = window.innerWidth;
  const shown = element => { const r = element.getBoundingClientRect(); return r.width > 0 && r.height > 0; };
  const top = element => element.getBoundingClientRect().top;
  const app = document.querySelector('[data-testid="stApp"]');
  const kinds = ['stButton', 'stSelectbox', 'stMultiSelect', 'stSlider', 'stButtonGroup', 'stTextInput', 'stNumberInput', 'stPopover',
    'stCheckbox', 'stDownloadButton', 'stLinkButton', 'stPageLink', 'stTextArea', 'stFileUploader', 'stRadio'];
  const controls = kinds.flatMap(kind => [...app.querySelectorAll(`[data-testid="${kind}"]`)]).filter(shown);
  const chart = [...app.querySelectorAll('[data-testid="stPlotlyChart"]')].filter(shown)[0];
  const box = chart && chart.getBoundingClientRect();
  const main = document.querySelector('[data-testid="stMain"]');
  const pieces = [];
  const walk = document.createTreeWalker(app, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement;
    if (!parent || !shown(parent) || parent.closest('header, style, script, [data-testid="stIconMaterial"], .modebar')) continue;
    const words = node.textContent.split(/\\s+/).filter(word => /[\\p{L}\\p{N}]/u.test(word)).length;
    pieces.push([top(parent), words]);
  }
  const count = pieces => pieces.reduce((sum, piece) => sum + piece[1], 0);
  const start = [...document.querySelectorAll('[data-testid="stBaseButton-primary"]')].filter(shown).map(top);
  return {
    y: box ? Math.round(box.top) : null,
    width: box ? box.width / width : null,
    height: box ? (Math.min(box.bottom, height) - box.top) / height : null,
    words: count(pieces), words_first: count(pieces.filter(piece => piece[0] < height)),
    controls: controls.length, controls_first: controls.filter(element => top(element) < height).length,
    folds: [...app.querySelectorAll('[data-testid="stExpander"]')].filter(shown).length,
    primary: start.length ? Math.round(Math.min(...start)) : null,
    sideways: main.scrollWidth > main.clientWidth + 1,
  };
}"""
"""What is measured, on a page that is painted and not scrolled."""


def main() -> int:
    """Print a row a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="a home with runs")
    parser.add_argument(
        "--only", nargs="+", metavar="PAGE", choices=[page.name for page in PAGES], help="pages by name"
    )
    parser.add_argument("--pictures", type=Path, help="folder of pictures of what was looked at")
    parser.add_argument("--query", default="", help="query of the address, the same for every page")
    options = parser.parse_args()
    if not options.home.is_dir():
        raise SystemExit(f"There is no home at {options.home}.")
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    pages = [page for page in PAGES if options.only is None or page.name in options.only]
    print(
        "| page | width | figure at y | of width | of height | words | in view | controls | in view | folds | first filled button at y |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with chromium() as browser, served(options.home.resolve(), worker=False) as address:
        for page in pages:
            for width in WIDTHS if options.pictures else WIDTHS[:1]:
                for theme in ("light", "dark") if options.pictures else ("light",):
                    place = options.pictures and options.pictures / f"{page.name}-{theme}-{width}.png"
                    found = look(
                        browser, f"{address}/{page.url_path}?{options.query}", width, theme, page.figures, place
                    )
                    if theme == "light":
                        print(row(page.name, width, found), flush=True)
    return 0


def look(browser: Browser, address: str, width: int, theme: str, figures: int, place: Path | None) -> dict[str, Any]:
    """Open a page and measure it.

    Args:
        browser: The browser.
        address: The page's address.
        width: Pixels of the window's width.
        theme: ``"light"`` or ``"dark"``.
        figures: How many figures it has at least.
        place: File of its picture, if one is kept.

    Returns:
        What :data:`MEASURE` gives.
    """
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    try:
        page = context.new_page()
        page.goto(address)
        painted(page, figures)
        page.wait_for_timeout(700)
        painted(page, figures)
        found: dict[str, Any] = page.evaluate(MEASURE)
        if place is not None:
            page.screenshot(path=place)
        return found
    finally:
        context.close()


def row(name: str, width: int, found: dict[str, Any]) -> str:
    """A page's figures as a row of a table."""

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.0%}"

    def at(value: int | None) -> str:
        return "–" if value is None else str(value)

    cells = [
        name, str(width) + (" (sideways)" if found["sideways"] else ""), at(found["y"]), share(found["width"]), share(found["height"]),
        f"{found['words']:,}", f"{found['words_first']:,}", str(found["controls"]), str(found["controls_first"]), str(found["folds"]),
        at(found["primary"]),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
