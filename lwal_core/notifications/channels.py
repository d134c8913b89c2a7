"""Channels: addresses of ``LWAL_NOTIFY`` that messages are sent to.

An ``https://`` or ``http://`` address is a webhook of one's own: it gets JSON by POST, signed where ``LWAL_NOTIFY_SECRET`` is set. Every
other address is one of the library Apprise: Slack, Discord, ntfy, e-mail by SMTP and many more. Addresses hold passwords and
tokens, so that no log and no error shows more of one than its scheme and host.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import importlib.util
import logging
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from lwal_core.errors import LwalError
from lwal_core.sanitize import printable
from lwal_core.settings import settings

TIMEOUT_SECONDS = 10.0
SIGNATURE, TIMESTAMP = "X-LwAL-Signature", "X-LwAL-Timestamp"
CHAT_HOSTS = frozenset({"hooks.slack.com", "discord.com", "discordapp.com", "ntfy.sh"})
"""Hosts whose ``https://`` addresses Apprise knows as those of a chat."""


class NotifyError(LwalError):
    """A message could not be sent, or an address is none."""


class Message(NamedTuple):
    """What is told: the kind of event, a title of a few words, a text of a sentence or two, and the run or sweep."""

    event: str
    title: str
    text: str
    subject: str = ""


def channel_title(address: str) -> str:
    """An address without what is secret in it: scheme and host, and the port where one is given."""
    scheme, mark, rest = address.partition("://")
    if not mark:
        return "an address without scheme"
    host = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    own = scheme.lower() in ("http", "https")
    # Of a chat the place of the host is a token or a name.
    return (
        f"{printable(scheme)[:20]}://{printable(host)[:80]}"
        if own or "." in host or ":" in host
        else f"{printable(scheme)[:20]}://…"
    )


def channel_key(address: str) -> str:
    """What names an address in a file, without saying it."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def send(address: str, message: Message) -> None:
    """Send a message, now.

    Raises:
        NotifyError: It was not taken; the message of the error holds no secret.
    """
    _sender(address)(address, message)


def check_channels() -> list[str]:
    """What is wrong with the addresses that are set, a sentence each; nothing is sent."""
    found = []
    for address in settings().notify:
        try:
            if _sender(address) is _by_apprise:
                _apprise(address)
        except NotifyError as error:
            found.append(str(error))
    return found


def send_test() -> list[tuple[str, str]]:
    """Send a test message to every address; the title of each and what went wrong, empty where nothing did."""
    message = Message("test", "LwAL Explorer: test", "Whoever reads this is told when runs end.")
    answers = []
    for address in settings().notify:
        try:
            send(address, message)
            answers.append((channel_title(address), ""))
        except NotifyError as error:
            answers.append((channel_title(address), str(error)))
    return answers


def _sender(address: str) -> Callable[[str, Message], None]:
    """How an address is reached.

    Raises:
        NotifyError: It is no address.
    """
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme in ("http", "https"):
        if not host:
            raise NotifyError(f"LWAL_NOTIFY: {channel_title(address)} is no address.", "Write https://HOST/PATH.")
        return _by_apprise if host in CHAT_HOSTS else _by_webhook
    if not address.partition("://")[1]:
        raise NotifyError("LWAL_NOTIFY: an entry has no scheme.", "Write https://HOST/PATH, ntfy://TOPIC, mailto://...")
    return _by_apprise


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Signature of a webhook's request: ``sha256=`` and the HMAC of timestamp, a dot and body, in hexadecimal digits."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _by_webhook(address: str, message: Message) -> None:
    parts = urlsplit(address)
    assert parts.hostname is not None
    body = orjson.dumps({**message._asdict(), "sent": time.time()})
    headers = {"Content-Type": "application/json", "User-Agent": "lwal-explorer"}
    if secret := settings().notify_secret:
        headers[TIMESTAMP] = str(int(time.time()))
        headers[SIGNATURE] = signature(secret, headers[TIMESTAMP], body)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise NotifyError(f"{channel_title(address)} cannot be reached: {reason}.") from None
    finally:
        connection.close()
    if not 200 <= status < 300:  # a redirect would lead to a place that nobody has set
        raise NotifyError(f"{channel_title(address)} answered {status}.")


def _by_apprise(address: str, message: Message) -> None:
    plugin = _apprise(address)
    plugin.socket_connect_timeout = plugin.socket_read_timeout = TIMEOUT_SECONDS
    try:
        sent = plugin.notify(body=message.text, title=message.title)
    except Exception as error:  # a plugin of one of a hundred services
        raise NotifyError(f"{channel_title(address)} failed: {type(error).__name__}.") from None
    if not sent:
        raise NotifyError(f"{channel_title(address)} did not take the message.", "Check address, name and password.")


def _apprise(address: str):  # type: ignore[no-untyped-def]
    """Apprise's object for an address.

    Raises:
        NotifyError: It knows no such address, or is not installed.
    """
    if importlib.util.find_spec("apprise") is None:
        raise NotifyError(
            f"{channel_title(address)} needs the library apprise.", "pip install 'lwal-explorer[notify]'."
        )
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines hold addresses
    try:
        plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    except Exception:
        plugin = None
    if plugin is None:
        raise NotifyError(
            f"LWAL_NOTIFY: {channel_title(address)} is no address that apprise knows.", "See its documents."
        )
    return plugin
