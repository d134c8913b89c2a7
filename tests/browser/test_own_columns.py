"""A table of one's own, dropped on a class tree: strips, names in colours, and a picture with both."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from lwal_core.runs import Run
from lwal_core.runs.own_columns import read_own_columns
from tests.browser.conftest import settled

STRIPS = "() => document.querySelector('.js-plotly-plot').data.filter(trace => trace.name == 'strip').map(trace => trace.hovertext)"


def test_a_table_is_dropped_coloured_and_exported(serve, page: Page, make_run: Callable[..., Run], tmp_path: Path):
    run = make_run()
    table = tmp_path / "traits.csv"
    rows = [f"{name.upper()},{'home' if i % 2 else 'forest & sea'},{10.0**i}" for i, name in enumerate(run.class_names)]
    table.write_text("class,habitat,weight\n" + "\n".join(rows))
    page.goto(f"{serve()}/hierarchy?{urlencode({'run': run.id, 'own_columns': 'true'})}")
    settled(page)
    expect(page.get_by_text("This run has no columns yet.")).to_be_visible()
    page.locator('input[type="file"]').last.set_input_files(table)
    page.get_by_role("button", name="Keep with the run").click()
    expect(page.get_by_text("habitat (categories), weight (numbers)")).to_be_visible()
    settled(page)
    assert [each.name for each in read_own_columns(run.path)] == ["traits.csv"]

    # Both stand beside the leaves at once, and the address says so.
    page.wait_for_function(f"({STRIPS})().length == 2")
    first, second = page.evaluate(STRIPS)
    assert len(first) == len(second) == 10 and any(text.endswith("habitat forest &amp; sea") for text in first)
    expect(page).to_have_url(re.compile("leaf_strip=habitat"))

    page.get_by_role("button", name="More", exact=True).click()
    names = page.get_by_role("combobox", name=re.compile("On the names"))
    names.scroll_into_view_if_needed()
    page.wait_for_timeout(300)  # a list closes when the panel around it scrolls, and the event comes after the scroll
    names.click()
    page.get_by_role("option", name="habitat").click()
    settled(page)
    colored = page.locator(".js-plotly-plot .ytick text tspan[style*='fill']")
    expect(colored).to_have_count(10)
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Download").first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("^Picture, SVG")).click()
    picture = Path(download.value.path()).read_text()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    assert {"1 habitat:", "home", "forest &amp; sea", "2 weight: 1"} <= set(texts)
