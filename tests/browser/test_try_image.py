"""An image in the hand of a person: dropped on the page, placed in the picture, classified by two models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, expect

from lwal_core.config import RunConfig
from lwal_core.inference import stop
from lwal_core.runs import create_run, open_run
from tests.browser.conftest import settled

STAR = """() => {
  const graph = document.querySelector('.js-plotly-plot'), last = graph.data.length - 1;
  return graph.data[last].name === 'tried' ? [graph.calcdata[last][0].x, graph.calcdata[last][0].y] : null;
}"""


def test_a_digit_is_dropped_placed_and_classified(serve, page: Page, tmp_path: Path):
    from lwal_core.data import load_dataset  # seconds of loading torch, in one process of several
    from lwal_core.training.loop import train_run

    runs = {}
    for method in ("onehot", "lwal"):
        config = {"method": {"name": method}, "encoder": {"width": 8}, "training": {"epochs": 2, "device": "cpu"}}
        run = create_run(RunConfig.parse(config))
        train_run(run.path)
        runs[method] = open_run(run.id)
    run = runs["lwal"]
    stored, data = run.evaluation(), load_dataset(run.config.data)
    index = next(i for i in range(len(stored.y)) if all(r.evaluation().pred[i] == stored.y[i] for r in runs.values()))
    digit = int(stored.y[index])
    # Eight times as large by whole pixels, in colour: made small and grey again, it is the test image.
    pixels = np.asarray(Image.fromarray(data.x_test[index, 0].numpy()).resize((64, 64), Image.Resampling.NEAREST))
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "digit.png")
    (tmp_path / "not-a-picture.png").write_bytes(b"hello")

    try:
        page.goto(f"{serve()}/embeddings")
        settled(page)
        page.get_by_text("Try an image", exact=True).click()
        file = page.locator('input[type="file"]')
        file.set_input_files(tmp_path / "digit.png")
        expect(page.get_by_text(f"LwAL takes it for {digit}.")).to_be_visible(timeout=180_000)
        expect(page.get_by_text(f"(the baseline) takes it for {digit}.")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("A PNG file of 64 x 64 pixels, colour. Scaled to 8 x 8 pixels.")).to_be_visible()
        expect(page).to_have_url(re.compile("try_image=true"))
        settled(page)
        page.wait_for_function(f"() => ({STAR})() !== null")
        x, y = page.evaluate(STAR)
        assert np.isfinite([x, y]).all()
        expect(page.get_by_text("the star, is interpolated")).to_be_visible()
        expect(page.locator(".js-plotly-plot").get_by_text(f"Down the tree to {digit}")).to_be_visible()

        page.get_by_role("button", name=re.compile("Remove|Delete")).first.click()
        settled(page)
        file.set_input_files(tmp_path / "not-a-picture.png")
        expect(page.get_by_text("The file is no picture that can be read.")).to_be_visible(timeout=60_000)
    finally:
        stop()
