"""Open Graph tags of a shared link: the snapshot's title, escaped; nothing where the link leads nowhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.asgi import Message
from app.web.link_preview import PLACE, LinkPictures, own_address, preview_tags
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.shares import list_shares, open_card, revoke_share, share_run

Make = Callable[..., Run]


@pytest.mark.parametrize("name", ["plain", '"><script>alert(1)</script>', "a \u2028 'quoted' & <b>"])
def test_the_title_of_the_snapshot_is_there_and_escaped(make_run: Make, name: str) -> None:
    run = make_run(name=name)
    _, token = share_run(run, TreeSpec.of(run, run.label_epochs()[-1]))
    tags = preview_tags(f"share={token}".encode()).decode()
    found = dict(re.findall(r'<meta property="([^"]*)" content="([^"]*)">', tags))
    assert unescape(found["og:title"]) == list_shares()[0].title and "class tree" in found["og:description"]
    assert re.sub(r'<meta property="[^"]*" content="[^"<>]*">', "", tags) == ""


def test_of_a_revoked_link_and_of_none_nothing_is_said(make_run: Make) -> None:
    run = make_run()
    share, token = share_run(run, TreeSpec.of(run, run.label_epochs()[-1]))
    assert preview_tags(f"share={token}&share={token}".encode()) == b""
    revoke_share(share.id)
    assert preview_tags(f"share={token}".encode()) == preview_tags(b"") == preview_tags(b"runs=x") == b""


@given(st.binary(max_size=80))
def test_no_query_breaks_it(query: bytes) -> None:
    assert preview_tags(query) == b"" and preview_tags(b"share=" + query) == b""


def asked(path: str, query: bytes, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of the picture's door."""
    said: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"another"})

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        said.append(message)

    scope = {"type": "http", "path": path, "query_string": query, "method": method, "headers": []}
    asyncio.run(LinkPictures(app)(scope, receive, send))
    return said[0]["status"], dict(said[0]["headers"]), said[1]["body"]


def test_the_picture_is_named_with_the_whole_address_and_served_as_long_as_the_link_holds(make_run: Make) -> None:
    share, token = share_run(make_run())
    tags = preview_tags(f"share={token}".encode(), "https://lab.example/lwal").decode()
    found = dict(re.findall(r'<meta property="([^"]*)" content="([^"]*)">', tags))
    assert found["og:image"] == f"https://lab.example/lwal{PLACE}?share={token}"
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    assert found["twitter:card"] == "summary_large_image"
    query = f"share={token}".encode()
    status, headers, body = asked(f"/lwal{PLACE}", query)
    assert status == 200 and headers[b"content-type"] == b"image/png" and body == open_card(token)
    assert asked(PLACE, query, "HEAD")[::2] == (200, b"")
    assert asked(PLACE, query, "POST")[0] == asked("/elsewhere", query)[0] == 299
    refused = {
        asked(PLACE, q)[::2] for q in (b"", query + b"&" + query, query[:-1], b"share=../../run.json", b"share=%00" * 2)
    }
    revoke_share(share.id)
    refused.add(asked(PLACE, query)[::2])
    assert len(refused) == 1 and refused.pop()[0] == 404
    assert b"og:image" not in preview_tags(query, "https://lab.example")


@pytest.mark.parametrize(
    ("path", "address"),
    [("/", ""), ("/hierarchy", ""), ("/lwal/", "/lwal"), ("/lwal/train", "/lwal"), ('/a b"<', "/a%20b%22%3C")],
)
def test_the_address_of_the_app(monkeypatch: pytest.MonkeyPatch, path: str, address: str) -> None:
    scope = {"type": "http", "path": path, "scheme": "https", "headers": [(b"host", b"lab.example:8443")]}
    assert own_address(scope) == f"https://lab.example:8443{address}"
    monkeypatch.setenv("LWAL_PUBLIC_URL", "https://public.example/x")
    assert own_address(scope) == "https://public.example/x"
