"""Every route of Streamlit's server: who may use it in which mode. One that a new version brings fails until it is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount, WebSocketRoute
from streamlit import config
from streamlit.runtime import Runtime
from streamlit.web.server.starlette.starlette_app import create_streamlit_routes

from app.web import doors, push, uploads
from app.web.visitors import Visitors
from lwal_core.security.identity import ALLOWED, OWNERS
from lwal_core.security.permissions import READ_ONLY, SHARES_ONLY
from tests.app.conftest import ENTRY
from tests.security.conftest import Served
from tests.security.test_sign_in_closed import OWNER, WHOLE, file
from tests.support.raw_client import ask, handshake

__all__ = ["file"]

EVERYBODY, NOBODY, WHO_BRINGS = "everybody", "nobody", "whoever may bring files"
WITH_METRICS = "everybody, where LWAL_METRICS is on"
ROUTES = {
    ("GET", "/_stcore/health"): EVERYBODY,  # "ok"
    ("OPTIONS", "/_stcore/health"): EVERYBODY,
    ("GET", "/_stcore/metrics"): WITH_METRICS,  # numbers of sessions and bytes, no names
    ("OPTIONS", "/_stcore/metrics"): WITH_METRICS,
    ("GET", "/_stcore/host-config"): EVERYBODY,  # who may frame the app: nobody
    ("GET", "/media/{file_id:path}"): EVERYBODY,  # pictures and downloads of pages, by the hash of their content
    ("OPTIONS", "/media/{file_id:path}"): EVERYBODY,
    ("PUT", "/_stcore/upload_file/{session_id}/{file_id}"): WHO_BRINGS,
    ("DELETE", "/_stcore/upload_file/{session_id}/{file_id}"): WHO_BRINGS,
    ("OPTIONS", "/_stcore/upload_file/{session_id}/{file_id}"): EVERYBODY,
    ("GET", "/component/{path:path}"): EVERYBODY,  # the app has no components of its own
    ("OPTIONS", "/component/{path:path}"): EVERYBODY,
    ("GET", "/_stcore/bidi-components/{path:path}"): EVERYBODY,
    ("OPTIONS", "/_stcore/bidi-components/{path:path}"): EVERYBODY,
    ("websocket", "/_stcore/stream"): EVERYBODY,  # pages draw what the mode allows, see test_modes.py
    ("GET", "/auth/login"): EVERYBODY,
    ("GET", "/auth/logout"): EVERYBODY,
    ("GET", "/oauth2callback"): EVERYBODY,
    ("mount", ""): EVERYBODY,  # Streamlit's scripts and styles
}
WITH_TOKEN = "whoever has a token, where LWAL_PUSH_TOKENS names some; test_push.py tries it in each mode"
OWN = {("POST", push.PLACE): WITH_TOKEN}
"""Routes of this app beside Streamlit's."""
AGENTS = [f"/_stcore/agent/{name}" for name in ("interact", "mcp", "openapi.json")]
ROUTES |= {(m, path): NOBODY for path in AGENTS for m in ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")}


def routes() -> set[tuple[str, str]]:
    """Method and path of each route; HEAD goes with GET."""
    import streamlit as st

    runtime = st.App(ENTRY)._create_runtime()
    found = set()
    for route in create_streamlit_routes(runtime):
        if isinstance(route, WebSocketRoute):
            found.add(("websocket", route.path))
        elif isinstance(route, Mount):
            found.add(("mount", route.path))
        else:
            found |= {(method, route.path) for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    return found


@pytest.fixture
def no_runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Runtime, "_instance", None)
    before = config._main_script_path
    yield
    config._main_script_path = before


def test_every_route_is_judged(no_runtime: None) -> None:
    assert routes() == set(ROUTES)


def test_routes_answer_as_judged(served: Served) -> None:
    """Without a session; what a session adds is below."""
    for (method, path), who in {**ROUTES, **OWN}.items():
        asked = path.replace("{session_id}", "none").replace("{file_id}", "none").replace("{file_id:path}", "none")
        asked = asked.replace("{path:path}", "none/none.js") or "/static/none.js"
        if method == "websocket":
            assert handshake(served.port, origin=f"http://127.0.0.1:{served.port}") == 101
            continue
        status = ask(served.port, asked, method="GET" if method == "mount" else method).status
        if who == WHO_BRINGS:
            assert status == 404, (method, path, status)  # there is no such session
        elif who in (NOBODY, WITH_METRICS, WITH_TOKEN):
            assert status == 404, (method, path, status)
        else:
            assert status < 500 and status not in (403, 421), (method, path, status)


def test_metrics_answer_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "GET", "headers": [(b"host", b"localhost")]}
    for path in ("/_stcore/metrics", "/lwal/_stcore/metrics"):
        for value, status in (("0", 404), ("", 404), ("1", None)):
            monkeypatch.setenv("LWAL_METRICS", value)
            refused = doors._refusal({**scope, "path": path})
            assert (refused[0] if refused else None) == status


@dataclass
class Somebody:
    _user_info: dict[str, Any]


VIEWER = {**OWNER, "email": "grace@lab.org"}
LISTS = {OWNERS: "ada@lab.org", ALLOWED: "@lab.org"}
MODES: dict[str, tuple[dict[str, str], dict[str, Any], bool, bool]] = {
    # environment, what the provider said, by a link, may bring files
    "plain": ({}, {}, False, True),
    "plain, by a link": ({}, {}, True, False),
    "read-only": ({READ_ONLY: "1"}, {}, False, False),
    "shares only": ({SHARES_ONLY: "1"}, {}, False, False),
    "signed out": (LISTS, {}, False, False),
    "signed out, by a link": (LISTS, {}, True, False),
    "a viewer": (LISTS, VIEWER, False, False),
    "a stranger": (LISTS, {**OWNER, "email": "eve@else.org"}, False, False),
    "not verified": (LISTS, {**OWNER, "email_verified": False}, False, False),
    "an owner": (LISTS, OWNER, False, True),
    "an owner, read-only": ({**LISTS, READ_ONLY: "1"}, OWNER, False, False),
    "an owner, by a link": (LISTS, OWNER, True, False),
}


@pytest.mark.parametrize("mode", MODES)
def test_who_may_bring_files(file: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    environment, user, by_link, expected = MODES[mode]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if OWNERS in environment:
        file.write_text(WHOLE)
    visitors = Visitors()
    if by_link:
        visitors.add("one")
    runtime = type("Runtime", (), {"get_app_session": lambda self, name: Somebody(user) if name == "one" else None})()
    monkeypatch.setattr(uploads, "get_instance", lambda: runtime)
    assert uploads.may_bring("one", visitors) is expected
    assert not uploads.may_bring("another", visitors)
