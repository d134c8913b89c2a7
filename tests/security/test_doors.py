"""What a stranger and another site's page can do to a running app: names, origins, frames, messages and uploads."""

from __future__ import annotations

import asyncio
import threading
import time

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.web import uploads
from app.web.asgi import Message, Receive, Scope, Send
from app.web.doors import Doors
from app.web.messages import Messages
from app.web.visitors import Visitors
from tests.security.conftest import ROOT, Served
from tests.support.raw_client import ask, handshake, session, upload

MEGABYTE = 2**20
HEALTH = "/_stcore/health"


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a@localhost", "10.0.0.1"]
)
def test_other_names_get_nothing(served: Served, host: str) -> None:
    for path in ("/", HEALTH, "/_stcore/host-config", "/static/index.html"):
        answer = ask(served.port, path, Host=host)
        assert answer.status == 421 and b"LWAL_HOSTS" in answer.body and b"<" not in answer.body, path
    assert handshake(served.port, host=host or "x.example", origin=f"http://{host or 'x.example'}") == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8501", "[::1]", "LWAL.example.org", "lwal.example.org:8443"])
def test_its_own_names_get_the_app(served: Served, host: str) -> None:
    assert ask(served.port, "/", Host=host).status == 200
    assert handshake(served.port, host=host, origin=f"https://{host}") == 101


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost:1", "http://127.0.0.1", "null", "file://", "", "http://127.0.0.1.evil.example",
     "http://lwal.example.org:8080", "https://user@lwal.example.org"],
)  # fmt: skip
def test_pages_of_other_origins_open_no_session_and_change_nothing(served: Served, origin: str) -> None:
    assert handshake(served.port, origin=origin) == 403
    with session(served.port) as opened:
        assert opened.upload(b"x", Origin=origin).status == 403
    assert ask(served.port, "/_stcore/upload_file/a/b", method="OPTIONS", Origin=origin).status == 403


def test_origins_that_are_allowed(served: Served) -> None:
    for origin in (None, f"http://127.0.0.1:{served.port}", "https://lwal.example.org", "http://LWAL.example.org:80"):
        assert handshake(served.port, origin=origin) == 101, origin


def test_foreign_handshakes_make_nobody_wait(served: Served) -> None:
    """Streamlit itself asks a server on the internet for this machine's address at each, and stands still meanwhile."""
    statuses: list[int] = []
    knocking = [
        threading.Thread(target=lambda: statuses.append(handshake(served.port, origin="https://evil.example")))
        for _ in range(20)
    ]
    for each in knocking:
        each.start()
    slowest = 0.0
    while any(each.is_alive() for each in knocking):
        start = time.monotonic()
        assert ask(served.port, HEALTH).status == 200
        slowest = max(slowest, time.monotonic() - start)
    assert statuses == [403] * 20 and slowest < 0.3
    assert served.outside == []


def test_no_other_page_shows_the_app_in_a_frame(served: Served) -> None:
    for path in (
        "/",
        "/hierarchy?run=x&embed=true",
        HEALTH,
        "/nothing",
        "/?share=&embed=true",
        "/?share=abc",
        "/?share=abc&embed=true",
        "/media/none",
    ):
        headers = ask(served.port, path).headers
        assert headers["content-security-policy"] == "frame-ancestors 'self'", path
        assert headers["x-frame-options"] == "SAMEORIGIN"
    for headers in (ask(served.port, "/").headers, ask(served.port, "/", Host="evil.example").headers):
        assert headers["referrer-policy"] == "same-origin" and headers["x-content-type-options"] == "nosniff"
    assert b'"allowedOrigins":[]' in ask(served.port, "/_stcore/host-config").body


@pytest.mark.parametrize(
    ("sites", "policy"),
    [
        ("", b"frame-ancestors 'self'"),
        ("no site", b"frame-ancestors 'self'"),
        (
            "https://wiki.example,https://*.lab.example",
            b"frame-ancestors 'self' https://wiki.example https://*.lab.example",
        ),
        ("*", None),
    ],
)
def test_a_shared_view_is_framed_by_the_sites_that_are_named(
    monkeypatch: pytest.MonkeyPatch, sites: str, policy: bytes | None
) -> None:
    monkeypatch.setenv("LWAL_EMBED_IN", sites)

    def headers(query: bytes) -> dict[bytes, bytes]:
        said: list[Message] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})

        async def receive() -> Message:
            raise AssertionError

        async def send(message: Message) -> None:
            said.append(message)

        scope = {
            "type": "http",
            "path": "/",
            "query_string": query,
            "method": "GET",
            "headers": [(b"host", b"localhost")],
        }
        asyncio.run(Doors(app)(scope, receive, send))
        return dict(said[0]["headers"])

    shared = headers(b"share=abc&embed=true")
    assert shared.get(b"content-security-policy") == policy
    assert (b"x-frame-options" in shared) is (policy == b"frame-ancestors 'self'")
    for query in (b"", b"share=abc", b"share=&embed=true", b"run=x&embed=true", b"share=abc&embed=true&embed=false",
                  b"share=abc&embed=true" + b"&a" * 1_000):  # fmt: skip
        assert headers(query)[b"content-security-policy"] == b"frame-ancestors 'self'", query


