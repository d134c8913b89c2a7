"""The notebook of the examples: it runs, and as a page that nbconvert makes of it, it is drawn without other hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from playwright.sync_api import Page, expect

from lwal_core.runs import list_runs
from tests.browser.conftest import ROOT

NOTEBOOK = ROOT / "examples" / "own_loop.ipynb"


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def test_it_runs_and_its_page_needs_no_network(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert not outputs(notebook), "a notebook is kept without what it prints and draws"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    runs = list_runs()
    assert [run.status for run in runs] == ["done"] * 4 and min(run.best_accuracy for run in runs) > 0.85
    html, _ = HTMLExporter(mathjax_url="", require_js_url="", jquery_url="").from_notebook_node(notebook)
    target = tmp_path / "own_loop.html"
    target.write_text(html, encoding="utf-8")

    page.context.set_offline(True)  # the fixture sees whatever is asked of another host, and errors
    page.goto(target.as_uri())
    figures = page.locator(".js-plotly-plot")
    expect(figures).to_have_count(4, timeout=60_000)
    for at in range(4):
        expect(figures.nth(at).locator(".main-svg").first).to_be_visible()
    expect(page.get_by_text("one hidden layer", exact=True).first).to_be_visible()
