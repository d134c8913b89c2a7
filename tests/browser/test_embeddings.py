"""The Embeddings page under the mouse: lasso, one selection in every view, the film, the link, the view as a file."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, TimeoutError, expect

from tests.browser.axe import findings
from tests.browser.conftest import settled

PICTURE = "document.querySelector('.js-plotly-plot')"
PLACES = (
    f"name => {{ const graph = {PICTURE}, box = graph.getBoundingClientRect();"
    """
  const { xaxis, yaxis } = graph._fullLayout, all = graph._fullData[graph.data.findIndex(t => t.name == name)];
  return Array.from(all.x, (x, i) => [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(all.y[i])]);
}"""
)
"""Where each point of a trace is on the screen."""


def opened(page: Page, address: str, **query: str) -> None:
    query = {"projection": "PCA", **query}
    page.goto(f"{address}/embeddings?" + "&".join(f"{key}={value}" for key, value in query.items()))
    settled(page)


def places(page: Page, name: str) -> list[tuple[float, float]]:
    page.wait_for_function(
        f"() => {{ const g = {PICTURE}; return g && g.data && g.data.some(t => t.name == '{name}'); }}"
    )
    found: list[tuple[float, float]] = page.evaluate(PLACES, name)
    return found


def test_a_lasso_around_samples_lists_them(library: str, page: Page):
    opened(page, library, cloud="true")
    samples = places(page, "samples")
    assert len(samples) == 40
    # The mouse on a class brings its picture.
    page.mouse.move(*places(page, "classes")[0])
    expect(page.get_by_test_id("hover-picture")).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.get_by_test_id("hover-picture")).to_be_hidden()
    left, right = min(x for x, _ in samples), max(x for x, _ in samples)
    # Some, not all: what lies in the left part of the cloud, inside the picture.
    edge = sorted(x for x, _ in samples)[15] + 1
    inside = [1 for x, _ in samples if x < edge]
    top, bottom = min(y for _, y in samples) - 6, max(y for _, y in samples) + 6
    assert left < edge < right
    page.locator(".js-plotly-plot").first.hover()
    page.locator('.modebar-btn[data-title="Lasso Select"]').first.click()
    page.mouse.move(left - 6, top)
    page.mouse.down()
    for x, y in ((edge, top), (edge, bottom), (left - 6, bottom), (left - 6, top + 1)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    expect(page.get_by_text(re.compile(rf"^{len(inside)} test samples of \d+ classes are lassoed"))).to_be_visible()

    # A class that is picked after it draws the picture anew, and what was lassoed still stands out.
    settled(page)
    shown = f"() => ({PICTURE}.data.find(t => t.name == 'samples').selectedpoints || []).length"
    assert page.evaluate(shown) == len(inside)
    page.get_by_role("combobox", name="Class").click()
    page.get_by_role("option", name="class 2").click()
    page.wait_for_function(f"() => {PICTURE}.data.some(trace => trace.name == 'chosen')")
    settled(page)
    assert page.evaluate(shown) == len(inside)
    page.get_by_test_id("stBaseButton-tertiary").filter(has_text="close").first.click()  # forget these samples
    page.wait_for_function(f"() => {PICTURE}.data.find(t => t.name == 'samples').selectedpoints === undefined")


def test_a_class_picked_in_the_picture_is_picked_in_every_view_and_by_the_link(
    library: str, page: Page, other_page: Page
):
    opened(page, library)
    card = page.get_by_role("heading", name="class 3")
    for _ in range(5):  # the picture may be drawn anew under the mouse
        page.mouse.click(*places(page, "classes")[3])
        try:
            card.wait_for(timeout=6_000)
            break
        except TimeoutError:
            settled(page)
    expect(card).to_be_visible()
    settled(page)

    # The picture rings it, the matrix frames its row and column, the gallery shows it alone, and so does the tree.
    ringed = f"() => {PICTURE}.data.some(trace => trace.name == 'chosen')"
    page.wait_for_function(ringed)
    page.get_by_text("Confusion, mistakes, pictures", exact=True).click()
    settled(page)
    expect(page.get_by_text("Picked: class 3").first).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')].some(g => g.data.some(t => t.name == 'mistakes')"
        " && g.layout.shapes.filter(s => s.name == 'chosen').length == 2)"
    )
    page.get_by_role("radio", name="Gallery").click()
    settled(page)
    expect(page.get_by_text("Showing 2 of 2 thumbnails.")).to_be_visible()
    link = page.url
    page.get_by_role("link", name="Hierarchy", exact=True).first.click()
    settled(page)
    expect(page.get_by_text(re.compile("^Nearest: class"))).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')].some(g => g.data.some(t => t.name == 'chosen'))"
    )

    # The link that was copied shows the same view to somebody else.
    other_page.goto(link)
    settled(other_page)
    expect(other_page.get_by_role("heading", name="class 3")).to_be_visible()
    other_page.wait_for_function(ringed)
    expect(other_page.get_by_text("Showing 2 of 2 thumbnails.")).to_be_visible()


def test_the_film_plays_and_keeps_still_what_does_not_move(library: str, page: Page):
    opened(page, library, film="true", trails="true", tree_class="class%202")
    page.wait_for_function(
        f"() => {PICTURE} && {PICTURE}._transitionData && {PICTURE}._transitionData._frames.length == 7"
    )
    expect(
        page.get_by_text(re.compile("From epoch to epoch a class moves by .*Disparity after alignment"))
    ).to_be_visible()
    ranges = f"() => JSON.stringify([{PICTURE}._fullLayout.xaxis.range, {PICTURE}._fullLayout.height])"
    before, last = page.evaluate(ranges), places(page, "classes")
    page.evaluate(
        f"() => {{ const g = {PICTURE}; g.seen = []; g.on('plotly_animatingframe', e => g.seen.push(e.name)); }}"
    )
    page.locator(".updatemenu-button").first.click()
    page.wait_for_function(f"() => {PICTURE}.seen.length >= 7")
    assert page.evaluate(f"() => {PICTURE}.seen.slice(0, 7).join()") == "0,1,2,3,4,5,6"
    assert page.evaluate(ranges) == before
    # By keyboard back to the untrained network, where the classes stand elsewhere.
    slider = page.get_by_role("slider", name="Epoch").last
    slider.focus()
    slider.press("Home")
    page.wait_for_function(f"() => {PICTURE}.querySelector('.slider-label').textContent == 'Epoch 0'")
    page.wait_for_timeout(600)  # the glide
    first = places(page, "classes")
    assert max(abs(a - b) for one, other in zip(first, last, strict=True) for a, b in zip(one, other, strict=True)) > 20


def test_the_view_as_a_file_opens_without_a_network(serve, page, browser: Browser, make_run, tmp_path: Path):
    run = make_run(epochs=3, class_names=["cat", "<img src=x onerror=alert(1)>", "dog", "$x$", "ship", "truck"])
    opened(page, serve(), cloud="true", trails="true")
    page.get_by_role("button", name=re.compile("Download")).first.click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name=re.compile("The whole view, HTML")).click()
    target = tmp_path / "view.html"
    downloading.value.save_as(target)
    assert target.stat().st_size < 6_000_000

    for theme in ("light", "dark"):
        context = browser.new_context(viewport={"width": 1100, "height": 900}, color_scheme=theme, offline=True)
        window = context.new_page()
        problems: list[str] = []
        window.on(
            "console", lambda message, seen=problems: seen.append(message.text) if message.type == "error" else None
        )
        window.on("pageerror", lambda error, seen=problems: seen.append(str(error)))
        window.on("request", lambda r, seen=problems: seen.append(r.url) if r.url.startswith("http") else None)
        window.goto(target.as_uri())
        window.wait_for_function("() => document.querySelectorAll('[data-figure] .main-svg').length >= 4")
        assert window.evaluate("document.documentElement.dataset.theme") == theme
        assert window.locator("[data-figure]").count() == 4  # film, samples, tree, confusion
        assert window.locator("img").count() == 0
        ink = window.evaluate("document.querySelector('[data-figure]').layout.font.color")
        assert ink == {"light": "#1F2933", "dark": "#E8EAED"}[theme]
        assert not findings(window)
        window.locator(".updatemenu-button").first.click()
        window.wait_for_function("() => document.querySelector('[data-figure]').frame == '3'")
        window.get_by_role("button", name={"light": "Dark", "dark": "Light"}[theme]).click()
        window.wait_for_function(f"() => document.querySelector('[data-figure]').layout.font.color != '{ink}'")
        assert run.id in window.content()
        context.close()
        assert not problems
