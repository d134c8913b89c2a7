"""A sign-in that is only half there keeps everybody out: at the start, and when its file changes while the app runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import secrets_singleton

from app.common import sign_in
from lwal_core.inference.socket_path import server_folder
from lwal_core.security.identity import ALLOWED, OWNERS, SECRETS, Person, provider_problem, role_of, set_user_provider

OWNER = {"is_logged_in": True, "email": "ada@lab.org", "email_verified": True}
STRANGER = Person("", "stranger")
WHOLE = """[auth]
redirect_uri = "https://lwal.example.org/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "lwal"
client_secret = "hush"
server_metadata_url = "https://id.example.org/.well-known/openid-configuration"
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The secrets file of an app that was started a moment ago."""
    path = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(path)])
    monkeypatch.setattr(secrets_singleton, "_file_watchers_installed", True)
    monkeypatch.setattr(sign_in, "_wanted", False)
    secrets_singleton._reset()
    yield path
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


def without(name: str) -> str:
    return "".join(line for line in WHOLE.splitlines(keepends=True) if not line.startswith(name))


HALF = {
    "an empty file": "", "a comment": "# later\n", "cut off": WHOLE[:40], "no TOML": "[auth\n", "another section": "[other]\na = 1\n",
    "an empty section": "[auth]\n", "no section but a value": 'auth = "yes"\n', "no redirect": without("redirect_uri"),
    "no secret of cookies": without("cookie_secret"), "an empty secret of cookies": WHOLE.replace("0123456789abcdef", ""),
    "a short secret of cookies": WHOLE.replace("0123456789abcdef0123456789abcdef", "0123456789"), "no client": without("client_id"),
    "no provider": without("server_metadata_url"),
}  # fmt: skip


@pytest.mark.parametrize("listed", [True, False], ids=["lists", "no lists"])
@pytest.mark.parametrize("text", HALF.values(), ids=HALF)
def test_half_configured(file: Path, monkeypatch: pytest.MonkeyPatch, text: str, listed: bool) -> None:
    file.write_text(text)
    monkeypatch.setenv(SECRETS, str(file))
    if listed:
        monkeypatch.setenv(OWNERS, "ada@lab.org")
    assert sign_in.person_of({}) == STRANGER and sign_in.person_of(OWNER) == STRANGER
    assert sign_in.person() == STRANGER  # a thread that nobody is in front of
    assert sign_in._providers() == []


def test_a_file_that_goes_while_the_app_runs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(WHOLE)
    assert sign_in.sign_in_wanted()  # as the server asks when it starts; there are no lists, and no LWAL_SECRETS
    monkeypatch.setenv(ALLOWED, "ada@lab.org")
    assert sign_in.person_of(OWNER) == Person("ada@lab.org", "viewer")
    monkeypatch.delenv(ALLOWED)
    for text in (*HALF.values(), None):
        file.unlink() if text is None else file.write_text(text)
        secrets_singleton._reset()  # as its watcher does
        assert sign_in.person_of({}) == STRANGER and sign_in.person_of(OWNER) == STRANGER


def test_without_any_sign_in_everybody_is_let_in(file: Path) -> None:
    assert sign_in.person_of({}) is None and sign_in.person() is None
    file.write_text("[other]\na = 1\n")  # in ~/.streamlit, of another app
    assert st.secrets["other"] and sign_in.person_of({}) is None


def test_a_damaged_file_that_nobody_named_closes_the_app(file: Path) -> None:
    file.write_text("[auth\n")
    assert sign_in.person_of({}) == STRANGER


@pytest.mark.parametrize(
    "address", ["\N{KELVIN SIGN}im@lab.org", "ada@l\N{CYRILLIC SMALL LETTER A}b.org", "ſam@lab.org", "ada＠lab.org"]
)
def test_addresses_are_ascii(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(OWNERS, "kim@lab.org, sam@lab.org, ada@lab.org, @lab.org")
    monkeypatch.setenv(ALLOWED, "*")
    assert role_of(address) == "stranger"


def test_a_whole_one_has_no_problem() -> None:
    assert provider_problem({}) and not provider_problem(
        {
            "redirect_uri": "https://a/oauth2callback",
            "cookie_secret": "s" * 32,
            "lab": {"client_id": "a", "client_secret": "b", "server_metadata_url": "c"},
        }
    )


def test_the_process_that_holds_the_models_is_found_by_whoever_asks(home: Path) -> None:
    """It is started for a person, and knows none itself: both must mean the same socket."""
    its_own = server_folder()
    set_user_provider(lambda: Person("", "stranger"))
    try:
        assert server_folder() == its_own
    finally:
        set_user_provider(lambda: None)
