"""The report in a browser without a network: its cut works by keyboard, nothing is loaded, nothing is logged."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from lwal_core.results.report import run_report
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from tests.browser.axe import findings


def test_the_report_opens_offline_and_its_cut_works(page: Page, make_run: Callable[..., Run], tmp_path: Path) -> None:
    names = [*(f"class {i}" for i in range(8)), "<img src=x onerror=\"document.title='owned'\">", "</script><b>b</b>"]
    run = make_run(class_names=names)
    h = run_hierarchy(run)
    target = tmp_path / "report.html"
    target.write_bytes(run_report(run, TreeSpec.of(run, cut=3)))
    page.context.set_offline(True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(target.as_uri())

    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        assert not findings(page)
    groups = page.locator("#groups li")
    expect(groups).to_have_count(3)
    page.get_by_role("slider", name="Groups").focus()
    page.keyboard.press("ArrowRight")
    expect(groups).to_have_count(4)
    shown = [text.strip() for text in groups.all_inner_texts()]
    tops = h.cut_nodes(k=4)
    assert shown == [", ".join(h.names[i] for i in h.members(node)) for node in tops.tolist()]
    colors = page.eval_on_selector_all("#tree .leaf", "dots => dots.map(d => [+d.dataset.class, d.style.fill])")
    assert len({color for _, color in colors}) == 4
    by_group = dict(enumerate(h.cut(k=4).tolist()))
    assert len({(by_group[i], color) for i, color in colors}) == 4  # one colour per group, one group a colour

    page.locator(".merge").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chosen")).to_have_text(re.compile("join at"))
    page.get_by_text("Merges of the tree").click()
    expect(page.locator("details[open] table")).to_be_visible()
    with page.expect_download() as loading:
        page.get_by_role("link", name="tree, JSON").click()
    assert loading.value.suggested_filename == "tree.json"
    assert page.title().startswith("What did the labels learn?")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
