"""Middleware on every request: names and origins that are none of the app's are refused, answers carry headers of safety."""

from __future__ import annotations

from urllib.parse import parse_qs

from streamlit import config
from streamlit.runtime.state.query_params import sanitize_query_string

from app.common.sign_in import LINK
from app.web.asgi import ASGIApp, Message, Receive, Scope, Send, header, refuse
from lwal_core.errors import SettingsError
from lwal_core.security.hosts import host_allowed, origin_allowed
from lwal_core.security.permissions import HOSTS
from lwal_core.settings import settings

READING = ("GET", "HEAD")
MISDIRECTED, FORBIDDEN, NOT_FOUND = 421, 403, 404
CLOSED = ("/_stcore/agent/",)
"""Routes that answer nobody: the interface for agents is off, and would still judge what it is sent."""
METRICS = "/_stcore/metrics"
"""Answers where ``LWAL_METRICS`` says so."""

_ALWAYS = {
    # The token of a link stands in the address of its page.
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
}
POLICY = b"content-security-policy"
_FRAMED_BY_ITSELF = {
    POLICY: b"frame-ancestors 'self'",
    b"x-frame-options": b"SAMEORIGIN",  # the same for those who do not read the policy
}


class Doors:
    """Refuses what another site's page sends; adds headers to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _with_headers(list(message.get("headers", ())), scope)
            await send(message)

        refused = _refusal(scope)
        if refused is not None:
            await refuse(scope, with_headers, *refused)
            return
        try:
            await self.app(_as_own(scope), receive, with_headers)
        except Exception:
            if scope["type"] == "http" and not started:  # else Starlette answers outside of this, without the headers
                await refuse(scope, with_headers, 500, "Something failed; the log of the server says what.")
            raise


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """Status and sentence for a request that is none of ours; None for one that is."""
    host, origin = header(scope, b"host"), header(scope, b"origin")
    if not host_allowed(host, config.get_option("server.address") or ""):
        return MISDIRECTED, f"The app does not answer to this name. {HOSTS} says to which it does."
    if any(place in scope["path"] for place in CLOSED) or (METRICS in scope["path"] and not settings().metrics):
        return NOT_FOUND, "There is nothing here."
    reads = scope["type"] == "http" and scope["method"] in READING
    if origin is not None and not reads and not origin_allowed(origin, host):
        return FORBIDDEN, "Pages of another origin cannot do this."
    return None


def _as_own(scope: Scope) -> Scope:
    """A connection whose origin is allowed, as one of the app's own.

    Streamlit compares Origin with Host itself, and where they differ asks a server on the internet for this machine's
    address, while everybody waits. They differ here only where a proxy does not pass Host on, so it is given its value.
    """
    origin = header(scope, b"origin")
    if scope["type"] != "websocket" or origin is None:
        return scope
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [*headers, (b"host", origin.partition("://")[2].encode("latin-1"))]}


def _with_headers(headers: list[tuple[bytes, bytes]], scope: Scope) -> list[tuple[bytes, bytes]]:
    added: dict[bytes, bytes] = {**_ALWAYS, **_frame_policy(scope)}
    return [(name, value) for name, value in headers if name.lower() not in added] + list(added.items())


def _frame_policy(scope: Scope) -> dict[bytes, bytes]:
    """Who may show the answer in a frame: pages of the app, and of a shared view the sites of ``LWAL_EMBED_IN``."""
    text = scope.get("query_string", b"").decode("latin-1")
    query = parse_qs(text)
    if sanitize_query_string(text) != text:  # of so many parameters Streamlit reads none: not the link, too
        return _FRAMED_BY_ITSELF
    if not query.get(LINK) or query.get("embed") != ["true"]:
        return _FRAMED_BY_ITSELF
    try:
        sites = settings().embed_in
    except SettingsError:  # which pages tell
        sites = ()
    if not sites:
        return _FRAMED_BY_ITSELF
    # Without a policy a page that lies in a file, such as slides, may frame it, too; "*" means pages of the web alone.
    return {} if "*" in sites else {POLICY: " ".join(("frame-ancestors 'self'", *sites)).encode()}
