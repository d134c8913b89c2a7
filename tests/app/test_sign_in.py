"""Roles as the pages meet them: the person is what the provider said at that moment, in callbacks, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_path
from lwal_core.runs import Run
from lwal_core.security.identity import ALLOWED, OWNERS
from lwal_core.shares import list_shares, share_run
from tests.app.conftest import ENTRY, text_of

OWNER = {"is_logged_in": True, "email": "ada@lab.org", "email_verified": True}
AUTH = {
    "redirect_uri": "https://lwal.example.org/oauth2callback", "cookie_secret": 48 * "s", "client_id": "lwal",
    "client_secret": "hush", "server_metadata_url": "https://id.example.org/.well-known/openid-configuration",
}  # fmt: skip
VIEWER = {**OWNER, "email": "grace@lab.org"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the app as somebody; from then on this installation has lists, and who is nobody changes nothing in it."""

    def open_(user: dict[str, Any], page: str = "home", **query: str) -> AppTest:
        monkeypatch.setenv(OWNERS, "ada@lab.org")
        monkeypatch.setenv(ALLOWED, "@lab.org")
        at = AppTest.from_file(str(ENTRY), default_timeout=120)
        at.secrets = {"auth": AUTH}
        at.user = dict(user)
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
        if page != "home":
            at.switch_page(page_path(page)).run()
        assert not at.exception, at.exception
        return at

    return open_


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({}, "Sign in to see the runs"),
        ({**OWNER, "is_logged_in": False}, "Sign in to see the runs"),
        ({**OWNER, "is_logged_in": "yes"}, "Sign in to see the runs"),
        ({**OWNER, "email_verified": False}, "not verified"),
        ({**OWNER, "email_verified": "true"}, "not verified"),
        ({k: v for k, v in OWNER.items() if k != "email_verified"}, "not verified"),
        ({**OWNER, "email": None}, "did not say your e-mail address"),
        ({**OWNER, "email": ["ada@lab.org"]}, "did not say your e-mail address"),
        ({**OWNER, "email": "[eve](http://x)@else.org"}, "may not see this installation"),
    ],
)
def test_strangers_see_a_sentence_and_nothing_else(
    opened: Callable[..., AppTest], make_run: Callable[..., Run], user: dict[str, Any], words: str
) -> None:
    make_run(name="secret things")
    at = opened(user)
    shown = text_of(at) + "\n".join(str(text.value) for text in at.text)
    assert words in shown and "secret things" not in shown
    assert not at.sidebar and {b.label for b in at.button} <= {"Sign out", "Sign in"}
    assert "[eve](http" not in text_of(at)


def test_a_click_is_judged_by_who_makes_it_in_callbacks_too(
    opened: Callable[..., AppTest], make_run: Callable[..., Run]
) -> None:
    run = make_run()
    share_run(run)
    at = opened(OWNER, "share", run=run.id)
    assert "Owner: may train and change" in text_of(at)
    at.user = dict(VIEWER)  # signed in anew in this window, whose buttons are still there
    next(b for b in at.button if b.label == "Revoke").click().run()
    assert not at.exception and [share.state() for share in list_shares()] == ["open"]
    assert all(b.disabled and "viewer" in b.help for b in at.button if b.label in ("Revoke", "Make a link"))
    at.user = dict(OWNER)
    at.run()
    next(b for b in at.button if b.label == "Revoke").click().run()
    assert not at.exception and [share.state() for share in list_shares()] == ["revoked"]
