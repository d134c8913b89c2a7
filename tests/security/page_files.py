"""Files that the pages offer, made as their download buttons make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.common.pages import page_path
from lwal_core.runs import Run
from tests.app.conftest import ENTRY

OPEN = {
    "hierarchy": {
        "tree_film_open": "true",
        "tree_heat": "true",
        "tree_beside": "true",
        "tree_real": "true",
        "tree_references": "true",
        "own_columns": "true",
        "leaf_strip": "=1+1|",
    },
    "embeddings": {"class_history": "true"},
    "curves": {},
    "trees": {"trees_every_cut": "true", "trees_runs": "true"},
    "share": {},
    "home": {},
    "train": {},
}
"""What is unfolded on each page, so that it offers its files."""


def offered_files(
    run: Run, monkeypatch: pytest.MonkeyPatch, look: Callable[[str, AppTest], None] = lambda page, at: None
) -> dict[str, bytes]:
    """Open every page on a run; the files that it offers, by name.

    Args:
        run: The run that is looked at.
        monkeypatch: Of the test.
        look: Called with each page that was opened.
    """
    files: dict[str, bytes] = {}

    def record(label: str, data: Any, file_name: str, *rest: Any, **options: Any) -> bool:
        files.setdefault(file_name, data() if callable(data) else data)
        return False

    monkeypatch.setattr(st, "download_button", record)
    for page, opened in OPEN.items():
        at = AppTest.from_file(str(ENTRY), default_timeout=200)
        for key, value in {"run": run.id, **opened}.items():
            at.query_params[key] = value
        at.switch_page(page_path(page))
        at.run()
        assert not at.exception, (page, at.exception)
        look(page, at)
    return files
