"""Messages sent to real local servers: a webhook, a chat, a mail server; failing and slow ones; no secret in what is said."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.doctor.checks import examine_place
from lwal_core.notifications import channels
from lwal_core.notifications.channels import (
    SIGNATURE,
    TIMESTAMP,
    Message,
    NotifyError,
    channel_title,
    check_channels,
    send,
)
from tests.support.local_server import free_port, serving

MESSAGE = Message("failed", "Failed: LwAL on digits, seed 3", "Run r failed: out of memory, über <b>", "r")


class Hook:
    """A server that notes what it is sent and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answer, self.wait, self.place = 200, 0.0, ""


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            made.got.append((self.path, dict(self.headers), body))
            time.sleep(made.wait)
            self.send_response(made.answer)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as port:
        made.place = f"127.0.0.1:{port}"
        yield made


class TestWebhook:
    def test_plain_json(self, hook: Hook):
        before = time.time()
        send(f"http://{hook.place}/hooks/a?x=1", MESSAGE)
        ((path, headers, body),) = hook.got
        told = json.loads(body)
        assert path == "/hooks/a?x=1" and headers["Content-Type"] == "application/json" and SIGNATURE not in headers
        assert before <= told.pop("sent") <= time.time() and told == MESSAGE._asdict()

    def test_signed_with_the_secret(self, hook: Hook, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LWAL_NOTIFY_SECRET", "pässword")
        send(f"http://{hook.place}/", MESSAGE)
        ((_, headers, body),) = hook.got
        expected = hmac.new("pässword".encode(), headers[TIMESTAMP].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers[SIGNATURE] == f"sha256={expected}" and abs(int(headers[TIMESTAMP]) - time.time()) < 60

    @pytest.mark.parametrize("status", [302, 404, 500])
    def test_what_is_not_taken_is_an_error_and_no_redirect_is_followed(self, hook: Hook, status: int):
        hook.answer = status
        with pytest.raises(NotifyError, match=f"answered {status}"):
            send(f"http://user:hunter2@{hook.place}/token", MESSAGE)
        assert len(hook.got) == 1

    def test_a_slow_one_is_given_up(self, hook: Hook, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.1)
        hook.wait = 1.0
        with pytest.raises(NotifyError, match="cannot be reached"):
            send(f"http://{hook.place}/", MESSAGE)

    def test_nobody_there(self):
        place = f"127.0.0.1:{free_port()}"
        with pytest.raises(NotifyError, match="cannot be reached") as refused:
            send(f"http://name:hunter2@{place}/hooks/hunter2?t=hunter2", MESSAGE)
        assert "hunter2" not in str(refused.value)


class TestChatAndMail:
    def test_ntfy(self, hook: Hook):
        send(f"ntfy://{hook.place}/runs", MESSAGE)
        assert any(b"out of memory" in body for _, _, body in hook.got)

    def test_a_chat_that_answers_with_an_error(self, hook: Hook):
        hook.answer = 500
        with pytest.raises(NotifyError, match="did not take the message"):
            send(f"ntfy://user:hunter2@{hook.place}/runs", MESSAGE)

    def test_mail_by_smtp(self):
        class Inbox:
            mails: list[Mail] = []  # noqa: RUF012

            async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
                self.mails.append(message_from_bytes(envelope.content))  # type: ignore[attr-defined]
                return "250 taken"

        inbox = Inbox()
        port = free_port()
        controller = Controller(inbox, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            address = f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&mode=insecure&from=lab@example.org&to=ada@example.org"
            send(address, MESSAGE)
        finally:
            controller.stop()
        (mail,) = inbox.mails
        texts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
        assert "ada@example.org" in mail["To"] and any(b"out of memory" in text for text in texts)

    @pytest.mark.parametrize(
        ("url", "service"),
        [
            ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "NotifySlack"),
            ("https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "NotifyDiscord"),
        ],
    )
    def test_addresses_as_chats_show_them(self, url: str, service: str):
        assert type(channels._apprise(url)).__name__ == service and channels._sender(url) is channels._by_apprise
        assert "TIiajkdnlazkcOXrIdevi7FQ" not in channel_title(
            url
        ) and "JHMHI8qBe7bk2ZwO5U711o3dV_js" not in channel_title(url)


class TestAddresses:
    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("nothing", "no scheme"),
            ("http://", "no address"),
            ("https://[::1", "no scheme|no address"),
            ("warble://x/y", "no address that apprise knows"),
            ("mailto://", "no address that apprise knows"),
        ],
    )
    def test_what_is_none_is_said_by_doctor_and_command(self, address: str, said: str, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LWAL_NOTIFY", address)
        (sentence,) = check_channels()
        assert re.search(said, sentence)
        assert any(f.subject == "notifications" and f.level == "problem" for f in examine_place())
        result = CliRunner().invoke(app, ["notify"])
        assert result.exit_code == 1 and "sent" not in result.output

    def test_a_library_that_is_missing_is_named(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(channels.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(NotifyError, match="needs the library apprise"):
            send("ntfy://host.example/runs", MESSAGE)

    def test_the_command_tells_everybody(self, hook: Hook, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("LWAL_NOTIFY", f"http://{hook.place}/a  http://{hook.place}/B")
        result = CliRunner().invoke(app, ["notify"])
        assert result.exit_code == 0 and result.output.count("sent") == 2
        assert [path for path, _, _ in hook.got] == ["/a", "/B"]
        assert any(f.subject == "notifications" and f.level == "ok" for f in examine_place())

    def test_nobody_is_told_unless_asked(self):
        assert check_channels() == [] and not any(f.subject == "notifications" for f in examine_place())
        assert CliRunner().invoke(app, ["notify"]).exit_code == 1

    @given(
        secret=st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=20),
        scheme=st.sampled_from(["https", "slack", "mailto", "ntfy", "discord"]),
    )
    def test_no_title_holds_a_secret(self, secret: str, scheme: str):
        for address in (f"{scheme}://u:{secret}@host.example/p/{secret}?k={secret}", f"{scheme}://{secret}/{secret}"):
            title = channel_title(address)
            assert secret not in title or (scheme == "https" and title == f"https://{secret}")
