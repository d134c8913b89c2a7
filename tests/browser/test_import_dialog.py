"""A file of label vectors from elsewhere becomes a tree, in Chromium."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.test_main_path import visit


def test_upload_label_vectors_and_get_their_tree(serve, page):
    page.goto(serve())
    settled(page)
    page.get_by_role("button", name="Your checkpoint").click()
    dialog = page.get_by_role("dialog")
    table = b"name,x,y\ncat,0,0\ndog,0.1,0\ntruck,9,9\nship,9,8\n"
    dialog.locator("input[type=file]").set_input_files({"name": "words.csv", "mimeType": "text/csv", "buffer": table})
    expect(dialog.get_by_text("4 classes in 2 dimensions")).to_be_visible()
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    settled(page)
    visit(page, "Hierarchy")
    expect(page.get_by_text("cat and dog, 0.1")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    for name in ("cat", "dog", "truck", "ship"):
        expect(page.locator(".js-plotly-plot").first.get_by_text(name, exact=True).first).to_be_visible()
    visit(page, "Embeddings")
    expect(page.get_by_text("cat and dog are nearest")).to_be_visible()
