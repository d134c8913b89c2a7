"""The whole way in Chromium: train, watch, look at the tree, cut it, take it home, open the link again."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from lwal_core.export.newick import from_newick
from lwal_core.runs import list_runs
from tests.browser.conftest import quick_look, settled
from tests.browser.reader import Reader


def visit(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()
    settled(page)


def test_from_the_form_to_the_tree_and_back_by_its_link(serve, page, reader: Reader, tmp_path: Path):
    address = serve(worker=True)
    page.emulate_media(reduced_motion="no-preference")
    page.goto(address)
    settled(page)
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="What shall be trained or analysed?")).to_be_visible()

    quick_look(page)
    page.get_by_label("Epochs", exact=True).fill("2")
    page.get_by_label("Epochs", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Start 1 training").click()
    expect(page.get_by_text("Running now")).to_be_visible()
    expect(page.get_by_text(re.compile(r"test accuracy [\d.]+ % by .+ after 2 epochs"))).to_be_visible(timeout=90_000)

    page.get_by_role("link", name="Look at these").click()
    expect(page.get_by_role("heading", name="What groups do the classes form?")).to_be_visible()
    settled(page)
    (run,) = list_runs()
    assert run.status == "done"

    slider = page.get_by_role("slider", name=re.compile("Groups"))
    before = int(slider.input_value())
    slider.focus()
    wanted, key = (before + 2, "ArrowRight") if before <= 8 else (before - 2, "ArrowLeft")  # there are ten classes
    slider.press(key)
    slider.press(key)
    settled(page)
    expect(slider).to_have_value(str(wanted))
    expect(page).to_have_url(re.compile(rf"groups={wanted}"))
    expect(page.get_by_text(f"At {wanted} groups:")).to_be_visible()
    assert f"run={run.id}" in page.url

    page.get_by_role("button", name=re.compile("Download")).first.click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name=re.compile("Newick")).first.click()
    target = tmp_path / "tree.nwk"
    downloading.value.save_as(target)
    linkage, names = from_newick(target.read_text())
    assert sorted(names) == [str(digit) for digit in range(10)]
    assert linkage.shape == (9, 4)

    link = page.url
    again = reader.window()
    again.goto(link)
    settled(again)
    expect(again.get_by_role("slider", name=re.compile("Groups"))).to_have_value(str(wanted))
    expect(again.get_by_text(f"At {wanted} groups:")).to_be_visible()
    expect(again.get_by_role("heading", name="What groups do the classes form?")).to_be_visible()
