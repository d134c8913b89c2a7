"""Sign-in with an OpenID Connect provider.

The library asks :func:`person` each time something would be changed. So it does not matter whether a page, a fragment or a
callback, which runs before the page, is what asks, and a page that forgot to disable a button changes nothing all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import config
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.common.wording import plain
from lwal_core.security.identity import (
    ALLOWED,
    OWNERS,
    Person,
    auth_enabled,
    current_user,
    provider_problem,
    role_of,
    set_user_provider,
)
from lwal_core.system.child_processes import WEB_ROOT
from lwal_core.system.log import event

LINK = "share"
"""Parameter of the address with the token of a link to a snapshot."""
_TOLD = "sign_in_told"
_ROLES = {"owner": "may train and change", "viewer": "may look"}


_wanted = False
"""Whether a sign-in was ever configured in this process: it stays so, whatever becomes of the file."""


def by_link() -> bool:
    """Whether whoever is in front of this session came by a link to a snapshot."""
    return LINK in st.query_params


def person() -> Person | None:
    """Who is in front of this session; None where nobody needs to sign in.

    Whoever came by a link is a stranger, in callbacks and fragments, too: whatever a snapshot's page would call, it changes nothing.
    """
    if get_script_run_ctx(suppress_warning=True) is None:  # a thread of the app that nobody is in front of
        return Person("", "stranger") if sign_in_wanted() else None
    if by_link():
        return Person("", "stranger")
    return person_of(st.user.to_dict())


def person_of(user: Mapping[str, Any]) -> Person | None:
    """Who somebody is by what the provider said; None where nobody needs to sign in.

    Whoever has not signed in, whose address the provider does not vouch for, or who is not on the lists, is a stranger; so
    is everybody while the sign-in is only half configured.
    """
    if not sign_in_wanted():
        return None
    address = user.get("email")
    if user.get("is_logged_in") is not True or not isinstance(address, str) or provider_problem(_auth()):
        return Person("", "stranger")
    return Person(address.strip().lower(), role_of(address) if user.get("email_verified") is True else "stranger")


def sign_in_wanted() -> bool:
    """Whether people have to sign in: by the lists, by ``LWAL_SECRETS``, by a section ``[auth]``, or by a secrets file of
    this installation that is empty or damaged. Once it is so, it is so until the process ends."""
    global _wanted
    _wanted = _wanted or _configured()
    return _wanted or auth_enabled()


def _configured() -> bool:
    files = [Path(file) for file in config.get_option("secrets.files")]
    try:
        if "auth" in st.secrets:
            return True
    except Exception:  # there is none, or none that can be read
        return any(file.exists() for file in files)
    own = WEB_ROOT / ".streamlit" / "secrets.toml"  # the one in ~/.streamlit may be of another app
    return any(file.exists() and file.resolve() == own.resolve() for file in files)


def _auth() -> Mapping[str, Any]:
    """The section ``[auth]``; empty if there is none that can be read."""
    try:
        found = st.secrets.get("auth", {})
    except Exception:
        return {}
    return found if isinstance(found, Mapping) else {}


set_user_provider(person)


def signed_in(pages: Sequence[str]) -> bool:
    """Whether the app may be shown; otherwise the sign-in, or why there is none, is drawn in its place.

    Args:
        pages: Names of the app's pages.
    """
    set_user_provider(person)  # anew each time: a page must never be open because somebody else had said so
    now = current_user()
    if now is None:
        return True
    if now.role == "stranger":
        # Under every page's own address, so that none is said not to exist.
        places = [st.Page(_draw, title="Sign in", url_path=name, default=name == "home") for name in pages]
        st.navigation(places, position="hidden").run()
        return False
    _tell("sign_in.done", f"{now.address} signs in as {now.role}", role=now.role)
    return True


def draw_person() -> None:
    """In the navigation: who is signed in, as what, and the way out."""
    now = current_user()
    if now is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="signed_in"):
        st.text(now.address, width="content")
        st.caption(f"{now.role.capitalize()}: {_ROLES[now.role]}", width="content")
        st.button("Sign out", icon=":material/logout:", key="sign_out", type="tertiary", on_click=_sign_out)


def _draw() -> None:
    _, middle, _ = st.columns([1, 2, 1])
    with middle.container(border=True):
        st.header("LwAL Explorer", anchor=False)
        user = st.user.to_dict()
        if user.get("is_logged_in") is True:
            _refused(user)
        else:
            _offered()


def _offered() -> None:
    providers = _providers()
    if not providers:
        st.markdown("Only people who are known here may see this, and the sign-in is not set up.")
        st.caption("For the administrator: `lwal doctor` says what is missing.")
        return
    st.markdown("Sign in to see the runs of this installation.")
    for name in providers:
        label = "Sign in" if len(providers) == 1 else f"Sign in with {plain(name or 'the default')}"
        st.button(
            label, icon=":material/login:", key=f"sign_in_{name}", type="primary", on_click=_sign_in, args=(name,)
        )


def _refused(user: dict[str, Any]) -> None:
    """Somebody is signed in and gets no further; why."""
    address = user.get("email")
    if not isinstance(address, str) or not address.strip():
        reason = "The provider did not say your e-mail address, so you cannot be told from others."
        hint = "The administrator can ask it for the scope `email`."
    elif user.get("email_verified") is not True:
        reason = f"The provider does not vouch for the address {address}: it is not verified."
        hint = "Verify it there, then sign in again."
    elif not auth_enabled():
        reason = f"You are signed in as {address}, and nobody may see this installation yet."
        hint = f"The administrator has to set `{OWNERS}` or `{ALLOWED}`."
    else:
        reason = f"You are signed in as {address}, and this address may not see this installation."
        hint = "Ask one of its owners, or sign in with another address."
    _tell("sign_in.refused", f"{address} may not see this installation", logging.WARNING, user=str(address or ""),
          verified=user.get("email_verified") is True)  # fmt: skip
    st.text(reason)  # as it is: an address is no link here, whatever it holds
    st.markdown(hint)
    st.button("Sign out", icon=":material/logout:", key="sign_out", on_click=_sign_out)


def _providers() -> list[str]:
    """Names of the configured providers, the nameless one as ``""``."""
    auth = _auth()
    if provider_problem(auth):  # `lwal doctor` says which
        return []
    named = [name for name in auth if hasattr(auth[name], "get") and auth[name].get("client_id")]
    return ([""] if auth.get("client_id") else []) + named


def _sign_in(name: str) -> None:
    st.login(name or None)


def _sign_out() -> None:
    now = current_user()
    event("sign_in.ended", f"{now.address if now else ''} signs out")
    st.session_state.clear()  # what was looked at is nobody else's business
    st.logout()


def _tell(name: str, sentence: str, level: int = logging.INFO, **facts: Any) -> None:
    """Once a session."""
    if st.session_state.get(_TOLD) != (name, sentence):
        st.session_state[_TOLD] = (name, sentence)
        event(name, sentence, level=level, **facts)
