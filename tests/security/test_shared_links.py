"""A link to a snapshot on a running app, attacked: other tokens, other runs and pages, messages that no browser sends, the picture."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.web.link_preview import PLACE
from lwal_core.runs import Run
from lwal_core.shares import list_shares, revoke_share, share_run
from lwal_core.shares.store import NOWHERE
from tests.security.conftest import Served
from tests.support.raw_client import Session, ask, session
from tests.support.runs import write_run

pytestmark = pytest.mark.process

SHARED, PRIVATE = "thesharedone", "aprivateone"  # words that markdown leaves as they are


class Linked(NamedTuple):
    """An app with a private run and a link to another."""

    port: int
    home: Path
    private: Run
    share_id: str
    token: str


@pytest.fixture
def linked(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    monkeypatch.setenv("LWAL_HOME", str(served.home))
    run, private = write_run(name=SHARED), write_run("onehot", name=PRIVATE)
    share, token = share_run(run)
    yield Linked(served.port, served.home, private, share.id, token)
    for path in (run.path, private.path, served.home / "shares" / share.id):
        shutil.rmtree(path)


def files(home: Path) -> dict[str, bytes]:
    found = {path: path for path in home.rglob("*") if path.is_file() and "cache" not in path.relative_to(home).parts}
    return {str(path): path.read_bytes() for path in found if not path.name.startswith(".")}


def asks(opened: Session, query: str, **more: object) -> bytes:
    """Draw the page once more; all that the app said to it."""
    message, before = BackMsg(), len(opened.said)
    message.rerun_script.query_string = query
    for name, value in more.items():
        if name == "pressed":
            for widget in value:  # type: ignore[attr-defined]
                message.rerun_script.widget_states.widgets.add(id=widget, trigger_value=True)
        else:
            setattr(message.rerun_script, name, value)
    opened.send(message)
    opened.read_until("script_finished")
    return b"".join(each.SerializeToString() for each in opened.said[before:])


def test_a_visitor_s_session_sees_one_snapshot_and_changes_nothing(linked: Linked) -> None:
    with session(linked.port, f"run={linked.private.id}") as owner:
        everything = b"".join(each.SerializeToString() for each in owner.said)
        pages = {p.url_pathname: p.page_script_hash for each in owner.said for p in each.navigation.app_pages}
        buttons = [each.delta.new_element.button.id for each in owner.said if each.delta.new_element.HasField("button")]
    assert PRIVATE.encode() in everything and len(pages) >= 7 and buttons
    before, link = files(linked.home), f"share={linked.token}"
    hostile = f"{link}&run={linked.private.id}&left={linked.private.id}&runs={linked.private.group}"
    with session(linked.port, hostile) as guest:
        said = [b"".join(each.SerializeToString() for each in guest.said)]
        said += [asks(guest, link, page_script_hash=script, page_name=name) for name, script in pages.items()]
        said.append(asks(guest, hostile, pressed=[*buttons, "$$ID-x-shared_whole"]))
        said.append(asks(guest, link + "&embed=true"))
        assert guest.upload(b"x").status == 403
        for text in said:
            assert SHARED.encode() in text
            assert PRIVATE.encode() not in text and linked.private.id.encode() not in text
            assert str(linked.home).encode() not in text
        file = BackMsg()
        file.backend_operation_request.request_id = "a"
        file.backend_operation_request.session_id = guest.id
        file.backend_operation_request.deferred_file.file_id = "../../runs"
        guest.send(file)
        answer = guest.read_until("backend_operation_response").backend_operation_response
        assert answer.error_msg and not answer.deferred_file.url
    assert files(linked.home) == before


def test_a_session_that_came_by_a_link_stays_with_a_link(linked: Linked) -> None:
    link = f"share={linked.token}"
    with session(linked.port, link) as guest:
        for query in (link + "&a" * 1_000, link + "&a=" + "x" * 600_000, "", f"run={linked.private.id}", "Share=x"):
            said = asks(guest, query)
            assert b"leads nowhere" in said and PRIVATE.encode() not in said, query[:60]
        assert SHARED.encode() in asks(guest, link)
    with session(linked.port, link + "&embed=true" + "&a" * 1_000) as guest:  # as a frame of another site would
        said = b"".join(each.SerializeToString() for each in guest.said)
        assert b"leads nowhere" in said and PRIVATE.encode() not in said


def test_a_fragment_s_id_draws_nothing_of_another_session(linked: Linked) -> None:
    with session(linked.port, f"share={linked.token}") as guest:
        message, before = BackMsg(), len(guest.said)
        message.rerun_script.query_string = f"share={linked.token}"
        message.rerun_script.fragment_id = "0" * 32
        guest.send(message)
        guest.send(BackMsg(app_heartbeat=True))
        guest.read_until("heartbeat_ack")
        assert not any(PRIVATE.encode() in each.SerializeToString() for each in guest.said[before:])


def test_tokens_that_are_none_and_links_that_are_over(linked: Linked) -> None:
    token = linked.token
    for wrong in (token[:-1], token.swapcase(), "../" + token, linked.share_id, f"{token}&share={token}", "%00", ""):
        with session(linked.port, f"share={wrong}") as guest:
            said = b"".join(each.SerializeToString() for each in guest.said)
            assert SHARED.encode() not in said and b"leads nowhere" in said, wrong
            assert PRIVATE.encode() not in said
    with session(linked.port, f"share={token}") as guest:
        assert SHARED.encode() in b"".join(each.SerializeToString() for each in guest.said)
        revoke_share(linked.share_id)
        said = asks(guest, f"share={token}")
        assert SHARED.encode() not in said and b"leads nowhere" in said
    assert [share.state() for share in list_shares()] == ["revoked"]


def test_the_picture_and_what_chat_windows_read(linked: Linked) -> None:
    place = f"{PLACE}?share={linked.token}"
    picture = ask(linked.port, place)
    assert picture.status == 200 and picture.body.startswith(b"\x89PNG") and len(picture.body) < 2**20
    assert picture.headers["content-type"] == "image/png" and picture.headers["cache-control"] == "no-cache"
    assert picture.headers["content-security-policy"] == "frame-ancestors 'self'"
    assert ask(linked.port, place, method="HEAD").headers["content-length"] == str(len(picture.body))
    page = ask(linked.port, f"/?share={linked.token}", Accept="*/*").body
    address = f"http://127.0.0.1:{linked.port}{place}"
    assert f'<meta property="og:image" content="{address}">'.encode() in page and SHARED.encode() in page
    assert ask(linked.port, place, Host="evil.example").status == 421
    for method in ("POST", "PUT", "DELETE"):
        assert ask(linked.port, place, method=method).status in (403, 404, 405)
    for wrong in ("", "?share=", f"?share={linked.token[:-1]}", "?share=../../../runs", f"/../run.json?share={linked.token}",
                  f"?share={linked.token}&share={linked.token}", f"?share={linked.share_id}"):  # fmt: skip
        answer = ask(linked.port, PLACE + wrong)
        assert not answer.body.startswith(b"\x89PNG") and SHARED.encode() not in answer.body, wrong
    revoke_share(linked.share_id)
    over = ask(linked.port, place)
    assert over.status == 404 and over.body.decode().strip() == NOWHERE
    page = ask(linked.port, f"/?share={linked.token}", Accept="*/*").body
    assert b"og:" not in page and SHARED.encode() not in page
