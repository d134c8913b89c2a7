"""Curves as a person uses them: hover that compares the methods at one epoch, the figure and the tables as files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BEST, EPOCHS, settled


def download(page: Page, menu: str, entry: str, target: Path) -> Path:
    """Fetch one file from a menu, close the menu, and return where the file is."""
    page.get_by_role("button", name=menu, exact=True).click()
    with page.expect_download(timeout=120_000) as loading:
        page.get_by_role("button", name=entry, exact=True).click()
    loading.value.save_as(target)
    page.keyboard.press("Escape")
    return target


def test_hover_compares_and_figure_and_tables_download(library: str, page: Page, tmp_path: Path) -> None:
    page.goto(f"{library}/curves")
    settled(page)
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for(timeout=120_000)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    # plotly's own layer lies over the plot while the mouse is on it, so the mouse is moved rather than the element asked.
    page.mouse.move(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    hover = page.locator(".js-plotly-plot .hoverlayer")
    expect(hover).to_contain_text("epoch 3", timeout=120_000)
    for label, best in BEST.items():  # the runs climb evenly from half of their best to their best
        expect(hover).to_contain_text(f"{label}  {100 * best * 0.75:.1f}")

    svg = download(page, "Figure", "Picture, SVG", tmp_path / "curves.svg").read_text()
    assert svg.startswith("<?xml") and "seeds 12, 123" in svg
    with download(page, "Table", "Every epoch (CSV)", tmp_path / "curves.csv").open(
        newline="", encoding="utf-8-sig"
    ) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(BEST) * 2 * (EPOCHS + 1)
    for row in rows:
        expected = BEST[row["Method"]] * (0.5 + 0.5 * int(row["Epoch"]) / EPOCHS)
        assert float(row["Accuracy"]) == pytest.approx(expected)
    with download(page, "Table", "All columns (CSV)", tmp_path / "comparison.csv").open(
        newline="", encoding="utf-8-sig"
    ) as file:
        table = list(csv.DictReader(file))
    assert set(BEST) <= {cell for row in table for cell in row.values()}
