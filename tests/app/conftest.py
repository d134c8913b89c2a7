"""The app as AppTest drives it: always from the entry point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ENTRY = Path(__file__).resolve().parents[2] / "app" / "main.py"


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page, with query parameters and session state if given, and see that it draws without an exception."""

    def open_(page: str = "home", query: dict[str, str | list[str]] | None = None) -> AppTest:
        at = AppTest.from_file(str(ENTRY), default_timeout=120)
        for key, value in (query or {}).items():
            at.query_params[key] = value
        at.run()
        assert not at.exception, at.exception
        if page != "home":
            at.switch_page(f"../pages/{page}.py")
            at.run()
            assert not at.exception, at.exception
        return at

    return open_


def text_of(at: AppTest) -> str:
    """All text that the page shows in markdown, captions, alerts and headings."""
    parts = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success, *at.header, *at.subheader]
    return "\n".join(str(part.value) for part in parts)