def test_messages_that_no_page_sends_are_dropped(served: Served) -> None:
    with session(served.port) as opened:
        for name in ("clear_cache", "load_git_info", "set_run_on_save", "debug_shutdown_runtime"):
            opened.send(BackMsg(**{name: True}))
        for name in ("install_skills", "dismiss_skills_nudge"):
            message = BackMsg()
            message.backend_operation_request.session_id = opened.id
            message.backend_operation_request.request_id = name
            getattr(message.backend_operation_request, name).SetInParent()
            opened.send(message)
        opened.send(BackMsg(app_heartbeat=True))
        before = len(opened.said)
        opened.read_until("heartbeat_ack", 10)
        said = {message.WhichOneof("type") for message in opened.said[before:]}
        assert said <= {"heartbeat_ack", "session_status_changed"}  # the second ends the drawing of the page
        assert not any(message.session_status_changed.run_on_save for message in opened.said)
        opened.send(BackMsg(file_urls_request={"request_id": "a", "file_names": ["b"]}))  # type: ignore[arg-type]
        assert opened.id in opened.read_until("file_urls_response", 10).file_urls_response.file_urls[0].upload_url


def test_one_message_does_not_empty_everybody_s_caches() -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            reached.append(str(BackMsg.FromString(message["bytes"]).WhichOneof("type")))

    coming = [BackMsg(clear_cache=True), BackMsg(stop_script=True), BackMsg(clear_cache=True)]
    messages = [{"type": "websocket.receive", "bytes": each.SerializeToString()} for each in coming]
    messages.append({"type": "websocket.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        raise AssertionError(message)

    asyncio.run(Messages(app, Visitors(), "/srv/main.py")({"type": "websocket"}, receive, send))
    assert reached == ["stop_script"]


def test_no_message_tells_where_the_app_is_installed(served: Served) -> None:
    with session(served.port) as opened:
        for message in opened.said:
            assert str(ROOT).encode() not in message.SerializeToString(), message.WhichOneof("type")
    assert any(message.WhichOneof("type") == "new_session" for message in opened.said)


class TestUploads:
    def test_a_stranger_without_a_session_costs_no_memory(self, served: Served) -> None:
        process, content = psutil.Process(served.pid), b"\0" * (60 * MEGABYTE)
        with session(served.port):
            pass
        before = process.memory_info().rss
        for session_id in ("a", "0f8fad5b-d9cb-469f-a165-70867728950e") * 3:
            assert upload(served.port, session_id, content).status in (404, 0)
            assert process.memory_info().rss - before < 30 * MEGABYTE

    def test_a_session_has_a_limit_and_gives_its_memory_back(self, forgetful: Served) -> None:
        process, content = psutil.Process(forgetful.pid), b"\0" * (38 * MEGABYTE)
        with session(forgetful.port):  # whatever a first page loads
            pass
        before = process.memory_info().rss
        with session(forgetful.port) as opened:
            assert [opened.upload(content, f"file{i}").status for i in range(4)] == [204, 204, 413, 413]
            assert process.memory_info().rss - before > 70 * MEGABYTE
        end = time.monotonic() + 20
        while process.memory_info().rss - before > 15 * MEGABYTE and time.monotonic() < end:
            time.sleep(0.1)
        assert process.memory_info().rss - before < 15 * MEGABYTE

    def test_whoever_came_by_a_link_brings_nothing(self, served: Served) -> None:
        with session(served.port, "share=abc") as opened:
            assert opened.upload(b"x").status == 403
            opened.run("")  # the address is changed afterwards
            assert opened.upload(b"x").status == 403

    def test_never_ending_ones_are_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """50 that say a little every moment, and 50 that say nothing; as many as may come at once are begun with."""
        began: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            began.append(scope["path"])
            while (await receive())["more_body"]:
                pass
            raise AssertionError("it had no end")

        runtime = type(
            "Runtime",
            (),
            {"is_active_session": lambda *_: True, "get_app_session": lambda *_: None, "uploaded_file_mgr": None},
        )()
        monkeypatch.setattr(uploads, "get_instance", lambda: runtime)
        monkeypatch.setattr(uploads, "exists", lambda: True)
        monkeypatch.setattr(uploads, "may_bring", lambda session, visitors: True)
        monkeypatch.setattr(uploads, "BASE_SECONDS", 0.2)
        monkeypatch.setattr(uploads, "SILENT_SECONDS", 0.1)
        guarded = uploads.Uploads(app, Visitors())

        async def one(number: int, gap: float) -> int:
            told: list[Message] = []

            async def receive() -> Message:
                await asyncio.sleep(gap)
                return {"type": "http.request", "body": b"x", "more_body": True}

            async def send(message: Message) -> None:
                told.append(message)

            scope = {"type": "http", "method": "PUT", "headers": [(b"content-length", b"1000")]}
            await guarded({**scope, "path": f"{uploads.PLACE}s/{number}"}, receive, send)
            return int(told[0]["status"])

        async def play(gap: float) -> tuple[list[int], float]:
            start = time.monotonic()
            return await asyncio.gather(*(one(i, gap) for i in range(50))), time.monotonic() - start

        for gap in (0.01, 60.0):
            statuses, seconds = asyncio.run(play(gap))
            assert statuses.count(408) == uploads.AT_ONCE and statuses.count(429) == 50 - uploads.AT_ONCE
            assert seconds < 15 and not guarded._coming and not guarded._open
        assert len(began) == 2 * uploads.AT_ONCE

    def test_sizes_that_are_none(self, served: Served) -> None:
        with session(served.port) as opened:
            for size, status in (("999999999999", 413), ("9" * 30, 411), ("-1", 400), ("1e3", 400)):
                answer = opened.upload(b"x", Content_Length=size)
                assert answer.status in (status, 400), size
            assert opened.upload(b"").status == 204
