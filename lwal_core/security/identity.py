"""Identity of the current user, and roles: owners change, viewers look.

The library does not know how people sign in. The app says once, by :func:`who_asks_with`, whom to ask; whatever is called
from a page, a callback or a fragment is then done in the name of the person in front of it. Command line, worker and
trainings belong to whoever may start processes on the machine, and ask nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from lwal_core.settings import settings, variable

ALLOWED, OWNERS, SECRETS, MAX_QUEUED = map(variable, ("allowed_users", "owners", "secrets", "max_queued_per_user"))
EVERYBODY = "*"
COOKIE_CHARACTERS = 32
NEEDED = ("redirect_uri", "cookie_secret")
NEEDED_OF_PROVIDER = ("client_id", "client_secret", "server_metadata_url")

Role = Literal["owner", "viewer", "stranger"]


@dataclass(frozen=True)
class Person:
    """Somebody in front of the app: an address, empty before the sign-in, and what it may do here."""

    address: str
    role: Role


_ask: Callable[[], Person | None] = lambda: None  # noqa: E731
_acting: ContextVar[Person | None] = ContextVar("acting", default=None)


def set_user_provider(function: Callable[[], Person | None]) -> None:
    """Say how to find the person for whom something is being done; None from it where nobody needs to sign in."""
    global _ask
    _ask = function


def current_user() -> Person | None:
    """The person for whom something is being done now; None on the command line, and where nobody needs to sign in."""
    return _acting.get() or _ask()


@contextmanager
def acting_as(person: Person) -> Iterator[None]:
    """Do the block in the name of somebody who showed who they are in another way than by signing in."""
    before = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(before)


def auth_enabled() -> bool:
    """Whether somebody wrote down who may sign in, or where: from then on nobody gets in otherwise, even if the rest is
    missing."""
    return bool(settings().allowed_users or settings().owners or settings().secrets)


def provider_problem(auth: Mapping[str, Any]) -> str:
    """What keeps a section ``[auth]`` from being used; empty if nothing does.

    Args:
        auth: The section, with the sections of its named providers.
    """
    if not auth:
        return "no secrets.toml has [auth]"
    parts = [part for part in auth.values() if isinstance(part, Mapping) and "client_id" in part] or [auth]
    missing = [name for name in NEEDED if not _text(auth.get(name))]
    missing += [name for name in NEEDED_OF_PROVIDER if not all(_text(part.get(name)) for part in parts)]
    if missing:
        return f"[auth] lacks {', '.join(missing)}"
    if not str(auth["redirect_uri"]).endswith("/oauth2callback"):
        return "redirect_uri does not end in /oauth2callback"
    # Whoever is signed in has a cookie and could try secrets against it, and make one for an owner.
    if len(auth["cookie_secret"]) < COOKIE_CHARACTERS:
        return f"cookie_secret has fewer than {COOKIE_CHARACTERS} characters"
    return ""


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def role_of(address: str) -> Role:
    """What a person with this address may do.

    Args:
        address: An e-mail address that the provider vouches for.
    """
    if not address.isascii():  # "\N{KELVIN SIGN}" is "k" in lower case: two addresses would be one
        return "stranger"
    name = address.strip().lower()
    if name.count("@") != 1 or not all(name.partition("@")) or not name.isprintable() or any(map(str.isspace, name)):
        return "stranger"
    if _listed(name, settings().owners):
        return "owner"
    allowed = settings().allowed_users
    return "viewer" if EVERYBODY in allowed or _listed(name, allowed) else "stranger"


def _listed(name: str, entries: Sequence[str]) -> bool:
    """Whether an address is listed, itself or by its whole domain."""
    return name in entries or f"@{name.partition('@')[2]}" in entries
