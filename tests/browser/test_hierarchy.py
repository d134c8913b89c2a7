"""The tree under the mouse: clicks on merges, closed clades and cuts, search, turning, naming; and two facing trees."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, TimeoutError, expect

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import cut_here, merges_above, tops_below
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run, read_annotations, read_cuts
from tests.browser.conftest import settled

LEAVES = ".js-plotly-plot .ytick text"

PLACES = """() => {
  const graph = document.querySelector('.js-plotly-plot'), box = graph.getBoundingClientRect();
  const { xaxis, yaxis } = graph._fullLayout, found = {};
  graph.data.forEach((trace, t) => {
    if (!trace.customdata || !trace.customdata.length || trace.name == 'chosen') return;
    graph.calcdata[t].forEach((point, i) => {
      const at = [box.x + xaxis._offset + xaxis.c2p(point.x), box.y + yaxis._offset + yaxis.c2p(point.y)];
      found[trace.name] = { ...(found[trace.name] || {}), [trace.customdata[i][0]]: at };
    });
  });
  return found;
}"""
"""Where each node's marker is on the screen, by trace and node."""


def places(page: Page) -> dict[str, dict[str, tuple[float, float]]]:
    found: dict[str, dict[str, tuple[float, float]]] = page.evaluate(PLACES)
    return found


def click(page: Page, trace: str, node: int, then: Locator) -> None:
    """Click on a node until the page has answered: the figure may be drawn anew under the mouse."""
    for _ in range(5):
        settled(page)
        where = places(page).get(trace, {}).get(str(node))
        if where is not None:
            page.mouse.click(*where)
            try:
                then.wait_for(timeout=6_000)
                break
            except TimeoutError:
                continue
        page.wait_for_timeout(500)
    expect(then).to_be_visible()
    settled(page)


def clade_of(h: Hierarchy, size: int) -> int:
    return next(node for node in range(h.n, 2 * h.n - 2) if h.sizes[node] == size)


def test_close_open_zoom_turn_search_cut_name_and_keep(serve, page, make_run: Callable[..., Run]):
    run = make_run(images=True)
    h = run_hierarchy(run)
    address = serve()
    page.goto(address)
    settled(page)
    page.get_by_role("link", name="Hierarchy", exact=True).first.click()
    settled(page)
    expect(page.locator(LEAVES)).to_have_count(10)

    # A click on a merge picks it; it can be closed, and a click on what is closed opens it again.
    node = clade_of(h, 2)
    picked = {size: page.get_by_text(re.compile(rf"^{size} classes, joined at")).first for size in range(2, 11)}
    click(page, "merges", node, picked[2])
    page.get_by_role("button", name="Collapse", exact=True).click()
    expect(page.locator(LEAVES)).to_have_count(9)
    expect(page).to_have_url(re.compile(f"closed={node}"))
    click(page, "closed", node, page.get_by_role("button", name="Collapse", exact=True))
    expect(page.locator(LEAVES)).to_have_count(10)

    # Turning the root changes the order of the leaves, and only that.
    click(page, "merges", 2 * h.n - 2, picked[10])
    page.get_by_role("button", name="Flip", exact=True).click()
    left, right = (h.members(int(child)).tolist() for child in h.children[-1])
    expect(page.locator(LEAVES)).to_have_text([h.names[i] for i in [*right, *left]])

    # Zooming in and back.
    large = max(range(h.n, 2 * h.n - 2), key=lambda m: int(h.sizes[m]))
    click(page, "merges", large, picked[int(h.sizes[large])])
    page.get_by_role("button", name="Zoom to it").click()
    expect(page.locator(LEAVES)).to_have_count(int(h.sizes[large]))
    page.get_by_role("button", name="Reset view").click()
    expect(page.locator(LEAVES)).to_have_count(10)

    # A search by keyboard shows the class and its way up.
    search = page.get_by_role("combobox", name=re.compile("Class"))
    search.fill("class 7")
    search.press("Enter")
    settled(page)
    expect(page.get_by_text(re.compile("^Nearest: class"))).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=re.compile("^joins "))).to_have_count(
        len(h.path_to_root(7)) - 1
    )

    # A small triangle at the edge cuts there.
    cuts = places(page)["cuts"]
    at = min(int(key) for key in cuts if int(key) != -3)
    click(page, "cuts", at, page.get_by_text(f"At {-at} groups:"))

    # A name is kept with the run and is there after a reload.
    click(page, "merges", node, picked[2])
    page.get_by_role("button", name="Name it").click()
    page.get_by_label("Name of this clade").fill("twins & <b>co</b>")
    page.get_by_label("Note").fill("seen in all seeds")
    page.get_by_role("button", name="Keep").click()
    settled(page)
    members = frozenset(h.names[i] for i in h.members(node))
    expect(page.locator(".js-plotly-plot").get_by_text("twins & <b>co</b>")).to_be_visible()
    assert read_annotations(run.path)[members].note == "seen in all seeds"

    # Three cuts at heights of their own, from two groups on: each merge that is cut becomes two groups.
    click(page, "cuts", -2, page.get_by_text("At 2 groups:"))
    undone = merges_above(h, 2)
    pairs = [node for node in range(h.n, 2 * h.n - 1) if h.sizes[node] == 2]
    for merge in pairs[:3]:
        cut, join = (page.get_by_role("button", name=f"{what} here") for what in ("Cut", "Join"))
        click(page, "merges", merge, cut)
        cut.click()
        join.wait_for()
        undone = cut_here(h, tops_below(h, undone), merge)
        expect(page.get_by_text(f"At {len(tops_below(h, undone))} groups:")).to_be_visible()
    tops = tops_below(h, undone)
    assert len(pairs) > 3 and set(tops) != set(h.cut_nodes(k=len(tops)).tolist())  # no one height gives these groups
    expect(page).to_have_url(re.compile(rf"parted={'.'.join(map(str, undone))}(&|$)"))

    # They are kept with the run, and a link shows them again.
    page.get_by_role("button", name="Cut", exact=True).click()
    name = page.get_by_role("textbox", name="Keep these groups as")
    name.fill("three cuts")
    name.press("Enter")
    expect(page.get_by_text(f"Cut by hand into {len(tops)} groups.")).to_be_visible()
    kept = {frozenset(group.classes) for group in read_cuts(run.path)["three cuts"].groups}
    assert kept == {frozenset(h.names[i] for i in h.members(top)) for top in tops}
    page.goto(page.url)
    settled(page)
    expect(page.get_by_text(f"At {len(tops)} groups:")).to_be_visible()


