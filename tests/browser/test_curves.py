"""Curves as a person uses them: hover that compares the methods at one epoch, and a figure that downloads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect


def test_hover_compares_and_the_figure_downloads(serve: Callable[[], str], page: Page, make_run, tmp_path: Path):
    for seed in (12, 123):
        make_run("onehot", seed=seed, accuracy=0.9, epochs=6)
        make_run("lwal", seed=seed, accuracy=0.95, epochs=6)
    page.goto(f"{serve()}/curves")
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    plot.wait_for(timeout=60_000)
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    # plotly's own layer lies over the plot while the mouse is on it, so the mouse is moved rather than the element asked.
    page.mouse.move(box["x"] + box["width"] / 2 - 20, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    hover = page.locator(".js-plotly-plot .hoverlayer")
    expect(hover).to_contain_text("One-hot")
    expect(hover).to_contain_text("LwAL")
    expect(hover).to_contain_text("epoch 3")
    page.get_by_role("button", name="Figure", exact=False).first.click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Figure (SVG)").click()
    download.value.save_as(tmp_path / "curves.svg")
    svg = (tmp_path / "curves.svg").read_text()
    assert svg.startswith("<?xml") and "seeds 12, 123" in svg
