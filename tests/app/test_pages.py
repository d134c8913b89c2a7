"""Every page of the list: opens on an empty home and with one run; a page that is added is found everywhere."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import FIGURES, PAGES, ROOT, Page, page_names
from lwal_core.runs import Run

Open = Callable[..., AppTest]


@pytest.mark.parametrize("page", page_names())
def test_opens_on_an_empty_home(page: str, open_page: Open) -> None:
    at = open_page(page)
    assert len(at.header) == 1 and not at.error


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_opens_with_one_run(page, open_page: Open, make_run: Callable[..., Run]) -> None:
    run = make_run()
    at = open_page(page.name, {"run": run.id})
    assert len(at.header) == 1 and not at.error
    assert len(at.get("plotly_chart")) >= page.figures


def test_the_list_has_every_script() -> None:
    scripts = {path.stem for path in (ROOT / "pages").glob("[!_]*.py")}
    assert scripts == set(page_names()) and len(PAGES) == len(FIGURES)


TOY = 'import streamlit as st\n\nst.header("What is a toy?")\n'
LOOK = """
import json, sys
from streamlit.testing.v1 import AppTest
from app.common.pages import page_path
from benchmarks import pages as benchmark
from tools import screenshots
from tests.app import test_pages
at = AppTest.from_file("app/main.py", default_timeout=120).run()
at.switch_page(page_path("toy")).run()
assert not at.exception, at.exception
print("\\n" + json.dumps([[header.value for header in at.header], screenshots.FIGURES, benchmark.page_names(), test_pages.page_names()]))
"""


def test_a_page_is_one_script_and_one_entry(home: Path, tmp_path: Path) -> None:
    """In a copy of the app; navigation, tools, benchmarks and these tests have the new page."""
    copy = tmp_path / "copy"
    for folder in ("app", "pages", "tools", "benchmarks"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("tests", "lwal_core"):
        (copy / folder).symlink_to(ROOT / folder)
    (copy / "pages" / "toy.py").write_text(TOY)
    listed = copy / "app" / "common" / "pages.py"
    text = listed.read_text()
    end = text.index(")  # fmt: skip\n")
    listed.write_text(f'{text[:end]}    Page("toy", "Toy", ":material/toys:", "A toy.", 0),\n{text[end:]}')
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    headers, tools, benchmark, tests = json.loads(done.stdout.splitlines()[-1])
    assert headers == ["What is a toy?"]
    assert tools == {**FIGURES, "toy": 0} and benchmark == tests == [*page_names(), "toy"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_text_stands_alone_in_a_script_of_a_page(page: Page) -> None:
    """Streamlit draws such a text, a description of a constant for one, as if it were meant for readers."""
    alone = [node.lineno for node in ast.parse(page.script.read_text()).body[1:]
             if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]  # fmt: skip
    assert alone == []