def test_two_facing_trees(library: str, page: Page):
    page.goto(library)
    settled(page)
    page.get_by_role("link", name="Trees", exact=True).first.click()
    settled(page)
    expect(page.get_by_role("heading", name="How do two trees differ?")).to_be_visible()
    for i in range(10):  # each class once on either side, or once between them
        expect(page.locator(".js-plotly-plot text").filter(has_text=re.compile(f"^class {i}$")).first).to_be_visible()
    expect(page.get_by_role("heading", name="What moved where")).to_be_visible()
    page.get_by_text("All scores", exact=True).click()
    expect(page.get_by_text(re.compile("^Entanglement")).first).to_be_visible()


def test_the_film_plays_and_every_panel_opens(library: str, page: Page):
    page.goto(library)
    settled(page)
    page.get_by_role("link", name="Hierarchy", exact=True).first.click()
    settled(page)
    for panel in ("Is it real?", "Beside the baseline", "Distances and mistakes"):
        page.get_by_text(panel, exact=True).click()
        settled(page)
    expect(page.get_by_text(re.compile("^This tree is|not shown|Too few seeds|not tested")).first).to_be_visible()

    page.get_by_text("How the tree emerged", exact=True).click()
    settled(page)
    film = page.locator(".js-plotly-plot").filter(has=page.locator(".slider-container"))
    expect(film).to_have_count(1)
    title = film.locator(".slider-container .slider-current-value, .slider-container text").first
    title.wait_for()
    frames = film.evaluate("graph => graph._transitionData._frames.length")
    assert frames == 7  # before training and after each of six epochs
    film.evaluate("graph => { graph.seen = []; graph.on('plotly_animatingframe', e => graph.seen.push(e.name)); }")
    film.locator(".updatemenu-button").first.click()
    page.wait_for_function(
        "() => { const film = [...document.querySelectorAll('.js-plotly-plot')].find(g => g.seen);"
        " return film.seen.length >= 7; }"
    )
