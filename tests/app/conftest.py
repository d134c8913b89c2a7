"""The app as AppTest drives it: always from the entry point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_path
from lwal_core.runs import Run

ENTRY = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page, with query parameters and session state if given, and see that it draws without an exception."""

    def open_(page: str = "home", query: dict[str, str | list[str]] | None = None) -> AppTest:
        at = AppTest.from_file(str(ENTRY), default_timeout=120)
        for key, value in (query or {}).items():
            at.query_params[key] = value
        if page != "home":
            at.switch_page(page_path(page))
        at.run()
        assert not at.exception, at.exception
        return at

    return open_


def open_script(entry: Path, run: Run, state: dict[str, Any] | None = None, **query: str) -> AppTest:
    """Open a script of a test's own about a run, with query parameters and session state if given, and see that it draws
    without an exception."""
    at = AppTest.from_file(str(entry), default_timeout=120)
    for key, value in {"run": run.id, **query}.items():
        at.query_params[key] = value
    for key, value in (state or {}).items():
        at.session_state[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def follow(at: AppTest, link: Any) -> AppTest:
    """Follow a link to another page of the app, as a browser does: the address is the link's.

    Args:
        at: The page that it stands on.
        link: Its message, as Streamlit sends it.
    """
    at.query_params.clear()
    for key, values in parse_qs(link.query_string).items():
        at.query_params[key] = values
    at.switch_page(page_path(link.page)).run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest, name: str) -> list[str]:
    """Values of a parameter of the address."""
    value = at.query_params.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def text_of(at: AppTest) -> str:
    """All text that the page shows in markdown, captions, alerts and headings."""
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success, *at.header, *at.subheader]
    return "\n".join(str(part.value) for part in parts)
