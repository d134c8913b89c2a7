"""Permissions: every function that writes asks here first.

``LWAL_READ_ONLY=1`` refuses every change, whoever asks and however; pages show their buttons disabled, but it is this
that keeps the promise. ``LWAL_SHARES_ONLY=1`` lets the app show shared snapshots and nothing else. Both are read from
the environment each time, so that no import order matters. Where people sign in, everybody but the owners finds the app
in read-only mode: who asks is looked up each time, too (:mod:`lwal_core.security.identity`).
"""

from __future__ import annotations

from lwal_core.errors import LwalError
from lwal_core.security.identity import current_user
from lwal_core.settings import settings, variable

READ_ONLY, SHARES_ONLY, MAX_UPLOAD, HOSTS = map(variable, ("read_only", "shares_only", "max_upload_mb", "hosts"))
READ_ONLY_REASON = "Not in read-only mode: this installation shows what is there and changes nothing."
VIEWER_REASON = "Not as a viewer: owners of this installation can do this."


class ReadOnlyError(LwalError):
    """Something would be changed, and this installation changes nothing."""


def read_only() -> bool:
    """Whether nothing may be changed, by anybody or by the person who asks; a mode that shows shares only changes nothing
    either."""
    return locked() or not _is_owner()


def read_only_reason() -> str:
    """Why nothing may be changed, for a button that is disabled."""
    return READ_ONLY_REASON if locked() else VIEWER_REASON


def shares_only() -> bool:
    """Whether the app shows shared snapshots and nothing else."""
    return settings().shares_only


def check_writable(what: str) -> None:
    """Refuse a change in read-only mode; the first line of every function that makes one.

    Args:
        what: What would be done, as it goes on after "cannot", such as ``"start a training"``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    if locked():
        name = READ_ONLY if settings().read_only else SHARES_ONLY
        raise ReadOnlyError(f"You cannot {what} here: {name} is set.", "Use an installation without it.")
    if not _is_owner():
        raise ReadOnlyError(f"You cannot {what}: only owners change things here.", "Ask an owner of this installation.")


def check_upload(size: int) -> None:
    """Refuse a file that is larger than allowed; the browser is asked to refuse it, too, but need not.

    Args:
        size: In bytes.

    Raises:
        LwalError: It is too large.
    """
    most = settings().max_upload_mb
    if size > most * 2**20:
        raise LwalError(
            f"The file has {size / 2**20:,.1f} MB, at most {most:,} MB are taken.", f"Set {MAX_UPLOAD} higher."
        )


def locked() -> bool:
    """Whether this installation changes nothing, whoever asks."""
    return settings().read_only or shares_only()


def _is_owner() -> bool:
    person = current_user()
    return person is None or person.role == "owner"
