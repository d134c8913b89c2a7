"""List of snapshots for their owner: what is shared, until when, and a button that revokes it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.common.widgets import changing
from app.common.wording import counted, plain
from lwal_core.errors import LwalError
from lwal_core.shares import Share, revoke_share

LISTED = 50
STATES = {"open": ":green-badge[open]", "expired": ":gray-badge[expired]", "revoked": ":gray-badge[revoked]",
          "damaged": ":red-badge[damaged]"}  # fmt: skip
FAILED = "shares_failed"


def draw_shares(shares: Sequence[Share]) -> None:
    """List them, newest first, each with a button that revokes it."""
    st.subheader(f"Shared so far ({len(shares):,})", anchor=False)
    if FAILED in st.session_state:
        st.error(plain(st.session_state.pop(FAILED)), icon=":material/error:")
    if not shares:
        st.caption("Every link that is made here is listed, and can be revoked at any time.")
        return
    for share in shares[:LISTED]:
        _draw_share(share)
    if len(shares) > LISTED:
        st.caption(f"The newest {LISTED} of {len(shares):,}; `lwal shares` lists all.")


def curves_shown(imported: bool, others_imported: Sequence[bool]) -> str:
    """Whose curves a snapshot shows, as it goes on after "cut into 3 groups": imported vectors have none.

    Args:
        imported: Whether the run was imported.
        others_imported: The same of each run beside it.
    """
    others = sum(not each for each in others_imported)
    if not others:
        return "" if imported else ", with its curve"
    runs = counted(others, "other run")
    if imported:
        return f", with the curve{'' if others == 1 else 's'} of {runs}"
    return f", with its curve and {'that' if others == 1 else 'those'} of {runs}"


def _draw_share(share: Share) -> None:
    state = share.state()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap="xxsmall"):
            st.markdown(f"**{plain(share.title or share.id)}** {STATES[state]}")
            st.caption(_facts(share))
        if state == "open":
            st.button(
                "Revoke", key=f"unshare_{share.id}", icon=":material/link_off:", on_click=_revoke,
                args=(share.id,), **changing("Nobody can open the link any more, for good."),
            )  # fmt: skip


def _facts(share: Share) -> str:
    if share.problem:
        return plain(share.problem)
    facts = [f"made {share.created:%d %B %Y}"]
    if share.expires is not None:
        facts.append(f"until {share.expires:%d %B %Y, %H:%M} UTC")
    facts.append(f"{counted(len(share.runs), 'run')}, epoch {share.view.get('epoch')}")
    if share.note:
        facts.append(plain(share.note))
    return " · ".join(facts)


def _revoke(share_id: str) -> None:
    try:
        revoke_share(share_id)
    except LwalError as error:
        st.session_state[FAILED] = str(error)
