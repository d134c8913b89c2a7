"""Two facing trees under the mouse: what is folded on the left is folded on the right, too."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, TimeoutError, expect

from tests.browser.conftest import settled

PLACES = """() => {
  const graph = document.querySelector('.js-plotly-plot'), box = graph.getBoundingClientRect(), found = {};
  graph.data.forEach((trace, t) => {
    if (!trace.customdata || !trace.customdata.length) return;
    const axis = graph._fullLayout['xaxis' + (trace.xaxis || 'x').slice(1)], { yaxis } = graph._fullLayout;
    found[trace.name] = graph.calcdata[t].map((point, i) => [
      trace.customdata[i][0], trace.customdata[i][1],
      box.x + axis._offset + axis.c2p(point.x), box.y + yaxis._offset + yaxis.c2p(point.y),
    ]);
  });
  return found;
}"""
"""Node, number of classes and place on the screen of each marker, by trace."""


def places(page: Page) -> dict[str, list[tuple[int, int, float, float]]]:
    found: dict[str, list[tuple[int, int, float, float]]] = page.evaluate(PLACES)
    return found


def click(page: Page, trace: str, then: Locator, *, classes: int) -> None:
    """Click on the first node of so many classes until the page has answered."""
    for _ in range(3):
        settled(page)
        found = [place for place in places(page).get(trace, []) if place[1] == classes]
        if found:
            page.mouse.click(*found[0][2:])
            try:
                then.wait_for(timeout=20_000)  # another click on the same point would take it back
                break
            except TimeoutError:
                continue
        page.wait_for_timeout(500)
    expect(then).to_be_visible()
    settled(page)


def test_what_is_folded_on_the_left_is_folded_on_the_right(library: str, page: Page):
    page.set_viewport_size({"width": 1400, "height": 1600})  # all of the figure
    page.goto(f"{library}/trees")
    settled(page)
    # Both trees are of the same made vectors, so every clade has its match.
    before = places(page)
    sizes = [size for _, size, *_ in before["left merges"] if size < 10]
    size = max(sizes)
    click(page, "left merges", page.get_by_text(f"{size} classes on the left"), classes=size)
    page.get_by_role("button", name="Collapse", exact=True).click()
    expect(page).to_have_url(re.compile(r"left_closed=\d+"))
    expect(page).to_have_url(re.compile(r"right_closed=\d+"))
    settled(page)
    after = places(page)
    for side in ("left", "right"):
        assert [place[1] for place in after[f"{side} closed"]] == [size]
        assert len(after[f"{side} leaves"]) == 10 - size
    # A click on the triangle of the right side opens it on the left, too.
    click(page, "right closed", page.get_by_text(f"{size} classes on the right"), classes=size)
    expect(page).not_to_have_url(re.compile("left_closed"))
    assert len(places(page)["left leaves"]) == len(places(page)["right leaves"]) == 10
