"""An OpenID Connect provider on this machine: authorization code with PKCE, nonce and RS256, as the standard has them.

It vouches for whoever is typed into its form; everything else it checks as a real one does, and refuses.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from tests.support.local_server import serving

CLIENT, SECRET = "lwal", "a-client-secret-that-is-never-shown"


class Provider:
    """The provider's address and what it has seen.

    Attributes:
        address: Its issuer.
        redirect_uri: The only place that it sends people back to.
        refused: Why it refused something, in order.
        signed_in: Addresses that a token was given out for.
        signed_out: How often somebody came to sign out.
    """

    def __init__(self, redirect_uri: str) -> None:
        self.redirect_uri = redirect_uri
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}, private=True)
        self.codes: dict[str, dict[str, str]] = {}
        self.refused: list[str] = []
        self.signed_in: list[str] = []
        self.signed_out = 0
        self.address = ""

    def metadata(self) -> dict[str, Any]:
        """``/.well-known/openid-configuration``."""
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "end_session_endpoint": f"{self.address}/leave",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid", "profile", "email"],
        }

    def begin(self, query: dict[str, str]) -> str:
        """The form that asks who it is."""
        self.check(query.get("client_id") == CLIENT, "unknown client")
        self.check(query.get("redirect_uri") == self.redirect_uri, "another redirect_uri")
        self.check(query.get("response_type") == "code", "no code flow")
        self.check("openid" in query.get("scope", "").split(), "no scope openid")
        self.check(query.get("code_challenge_method") == "S256" and bool(query.get("code_challenge")), "no PKCE")
        self.check(bool(query.get("nonce")) and bool(query.get("state")), "no nonce or state")
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(k)}" value="{html.escape(v)}">' for k, v in query.items()
        )
        return (
            f'<!doctype html><link rel="icon" href="data:,"><h1>Provider</h1><form method="post" action="/authorize">{hidden}'
            '<label>Address <input name="email"></label><label>Verified <input type="checkbox" name="verified" value="1">'
            "</label><button>Continue</button></form>"
        )

    def back(self, form: dict[str, str]) -> str:
        """Where the person is sent, with a code."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = form
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': form['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """The tokens for a code, which works once."""
        if authorization.startswith("Basic "):
            client, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
            client, secret = unquote(client), unquote(secret)
        else:
            client, secret = form.get("client_id", ""), form.get("client_secret", "")
        self.check((client, secret) == (CLIENT, SECRET), "wrong client secret")
        asked = self.codes.pop(form.get("code", ""), None)
        self.check(form.get("grant_type") == "authorization_code" and asked is not None, "unknown code")
        assert asked is not None
        self.check(form.get("redirect_uri") == self.redirect_uri, "another redirect_uri")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self.check(challenge == asked["code_challenge"], "wrong code_verifier")
        now, email = int(time.time()), asked.get("email", "")
        self.signed_in.append(email)
        claims = {
            "iss": self.address, "aud": CLIENT, "sub": hashlib.sha256(email.encode()).hexdigest()[:16], "iat": now,
            "exp": now + 300, "nonce": asked["nonce"], "email": email, "email_verified": asked.get("verified") == "1",
        }  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": signed,
        }

    def check(self, holds: bool, otherwise: str) -> None:
        """Refuse a request."""
        if not holds:
            self.refused.append(otherwise)
            raise PermissionError(otherwise)


@contextmanager
def running(redirect_uri: str) -> Iterator[Provider]:
    """A provider that is there for a while."""
    provider = Provider(redirect_uri)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place = urlsplit(self.path)
            query = dict(parse_qsl(place.query))
            self._answer(place.path, query, None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            self._answer(urlsplit(self.path).path, {}, {k: v[0] for k, v in parse_qs(body).items()})

        def _answer(self, path: str, query: dict[str, str], form: dict[str, str] | None) -> None:
            try:
                if path == "/.well-known/openid-configuration":
                    self._json(provider.metadata())
                elif path == "/keys":
                    self._json(KeySet([provider.key]).as_dict(private=False))
                elif path == "/authorize" and form is None:
                    self._send(200, provider.begin(query).encode(), "text/html; charset=utf-8")
                elif path == "/authorize" and form is not None:
                    self._go(provider.back(form))
                elif path == "/token" and form is not None:
                    self._json(provider.token(form, self.headers.get("Authorization", "")))
                elif path == "/leave":
                    provider.signed_out += 1
                    self._go(query["post_logout_redirect_uri"])
                else:
                    self._send(404, b"", "text/plain")
            except PermissionError as error:
                self._send(400, json.dumps({"error": "invalid_request", "error_description": str(error)}).encode())

        def _json(self, value: dict[str, Any]) -> None:
            self._send(200, json.dumps(value).encode())

        def _go(self, place: str) -> None:
            self.send_response(302)
            self.send_header("Location", place)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with serving(Handler) as port:
        provider.address = f"http://127.0.0.1:{port}"
        yield provider
